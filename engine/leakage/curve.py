"""How well an attack finds members: its ROC at false-positive rates fixed beforehand, beside what theory allows.

What is independent: given everything else, the coins that say which examples one target trained on. Its examples share
that one model, so limits for a single target take their scores for independent draws, as is usual, and speak of that
model. Several targets overlap in their examples, and those of one bank share its batches, too: their counts are never
added up as if they were trials. Either each target has limits of its own, at a level divided by their number
(Bonferroni: simultaneous whatever hangs on what), or targets are the units and `over_targets` has their spread.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, rankdata, t

from engine.errors import BadInput
from engine.leakage.membership import Masks, Reals
from engine.mechanism import Mechanism
from engine.privacy.roc import roc as allowed

RATES = (0.001, 0.01, 0.1)  # false positives, fixed beforehand
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Roc:
    """False- and true-positive rate of accusing from each score on, from (0, 0) to (1, 1), both rising, (V,)."""

    false_positives: Reals
    true_positives: Reals

    def at(self, rates: Sequence[float] | Reals) -> Reals:
        """The largest true-positive rate reached within each false-positive rate; nothing is read between points."""
        last = np.searchsorted(self.false_positives, np.asarray(rates) + 1e-12, side="right") - 1
        return self.true_positives[last]


@dataclass(frozen=True)
class Point:
    """What accusing within `rate` false positives comes to: `found` of `members`, and `accused` of `others` wrongly."""

    rate: float
    found: int
    members: int
    accused: int
    others: int

    @property
    def true_positives(self) -> float:
        return self.found / self.members

    @property
    def false_positives(self) -> float:
        return self.accused / self.others

    def limits(self, significance: float = SIGNIFICANCE) -> tuple[float, float]:
        """Clopper-Pearson interval of the true-positive rate."""
        return clopper_pearson(self.found, self.members, significance)


@dataclass(frozen=True)
class Beside:
    """A point beside theory, with a lower limit of its true-positive rate and an upper one of its false-positive rate.

    `allowed` is the largest true-positive rate that theory has at the measured false-positive rate, for a picture;
    `allowed_at_most` that at `fpr_high`.
    """

    point: Point
    tpr_low: float
    fpr_high: float
    allowed: float
    allowed_at_most: float

    @property
    def broken(self) -> bool:
        """Whether even the limits lie above the curve: then the training does not keep its promise."""
        return self.tpr_low > self.allowed_at_most


def roc(scores: NDArray[np.floating], members: Masks) -> Roc:
    """The ROC of one target, scores and members (N,): examples of one score are accused together, or not at all."""
    n_in = _sides(members)
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of each run of ties
    found = np.cumsum(members[order])[last]
    accused = last + 1 - found
    return Roc(np.append(0.0, accused / (len(members) - n_in)), np.append(0.0, found / n_in))


def averaged(scores: Reals, members: Masks, rates: Sequence[float] | Reals) -> Reals:
    """True-positive rate within each false-positive rate, the mean over targets, (R,): for a picture of many."""
    each = [roc(*one).at(rates) for one in zip(scores, members, strict=True)]
    return np.asarray(np.mean(each, axis=0))


def reached(scores: NDArray[np.floating], members: Masks, rates: Sequence[float] | Reals) -> Reals:
    """True-positive rate at each false-positive rate, (R,), of one target: exactly chance for scores that know nothing.

    Above all outsiders but k, (k + 1) / (n + 1) of the members are expected by chance, not k / n: of few outsiders that
    is far above the rate asked for. So an attacker accuses now with the one threshold and now with the next, as often
    as makes his false alarms `rate` (n + 1) - 1 on average, and accuses nobody below one alarm.

    >>> scores, members = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False, False])
    >>> reached(scores, members, [0.25, 0.375, 0.5]).tolist()  # no alarm finds 1 of 2, one alarm both
    [0.5, 0.75, 1.0]
    """
    n_in = int(_sides(members))
    outsiders = np.sort(scores[~members])[::-1]
    above = np.append(0, n_in - np.searchsorted(np.sort(scores[members]), outsiders, side="right")) / n_in
    return np.asarray(np.interp(np.asarray(rates) * (len(outsiders) + 1), np.arange(len(above)), above))


def auc(scores: NDArray[np.floating], members: Masks) -> Reals:
    """Chance that a member's score is above a non-member's, ties counted half: (...,) from (..., N).

    >>> float(auc(np.array([3.0, 2.0, 1.0]), np.array([True, False, False])))
    1.0
    >>> float(auc(np.array([1.0, 1.0, 1.0]), np.array([True, False, False])))
    0.5
    """
    n_in = _sides(members)
    ranks = np.where(members, rankdata(scores, axis=-1), 0).sum(axis=-1)
    return np.asarray((ranks - n_in * (n_in + 1) / 2) / (n_in * (members.shape[-1] - n_in)))


def cut(scores: NDArray[np.floating], members: Masks, rate: float) -> float:
    """The score above which at most a share `rate` of the non-members lie; -inf where all may be accused."""
    outside = np.sort(scores[~members])[::-1]
    may = floor(rate * len(outside) + 1e-9)
    return float(outside[may]) if may < len(outside) else -inf


def point(scores: NDArray[np.floating], members: Masks, rate: float) -> Point:
    """What an attack on one target finds within a false-positive rate: scores and members (N,).

    >>> point(np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, True, False, False]), 0.01)
    Point(rate=0.01, found=2, members=2, accused=0, others=2)
    """
    n_in = int(_sides(members))
    above = scores > cut(scores, members, rate)
    found, accused = int((above & members).sum()), int((above & ~members).sum())
    return Point(rate, found, n_in, accused, len(members) - n_in)


def points(scores: Reals, members: Masks, rates: Sequence[float] = RATES) -> list[Point]:
    """Every target's point at every rate; scores and members (T, N)."""
    return [point(*one, rate) for one in zip(scores, members, strict=True) for rate in rates]


