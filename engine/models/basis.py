"""Coordinates in which fixed features vary about evenly, which cost no privacy: no image of any data set is looked at.

Features of images vary a thousand times more along some directions than along others. Private training has few steps
and adds the same noise to all directions, so it learns little of the small ones. How features vary is estimated on
pictures that are made up here (soft shapes with a texture), and each direction is divided by a power of that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PICTURES, BATCH = 6000, 50
DIRECTIONS = 1500
POWER = 0.35  # of the variance; 0 changes nothing, 0.5 whitens
FLOOR = 5e-4  # share of the whole variance that every direction is given
SIZE = 40.0  # mean norm of a picture's coordinates, beside the 1 of the bias
SEED = 28


@dataclass(frozen=True)
class Basis:
    """Coordinates of features f (N, F) are (f - mean) @ directions, (N, K)."""

    mean: Tensor
    directions: Tensor


def even(features: Callable[[Tensor], Tensor], shape: tuple[int, int, int]) -> Basis:
    """The basis of `features`, a function from pictures (N, C, H, W) in [0, 1] to (N, F).

    On one thread, so that the same machine makes the same bits whatever else it does.
    """
    with one_thread(), torch.no_grad():
        generator = torch.Generator().manual_seed(SEED)
        made = torch.cat([features(pictures(BATCH, shape, generator)) for _ in range(PICTURES // BATCH)])
        mean = made.mean(0)
        variances, directions = _principal(made - mean, generator)
        floor = FLOOR * float((made - mean).square().sum() / len(made))
        scaled = directions * (variances + floor) ** -POWER
        size = ((made - mean) @ scaled).norm(dim=1).mean()
        return Basis(mean, scaled * (SIZE / size))


def pictures(n: int, shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Pictures of nothing, (n, C, H, W) in [0, 1]: soft shapes on black with a texture, some of them symmetric."""
    channels, height, width = shape

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator)

    def field(depth: int, knots: list[int], mirrored: float) -> Tensor:
        """Random hills of variance 1, as many as `knots` a side; a share of them symmetric."""
        side = knots[int(torch.randint(len(knots), (), generator=generator))]
        hills = torch.randn(n, depth, side, side, generator=generator)
        hills = functional.interpolate(hills, (height, width), mode="bicubic", align_corners=True)
        hills = hills / hills.std(dim=(2, 3), keepdim=True)
        return torch.where(between(0, 1) < mirrored, (hills + hills.flip(3)) / 2**0.5, hills)

    down, along = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    power = between(2, 6)
    radius = ((along.abs() / between(0.35, 1.1)) ** power + (down.abs() / between(0.35, 1.1)) ** power) ** (1 / power)
    inside = (1 - radius) * between(1, 4) + between(0.2, 1) * field(1, [4, 5, 6, 8], 0.6)
    grain = between(0, 0.08) * torch.randn(n, channels, height, width, generator=generator)
    texture = between(0.2, 1) + between(0.02, 0.3) * field(channels, [3, 4, 6, 10, 14, 28], 0.5) + grain
    return torch.sigmoid(between(4, 15) * inside) * texture.clamp(0, 1)


def _principal(centred: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Variances (K,) and directions (F, K) of most variance, by two rounds of subspace iteration (arXiv:0909.4061)."""
    covariance = centred.T @ centred / len(centred)
    spread = torch.randn(len(covariance), min(DIRECTIONS, len(covariance)), generator=generator)
    for _ in range(2):
        spread = torch.linalg.qr(covariance @ spread).Q
    variances, inner = torch.linalg.eigh(spread.T @ covariance @ spread)
    return variances.clamp(min=0), spread @ inner


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums are made of other parts on other numbers of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
