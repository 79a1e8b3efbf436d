"""The bound on epsilon against its formula written out term by term, and what must hold whatever the guesses are."""

from math import comb, exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.leakage.audit import (
    epsilon_lower,
    epsilon_lower_from_runs,
    one_run,
    p_value,
    repeated_runs,
)


def naive_p_value(m: int, r: int, v: int, epsilon: float, delta: float) -> float:
    """The formula of the paper, term by term: no library, no array, no cumulative sum."""
    share = exp(epsilon) / (1 + exp(epsilon))
    chance = [comb(r, k) * share**k * (1 - share) ** (r - k) for k in range(r + 1)]
    worst = max((sum(chance[k] for k in range(v - i, v)) / i for i in range(1, v + 1)), default=0.0)
    return min(1.0, sum(chance[v:]) + 2 * m * delta * worst)


def naive_lower(m: int, r: int, v: int, delta: float, significance: float) -> float:
    """The first epsilon of a fine grid that is not refuted: every one below it is."""
    return next(e / 500 for e in range(10_000) if naive_p_value(m, r, v, e / 500, delta) > significance)


@st.composite
def guesses(draw: st.DrawFn, most: int = 60) -> tuple[int, int, int]:
    r = draw(st.integers(1, most))
    return draw(st.integers(r, 10 * most)), r, draw(st.integers(0, r))


DELTAS = st.sampled_from([0.0, 1e-6, 1e-4, 1e-2])
SIGNIFICANCE = st.sampled_from([0.001, 0.05, 0.2])


@given(guesses(), st.floats(0, 8), DELTAS)
def test_p_value_is_the_papers(counts: tuple[int, int, int], epsilon: float, delta: float) -> None:
    assert p_value(*counts, epsilon, delta) == pytest.approx(
        naive_p_value(*counts, epsilon, delta), rel=1e-6, abs=1e-12
    )


@pytest.mark.parametrize("delta", [0.0, 1e-5, 1e-3])
@pytest.mark.parametrize(("m", "r", "v"), [(100, 100, 80), (500, 60, 60), (30, 7, 6), (80, 80, 45), (40, 40, 20)])
def test_the_bound_is_where_the_naive_search_ends(m: int, r: int, v: int, delta: float) -> None:
    found = epsilon_lower(m, r, v, delta=delta, significance=0.05)
    assert found == pytest.approx(naive_lower(m, r, v, delta, 0.05), abs=1 / 500)


@settings(deadline=None)
@given(guesses(), DELTAS, SIGNIFICANCE)
def test_everything_below_the_bound_is_refuted_and_nothing_right_above_it(
    counts: tuple[int, int, int], delta: float, significance: float
) -> None:
    """A bound that skips an epsilon which is not refuted would be above the truth too often."""
    bound = epsilon_lower(*counts, delta=delta, significance=significance)
    values = [p_value(*counts, share * bound, delta) for share in np.linspace(0, 0.999, 40)]
    assert bound == 0 or max(values) <= significance * (1 + 1e-9)
    assert p_value(*counts, bound + 1e-3, delta) > significance


@settings(max_examples=25, deadline=None)
@given(guesses(), DELTAS, SIGNIFICANCE)
def test_bound_rises_with_right_guesses_up_to_the_ceiling(
    counts: tuple[int, int, int], delta: float, significance: float
) -> None:
    m, r, _ = counts
    bounds = [epsilon_lower(m, r, v, delta=delta, significance=significance) for v in range(r + 1)]
    assert bounds == sorted(bounds)
    assert bounds[0] == 0


@given(guesses(most=40), st.integers(2, 6), SIGNIFICANCE)
def test_bound_rises_with_the_number_of_guesses_at_the_same_share(
    counts: tuple[int, int, int], times: int, significance: float
) -> None:
    _, r, v = counts
    few = epsilon_lower(r, r, v, significance=significance)
    assert epsilon_lower(times * r, times * r, times * v, significance=significance) >= few - 1e-9


@settings(deadline=None)
@given(guesses(), DELTAS, DELTAS, SIGNIFICANCE)
def test_bound_falls_with_delta(counts: tuple[int, int, int], one: float, other: float, significance: float) -> None:
    small, large = sorted((one, other))
    how = [epsilon_lower(*counts, delta=delta, significance=significance) for delta in (small, large)]
    assert how[0] >= how[1] - 1e-9


