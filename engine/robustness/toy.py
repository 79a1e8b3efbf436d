"""A problem small enough to be drawn: images of two pixels, of two classes, and three ways to train on them.

Every point of the square [0, 1]^2 is an image (1, 1, 2): how bright its left and its right pixel are. Made here, from a
fixed seed, so that everybody has the same. Training, attacks and accounting are those of all other studies.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np
import torch
from torch import Tensor, nn

from engine.privacy import accounting
from engine.privacy.bank import Column
from engine.privacy.dpsgd import Trainer
from engine.privacy.streams import Seeded, stream
from engine.recipes import Recipe
from engine.robustness.gradient import bim, gradient, pgd, project, steepest, strides

N_TRAIN, N_TEST = 1000, 500
SPREAD = 0.15  # of both moons, before they are put into the square
DELTA = 1e-4
STEPS = 10  # of an attack


@dataclass(frozen=True)
class Way:
    """How a model is trained: with a budget, or against an attack of strength `eps` (Linf), or neither."""

    recipe: Recipe
    epsilon: float = inf
    eps: float = 0.0


WAYS = {
    "plain": Way(Recipe(batch=100, steps=1000, learning_rate=0.01, optimizer="adam")),
    "adversarial": Way(Recipe(batch=100, steps=600, learning_rate=0.01, optimizer="adam"), eps=0.1),
    "private": Way(
        Recipe(batch=500, steps=200, learning_rate=0.03, optimizer="adam", max_grad_norm=0.3, decay=0.5), epsilon=1.0
    ),
}


def images(n: int, *, train: bool) -> tuple[Tensor, Tensor]:
    """Two moons in the unit square, x (n, 1, 1, 2) float32 and labels (n,), in random order; the same every time."""
    drawn = stream("two moons", train)
    y = drawn.integers(0, 2, n)
    turn = np.pi * drawn.random(n)
    x = np.stack([np.cos(turn), np.sin(turn)], 1)
    x[y == 1] = (1, 0.5) - x[y == 1]
    x += SPREAD * drawn.standard_normal((n, 2))
    x = np.clip((x - (0.5, 0.25)) / (3.4, 2.4) + 0.5, 0, 1)
    return torch.from_numpy(x.astype(np.float32)).view(n, 1, 1, 2), torch.from_numpy(y)


def network() -> nn.Module:
    """2-32-32-2 with tanh: smooth, so that its boundary is a curve."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            Centred(), nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2)
        )  # fmt: skip


class Centred(nn.Module):
    """Pixels in [0, 1] to numbers around 0."""

    def forward(self, x: Tensor) -> Tensor:
        return 4 * (x.flatten(1) - 0.5)


@lru_cache(maxsize=8)
def noise_multiplier(way: Way) -> float:
    """What keeps the way's budget on the training images; 0 without one."""
    return accounting.noise_multiplier(way.epsilon, DELTA, way.recipe.batch / N_TRAIN, way.recipe.steps)


def train(name: str, seed: int = 0) -> nn.Module:
    """The model of WAYS[name], in float64 for drawing; `seed` names its batches and noise, never its first weights."""
    way = WAYS[name]
    x, y = images(N_TRAIN, train=True)
    column = Column(("toy", name, seed), way.recipe.learning_rate, noise_multiplier(way), way.recipe.max_grad_norm)
    trainer = Trainer(network(), column, way.recipe, way.recipe.batch / N_TRAIN)
    trainer.prepare(x)
    draws = Seeded()
    while trainer.step < way.recipe.steps:
        rows = torch.from_numpy(draws.batch(N_TRAIN, trainer.sample_rate, *column.key, "batch", trainer.step))
        seen = attacked(trainer.model, x, y, rows, way.eps, trainer.step) if way.eps else x
        trainer.advance(seen, y, rows, draws)
    return trainer.released().eval().double()


def attacked(model: nn.Module, x: Tensor, y: Tensor, rows: Tensor, eps: float, step: int) -> Tensor:
    """The images, those of a batch after five steps of an attack from a random point (arXiv:1706.06083)."""
    noise = torch.from_numpy(stream("toy start", step).uniform(-eps, eps, (len(rows), *x.shape[1:]))).to(x)
    seen = x.clone()
    seen[rows] = bim(model, x[rows], y[rows], norm="linf", eps=eps, steps=5, start=x[rows] + noise)
    return seen


