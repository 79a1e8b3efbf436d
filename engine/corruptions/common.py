"""What corruptions share: the level of a severity, random numbers of an image, and pictures seen through a grid.

Sizes are shares of the shorter side, so that a severity means as much for an image of 8 pixels as for one of 64.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine import draws
from engine.corruptions import SEVERITIES
from engine.errors import BadInput


def level(severity: int, levels: Sequence[float]) -> float:
    """What a corruption makes of a severity, 1 to 5.

    >>> level(2, (0.1, 0.2, 0.3, 0.4, 0.5))
    0.2
    >>> level(6, (0.1, 0.2, 0.3, 0.4, 0.5))
    Traceback (most recent call last):
    engine.errors.BadInput: severity=6 is not one of 1, 2, 3, 4, 5
    """
    if severity not in SEVERITIES:
        raise BadInput(f"severity={severity!r} is not one of {', '.join(map(str, SEVERITIES))}")
    return levels[int(severity) - 1]


def shorter(x: Tensor) -> int:
    """The shorter side, in pixels."""
    return min(x.shape[-2:])


def drawn(x: Tensor, seed: int, draw: Callable[[np.random.Generator], NDArray[np.floating]]) -> Tensor:
    """What `draw` gives for each image, from its own generator, side by side."""
    return torch.from_numpy(np.stack([draw(draws.of_image(image, seed)) for image in x])).to(x)


def uniform(x: Tensor, seed: int, *shape: int) -> Tensor:
    """Numbers in [0, 1), (N, *shape)."""
    return drawn(x, seed, lambda generator: generator.random(shape, dtype=np.float32))


def seen_through(x: Tensor, grid: Tensor) -> Tensor:
    """Images sampled where `grid` (N, H, W, 2), in [-1, 1] from edge to edge, says; beyond the edge its last pixel."""
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def transformed(x: Tensor, matrices: Tensor) -> Tensor:
    """Images through affine maps (N, 2, 3) of where to look."""
    return seen_through(x, functional.affine_grid(matrices, list(x.shape), align_corners=False))


def affine(linear: Sequence[Sequence[Tensor]], shift: Sequence[Tensor]) -> Tensor:
    """Maps (N, 2, 3) from their numbers, each (N,)."""
    return torch.stack([torch.stack([*row, move], 1) for row, move in zip(linear, shift, strict=True)], 1)


def clouds(x: Tensor, seed: int, *, finest: int = 16) -> Tensor:
    """Smooth noise of several sizes, as in a sky, (N, 1, H, W) from 0 to 1 in each image."""
    sizes = [size for size in (2, 4, 8, 16, 32) if size <= finest]
    numbers = uniform(x, seed, 1, sum(size * size for size in sizes)).split([size * size for size in sizes], 2)
    layers = (
        functional.interpolate(part.reshape(-1, 1, size, size), x.shape[-2:], mode="bilinear") / size
        for part, size in zip(numbers, sizes, strict=True)
    )
    total = torch.stack(list(layers)).sum(0)
    low, high = total.amin((2, 3), keepdim=True), total.amax((2, 3), keepdim=True)
    return (total - low) / (high - low).clamp_min(1e-6)
