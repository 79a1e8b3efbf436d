"""The two classic ways to publish a number with noise, for a sensitivity of 1: a count that one image changes by one.

Laplace (Dwork, McSherry, Nissim and Smith, 2006) promises epsilon alone. Gaussian promises epsilon up to delta, with
the least noise that does (Balle and Wang, arXiv:1805.06530). Both are exact in real numbers, not in floating point.
"""

from collections.abc import Iterable
from math import exp, log, pi, sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

LAPLACE, GAUSSIAN = "laplace", "gaussian"
ROUNDING = 1e-9  # relative, always on the side of more noise

Numbers = NDArray[np.float64]


class Uniform(Protocol):
    """What `random.Random` and `random.SystemRandom` have in common."""

    def expovariate(self, lambd: float, /) -> float: ...

    def normalvariate(self, mu: float, sigma: float, /) -> float: ...


def scale(mechanism: str, epsilon: float, delta: float) -> float:
    """The noise that keeps the promise: b of a Laplace, or the standard deviation of a normal distribution.

    >>> scale("laplace", 0.5, 0.0)
    2.0
    >>> round(scale("gaussian", 1.0, 1e-5), 4)
    3.7306
    """
    return 1 / epsilon if mechanism == LAPLACE else gaussian_scale(epsilon, delta)


def gaussian_scale(epsilon: float, delta: float) -> float:
    """The least standard deviation for (epsilon, delta), rounded up; epsilon > 0, delta in (0, 1)."""

    def excess(log_sigma: float) -> float:
        return log(max(gaussian_delta(epsilon, exp(log_sigma)), 1e-300)) - log(delta)

    sigma = exp(brentq(excess, -7.0, 14.0, xtol=1e-12)) * (1 + ROUNDING)
    while gaussian_delta(epsilon, sigma) > delta:
        sigma *= 1 + ROUNDING
    return float(sigma)


def gaussian_delta(epsilon: float, sigma: float) -> float:
    """The exact delta at `epsilon` of a normal distribution with standard deviation `sigma` (theorem 8 there).

    >>> round(gaussian_delta(0.0, 1.0), 6) == round(2 * float(ndtr(0.5)) - 1, 6)
    True
    """
    above, below = 1 / (2 * sigma) - epsilon * sigma, -1 / (2 * sigma) - epsilon * sigma
    return max(0.0, float(ndtr(above)) - exp(epsilon + float(log_ndtr(below))))


def spent(asked: Iterable[tuple[str, float, float]], delta: float) -> float:
    """Epsilon, up to `delta`, of all answers together: (mechanism, epsilon, scale) of each.

    Laplace answers add up. Gaussian answers are together one Gaussian, of standard deviation (sum sigma^-2)^(-1/2).

    >>> spent([("laplace", 0.5, 2.0)] * 3, 1e-5)
    1.5
    """
    listed = list(asked)
    added = sum(epsilon for mechanism, epsilon, _ in listed if mechanism == LAPLACE)
    precision = sum(sigma**-2 for mechanism, _, sigma in listed if mechanism == GAUSSIAN)
    return added + (gaussian_epsilon(precision**-0.5, delta) if precision else 0.0)


def gaussian_epsilon(sigma: float, delta: float) -> float:
    """The exact epsilon at `delta` of a normal distribution with standard deviation `sigma`; 0 where delta suffices.

    >>> round(gaussian_epsilon(gaussian_scale(2.0, 1e-5), 1e-5), 6)
    2.0
    """
    if gaussian_delta(0.0, sigma) <= delta:
        return 0.0
    highest = 1 / (2 * sigma**2) + 40 / sigma  # there delta is below 1e-300
    return float(brentq(lambda epsilon: gaussian_delta(epsilon, sigma) - delta, 0.0, highest, xtol=1e-10))


def error(mechanism: str, scale: float) -> float:
    """The expected distance of an answer from the true count.

    >>> error("laplace", 2.0), round(error("gaussian", 1.0), 4)
    (2.0, 0.7979)
    """
    return scale if mechanism == LAPLACE else scale * sqrt(2 / pi)


def variance(mechanism: str, scale: float) -> float:
    """The expected squared distance of an answer from the true count.

    >>> variance("laplace", 2.0), variance("gaussian", 2.0)
    (8.0, 4.0)
    """
    return 2 * scale**2 if mechanism == LAPLACE else scale**2


def density(mechanism: str, scale: float, distance: Numbers) -> Numbers:
    """How likely answers at `distance` from the true count are, per unit.

    >>> density("laplace", 0.5, np.array([0.0])).tolist()
    [1.0]
    """
    if mechanism == LAPLACE:
        return np.exp(-np.abs(distance) / scale) / (2 * scale)
    return np.exp(-((distance / scale) ** 2) / 2) / (scale * sqrt(2 * pi))


def draw(mechanism: str, count: int, scale: float, source: Uniform) -> float:
    """One answer: the count with noise from `source`."""
    if mechanism == LAPLACE:
        return count + scale * (source.expovariate(1.0) - source.expovariate(1.0))
    return count + source.normalvariate(0.0, scale)


def members_found(epsilon: float, delta: float, false_alarms: Numbers) -> Numbers:
    """The largest share of members that an attack finds at each share of false alarms, from (epsilon, delta) alone.

    >>> members_found(np.log(2), 0.0, np.array([0.01, 0.9])).round(4).tolist()
    [0.02, 0.95]
    """
    least_missed = np.exp(-epsilon) * (1 - delta - false_alarms)
    found: Numbers = np.clip(np.minimum(np.exp(epsilon) * false_alarms + delta, 1 - least_missed), 0.0, 1.0)
    return found
