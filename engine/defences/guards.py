"""What changes a picture before a model sees it: `(x, *, noise) -> picture`, forward exactly what is used.

Pictures are (N, C, H, W) in [0, 1]. Backward is exact where there is a derivative. Where there is none (rounding, JPEG)
the change passes the gradient on as if it had done nothing, for it does little (BPDA, arXiv:1802.00420): whoever
attacks the guarded model attacks the guard as well, without knowing of it.
"""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from engine.privacy.keyed import Keyed
from engine.registry import register

BITS = 4  # a pixel has 2^BITS values
WINDOW = 2  # pixels a side that a median is taken of
QUALITY = 50
SIGMA = 0.1  # standard deviation of the noise


def straight_through(change: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`change(x)`, which hands the gradient on unchanged."""
    with torch.no_grad():
        changed = change(x)
    return changed.detach() + (x - x.detach())


@register(
    "squeeze",
    title="coarser pictures (feature squeezing)",
    kind="input",
    random=False,
    differentiable=False,
    dearer=1.5,
    source="arXiv:1704.01155",
)
def squeeze(x: Tensor, *, noise: Keyed | None = None) -> Tensor:
    """Fewer shades of grey and a median of neighbouring pixels, so that small changes are rounded away."""
    levels = 2**BITS - 1
    return _median(straight_through(lambda z: (z.clamp(0, 1) * levels).round() / levels, x))


def _median(x: Tensor) -> Tensor:
    """The lower median of WINDOW x WINDOW pixels, down and to the right, the edge continued."""
    padded = functional.pad(x, (0, WINDOW - 1, 0, WINDOW - 1), mode="replicate")
    windows = padded.unfold(2, WINDOW, 1).unfold(3, WINDOW, 1).flatten(4)
    return windows.median(4).values


@register(
    "jpeg",
    title="JPEG compression",
    kind="input",
    random=False,
    differentiable=False,
    dearer=2.0,
    source="arXiv:1608.00853",
)
def jpeg(x: Tensor, *, noise: Keyed | None = None) -> Tensor:
    """Each picture saved as a JPEG file of quality 50 and opened again, which drops fine patterns."""
    return straight_through(_saved_and_opened, x)


def _saved_and_opened(x: Tensor) -> Tensor:
    """Three channels as a coloured file, any other number channel by channel as grey files."""
    images = x.movedim(1, 3) if x.shape[1] == 3 else x.flatten(0, 1)
    pixels = (images.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    opened = torch.from_numpy(np.stack([_opened(image) for image in pixels])).to(x) / 255
    return opened.movedim(3, 1) if x.shape[1] == 3 else opened.view(x.shape)


def _opened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file, formats=("JPEG",)))


@register(
    "random-noise",
    title="noise on every picture",
    kind="input",
    random=True,
    differentiable=True,
    dearer=24.0,
    source="arXiv:1902.02918",
)
def random_noise(x: Tensor, *, noise: Keyed) -> Tensor:
    """Gaussian noise is added before the model looks, anew for every picture it is shown."""
    return (x + SIGMA * noise.normal(tuple(x.shape[1:])).to(x)).clamp(0, 1)
