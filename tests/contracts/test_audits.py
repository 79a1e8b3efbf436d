"""What every audit promises: (in_scores, out_scores) -> a bound seldom above the epsilon of a known mechanism."""

from collections.abc import Callable
from functools import partial
from math import exp, log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import binomtest, norm

from engine.leakage.audit import Bound, one_run, repeated_runs

CANARIES, TRIALS, DELTA, SIGNIFICANCE = 400, 200, 1e-5, 0.05
Audit = Callable[..., Bound]
AUDITS: dict[str, Audit] = {"one run": partial(one_run, guesses=200), "repeated runs": repeated_runs}
Numbers = NDArray[np.float64]
Mechanism = Callable[[float, NDArray[np.bool_], np.random.Generator], Numbers]


def gaussian(epsilon: float, coins: NDArray[np.bool_], draw: np.random.Generator) -> Numbers:
    """A coin counts 1 in a sum of its own; the noise gives exactly (epsilon, DELTA), by the mechanism's closed form."""
    return coins + draw.normal(scale=sigma(epsilon), size=len(coins))


def sigma(epsilon: float) -> float:
    """delta = Phi(mu/2 - epsilon/mu) - exp(epsilon) Phi(-mu/2 - epsilon/mu), mu = 1 / sigma (arXiv:1805.06530)."""

    def spent(mu: float) -> float:
        return float(norm.cdf(mu / 2 - epsilon / mu) - exp(epsilon + norm.logcdf(-mu / 2 - epsilon / mu))) - DELTA

    return 1 / brentq(spent, 1e-3, 50)


def randomised_response(epsilon: float, coins: NDArray[np.bool_], draw: np.random.Generator) -> Numbers:
    """(epsilon, 0), and nothing is lost: the coin or its opposite; a number by chance tells equal ones apart."""
    said = coins ^ (draw.random(len(coins)) > expit(epsilon))
    return said + draw.random(len(coins)) / 2


MECHANISMS = {"gaussian": (gaussian, DELTA), "randomised response": (randomised_response, 0.0)}


def trials(audit: Audit, mechanism: Mechanism, epsilon: float, delta: float, seed: int = 0) -> list[Bound]:
    draw, found = np.random.default_rng(seed), []
    for _ in range(TRIALS):
        coins = draw.random(CANARIES) < 0.5
        scores = mechanism(epsilon, coins, draw)
        found.append(audit(scores[coins], scores[~coins], delta=delta, significance=SIGNIFICANCE))
    return found


def too_often(above: int) -> bool:
    """Whether so many of TRIALS bounds above the truth are more than SIGNIFICANCE allows."""
    return bool(binomtest(above, TRIALS, SIGNIFICANCE, alternative="greater").pvalue < 0.001)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("audit", AUDITS)
def test_never_above_the_true_epsilon_more_often_than_stated(audit: str, mechanism: str, epsilon: float) -> None:
    function, delta = MECHANISMS[mechanism]
    found = trials(AUDITS[audit], function, epsilon, delta)
    assert not too_often(sum(bound.epsilon > epsilon for bound in found))
    assert all(0 <= bound.epsilon <= bound.ceiling for bound in found)


@pytest.mark.parametrize("audit", AUDITS)
def test_the_contract_can_be_broken(audit: str) -> None:
    """The log odds of right guesses, without a margin for chance, are above the truth about every second time."""
    found = trials(AUDITS[audit], randomised_response, 1.0, 0.0)
    assert too_often(sum(log(bound.right / (bound.guesses - bound.right)) > 1.0 for bound in found))


@pytest.mark.parametrize("audit", AUDITS)
def test_a_mechanism_that_spends_more_than_it_says_is_caught(audit: str) -> None:
    """Half the noise of epsilon 3: an audit that says nothing would keep every other promise, too."""
    found = trials(AUDITS[audit], randomised_response, 3.0, 0.0)
    assert too_often(sum(bound.epsilon > 1.5 for bound in found))


@pytest.mark.parametrize("delta", [0.0, DELTA])
@pytest.mark.parametrize("audit", AUDITS)
def test_perfect_separation_gives_the_ceiling(audit: str, delta: float) -> None:
    inside, outside = np.random.default_rng(0).random((2, CANARIES // 2))
    found = AUDITS[audit](inside + 5, outside, delta=delta)
    assert found.epsilon == found.ceiling > 3
    assert found.right == found.guesses


@pytest.mark.parametrize("audit", AUDITS)
def test_identical_scores_give_nothing(audit: str) -> None:
    scores = np.random.default_rng(0).random(CANARIES // 2)
    assert AUDITS[audit](scores, scores).epsilon == 0
    assert AUDITS[audit](np.ones(CANARIES // 2), np.ones(CANARIES // 2)).epsilon == 0


@pytest.mark.parametrize("audit", AUDITS)
def test_the_order_of_scores_tells_nothing(audit: str) -> None:
    """Few values, so most are equal: whoever ranks them by their place would know every coin."""
    draw = np.random.default_rng(0)
    inside, outside = draw.integers(0, 3, (2, CANARIES // 2)).astype(float)
    assert AUDITS[audit](inside, outside).epsilon == 0


@pytest.mark.parametrize("audit", AUDITS)
def test_more_confidence_costs_epsilon(audit: str) -> None:
    coins = np.random.default_rng(0).random(CANARIES) < 0.5
    scores = randomised_response(3.0, coins, np.random.default_rng(1))
    sure, surer = (AUDITS[audit](scores[coins], scores[~coins], significance=s) for s in (0.05, 0.001))
    assert 0 < surer.epsilon < sure.epsilon
    assert surer.ceiling < sure.ceiling
    assert (sure.significance, surer.significance) == (0.05, 0.001)
