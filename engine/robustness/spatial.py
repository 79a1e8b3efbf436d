"""Rotation, shift, scale, shear and mirror images as an attack: the worst of a grid of transforms for each image.

After Engstrom et al., arXiv:1712.02779. There is no ball: eps in [0, 1] is the share of the largest magnitudes.
"""

from itertools import product
from math import radians, tan

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.registry import register
from engine.robustness.apgd import looked
from engine.robustness.gradient import Radius, radii

ROTATION = radians(30.0)
SHIFT = 0.1  # of the side of the picture
SCALE = 0.2
SHEAR = tan(radians(15.0))
GRID = sorted(  # shares of rotation, shift down, shift across, scale, shear: the largest changes first
    product((-1.0, 1.0, -0.5, 0.5, 0.0), (-1.0, 1.0, 0.0), (-1.0, 1.0, 0.0), (-1.0, 1.0, 0.0), (-1.0, 1.0, 0.0)),
    key=lambda shares: -sum(map(abs, shares)),
)


@register(
    "spatial",
    title="Rotation, shift, scale, shear and mirror",
    norms=("spatial",),
    iterative=False,
    strength="medium",
    access="black-box",
    weight=270,
    cost="at most 810 looks",
    own=True,
    source="arXiv:1712.02779",
)
def spatial(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 1,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """Worst of 405 transforms up to eps x (30 degrees, 10 % shift, 20 % scale, 15 degrees shear), mirrored at eps 1.

    A mirror image has no magnitude of its own: it counts as the largest, so it is tried at eps 1 alone. What comes
    in from outside the picture is black.
    """
    share = radii(eps, x)
    worst = x.clone() if start is None else torch.where((share > 0).view(-1, 1, 1, 1), start, x)
    lowest, right = looked(model, worst, y)
    active = (right & (share > 0)).nonzero()[:, 0]
    for mirrored, shares in product((False, True), GRID):
        if mirrored:
            active = active[share[active] == 1]
        if len(active) == 0:
            break
        now = transform(x[active], share[active, None] * torch.tensor(shares).to(x), mirrored=mirrored)
        gap, right = looked(model, now, y[active])
        worse = ~right | (gap < lowest[active])
        worst[active[worse]], lowest[active[worse]] = now[worse], gap[worse]
        active = active[right]
    return worst


def transform(x: Tensor, shares: Tensor, *, mirrored: bool = False) -> Tensor:
    """Pictures (N, C, H, W) turned, moved, scaled and sheared by shares (N, 5) of the largest magnitudes."""
    x = x.flip(-1) if mirrored else x
    angle, down, across, scale, shear = (shares * torch.tensor([ROTATION, 2 * SHIFT, 2 * SHIFT, SCALE, SHEAR]).to(x)).T
    size = 1 / (1 + scale)
    cosine, sine = angle.cos() * size, angle.sin() * size
    rows = [cosine, shear * cosine - sine, -across, sine, shear * sine + cosine, -down]
    grid = functional.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False).clamp(0, 1)
