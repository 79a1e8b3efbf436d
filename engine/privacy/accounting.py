"""How much noise a promise costs: DP-SGD as a Poisson-subsampled Gaussian mechanism, composed.

Unit: one image added or removed. Privacy loss distributions (arXiv:1711.03908, arXiv:2207.04380), pessimistic:
the epsilon stated is never less than the epsilon spent. N, the classes, sample rate and steps are public.
"""

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from math import exp, inf, log
from pathlib import Path

from dp_accounting.pld import privacy_loss_distribution as pld
from scipy.optimize import brentq

ACCOUNTANT = "PLD (dp-accounting, pessimistic)"
UNIT = "one image added or removed"
COARSE, FINE = 1e-3, 1e-4  # discretisation of the privacy loss
TOLERANCE = 1e-4  # relative, on the noise; always on the side of more noise


def _interval(epsilon: float, finest: float) -> float:
    """Finer for small budgets, where rounding would cost noise; coarser for large ones, where it costs time."""
    return min(max(finest, epsilon * 5e-5), max(2 * finest * epsilon, 2.5e-5))


@lru_cache(maxsize=64)
def _step(noise_multiplier: float, sample_rate: float, interval: float) -> pld.PrivacyLossDistribution:
    return pld.from_gaussian_mechanism(
        noise_multiplier, sampling_prob=sample_rate, value_discretization_interval=interval, pessimistic_estimate=True
    )


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
    composed = _step(noise_multiplier, sample_rate, interval).self_compose(steps)
    return float(composed.get_epsilon_for_delta(delta))


def noise_multiplier(epsilon: float, delta: float, sample_rate: float, steps: int) -> float:
    """The least noise (in units of the clipping norm) that keeps (epsilon, delta), rounded up; 0 for epsilon = inf.

    A coarse search finds the neighbourhood, the fine accountant has the last word.
    """
    if epsilon == inf:
        return 0.0
    noise = _search(epsilon, delta, sample_rate, steps)
    fine = _interval(epsilon, FINE)
    while epsilon_spent(noise, sample_rate, steps, delta, interval=fine) > epsilon:
        noise *= 1 + TOLERANCE
    return noise


def _search(epsilon: float, delta: float, sample_rate: float, steps: int) -> float:
    """Where the coarse accountant says that the budget is spent: log epsilon is nearly linear in log noise."""
    coarse = _interval(epsilon, COARSE)

    def overspent(log_noise: float) -> float:
        spent = epsilon_spent(exp(log_noise), sample_rate, steps, delta, interval=coarse)
        return log(max(spent, 1e-9) / epsilon)

    low, high = -1.0, 0.0
    while overspent(high) > 0:
        low, high = high, high + 1
    while overspent(low) < 0:
        low, high = low - 1, low
    return exp(brentq(overspent, low, high, xtol=TOLERANCE / 2))


def calibrated(
    cache: Path, epsilon: float, delta: float, sample_rate: float, steps: int, marks: Sequence[int]
) -> tuple[float, list[float]]:
    """Noise multiplier, and epsilon spent at each of `marks` steps (never above `epsilon`), remembered on disk."""
    file = cache / "noise.json"
    made_by = [ACCOUNTANT, version("dp-accounting"), COARSE, FINE, TOLERANCE]
    key = json.dumps([*made_by, epsilon, delta, sample_rate, steps, list(marks)])
    known = _read(file)
    if key not in known:
        sigma = noise_multiplier(epsilon, delta, sample_rate, steps)
        spent = [min(epsilon, epsilon_spent(sigma, sample_rate, t, delta, interval=COARSE)) for t in marks]
        known = {**_read(file), key: [sigma, spent]}
        _write(file, known)
    sigma, spent = known[key]
    return sigma, spent


def _read(file: Path) -> dict[str, list]:  # type: ignore[type-arg]
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(file: Path, known: dict[str, list]) -> None:  # type: ignore[type-arg]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(known))
    part.replace(file)
