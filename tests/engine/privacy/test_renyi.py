"""Renyi curves: against the closed form without sampling, and never below the exact accountant."""

import pytest
from dp_accounting.rdp.rdp_privacy_accountant import compute_epsilon

from engine.mechanism import Mechanism
from engine.privacy import renyi
from engine.privacy.accounting import epsilon_spent


@pytest.mark.parametrize(("sigma", "steps"), [(1.0, 1), (4.0, 1), (5.0, 30)])
def test_without_sampling_it_is_the_closed_form(sigma: float, steps: int) -> None:
    found = renyi.curve(Mechanism(1.0, sigma, steps))
    assert found == pytest.approx([steps * order / (2 * sigma**2) for order in renyi.ORDERS])


@pytest.mark.parametrize(("rate", "sigma", "steps"), [(0.1365, 4.5, 219), (0.01, 1.0, 500), (0.178, 6.0, 300)])
def test_it_states_no_less_than_the_exact_accountant(rate: float, sigma: float, steps: int) -> None:
    stated = renyi.epsilon(renyi.curve(Mechanism(rate, sigma, steps)), 1e-5)
    exact = epsilon_spent(sigma, rate, steps, 1e-5)
    assert exact <= stated < 1.3 * exact


def test_conversion_is_the_library_s() -> None:
    spent = renyi.curve(Mechanism(0.1365, 4.5, 219))
    assert renyi.epsilon(spent, 1e-5) == pytest.approx(compute_epsilon(renyi.ORDERS, spent, 1e-5)[0])


def test_costs_add_order_by_order() -> None:
    once, twice = (renyi.curve(Mechanism(0.1, 3.0, steps)) for steps in (50, 100))
    assert renyi.added([once, once]) == pytest.approx(twice)
    assert renyi.of([Mechanism(0.1, 3.0, 50)] * 2) == pytest.approx(twice)


def test_without_noise_nothing_finite_is_stated() -> None:
    assert renyi.epsilon(renyi.curve(Mechanism(0.1, 0.0, 10)), 1e-5) == float("inf")
