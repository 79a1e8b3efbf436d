"""What storing and sending does to pictures: larger pixels, and JPEG."""

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.io import decode_jpeg, encode_jpeg

from engine.corruptions.common import level
from engine.registry import register


@register("pixelate", title="Large pixels", group="digital", source="arXiv:1903.12261")
def pixelate(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Kept in fewer pixels, and shown in as many as before."""
    share = level(severity, (0.75, 0.6, 0.45, 0.35, 0.25))
    sides = [max(1, round(share * side)) for side in x.shape[2:]]
    return functional.interpolate(functional.adaptive_avg_pool2d(x, sides), x.shape[2:], mode="nearest")


@register("jpeg", title="JPEG", group="digital", source="arXiv:1903.12261")
def jpeg(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Stored as a JPEG of low quality."""
    quality = int(level(severity, (30, 18, 12, 8, 4)))
    pixels = (255 * x).round().to(torch.uint8).cpu()
    return torch.stack([decode_jpeg(encode_jpeg(image, quality)) for image in pixels]).to(x) / 255
