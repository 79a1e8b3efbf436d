"""Whether the attacks of a curve can be believed: the checks of arXiv:1902.06705 and of AutoAttack's `checks.py`.

Every run here starts cold, from a random point or from the image itself: the warm starts that make a curve cheap would
make "success grows with eps" true by construction. What is returned are shares of the images checked; what they mean
is said in report/verdict.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from engine.robustness import attacks
from engine.robustness.curve import Standing, climbed, predict
from engine.robustness.gradient import BALLS, gradient, project

IMAGES = 100  # checked, the first ones that are recognised
QUERIES = 300  # of the black-box attack, an image
STEPS = 40  # at least, of its own runs: fewer say more of the check than of the curve
DRAWS = 10  # of random noise, an image
ROUNDING = 1e-5  # of the largest logit: the same picture twice


@dataclass(frozen=True)
class Shares:
    """One measurement: which, by what attack, of how many steps, at which radius, and the share of `n` images."""

    name: str
    attack: str
    steps: int
    eps: float
    value: float
    n: int


def most_telling(standing: Standing) -> float:
    """The radius above 0 at which the curve is nearest to half of what is recognised without an attack.

    Of a flat stretch the end towards half: where no radius breaks anything the largest one has most to tell.

    >>> stands = Standing((0.0, 0.1, 0.2), torch.tensor([0, 1, 2, 2, 3]), *3 * [torch.zeros(5)])
    >>> most_telling(stands)
    0.2
    """
    half = _mean(standing.correct(0.0)) / 2
    above = {eps: _mean(standing.correct(eps)) - half for eps in standing.radii[1:]}
    return min(above, key=lambda eps: (abs(above[eps]), -eps if above[eps] > 0 else eps))


@dataclass(frozen=True)
class Subject:
    """A model under doubt: images that it recognises, which of them withstood the curve's attacks at `eps`."""

    model: nn.Module
    x: Tensor
    y: Tensor
    norm: str
    seed: int
    eps: float
    left: Tensor

    def broken(self, attack: str, steps: int, eps: float) -> Tensor:
        """Which images (N,) an attack breaks within `eps`, from a cold start."""
        known = attacks[attack]
        seen = climbed(self.model) if known.facts["access"] == "white-box" else self.model
        found = known.load()(seen, self.x, self.y, norm=self.norm, eps=eps, steps=steps, seed=self.seed)
        return predict(self.model, project(found, self.x, eps, self.norm)) != self.y


def check(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    standing: Standing,
    *,
    norm: str,
    steps: int,
    seed: int,
    others: Sequence[Tensor] = (),
) -> Iterator[Shares]:
    """Measure a model around the most telling radius of its curve; `others`: pictures that broke other models.

    x, y and each of `others` are the images of `standing`. Nothing where there is no radius above 0, no image that is
    recognised, or no ball.
    """
    rows = standing.correct(0.0).nonzero()[:IMAGES, 0]
    if len(standing.radii) < 2 or not len(rows) or norm not in BALLS:
        return
    eps = most_telling(standing)
    subject = Subject(model, x[rows], y[rows], norm, seed, eps, standing.correct(eps)[rows])
    yield Shares("zero_gradients", "none", 0, 0.0, _mean(_without_gradient(subject)), len(rows))
    yield Shares("randomised", "none", 0, 0.0, _mean(_changing(subject)), len(rows))
    for name, attack, spent, radius in _trials(steps, eps, _whole(norm, x)):
        yield Shares(name, attack, spent, radius, _mean(subject.broken(attack, spent, radius)), len(rows))
    unseen = _by_queries(subject)
    yield Shares("black_box", "square", QUERIES, eps, _mean(unseen), len(rows))
    if others:
        lent = _by_others(subject, [pictures[rows] for pictures in others])
        yield Shares("transfer", "transfer", 0, eps, _mean(lent), len(rows))


def _trials(steps: int, eps: float, whole: float) -> Iterator[tuple[str, str, int, float]]:
    """Name, attack, steps and radius of each run on all images."""
    yield "noise", "noise", DRAWS, eps
    yield "one_step", "fgsm", 1, eps
    yield "many_steps", "pgd", steps, eps
    yield "twice_the_steps", "pgd", 2 * steps, eps
    yield "half_the_radius", "pgd", steps, eps / 2
    yield "every_picture", "pgd", steps, whole


def _whole(norm: str, x: Tensor) -> float:
    """A radius within which every picture lies."""
    return 1.0 if norm == "linf" else float(x[0].numel()) ** 0.5


def _mean(which: Tensor) -> float:
    return float(which.float().mean())


def _without_gradient(subject: Subject) -> Tensor:
    """Images (N,) whose loss has no gradient at all: nothing to climb, whatever the model does."""
    return gradient(climbed(subject.model), subject.x, subject.y)[0].flatten(1).abs().amax(1) == 0


@torch.no_grad()
def _changing(subject: Subject) -> Tensor:
    """Images (N,) whose logits differ between two looks at the same picture."""
    subject.model.eval()
    first, second = subject.model(subject.x), subject.model(subject.x)
    changed: Tensor = (first - second).abs().amax(1) > ROUNDING * first.abs().amax(1)
    return changed


def _by_queries(subject: Subject) -> Tensor:
    """Images (N,) that withstood the curve's attacks, and fall to one that only looks at answers."""
    found = torch.zeros_like(subject.left)
    if subject.left.any():
        rest = replace(subject, x=subject.x[subject.left], y=subject.y[subject.left])
        found[subject.left] = rest.broken("square", QUERIES, subject.eps)
    return found


def _by_others(subject: Subject, others: Sequence[Tensor]) -> Tensor:
    """Images (N,) that withstood the curve's attacks, and fall to a picture made against another model."""
    fooled = torch.zeros_like(subject.left)
    for pictures in others:
        fooled |= predict(subject.model, project(pictures, subject.x, subject.eps, subject.norm)) != subject.y
    return fooled & subject.left
