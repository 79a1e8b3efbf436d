"""The stated epsilon is never overspent, by two accountants that are not ours, and the test can tell."""

from math import inf
from pathlib import Path

import pytest
from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus.accountants import PRVAccountant

from engine.privacy.accounting import calibrated, epsilon_spent, noise_multiplier

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


@pytest.mark.parametrize(("epsilon", "sample_rate", "steps"), [(0.5, 0.137, 219), (3.0, 0.137, 219), (8.0, 0.5, 60)])
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
    from math import exp

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


def test_calibration_is_remembered_and_spending_rises_to_the_budget(tmp_path: Path) -> None:
    first = calibrated(tmp_path, 3.0, 1e-5, 0.2, 50, [10, 30, 50])
    assert calibrated(tmp_path, 3.0, 1e-5, 0.2, 50, [10, 30, 50]) == first
    sigma, spent = first
    assert sorted(spent) == spent
    assert spent[-1] == pytest.approx(3.0, rel=1e-3)
    assert spent[-1] <= 3.0
    for other in ((2.0, 1e-5, 0.2, 50), (3.0, 1e-6, 0.2, 50), (3.0, 1e-5, 0.1, 50), (3.0, 1e-5, 0.2, 40)):
        assert calibrated(tmp_path, *other, [10])[0] == noise_multiplier(*other)
    for damaged in (b"{ damaged", b"[]", b"null", b"\xff"):
        (tmp_path / "noise.json").write_bytes(damaged)
        assert calibrated(tmp_path, 3.0, 1e-5, 0.2, 50, [10, 30, 50])[0] == sigma
    assert [file.name for file in tmp_path.iterdir()] == ["noise.json"]
