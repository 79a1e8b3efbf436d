"""The line that no attack gets above, against closed forms and published figures."""

import numpy as np
import pytest
from scipy import stats

from engine.privacy import accounting, attacker, mechanisms
from engine.privacy.joint import Mechanism

ALARMS = np.array([0.001, 0.01, 0.1, 0.5])


@pytest.mark.parametrize(("epsilon", "published"), [(1, 2.0), (3, 5.2), (8, 21.9)])
def test_published_figures(epsilon: float, published: float) -> None:
    """The default training of Fashion-MNIST: at most so many members in 100 at 1 false alarm in 100."""
    noise = accounting.noise_multiplier(epsilon, 1e-5, 8192 / 60000, 219)
    found = attacker.from_training(Mechanism(8192 / 60000, noise, 219), np.array([0.01]))
    assert round(100 * float(found[0]), 1) == published


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_without_sampling_it_is_the_best_test_between_two_normals(sigma: float) -> None:
    """Neyman and Pearson: TPR = Phi(Phi^-1(FPR) + sqrt(T) / sigma); a bound that is nearly reached."""
    exact = stats.norm.cdf(stats.norm.ppf(ALARMS) + 2 / sigma)
    found = attacker.from_training(Mechanism(1.0, sigma, 4), ALARMS)
    assert (found >= exact - 1e-9).all()
    assert found == pytest.approx(exact, rel=0.01)


def test_a_promise_alone_says_less_than_the_training_that_keeps_it() -> None:
    noise = accounting.noise_multiplier(3.0, 1e-5, 0.1, 100)
    trained = attacker.from_training(Mechanism(0.1, noise, 100), ALARMS)
    promised = mechanisms.members_found(3.0, 1e-5, ALARMS)
    assert (trained <= promised + 1e-9).all()
    assert (trained >= ALARMS).all()
    noisier = attacker.from_training(Mechanism(0.1, 2 * noise, 100), ALARMS)
    assert (noisier < trained).all()


def test_the_promise_from_both_sides() -> None:
    found = mechanisms.members_found(np.log(3), 0.0, np.array([0.0, 0.1, 0.25, 0.5, 1.0]))
    assert found == pytest.approx([0.0, 0.3, 0.75, 5 / 6, 1.0])
