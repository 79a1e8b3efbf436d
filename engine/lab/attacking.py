"""One picture under attack: at a strength, at the smallest that flips a model, and which picture is hard."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor, nn

from engine.lab.asked import REACH, needs_source
from engine.robustness import attacks
from engine.robustness.curve import climbed
from engine.robustness.gradient import BALLS, put_back

FINE = {"linf": 0.0005, "l2": 0.005, "spatial": 0.01}  # how closely the smallest strength is looked for
TRIES = 3  # halvings of the largest strength that are tried before a model counts as not flipped
AMONG = 96  # images that are looked through for a hard one
LADDER = {  # radii at which they are attacked, one after another
    "linf": (0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.045, 0.07, 0.1, 0.15, 0.3),
    "l2": (0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.45, 0.7, 1.0, 1.5, 2.5, 5.0),
}


@dataclass(frozen=True)
class How:
    """An attack and how it is run; its radius is said apart."""

    attack: str
    norm: str
    steps: int = 10
    seed: int = 0

    @property
    def rough(self) -> "How":
        """One gradient step instead: a first impression in milliseconds. Itself, where there is no gradient step."""
        return self if self.norm not in BALLS else How("fgsm", self.norm, 1, self.seed)


def attacked(model: nn.Module, x: Tensor, y: Tensor, eps: float, how: How, source: nn.Module | None = None) -> Tensor:
    """Pictures (N, C, H, W) in [0, 1] and, in BALLS, within radius `eps` of `x`, whatever the attack did; at 0 `x`."""
    entry = attacks[how.attack]
    more = {"source": source} if needs_source(entry) else {}
    if eps == 0:
        return x.clone()
    with torch.random.fork_rng(devices=[]):
        seen = climbed(model) if entry.facts["access"] == "white-box" else model
        found = entry.load()(seen, x, y, norm=how.norm, eps=eps, steps=how.steps, seed=how.seed, start=None, **more)
    return put_back(found.detach(), x, eps, how.norm)


@torch.no_grad()
def probabilities(model: nn.Module, x: Tensor) -> Tensor:
    """(N, classes), each row adds up to 1."""
    return torch.softmax(model(x), dim=1)


def distance(x_adv: Tensor, x: Tensor, norm: str) -> float:
    """How far one picture (1, C, H, W) was moved: linf, or for every other norm l2.

    >>> a = torch.zeros(1, 1, 2, 2); b = a + 0.1
    >>> round(distance(a, b, "linf"), 3), round(distance(a, b, "l2"), 3)
    (0.1, 0.2)
    """
    delta = (x_adv - x).flatten()
    return float(delta.abs().max() if norm == "linf" else delta.norm())


def smallest(tried: Callable[[float], Tensor], flips: Callable[[Tensor], bool], x: Tensor, norm: str) -> float | None:
    """The smallest distance at which a picture that `tried` made for a radius `flips` the model; None if none did.

    Bisection between a radius that failed and the distance of a picture that did not: an upper bound, since another
    attack may need less. 0 when `x` itself is misread.
    """
    if flips(x):
        return 0.0

    def reached(found: Tensor, radius: float) -> float:
        return distance(found, x, norm) if norm in BALLS else radius

    low, high = 0.0, inf
    for halving in range(TRIES):
        radius = REACH[norm] / 2**halving
        if flips(found := tried(radius)):
            high = reached(found, radius)
            break
    while FINE[norm] < high - low < inf:
        middle = (low + high) / 2
        if flips(found := tried(middle)):
            high = min(middle, reached(found, middle))
        else:
            low = middle
    return high if high < inf else None


def hard(models: list[nn.Module], x: Tensor, y: Tensor, norm: str) -> tuple[int, float] | None:
    """The image, of those that all models get right, that all are flipped on by the least strength; that strength.

    Ten steps of PGD on a ladder of radii, the survivors only; None when no image is right and flipped.
    """
    broken = torch.stack([_broken_at(model, x, y, norm) for model in models])  # (models, N)
    least = broken.amax(0)
    least[(broken == 0).any(0)] = inf
    best = int(least.argmin())
    return (best, float(least[best])) if least[best] < inf else None


def _broken_at(model: nn.Module, x: Tensor, y: Tensor, norm: str) -> Tensor:
    """The radius of the ladder that flips each image (N,): 0 for those that are misread anyway, inf for none."""
    right = probabilities(model, x).argmax(1) == y
    found = torch.where(right, inf, 0.0)
    for eps in LADDER[norm]:
        rows = (found == inf).nonzero()[:, 0]
        if len(rows) == 0:
            break
        moved = attacked(model, x[rows], y[rows], eps, How("pgd", norm))
        flipped = probabilities(model, moved).argmax(1) != y[rows]
        found[rows[flipped]] = eps
    return found
