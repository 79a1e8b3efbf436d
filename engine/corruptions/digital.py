"""What storing and sending does to pictures: larger pixels, and JPEG."""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.corruptions.common import level
from engine.registry import register


@register("pixelate", title="Large pixels", group="digital", source="arXiv:1903.12261")
def pixelate(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Kept in fewer pixels, and shown in as many as before."""
    share = level(severity, (0.8, 0.6, 0.4, 0.3, 0.18))
    down, across = (_means(side, max(1, round(share * side))).to(x) for side in x.shape[2:])
    return (down @ x @ across).clamp(0, 1)


def _means(side: int, n: int) -> Tensor:
    """The matrix that puts the mean of its block in the place of each of `side` pixels; `n` blocks, nearly alike.

    >>> _means(3, 2).tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    block = torch.arange(side) * n // side
    same = (block[:, None] == block).float()
    return same / same.sum(1, keepdim=True)


@register("jpeg", title="JPEG", group="digital", source="arXiv:1903.12261")
def jpeg(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Stored as a JPEG of low quality."""
    quality = int(level(severity, (30, 18, 12, 8, 4)))
    pixels = (255 * x).round().to(torch.uint8).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
    stored = torch.from_numpy(np.stack([_stored(image, quality) for image in pixels]))
    return stored.permute(0, 3, 1, 2)[:, : x.shape[1]].to(x) / 255


def _stored(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """What a JPEG keeps of an image (H, W, 3)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
