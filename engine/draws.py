"""Random numbers that belong to an image: drawn alone or in a batch, the same, and the global state untouched."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def key_of(image: "Tensor", seed: int) -> int:
    """128 bits from the bytes of `image` (C, H, W), as float32, and `seed` (0 or more)."""
    data = image.float().cpu().contiguous().numpy().tobytes() + seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.sha256(data).digest()[:16], "little")


def of_image(image: "Tensor", seed: int) -> np.random.Generator:
    """A generator that is the image's own."""
    return np.random.Generator(np.random.SFC64(key_of(image, seed)))
