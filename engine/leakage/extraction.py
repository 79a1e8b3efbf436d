"""Copying a model through its answers: a student learns what the model says of pictures that the attacker may have.

Which pictures these are decides how well it copies. `public` ones are made up and cost nothing (arXiv:1609.02943 asks
about such); `alike` ones come from where the training data came from, as a knockoff's do (arXiv:1812.02766): `parted`
takes them from images that no model was trained on, and leaves the others to measure with.

Differential privacy does not protect against this: it hides single images of the training data, not what the model has
learnt of all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

import torch
from scipy.stats import binomtest
from torch import Tensor, nn
from torch.nn import functional

from engine.checks import known, within
from engine.errors import BadInput
from engine.models.basis import one_thread, pictures
from engine.privacy.streams import Seeded, stream

VERSION = 1  # raised whenever the numbers of a copy change
ANSWERS = ("labels", "probabilities")
PICTURES = ("alike", "made-up")
STEPS, BATCH, RATE = 1000, 64, 2e-3  # of a student's training, Adam; the rate falls linearly to nothing
CHUNK = 500  # pictures that are asked about at once


@dataclass(frozen=True)
class Share:
    """A share of n images with its 95 % Wilson interval.

    >>> found = Share.of(50, 100)
    >>> found.value, round(found.low, 4), round(found.high, 4)
    (0.5, 0.4038, 0.5962)
    """

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, right: int, n: int) -> "Share":
        interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
        return cls(right / n, float(interval.low), float(interval.high), n)


@dataclass(frozen=True)
class Copy:
    """A copy made of so many answers: how often it says what the model says, and how often it is right.

    Both on test images that no copy was trained on.
    """

    queries: int
    agreement: Share
    accuracy: Share
    student: nn.Module


def public(n: int, shape: tuple[int, int, int], *, seed: int = 0) -> Tensor:
    """Pictures of nothing, (n, C, H, W) in [0, 1], made up by engine.models.basis: queries that nobody owns.

    The first ones of a larger number are those of a smaller one with the same seed, in whole chunks.
    """
    generator = torch.Generator().manual_seed(Seeded().seed("public", seed))
    made = [pictures(CHUNK, shape, generator) for _ in range(-(-n // CHUNK))]
    return torch.cat(made)[:n]


def parted(n: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The numbers 0 to n - 1 in two halves, drawn at random: images for an attacker, images to measure with.

    >>> asked, measured = parted(7)
    >>> len(asked), sorted([*asked.tolist(), *measured.tolist()])
    (3, [0, 1, 2, 3, 4, 5, 6])
    """
    rows = torch.from_numpy(stream("parted", seed).permutation(n))
    return rows[: n // 2], rows[n // 2 :]


def alike(pool: Tensor, n: int, *, seed: int = 0) -> Tensor:
    """Queries (n, C, H, W) of an attacker who holds `pool` (N, C, H, W) in [0, 1]: its pictures, then mixtures of two.

    Mixtures (arXiv:1710.09412, evenly from one picture to the other) let somebody with few pictures ask for more. The
    first ones of a larger number are those of a smaller one with the same seed.
    """
    within("pictures", len(pool), 1, inf)
    if n <= len(pool):
        return pool[:n]
    draws = stream("alike", seed).random((n - len(pool), 3))
    one, other = (torch.from_numpy((draws[:, k] * len(pool)).astype(int)) for k in (0, 1))
    share = torch.from_numpy(draws[:, 2]).to(pool)[:, None, None, None]
    return torch.cat([pool, share * pool[one] + (1 - share) * pool[other]])


@torch.no_grad()
def said(model: nn.Module, x: Tensor, answers: str) -> Tensor:
    """What the model answers, (N, classes): probabilities, or with "labels" a one for the likeliest class."""
    known("answers", answers, ANSWERS)
    full = torch.cat([model(part).softmax(1) for part in x.split(CHUNK)])
    return full if answers == "probabilities" else labels_of(full)


def labels_of(told: Tensor) -> Tensor:
    """Of probabilities (N, classes) the label alone: a one for the likeliest class."""
    return functional.one_hot(told.argmax(1), told.shape[1]).to(told)


def copies(
    model: nn.Module,
    make: Callable[[], nn.Module],
    queries: Tensor,
    counts: Sequence[int],
    test: tuple[Tensor, Tensor],
    *,
    answers: str = "labels",
    seed: int = 0,
    steps: int = STEPS,
    on_copy: Callable[[Copy], None] = lambda _: None,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
) -> list[Copy]:
    """A copy of `model` from the first so many of `queries` (N, C, H, W), for each of `counts`, ascending.

    `make` makes a student with random weights, all begin with the same; `test` are images and labels. `on_copy` hears
    of each copy, `on_step` of each step over all copies; both may raise. The same seed gives the same copies; `model`
    and the global random state stay untouched.
    """
    for count in counts:
        within("queries", count, 1, len(queries))
    if list(counts) != sorted(set(counts)):
        raise BadInput(f"numbers of queries are to rise: {', '.join(map(str, counts))}")
    told = said(model, queries[: max(counts)], answers)
    truth = said(model, test[0], "labels").argmax(1)
    found = []
    for number, count in enumerate(counts):

        def heard(step: int, done: int = number * steps) -> None:
            on_step(done + step, len(counts) * steps)

        asked = queries[:count], told[:count]
        found.append(copied(make, asked, (*test, truth), seed=seed, steps=steps, on_step=heard))
        on_copy(found[-1])
    return found


def copied(
    make: Callable[[], nn.Module],
    asked: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor, Tensor],
    *,
    seed: int = 0,
    steps: int = STEPS,
    on_step: Callable[[int], None] = lambda _: None,
) -> Copy:
    """One copy: `asked` are pictures (N, C, H, W) and what was said of them (N, classes), `test` images that are not
    among them, their labels, and the classes that the model gives them. Otherwise as `copies`, of which this is one.
    """
    student = _fresh(make, seed)
    with one_thread():
        for step in _training(student, *asked, steps, seed):
            on_step(step)
        x, y, truth = test
        return _compared(student.eval().requires_grad_(False), len(asked[0]), (x, y), truth)


