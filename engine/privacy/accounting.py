"""How much noise a promise costs: DP-SGD as a Poisson-subsampled Gaussian mechanism, composed.

Unit: one image added or removed. Privacy loss distributions (arXiv:1711.03908, arXiv:2207.04380), pessimistic:
the epsilon stated is never less than the epsilon spent. N, the classes, sample rate and steps are public.

Time is bounded by counting the points of the distributions, never by a clock: the same question gets the same noise on
a busy machine. Where the usual search would need too many, another starts nearer and, if that is not enough, computes
on a coarser interval, still pessimistic; the accountant's name then says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from math import ceil, exp, expm1, inf, log, log1p, log10, sqrt
from pathlib import Path

from dp_accounting.pld import privacy_loss_distribution as pld
from scipy.optimize import brentq
from scipy.stats import norm

from engine.mechanism import Mechanism
from engine.privacy.remembered import remembered

ACCOUNTANT = "PLD (dp-accounting, pessimistic)"
UNIT = "one image added or removed"
COARSE, FINE = 1e-3, 1e-4  # discretisation of the privacy loss
TOLERANCE = 1e-4  # relative, on the noise; always on the side of more noise
MADE_BY = (ACCOUNTANT, version("dp-accounting"), COARSE, FINE, TOLERANCE)
FIRST = ("PLD (dp-accounting, pessimistic)", "0.6.0", 1e-3, 1e-4, 1e-4)
# names seeded noise: of another accountant the same budget has another sigma, and the same normals times two sigmas
# would cancel. Nothing for the first one, whose results were computed before it was named
NAMED: tuple[str, ...] = () if MADE_BY == FIRST else tuple(map(str, MADE_BY))
STEP_POINT, COMPOSED_POINT = 6e-6, 3e-7  # seconds that a point takes on a core of 2023, of one step and of all
USUAL, LOOK, LAST_WORD = 2.0, 0.12, 0.5  # seconds: the usual search, one look of the other, and its last one
LEAST = exp(-4)  # noise below which nothing is looked for


@dataclass(frozen=True)
class Calibration:
    """The noise that keeps a budget, in units of the clipping norm, and who says so."""

    noise_multiplier: float
    accountant: str


class _TooDear(Exception):
    """The usual search would take longer than it may."""


def _interval(epsilon: float, finest: float) -> float:
    """Finer for small budgets, where rounding would cost noise; coarser for large ones, where it costs time."""
    return min(max(finest, epsilon * 5e-5), max(2 * finest * epsilon, 2.5e-5))


@lru_cache(maxsize=64)
def _step(noise_multiplier: float, sample_rate: float, interval: float) -> pld.PrivacyLossDistribution:
    return pld.from_gaussian_mechanism(
        noise_multiplier, sampling_prob=sample_rate, value_discretization_interval=interval, pessimistic_estimate=True
    )


def composed(mechanisms: Iterable[Mechanism], interval: float) -> pld.PrivacyLossDistribution:
    """The privacy loss of one mechanism after another; `interval` is its discretisation."""
    total = pld.identity(interval)
    for one in mechanisms:
        total = total.compose(_step(one.noise_multiplier, one.sample_rate, interval).self_compose(one.steps))
    return total


def epsilon_spent(
    noise_multiplier: float, sample_rate: float, steps: int, delta: float, *, interval: float = FINE
) -> float:
    """Epsilon at `delta` after `steps` steps of DP-SGD with Poisson batches; inf without noise, 0 before step one.

    >>> round(epsilon_spent(4.5, 8192 / 60000, 219, 1e-5), 2)
    1.84
    """
    if steps == 0:
        return 0.0
    if noise_multiplier == 0:
        return inf
    spent = _step(noise_multiplier, sample_rate, interval).self_compose(steps)
    return float(spent.get_epsilon_for_delta(delta))


def noise_multiplier(epsilon: float, delta: float, sample_rate: float, steps: int) -> float:
    """The least noise (in units of the clipping norm) that keeps (epsilon, delta), rounded up; 0 for epsilon = inf.

    A coarse search finds the neighbourhood, a finer look has the last word.
    """
    return _calibrate(epsilon, delta, sample_rate, steps)[0]


def _calibrate(epsilon: float, delta: float, sample_rate: float, steps: int) -> tuple[float, str]:
    """Noise, and the name of the accountant that answers for it."""
    if epsilon == inf:
        return 0.0, "none"
    usual = _interval(epsilon, FINE)
    try:
        noise, interval = _search(epsilon, delta, sample_rate, steps), usual
    except _TooDear:
        noise = _nearer(epsilon, delta, sample_rate, steps)
        interval = affordable([Mechanism(sample_rate, noise, steps)], usual, LAST_WORD)
    while epsilon_spent(noise, sample_rate, steps, delta, interval=interval) > epsilon:
        noise *= 1 + TOLERANCE
    return noise, accountant(interval, usual)


def accountant(interval: float, usual: float = FINE) -> str:
    """The name that is stored with a result; an interval coarser than usual is named.

    >>> accountant(1e-4), accountant(2e-3)
    ('PLD (dp-accounting, pessimistic)', 'PLD (dp-accounting, pessimistic, interval 0.002)')
    """
    return ACCOUNTANT if interval <= usual else f"{ACCOUNTANT[:-1]}, interval {interval:g})"


def _search(epsilon: float, delta: float, sample_rate: float, steps: int) -> float:
    """Where the coarse accountant says that the budget is spent: log epsilon is nearly linear in log noise."""
    coarse, left = _interval(epsilon, COARSE), USUAL

    def overspent(log_noise: float) -> float:
        nonlocal left
        left -= _price(Mechanism(sample_rate, exp(log_noise), steps), coarse)
        if left < 0 or exp(log_noise) < LEAST:
            raise _TooDear
        spent = epsilon_spent(exp(log_noise), sample_rate, steps, delta, interval=coarse)
        return log(max(spent, 1e-9) / epsilon)

    low, high = -1.0, 0.0
    while overspent(high) > 0:
        low, high = high, high + 1
    while overspent(low) < 0:
        low, high = low - 1, low
    if _price(Mechanism(sample_rate, exp(high), steps), _interval(epsilon, FINE)) > LAST_WORD:
        raise _TooDear
    return exp(brentq(overspent, low, high, xtol=TOLERANCE / 2))


def _nearer(epsilon: float, delta: float, sample_rate: float, steps: int) -> float:
    """As _search, from where a central limit would have it, each look no dearer than LOOK."""

    def overspent(log_noise: float) -> float:
        one = Mechanism(sample_rate, exp(log_noise), steps)
        interval = affordable([one], _interval(epsilon, COARSE), LOOK)
        spent = epsilon_spent(one.noise_multiplier, sample_rate, steps, delta, interval=interval)
        return log(max(spent, 1e-9) / epsilon)

    low = high = max(log(LEAST), _central_limit(epsilon, delta, sample_rate, steps))
    width = 0.02
    while overspent(high) > 0:
        low, high, width = high, high + width, 3 * width
    while overspent(low) < 0:
        if low <= log(LEAST):
            return LEAST
        low, high, width = max(log(LEAST), low - width), low, 3 * width
    return exp(brentq(overspent, low, high, xtol=TOLERANCE))


def _central_limit(epsilon: float, delta: float, sample_rate: float, steps: int) -> float:
    """Log of the noise if many steps were one Gaussian of mu = q sqrt(T (exp(1/sigma^2) - 1)) (arXiv:1911.11607)."""

    def overspent(log_noise: float) -> float:
        mu = sample_rate * sqrt(steps * expm1(min(exp(-2 * log_noise), 60.0)))
        return float(norm.cdf(mu / 2 - epsilon / mu) - exp(epsilon + norm.logcdf(-mu / 2 - epsilon / mu))) - delta

    return brentq(overspent, log(LEAST), 12.0, xtol=0.01) if overspent(log(LEAST)) > 0 else log(LEAST)


def affordable(mechanisms: Sequence[Mechanism], finest: float, seconds: float) -> float:
    """The interval to compose on in about `seconds`: `finest`, or the next of 1, 2, 5 x 10^k that is coarse enough."""
    interval = finest
    while (price := sum(_price(one, interval) for one in mechanisms)) > seconds:
        interval = _round_up(interval * max(1.2, min(price / seconds, 10.0)))
    return interval


def _round_up(value: float) -> float:
    """
    >>> _round_up(0.0011), _round_up(0.03), _round_up(0.6)
    (0.002, 0.05, 1.0)
    """
    power = ceil(log10(value)) - 1
    return next(float(f"{digit}e{power}") for digit in (2, 5, 10) if digit * 10**power >= value * (1 - 1e-9))


def _price(one: Mechanism, interval: float) -> float:
    """Seconds, roughly, to compose a mechanism: from the points that the losses of one step, and of all, lie on."""
    sigma, q = one.noise_multiplier, one.sample_rate
    high = 10 / sigma + 0.5 / sigma**2  # the noise is cut off at ten standard deviations
    least = log1p(q * expm1(-high)) if q < 1 else -high
    reach = (high + log(q) if high > 60 else log1p(q * expm1(high))) - least
    spread = min(q * sqrt(expm1(min(1 / sigma**2, 60.0))), reach)
    whole = min(one.steps * reach, 16 * sqrt(one.steps) * spread + reach)
    return (STEP_POINT * reach + COMPOSED_POINT * whole) / interval


def calibrated(cache: Path, epsilon: float, delta: float, sample_rate: float, steps: int) -> Calibration:
    """The least noise that keeps (epsilon, delta), remembered on disk."""
    question = ["noise", *MADE_BY, epsilon, delta, sample_rate, steps]
    noise, name = remembered(cache, question, lambda: _calibrate(epsilon, delta, sample_rate, steps))
    return Calibration(noise, name)


def spending(cache: Path, epsilon: float, delta: float, trained: Mechanism, marks: Sequence[int]) -> list[float]:
    """Epsilon after each of `marks` steps, rounded up and never above the `epsilon` that all keep; remembered."""
    if trained.noise_multiplier == 0:
        return [inf for _ in marks]
    parts = [replace(trained, steps=t) for t in marks]
    interval = affordable(parts, _interval(epsilon, COARSE), USUAL)
    question = ["spending", *MADE_BY, interval, epsilon, delta, *vars(trained).values(), list(marks)]

    def answer() -> list[float]:
        spent = (epsilon_spent(*_terms(part), delta, interval=interval) for part in parts)
        return [min(epsilon, one) for one in spent]

    found: list[float] = remembered(cache, question, answer)
    return found


def _terms(one: Mechanism) -> tuple[float, float, int]:
    return one.noise_multiplier, one.sample_rate, one.steps