def clopper_pearson(hits: int, n: int, significance: float = SIGNIFICANCE) -> tuple[float, float]:
    """Exact two-sided interval of a share of n independent trials.

    >>> [round(limit, 4) for limit in clopper_pearson(0, 100)]  # 1 - 0.025 ** (1 / 100)
    [0.0, 0.0362]
    """
    low = beta.ppf(significance / 2, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(1 - significance / 2, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def beside(
    measured: Iterable[Point], mechanism: Mechanism, cache: Path, significance: float = SIGNIFICANCE
) -> list[Beside]:
    """Each point beside the curve that no attack on one model can pass; all their limits hold together (Bonferroni).

    The false-positive rate is measured as well, so it has a limit of its own, from above: 2 limits a point, each at
    `significance` over their number. All targets must have been trained by `mechanism`.
    """
    chosen = list(measured)
    level = significance / len(chosen)  # of a two-sided interval: half of it for each of the two limits that are used
    lows = [clopper_pearson(one.found, one.members, level)[0] for one in chosen]
    highs = [clopper_pearson(one.accused, one.others, level)[1] for one in chosen]
    at = allowed([one.false_positives for one in chosen], mechanism, cache).tolist()
    at_most = allowed(highs, mechanism, cache).tolist()
    return [Beside(*one) for one in zip(chosen, lows, highs, at, at_most, strict=True)]


def over_targets(values: Sequence[float] | Reals, significance: float = SIGNIFICANCE) -> tuple[float, float, float]:
    """Mean over targets and its Student interval, with targets as the units: for targets of banks of their own.

    It speaks of trainings on halves of this pool by this attacker: pool and shadows are the same for all targets.

    >>> over_targets([1.0, 3.0])[0], round(over_targets([1.0, 3.0])[2], 2)
    (2.0, 14.71)
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        raise BadInput("one target has no spread: an interval over targets needs 2 or more")
    half = float(t.ppf(1 - significance / 2, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5)
    return float(x.mean()), float(x.mean()) - half, float(x.mean()) + half


def _sides(members: Masks) -> NDArray[np.int64]:
    """How many members each target has, (...,); BadInput where there are none, or none but members."""
    n_in = members.sum(axis=-1)
    if not ((n_in > 0) & (n_in < members.shape[-1])).all():
        raise BadInput("a ROC needs examples inside and outside the training set")
    return np.asarray(n_in)
