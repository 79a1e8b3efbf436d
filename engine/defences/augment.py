"""Augmentation: training on pictures changed by chance, without asking the network; signature as in adversarial.py."""

from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.loss import losses
from engine.privacy.keyed import Keyed
from engine.registry import register

ANGLE = 15 * pi / 180  # most that a picture is turned
SHIFT = 0.1  # most that it is moved, of its side
SCALE = 0.1  # most that it grows or shrinks
SHEAR = 0.15  # most that its top moves against its middle


@register(
    "gaussian",
    title="noise while training",
    kind="training",
    random=True,
    differentiable=True,
    dearer=1.0,
    source="arXiv:1902.02918",
)
def gaussian(model: nn.Module, x: Tensor, y: Tensor, *, eps: float, noise: Keyed, attacked: nn.Module) -> Tensor:
    """Learns from pictures under Gaussian noise, of standard deviation `eps` a pixel."""
    drawn = noise.normal(tuple(x.shape[1:])).to(x)
    return losses(model, (x + eps * drawn).clamp(0, 1), y)


@register(
    "transforms",
    title="turned and moved pictures while training",
    kind="training",
    random=True,
    differentiable=True,
    dearer=1.0,
    source="doi:10.1186/s40537-019-0197-0",
)
def transforms(
    model: nn.Module, x: Tensor, y: Tensor, *, eps: float, noise: Keyed, attacked: nn.Module, mirror: bool = True
) -> Tensor:
    """Learns from pictures turned, moved, scaled, sheared and, where a mirror image means the same, mirrored."""
    return losses(model, moved(x, noise, mirror=mirror), y)


def moved(x: Tensor, noise: Keyed, *, mirror: bool) -> Tensor:
    """Each picture under an affine map of its own; what enters from outside is black, and all stays in [0, 1]."""
    flip, turn, down, right, size, shear = noise.uniform((6,)).to(x).T
    side = torch.where(flip < 0.5, -1.0, 1.0).to(x) if mirror else torch.ones_like(flip)
    angle, grown = ANGLE * (2 * turn - 1), 1 + SCALE * (2 * size - 1)
    cos, sin, slant = angle.cos() / grown, angle.sin() / grown, SHEAR * (2 * shear - 1)
    across = torch.stack([cos * side, slant * cos - sin, 2 * SHIFT * (2 * right - 1)], 1)
    along = torch.stack([sin * side, slant * sin + cos, 2 * SHIFT * (2 * down - 1)], 1)
    places = functional.affine_grid(torch.stack([across, along], 1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, places, align_corners=False).clamp(0, 1)
