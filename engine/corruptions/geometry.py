"""Shapes: seen askew, or through something uneven."""

from math import pi

import torch
from torch import Tensor
from torch.nn import functional

from engine.corruptions.common import affine, level, seen_through, transformed, uniform
from engine.registry import register

KNOTS = 5  # a side, between which an uneven glass is smooth


@register("rotation", title="Turned and shifted", group="geometry", source="arXiv:1906.02337")
def rotation(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Turned one way or the other, and shifted a little, each image in a direction of its own."""
    degrees = level(severity, (8, 14, 20, 27, 35))
    chance = uniform(x, seed, 2)
    angle = pi / 180 * degrees * torch.where(chance[:, 0] < 0.5, -1.0, 1.0)
    shift, way = degrees / 300, 2 * pi * chance[:, 1]
    turned = ((angle.cos(), -angle.sin()), (angle.sin(), angle.cos()))
    return transformed(x, affine(turned, (shift * way.cos(), shift * way.sin()))).clamp(0, 1)


@register("elastic", title="Warped", group="geometry", source="arXiv:1903.12261")
def elastic(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Stretched here and squeezed there, as through uneven glass."""
    reach = 2 * level(severity, (0.04, 0.06, 0.08, 0.11, 0.14))
    moves = reach * (2 * uniform(x, seed, 2, KNOTS, KNOTS) - 1)
    moves = functional.interpolate(moves, x.shape[2:], mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    still = torch.eye(2, 3, dtype=x.dtype, device=x.device).expand(len(x), 2, 3)
    return seen_through(x, functional.affine_grid(still, list(x.shape), align_corners=False) + moves).clamp(0, 1)