@dataclass(frozen=True)
class Path:
    """What `pgd` does from each image on: `places` (steps + 1, N, C, H, W) and the gradient at each of them.

    `aims` (steps, N, C, H, W) are where the steps would have ended without ball and box. After `moves` (N,) steps an
    image is misread, or all steps are done: from there on its places stay the same.
    """

    places: Tensor
    grads: Tensor
    aims: Tensor
    moves: Tensor


def path(model: nn.Module, x: Tensor, y: Tensor, *, norm: str, eps: float, steps: int = STEPS) -> Path:
    """The way of `pgd(model, x, y, norm=norm, eps=eps, steps=steps, start=x)`, which ends where this ends."""
    places, grads, aims, moves = [x], [], [], torch.zeros(len(x), dtype=torch.int64)
    for step in range(steps):
        grad, right = gradient(model, places[-1], y)
        size = eps * strides(steps)[step]
        on = right[:, None, None, None]
        aims.append(torch.where(on, places[-1] + size * steepest(grad, norm), places[-1]))
        places.append(torch.where(on, project(aims[-1], x, eps, norm), places[-1]))
        grads.append(grad)
        moves += right
    grads.append(gradient(model, places[-1], y)[0])
    return Path(torch.stack(places), torch.stack(grads), torch.stack(aims), moves)


def smallest(model: nn.Module, x: Tensor, y: Tensor, *, norm: str, radii: list[float], steps: int = STEPS) -> Tensor:
    """The first of the ascending `radii` at which `pgd` from the image itself misleads the model, (N,).

    0 for what is misread anyway, inf for what stands at all of them. An upper bound on the distance to the boundary.
    """
    found = torch.zeros(len(x), dtype=torch.float64).masked_fill(right(model, x, y), inf)
    for eps in radii:
        rows = found.isinf().nonzero()[:, 0]
        if len(rows) == 0:
            break
        x_adv = pgd(model, x[rows], y[rows], norm=norm, eps=eps, steps=steps, start=x[rows])
        found[rows[~right(model, x_adv, y[rows])]] = eps
    return found


@torch.no_grad()
def right(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Which images the model reads as what they are, (N,)."""
    found: Tensor = model(x).argmax(1) == y
    return found


@torch.no_grad()
def belief(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The probability that the model gives to each image's own class, (N,)."""
    given: Tensor = model(x).softmax(1).gather(1, y[:, None])
    return given[:, 0]


def plane(n: int) -> Tensor:
    """All images whose pixels are multiples of 1 / (n - 1), (n * n, 1, 1, 2): row by row from the bottom."""
    at = torch.linspace(0, 1, n, dtype=torch.float64)
    upward, across = torch.meshgrid(at, at, indexing="ij")
    return torch.stack([across, upward], -1).view(n * n, 1, 1, 2)


def boundary(margins: Tensor) -> Tensor:
    """Where margins (n, n) on the `plane` are 0: straight pieces (K, 2 ends, 2 pixels), by linear interpolation.

    >>> boundary(torch.tensor([[-1.0, 1.0], [-1.0, 1.0]])).tolist()
    [[[0.5, 0.0], [0.5, 1.0]]]
    """
    pieces = [piece for row, column in _crossed(margins) for piece in _pieces(margins, row, column)]
    return torch.tensor(pieces, dtype=torch.float64).view(-1, 2, 2)


def _crossed(margins: Tensor) -> list[list[int]]:
    """Lower left corners of the cells whose corners are not all on one side."""
    above = (margins > 0).int()
    corners = above[:-1, :-1] + above[:-1, 1:] + above[1:, :-1] + above[1:, 1:]
    cells: list[list[int]] = ((corners > 0) & (corners < 4)).nonzero().tolist()
    return cells


def _pieces(margins: Tensor, row: int, column: int) -> list[list[tuple[float, float]]]:
    """One piece for a cell that the line crosses, two where it does so twice."""
    corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
    cut = []
    for one, other in zip(corners, corners[1:] + corners[:1], strict=True):
        a, b = float(margins[one]), float(margins[other])
        if (a > 0) != (b > 0):
            share, last = a / (a - b), len(margins) - 1
            cut.append(tuple((one[i] + share * (other[i] - one[i])) / last for i in (1, 0)))
    return [cut[i : i + 2] for i in range(0, len(cut), 2)]  # type: ignore[misc]
