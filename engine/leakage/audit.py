"""What an attack proves: lower bounds on epsilon from guesses about who was in, each with the most it could have said.

An epsilon that is promised bounds what any attacker finds out; so guesses that are right too often refute the promise.
Both bounds hold with confidence 1 - significance, whatever the scores are: a poor attack gives a low bound, never a
false one. Unit: one image added or removed. No torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta, binom

from engine.checks import within
from engine.errors import BadInput

HALVINGS = 30  # to a billionth of the bound at delta 0
Scores = Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True)
class Bound:
    """Demonstrated: `epsilon` is at least this. `ceiling`: what the same number of guesses, all right, would have said.

    `right` of `guesses` guesses were right; `significance` is the chance of a bound above the truth.
    """

    epsilon: float
    ceiling: float
    right: int
    guesses: int
    significance: float


def one_run(
    in_scores: Scores, out_scores: Scores, *, guesses: int, delta: float = 0.0, significance: float = 0.05
) -> Bound:
    """The bound from one training run, each canary of which was in or out by a fair coin of its own.

    `in_scores` of the canaries that were in, `out_scores` of the others, higher for those that look trained on. The
    upper half of `guesses` are guessed in, the lower half out, nothing is said of those between. `guesses` is fixed
    before anybody sees a score: the best of several is not a bound. Equal scores count as guessed wrong.
    """
    inside, outside = _numbers(in_scores), _numbers(out_scores)
    m = len(inside) + len(outside)
    within("guesses", guesses, 1, m)
    right = _right(inside, outside, guesses // 2) + _right(-outside, -inside, guesses - guesses // 2)
    found, most = (epsilon_lower(m, guesses, n, delta=delta, significance=significance) for n in (right, guesses))
    return Bound(found, most, right, guesses, significance)


def _right(wanted: NDArray[np.float64], others: NDArray[np.float64], n: int) -> int:
    """How many of the n highest scores are `wanted`; of equal ones, the others come first."""
    scores, is_wanted = np.concatenate([others, wanted]), np.repeat([0, 1], [len(others), len(wanted)])
    return int(is_wanted[np.lexsort((is_wanted, -scores))][:n].sum())


def p_value(canaries: int, guesses: int, right: int, epsilon: float, delta: float = 0.0) -> float:
    """At most how likely (epsilon, delta) makes so many right guesses (arXiv:2305.08846, Theorem 5.2, Corollary 5.4).

    P[W >= v] + 2 m delta max over i in 1..v of P[v > W >= v - i] / i, where W is the number of right answers in r
    randomised responses, each right with probability 1 / (1 + exp(-epsilon)).

    >>> round(p_value(100, 100, 75, float(np.log(3))), 3)  # at log 3, three answers out of four are right
    0.553
    """
    share = float(expit(epsilon))
    below = binom.pmf(np.arange(right - 1, -1, -1), guesses, share)
    worst = np.max(np.cumsum(below) / np.arange(1, right + 1), initial=0.0)
    return min(1.0, float(binom.sf(right - 1, guesses, share) + 2 * canaries * delta * worst))


def epsilon_lower(canaries: int, guesses: int, right: int, *, delta: float = 0.0, significance: float = 0.05) -> float:
    """Every epsilon below this is refuted by `right` of `guesses` guesses about `canaries`: its p-value is too small.

    With all guesses right, the most that so many can say:

    >>> [round(epsilon_lower(r, r, r), 2) for r in (100, 1000)]
    [3.49, 5.81]

    Published with the method (Appendix D, and Section 7, where it is cut off to 2.675):

    >>> round(epsilon_lower(1000, 100, 75, delta=1e-4), 3), round(epsilon_lower(100_000, 1510, 1439, delta=1e-5), 3)
    (0.673, 2.676)
    """
    _counts(delta, significance, (right, guesses), (guesses, canaries))
    if right == 0:
        return 0.0
    high = max(0.0, float(logit(beta.ppf(significance, right, guesses - right + 1))))
    return high if delta == 0 else _crossing(canaries, guesses, right, high, delta, significance)


def _crossing(canaries: int, guesses: int, right: int, high: float, delta: float, significance: float) -> float:
    """Where the p-value, which rises with epsilon up to `high` (the bound at delta 0), reaches `significance`."""
    low = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if p_value(canaries, guesses, right, middle, delta) <= significance:
            low = middle
        else:
            high = middle
    return low


def repeated_runs(in_scores: Scores, out_scores: Scores, *, delta: float = 0.0, significance: float = 0.05) -> Bound:
    """The bound from independent runs: one score a run, `in_scores` of runs with the canary, `out_scores` without.

    Models that share batches or noise are not independent runs. Every second run chooses the threshold from which on
    the canary is guessed in, the others are counted: scores come in the order of the runs, never sorted. BadInput for
    less than two runs of either kind.
    """
    inside, outside = _numbers(in_scores), _numbers(out_scores)
    if min(len(inside), len(outside)) < 2:
        raise BadInput(f"{len(inside)} runs with the canary and {len(outside)} without: two of each are the least")
    threshold = _threshold(inside[::2], outside[::2], delta, significance)
    inside, outside = inside[1::2], outside[1::2]
    n_in, n_out = len(inside), len(outside)
    hits, alarms = int((inside > threshold).sum()), int((outside > threshold).sum())
    found = _from_runs(np.array([hits, n_in]), n_in, np.array([alarms, 0]), n_out, delta, significance)
    return Bound(float(found[0]), float(found[1]), hits + n_out - alarms, n_in + n_out, significance)


def _threshold(inside: NDArray[np.float64], outside: NDArray[np.float64], delta: float, significance: float) -> float:
    """The threshold, half-way between two neighbouring scores, that would give these runs the highest bound."""
    scores = np.unique(np.concatenate([inside, outside]))
    between = (scores[1:] + scores[:-1]) / 2 if len(scores) > 1 else scores
    hits, alarms = ((part > between[:, None]).sum(1) for part in (inside, outside))
    return float(between[np.argmax(_from_runs(hits, len(inside), alarms, len(outside), delta, significance))])


def epsilon_lower_from_runs(
    hits: int, n_in: int, alarms: int, n_out: int, *, delta: float = 0.0, significance: float = 0.05
) -> float:
    """The bound from `hits` of `n_in` runs with the canary that were guessed in, and `alarms` of `n_out` without it.

    (epsilon, delta) keeps TPR <= exp(epsilon) FPR + delta and 1 - FPR <= exp(epsilon) (1 - TPR) + delta. Both follow
    from a least TPR and a largest FPR, each Clopper-Pearson at half the significance (arXiv:2101.04535). The most that
    n runs of each kind can say:

    >>> [round(epsilon_lower_from_runs(n, n, 0, n), 2) for n in (100, 1000)]
    [3.28, 5.6]
    """
    _counts(delta, significance, (hits, n_in), (alarms, n_out))
    return float(_from_runs(np.array(hits), n_in, np.array(alarms), n_out, delta, significance))


def _from_runs(
    hits: NDArray[np.integer],
    n_in: int,
    alarms: NDArray[np.integer],
    n_out: int,
    delta: float,
    significance: float,
) -> NDArray[np.float64]:
    tpr = np.where(hits > 0, beta.ppf(significance / 2, np.maximum(hits, 1), n_in - hits + 1), 0.0)
    fpr = np.where(alarms < n_out, beta.ppf(1 - significance / 2, alarms + 1, np.maximum(n_out - alarms, 1)), 1.0)
    ratios = np.maximum((tpr - delta) / fpr, (1 - fpr - delta) / (1 - tpr))
    found: NDArray[np.float64] = np.log(np.maximum(ratios, 1.0))
    return found


def _numbers(scores: Scores) -> NDArray[np.float64]:
    """Scores that can be ranked and halved; an infinite one, as of a loss that overflowed, becomes a very large one."""
    found = np.asarray(scores, dtype=np.float64)
    if np.isnan(found).any():
        raise BadInput(f"score {int(np.flatnonzero(np.isnan(found))[0])} is not a number, so it cannot be ranked")
    return np.clip(found, -1e300, 1e300)


def _counts(delta: float, significance: float, *shares: tuple[int, int]) -> None:
    """BadInput unless each share (n, of so many) can be, and delta and significance are probabilities."""
    within("delta", delta, 0, 1)
    within("significance", significance, 1e-12, 0.5)
    for n, total in shares:
        within("count", n, 0, total)
