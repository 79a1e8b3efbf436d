"""Pictures of the lab as PNG in a data URI: every pixel stays one, the browser makes them larger."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.report.step import BLUE, ORANGE, WHITE

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def uri(pixels: Bytes) -> str:
    """A data URI of (H, W, 3)."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def rounded(x: Floats) -> Bytes:
    """(C, H, W) in [0, 1] in 256 steps."""
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)


def picture(x: Floats) -> str:
    """(C, H, W) in [0, 1], grey or in colour."""
    return uri(np.ascontiguousarray(np.broadcast_to(rounded(x), (3, *x.shape[1:])).transpose(1, 2, 0)))


def magnification(delta: Floats) -> float:
    """How many times a change (C, H, W) is enlarged so that its largest part has full colour; 0 for no change.

    >>> magnification(np.array([[[0.02, -0.01]]], np.float32)).__round__(3)
    50.0
    """
    most = float(np.abs(_plane(delta)).max())
    return 1 / most if most > 1e-9 else 0.0


def perturbation(delta: Floats) -> str:
    """A change (C, H, W), magnified: blue where a pixel was made brighter, orange where darker, white where it stayed.

    Colour pictures: by the mean of their channels.
    """
    return uri(signed(_plane(delta) * magnification(delta)))


def _plane(delta: Floats) -> Floats:
    plane: Floats = delta.mean(axis=0)
    return plane


def signed(share: Floats) -> Bytes:
    """Colours (H, W, 3) of numbers in [-1, 1].

    >>> signed(np.array([[0.0, 1.0, -1.0]], np.float32))[0].tolist()
    [[255, 255, 255], [10, 77, 140], [228, 87, 15]]
    """
    towards = np.where((share > 0)[..., None], BLUE, ORANGE)
    pixels: Bytes = np.rint(WHITE + np.abs(share)[..., None] * (towards - WHITE)).astype(np.uint8)
    return pixels
