"""Counting: ROCs with ties, areas, limits that hold as often as they say, and the line that theory draws."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm

from engine.errors import BadInput
from engine.leakage.curve import (
    Point,
    auc,
    averaged,
    beside,
    clopper_pearson,
    cut,
    over_targets,
    point,
    points,
    roc,
)
from engine.mechanism import Mechanism

RANDOM = np.random.default_rng(0)


def naive_points(scores: np.ndarray, members: np.ndarray) -> set[tuple[float, float]]:
    """Rates of accusing from each score on, counted one example at a time."""
    n_in, n_out = sum(members), sum(~members)
    found = {(0.0, 0.0)}
    for cutoff in scores:
        hits = [s >= cutoff for s in scores]
        tp = sum(h and m for h, m in zip(hits, members, strict=True))
        found.add((sum(hits) - tp, tp))
    return {(float(fp / n_out), float(tp / n_in)) for fp, tp in found}


@pytest.mark.parametrize("levels", [3, 10_000])
def test_the_curve_is_that_of_counting(levels: int) -> None:
    scores, members = RANDOM.integers(levels, size=60).astype(float), RANDOM.random(60) < 0.4
    found = roc(scores, members)
    assert set(zip(found.false_positives.tolist(), found.true_positives.tolist(), strict=True)) == naive_points(
        scores, members
    )
    area = np.trapezoid(found.true_positives, found.false_positives)
    assert auc(scores, members) == pytest.approx(area)


def test_area_of_many_targets() -> None:
    scores, members = RANDOM.random((3, 50)), RANDOM.random((3, 50)) < 0.5
    pairs = [
        np.mean(one[inside][:, None] > one[~inside]) for one, inside in zip(scores, members, strict=True)
    ]  # no ties
    np.testing.assert_allclose(auc(scores, members), pairs)


def test_ends() -> None:
    members = np.arange(200) < 100
    assert auc(np.zeros(200), members) == 0.5
    assert point(np.zeros(200), members, 0.1).true_positives == 0.0, "all are tied: none can be accused within 10 %"
    assert point(np.zeros(200), members, 1.0).true_positives == 1.0
    assert auc(members.astype(float), members) == 1.0
    assert point(members.astype(float), members, 0.001) == Point(0.001, 100, 100, 0, 100)
    assert auc(-members.astype(float), members) == 0.0


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("levels", [5, 10_000_000])
def test_a_point_is_the_best_within_its_rate(rate: float, levels: int) -> None:
    members = RANDOM.random(2000) < 0.5
    scores = np.floor((RANDOM.random(2000) + 0.2 * members) * levels)
    found = point(scores, members, rate)
    assert found.false_positives <= rate
    assert found.true_positives == roc(scores, members).at([rate])[0]
    best = max(tp for fp, tp in naive_points(scores, members) if fp <= rate + 1e-12) if levels == 5 else None
    assert best is None or found.true_positives == pytest.approx(best)


def test_a_share_of_the_others_may_be_accused_exactly() -> None:
    """0.1 of 30 is 3, though doubles say 3.0000000000000004 or 2.9999999999999996 of others."""
    scores, members = np.arange(60.0), np.arange(60) % 2 == 0
    for rate in (0.1, 0.3, 0.7, 0.9):
        assert (scores[~members] > cut(scores, members, rate)).sum() == round(30 * rate)


def test_the_curve_of_many_targets_is_their_mean() -> None:
    scores, members = RANDOM.random((4, 200)), RANDOM.random((4, 200)) < 0.5
    rates = (0.01, 0.1, 0.5)
    by_point = np.reshape([one.true_positives for one in points(scores, members, rates)], (4, 3))
    np.testing.assert_allclose(averaged(scores, members, rates), by_point.mean(axis=0))


def test_points_are_in_the_order_of_targets_and_rates() -> None:
    scores, members = RANDOM.random((2, 50)), RANDOM.random((2, 50)) < 0.5
    assert points(scores, members, (0.1, 0.2)) == [point(scores[t], members[t], r) for t in (0, 1) for r in (0.1, 0.2)]


@pytest.mark.parametrize("inside", [np.ones(9, bool), np.zeros(9, bool)])
def test_one_side_alone_has_no_curve(inside: np.ndarray) -> None:
    for count in (roc, auc):
        with pytest.raises(BadInput, match="inside and outside"):
            count(np.arange(9.0), inside)


@pytest.mark.parametrize("p", [0.002, 0.05, 0.5])
def test_limits_hold_as_often_as_they_say(p: float) -> None:
    """Computed, not drawn: the chance that the limits contain the truth, over all outcomes."""
    inside = [k for k in range(201) if (lim := clopper_pearson(k, 200))[0] <= p <= lim[1]]
    assert binom.pmf(inside, 200, p).sum() >= 0.95
    exact = binomtest(7, 200).proportion_ci(0.95, method="exact")
    assert clopper_pearson(7, 200) == pytest.approx((exact.low, exact.high))


def test_spread_over_targets_is_students() -> None:
    x = RANDOM.normal(2.0, 1.0, (2000, 5))
    held = [(low <= 2.0 <= high) for _, low, high in map(over_targets, x)]
    assert binomtest(sum(held), 2000, 0.95).pvalue > 0.001
    with pytest.raises(BadInput, match="2 or more"):
        over_targets([0.5])


def simulated(sigma: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An attacker of n independent Gaussian mechanisms of noise `sigma`, each of one example, in or out; (1, n)."""
    g = np.random.default_rng(seed)
    members = g.random(n) < 0.5
    return (members + sigma * g.normal(size=n))[None], members[None]


def test_the_best_attack_stays_below_theory_and_a_promise_of_more_noise_is_broken(tmp_path: Path) -> None:
    measured = list(chain.from_iterable(points(*simulated(1.0, 20_000, seed)) for seed in range(5)))
    honest = beside(measured, Mechanism(1.0, 1.0, 1), tmp_path)
    assert not any(one.broken for one in honest)
    reached = [one.point.true_positives / one.allowed for one in honest if one.point.rate == 0.1]
    assert np.mean(reached) == pytest.approx(1.0, abs=0.03), "the attack is the best there is, so it is close"
    exact = norm.cdf(norm.ppf([one.point.false_positives for one in honest]) + 1.0)
    assert [one.allowed for one in honest] == pytest.approx(exact.tolist(), rel=3e-3)
    assert any(one.broken for one in beside(measured, Mechanism(1.0, 1.4, 1), tmp_path))


def test_limits_beside_theory_hold_together(tmp_path: Path) -> None:
    measured = points(*simulated(1.0, 2000, 0))
    mechanism = Mechanism(1.0, 1.0, 1)
    alone, among = beside(measured[:1], mechanism, tmp_path)[0], beside(measured * 10, mechanism, tmp_path)[0]
    assert alone.tpr_low == pytest.approx(clopper_pearson(alone.point.found, alone.point.members, 0.05)[0])
    assert among.tpr_low < alone.tpr_low
    assert among.fpr_high > alone.fpr_high
    assert among.allowed_at_most > alone.allowed_at_most >= alone.allowed
