"""Blur: out of focus, moving, and coming closer."""

from math import ceil, pi

import torch
from torch import Tensor
from torch.nn import functional

from engine.corruptions.common import affine, level, shorter, transformed, uniform
from engine.registry import register

PLACES = 9  # that a moving image is seen at
FINE = 7  # points a pixel's side, to tell how much of it a disc covers


@register("defocus-blur", title="Out of focus", group="blur", source="arXiv:1903.12261")
def defocus_blur(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Every point becomes a disc."""
    radius = 0.5 + level(severity, (0.025, 0.04, 0.055, 0.07, 0.09)) * shorter(x)
    kernel = disc(radius).to(x).expand(x.shape[1], 1, -1, -1)
    margin = kernel.shape[-1] // 2
    padded = functional.pad(x, (margin,) * 4, mode="replicate")
    return functional.conv2d(padded, kernel, groups=x.shape[1]).clamp(0, 1)


def disc(radius: float) -> Tensor:
    """How much of each pixel a disc of so many pixels covers, (side, side), of sum 1.

    >>> disc(0.4).shape, disc(1.0).shape
    (torch.Size([1, 1]), torch.Size([3, 3]))
    """
    reach = max(0, ceil(radius - 0.5))
    side = 2 * reach + 1
    points = (torch.arange(side * FINE) + 0.5) / FINE - side / 2
    covered = (points[:, None].square() + points.square() <= radius**2).float()
    shares = functional.avg_pool2d(covered[None], FINE)[0]
    return shares / shares.sum()


@register("motion-blur", title="Moving", group="blur", source="arXiv:1903.12261")
def motion_blur(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """The camera moves along a line, each image's in a direction of its own."""
    length = 2 * level(severity, (0.08, 0.13, 0.18, 0.23, 0.28))  # the whole side is 2 wide
    angle = pi * uniform(x, seed)
    one, nothing = torch.ones_like(angle), torch.zeros_like(angle)
    total = torch.zeros_like(x)
    for step in torch.linspace(-length / 2, length / 2, PLACES).tolist():
        total += transformed(x, affine(((one, nothing), (nothing, one)), (step * angle.cos(), step * angle.sin())))
    return (total / PLACES).clamp(0, 1)


@register("zoom-blur", title="Coming closer", group="blur", source="arXiv:1903.12261")
def zoom_blur(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """The camera moves towards the middle while the picture is taken."""
    most = level(severity, (0.1, 0.17, 0.24, 0.31, 0.4))
    one = torch.ones(len(x), dtype=x.dtype, device=x.device)
    nothing, total = torch.zeros_like(one), torch.zeros_like(x)
    for step in torch.linspace(0, most, PLACES).tolist():
        near = one / (1 + step)
        total += transformed(x, affine(((near, nothing), (nothing, near)), (nothing, nothing)))
    return (total / PLACES).clamp(0, 1)
