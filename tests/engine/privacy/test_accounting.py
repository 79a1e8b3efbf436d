"""The stated epsilon is never overspent, by two accountants that are not ours, and the test can tell."""

from math import exp, inf, log
from pathlib import Path

import pytest
from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus.accountants import PRVAccountant

from engine.mechanism import Mechanism
from engine.privacy import accounting
from engine.privacy.accounting import ACCOUNTANT, FINE, calibrated, epsilon_spent, noise_multiplier, spending

budgets = st.floats(0.3, 12)
rates = st.floats(0.01, 0.5)
lengths = st.integers(10, 400)
INTERVAL = 2.5e-5


def independent_epsilon(sigma: float, sample_rate: float, steps: int, delta: float) -> float:
    accountant = PLDAccountant(value_discretization_interval=INTERVAL)
    accountant.compose(PoissonSampledDpEvent(sample_rate, GaussianDpEvent(sigma)), steps)
    return float(accountant.get_epsilon(delta))


@given(epsilon=budgets, sample_rate=rates, steps=lengths)
@settings(max_examples=6, deadline=None)
def test_calibrated_noise_never_overspends_and_five_percent_less_does(
    epsilon: float, sample_rate: float, steps: int
) -> None:
    sigma = noise_multiplier(epsilon, 1e-5, sample_rate, steps)
    slack = 1e-4  # the independent accountant is pessimistic too, on a grid of its own
    assert independent_epsilon(sigma, sample_rate, steps, 1e-5) <= epsilon + slack
    assert independent_epsilon(0.95 * sigma, sample_rate, steps, 1e-5) > epsilon + slack


@given(epsilon=st.floats(0.5, 8), sample_rate=st.floats(0.02, 0.5), steps=st.integers(20, 300))
@settings(max_examples=3, deadline=None)
def test_opacus_prv_agrees(epsilon: float, sample_rate: float, steps: int) -> None:
    def prv(noise: float) -> float:
        accountant = PRVAccountant()
        accountant.history = [(noise, sample_rate, steps)]
        return float(accountant.get_epsilon(1e-5, eps_error=0.005, delta_error=1e-9))

    sigma = noise_multiplier(epsilon, 1e-5, sample_rate, steps)
    assert 0.97 * epsilon < prv(sigma) <= epsilon + 0.01  # PRV's own error bound is 0.005 each way
    assert prv(0.95 * sigma) > epsilon + 0.01


@pytest.mark.parametrize("epsilon", [0.05, 100.0])
def test_the_ends_of_the_range(epsilon: float) -> None:
    sigma = noise_multiplier(epsilon, 1e-5, 8192 / 60_000, 219)
    assert (
        0.98 * epsilon < epsilon_spent(sigma, 8192 / 60_000, 219, 1e-5, interval=max(2.5e-5, epsilon * 5e-5)) <= epsilon
    )


def test_one_full_batch_is_the_gaussian_mechanism() -> None:
    """Balle and Wang (arXiv:1805.06530): delta(eps) = Phi(1/2s - eps s) - e^eps Phi(-1/2s - eps s)."""
    from scipy.stats import norm

    sigma, delta = 2.0, 1e-5
    epsilon = epsilon_spent(sigma, 1.0, 1, delta, interval=1e-5)
    exact = norm.cdf(0.5 / sigma - epsilon * sigma) - exp(epsilon) * norm.cdf(-0.5 / sigma - epsilon * sigma)
    assert exact <= delta
    assert exact == pytest.approx(delta, rel=1e-3)


def test_no_privacy_needs_no_noise_and_no_step_spends_nothing() -> None:
    assert noise_multiplier(inf, 1e-5, 0.1, 10) == 0.0
    assert epsilon_spent(0.0, 0.1, 10, 1e-5) == inf
    assert epsilon_spent(1.0, 0.1, 0, 1e-5) == 0.0


def test_calibration_is_remembered_and_spending_rises_to_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = calibrated(tmp_path, 3.0, 1e-5, 0.2, 50)
    trained = Mechanism(0.2, first.noise_multiplier, 50)
    spent = spending(tmp_path, 3.0, 1e-5, trained, [10, 30, 50])
    assert sorted(spent) == spent
    assert spent[-1] == pytest.approx(3.0, rel=1e-3)
    assert spent[-1] <= 3.0
    for other in ((2.0, 1e-5, 0.2, 50), (3.0, 1e-6, 0.2, 50), (3.0, 1e-5, 0.1, 50), (3.0, 1e-5, 0.2, 40)):
        assert calibrated(tmp_path, *other).noise_multiplier == noise_multiplier(*other) != first.noise_multiplier
    monkeypatch.setattr(accounting, "_calibrate", None)
    assert calibrated(tmp_path, 3.0, 1e-5, 0.2, 50) == first
    assert spending(tmp_path, inf, 1e-5, Mechanism(0.2, 0.0, 50), [10, 50]) == [inf, inf]


def test_the_noise_of_studies_that_were_computed_before_is_what_it_was() -> None:
    """Their results rest on it, to the last bit (a calibration of version 0.1)."""
    assert noise_multiplier(8.0, 1e-5, 0.137, 219) == 1.4467256312008316
    assert noise_multiplier(1.0, 1e-5, 0.137, 219) == 7.693863195091582


DEAR = ((0.05, 1e-5, 1e-3, 1), (0.05, 1e-5, 1.0, 10_000), (0.05, 1e-2, 1e-3, 10_000), (100.0, 1e-12, 1e-3, 1))


@pytest.mark.parametrize(("epsilon", "delta", "sample_rate", "steps"), DEAR)
def test_what_would_take_long_is_still_never_overspent(
    epsilon: float, delta: float, sample_rate: float, steps: int
) -> None:
    noise, by = accounting._calibrate(epsilon, delta, sample_rate, steps)
    finer = accounting._interval(epsilon, FINE)
    assert epsilon_spent(noise, sample_rate, steps, delta, interval=finer) <= epsilon
    assert epsilon_spent(0.95 * noise, sample_rate, steps, delta, interval=finer) > epsilon
    assert by.startswith(ACCOUNTANT[:-1])


def test_a_coarser_interval_is_named_with_the_result(tmp_path: Path) -> None:
    by = calibrated(tmp_path, 0.05, 1e-5, 1e-3, 1)
    assert by.accountant == "PLD (dp-accounting, pessimistic, interval 0.0002)"
    assert calibrated(tmp_path, 3.0, 1e-5, 0.2, 50).accountant == ACCOUNTANT


@given(
    epsilon=st.floats(log(0.05), log(100)).map(exp),
    delta=st.sampled_from([1e-12, 1e-7, 1e-5, 1e-3]),
    sample_rate=st.floats(log(1e-3), 0.0).map(exp),
    steps=st.floats(0.0, log(10_000)).map(lambda x: round(exp(x))),
)
@settings(max_examples=8, deadline=None)
def test_any_calibration_is_work_of_a_few_seconds(epsilon: float, delta: float, sample_rate: float, steps: int) -> None:
    """Counted in points of distributions, so that a busy machine changes nothing."""
    counted: list[float] = []

    def counting(noise: float, rate: float, n: int, at: float, *, interval: float) -> float:
        counted.append(accounting._price(Mechanism(rate, noise, n), interval))
        return epsilon_spent(noise, rate, n, at, interval=interval)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounting, "epsilon_spent", counting)
        accounting._calibrate(epsilon, delta, sample_rate, steps)
    assert sum(counted) < 5