@given(st.integers(1, 60), st.integers(1, 60), st.data(), DELTAS, SIGNIFICANCE)
def test_runs_bound_rises_with_hits_falls_with_alarms_and_delta(
    n_in: int, n_out: int, data: st.DataObject, delta: float, significance: float
) -> None:
    hits, alarms = data.draw(st.integers(0, n_in)), data.draw(st.integers(0, n_out))

    def bound(tp: int, fp: int, d: float = delta) -> float:
        return epsilon_lower_from_runs(tp, n_in, fp, n_out, delta=d, significance=significance)

    assert 0 <= bound(hits, alarms) <= bound(n_in, 0)
    assert bound(hits, alarms, 0.02) <= bound(hits, alarms)
    if hits / n_in > alarms / n_out:  # else guesses are better turned round
        assert bound(min(hits + 1, n_in), alarms) >= bound(hits, alarms)
        assert bound(hits, max(alarms - 1, 0)) >= bound(hits, alarms)


def test_runs_bound_by_hand() -> None:
    """Clopper-Pearson at 2.5 % a side, by its equation: P[X >= 45 of 50] = 0.025 at the least TPR, 0.7819."""
    tpr, fpr = 0.7819, 1 - 0.7819
    assert sum(comb(50, k) * tpr**k * (1 - tpr) ** (50 - k) for k in range(45, 51)) == pytest.approx(0.025, abs=2e-4)
    for delta in (0.0, 0.1):
        found = epsilon_lower_from_runs(45, 50, 5, 50, delta=delta)
        assert found == pytest.approx(log((tpr - delta) / fpr), abs=1e-3)


def test_runs_bound_takes_the_better_of_both_sides() -> None:
    """Half of the runs with the canary never look like the others: the first ratio. And the other way round."""
    first = epsilon_lower_from_runs(100, 200, 0, 200)
    assert first == pytest.approx(epsilon_lower_from_runs(200, 200, 100, 200))
    assert first > 3


def test_the_threshold_is_chosen_by_runs_that_are_not_counted() -> None:
    """Scores that are noise: chosen on the same 40 runs, the best of 40 thresholds would often say something."""
    draw = np.random.default_rng(0)
    above = [repeated_runs(*draw.normal(size=(2, 40))).epsilon > 0 for _ in range(200)]
    assert sum(above) <= 18  # 5 % of 200, and what chance adds
    found = repeated_runs([1.0] * 40, [0.0] * 40)
    assert (found.guesses, found.right) == (40, 40)


@pytest.mark.parametrize("scores", [(0.0, float("nan")), (float("nan"), 0.0)])
def test_what_is_not_a_number_is_refused(scores: tuple[float, float]) -> None:
    with pytest.raises(BadInput, match="not a number"):
        one_run(scores, [0.0, 1.0], guesses=2)
    with pytest.raises(BadInput, match="not a number"):
        repeated_runs([0.0, 1.0], scores)


def test_a_loss_that_overflowed_is_a_low_score() -> None:
    assert one_run([0.0] * 9, [-np.inf] * 9, guesses=18).right == 18
    assert repeated_runs([0.0] * 9, [-np.inf] * 9).right == 8


@pytest.mark.parametrize(
    ("m", "r", "v", "delta", "significance"),
    [
        (10, 11, 5, 0.0, 0.05),
        (10, 5, 6, 0.0, 0.05),
        (10, 5, -1, 0.0, 0.05),
        (10, 5, 5, -0.1, 0.05),
        (10, 5, 5, 0.0, 0.0),
        (10, 5, 5, 0.0, 0.7),
    ],
)
def test_counts_and_chances_have_bounds(m: int, r: int, v: int, delta: float, significance: float) -> None:
    with pytest.raises(BadInput):
        epsilon_lower(m, r, v, delta=delta, significance=significance)


@pytest.mark.parametrize("n", [0, 19])
def test_more_guesses_than_canaries_are_refused(n: int) -> None:
    with pytest.raises(BadInput, match="guesses"):
        one_run([1.0] * 9, [0.0] * 9, guesses=n)


def test_one_run_of_each_kind_bounds_nothing() -> None:
    with pytest.raises(BadInput, match="two of each"):
        repeated_runs([1.0], [0.0, 0.0])
