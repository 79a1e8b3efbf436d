"""Noise that keeps a promise, against closed forms, and draws against their distribution."""

import random
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from engine.privacy import mechanisms
from engine.privacy.mechanisms import GAUSSIAN, LAPLACE

EPSILONS = (0.1, 0.5, 1.0, 3.0, 8.0)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_one_image_changes_a_laplace_density_by_exp_epsilon_and_no_more(epsilon: float) -> None:
    answers = np.linspace(-30, 30, 6001)
    b = mechanisms.scale(LAPLACE, epsilon, 0.0)
    ratio = mechanisms.density(LAPLACE, b, answers - 1) / mechanisms.density(LAPLACE, b, answers)
    assert ratio.max() == pytest.approx(exp(epsilon), rel=1e-9)
    assert ratio.min() == pytest.approx(exp(-epsilon), rel=1e-9)
    less = mechanisms.density(LAPLACE, 0.95 * b, answers - 1) / mechanisms.density(LAPLACE, 0.95 * b, answers)
    assert less.max() > exp(epsilon) * 1.001


def test_no_bound_of_that_kind_holds_for_gaussian_answers() -> None:
    sigma = mechanisms.scale(GAUSSIAN, 1.0, 1e-5)
    far = np.array([60.0])
    ratio = mechanisms.density(GAUSSIAN, sigma, far - 1) / mechanisms.density(GAUSSIAN, sigma, far)
    assert ratio[0] > exp(1.0)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("sigma", [0.4, 1.0, 5.0])
def test_the_delta_of_a_gaussian_is_its_hockey_stick_integral(epsilon: float, sigma: float) -> None:
    """delta = integral of (p - exp(epsilon) q)+ over the answers where it is positive, with scipy's own densities."""
    begins = epsilon * sigma**2 + 0.5  # there p = exp(epsilon) q
    there, gone = stats.norm(1, sigma), stats.norm(0, sigma)
    integral, _ = integrate.quad(
        lambda x: there.pdf(x) - exp(epsilon) * gone.pdf(x), begins, begins + 40 * sigma, epsabs=1e-14, limit=200
    )
    assert mechanisms.gaussian_delta(epsilon, sigma) == pytest.approx(integral, rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("delta", [1e-9, 1e-5, 1e-2])
def test_the_gaussian_noise_is_the_least_that_keeps_the_promise(epsilon: float, delta: float) -> None:
    sigma = mechanisms.gaussian_scale(epsilon, delta)
    assert mechanisms.gaussian_delta(epsilon, sigma) <= delta
    assert mechanisms.gaussian_delta(epsilon, sigma * 0.999) > delta


def test_it_takes_less_noise_than_the_classic_formula() -> None:
    assert mechanisms.gaussian_scale(0.9, 1e-5) < sqrt(2 * log(1.25 / 1e-5)) / 0.9


@pytest.mark.parametrize(("mechanism", "law"), [(LAPLACE, stats.laplace(143, 2.0)), (GAUSSIAN, stats.norm(143, 2.0))])
def test_draws_have_the_distribution_they_should(mechanism: str, law: Any) -> None:
    source = random.Random(4)
    draws = np.array([mechanisms.draw(mechanism, 143, 2.0, source) for _ in range(20_000)])
    assert stats.kstest(draws, law.cdf).pvalue > 0.01
    assert stats.kstest(143 + (draws - 143) / 1.05, law.cdf).pvalue < 0.01, "noise of another size has to be seen"
    assert np.abs(draws - 143).mean() == pytest.approx(mechanisms.error(mechanism, 2.0), rel=0.03)
    assert draws.var() == pytest.approx(mechanisms.variance(mechanism, 2.0), rel=0.05)


def test_laplace_answers_add_up_and_gaussian_ones_cost_less_than_their_sum() -> None:
    delta = 1e-5
    sigma = mechanisms.gaussian_scale(1.0, delta)
    assert mechanisms.spent([], delta) == 0
    assert mechanisms.spent([(LAPLACE, 0.5, 2.0), (LAPLACE, 0.25, 4.0)], delta) == 0.75
    assert mechanisms.spent([(GAUSSIAN, 1.0, sigma)], delta) == pytest.approx(1.0, rel=1e-6)
    four = mechanisms.spent([(GAUSSIAN, 1.0, sigma)] * 4, delta)
    assert four == pytest.approx(mechanisms.gaussian_epsilon(sigma / 2, delta))
    assert 2.0 < four < 4.0
    assert mechanisms.gaussian_delta(four, sigma / 2) == pytest.approx(delta, rel=1e-6)
    both = mechanisms.spent([(GAUSSIAN, 1.0, sigma), (LAPLACE, 0.5, 2.0)], delta)
    assert both == pytest.approx(1.5, rel=1e-6)


def test_a_promise_that_delta_keeps_alone_spends_nothing() -> None:
    assert mechanisms.gaussian_epsilon(1e7, 1e-5) == 0.0