def _fresh(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(Seeded().seed("student", seed))
        return make().train()


def _training(student: nn.Module, x: Tensor, told: Tensor, steps: int, seed: int) -> Iterator[int]:
    """Cross-entropy with what was told (arXiv:1503.02531 at temperature 1), on batches drawn with replacement."""
    batches, ends = stream("copy", seed), evenly(told.argmax(1))
    optimizer = torch.optim.Adam(student.parameters(), lr=RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1e-3, steps)
    for step in range(1, steps + 1):
        rows = torch.searchsorted(ends, torch.from_numpy(batches.random(min(BATCH, len(x)))))
        optimizer.zero_grad()
        functional.cross_entropy(student(x[rows]), told[rows]).backward()
        optimizer.step()
        schedule.step()
        yield step


def evenly(labels: Tensor) -> Tensor:
    """Where, in [0, 1], the chances of examples (N,) end when each class that occurs is drawn as often as another.

    Of made-up pictures a model calls most by a few classes, and a copy would learn little of the rest.

    >>> evenly(torch.tensor([0, 0, 3])).tolist()
    [0.25, 0.5, 1.0]
    """
    chances = 1 / labels.bincount().double()[labels]
    ends = chances.cumsum(0)
    return ends / ends[-1]


@torch.no_grad()
def _compared(student: nn.Module, queries: int, test: tuple[Tensor, Tensor], truth: Tensor) -> Copy:
    x, y = test
    says = torch.cat([student(part).argmax(1) for part in x.split(CHUNK)])
    agree, right = int((says == truth).sum()), int((says == y).sum())
    return Copy(queries, Share.of(agree, len(x)), Share.of(right, len(x)), student)
