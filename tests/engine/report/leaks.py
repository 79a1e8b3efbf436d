"""Rows of what a study gives away, made up for tests: numbers like those that were measured of the fast model."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf, isinf, nan

from engine.results import ABOVE, ALLOWED, DEMONSTRABLE, DEMONSTRATED, LEAKED, LEAKED_AUC, Row
from tests.engine.report.rows import CLEAN, OPEN

TPR: Mapping[float, float] = {0.5: 0.010, 1.0: 0.011, 3.0: 0.014, 8.0: 0.021, inf: 0.055}  # LiRA at 1 % false ones
THEORY: Mapping[float, float] = {0.5: 0.015, 1.0: 0.020, 3.0: 0.052, 8.0: 0.219}
AUDITED: Mapping[str, Mapping[float, float]] = {
    "mislabelled": {0.5: 0.0, 1.0: 0.0, 3.0: 0.06, 8.0: 0.24, inf: 2.18},
    "orthogonal": {0.5: 0.0, 1.0: 0.16, 3.0: 0.47, 8.0: 1.47, inf: 4.18},
}
CEILING, GUESSES, TARGETS = 4.18, 200, 24
WEAKER = {"threshold": 0.6, "lira": 1.0, "rmia": 0.9}  # times LiRA


def leaks(epsilon: float, like: Row | None = None) -> Iterator[Row]:
    """All rows of one budget of TPR; `like` is any row of its model."""
    first = like or (OPEN if isinf(epsilon) else replace(CLEAN, epsilon=epsilon))
    bare = replace(first, norm="none", eps=nan, low=nan, high=nan, interval_method="none", attack_steps=0)
    for name, share in WEAKER.items():
        by = replace(bare, attack=name, n=TARGETS, interval_method="student-95")
        yield replace(by, metric=LEAKED_AUC + name, value=0.5 + TPR[epsilon], low=0.5, high=0.6)
        for rate in (0.001, 0.01, 0.1):
            value = rate * (1 + share * (100 * TPR[epsilon] - 1))
            yield replace(by, metric=LEAKED + name, eps=rate, value=value, low=0.9 * value, high=1.1 * value)
    if epsilon in THEORY:
        yield replace(bare, metric=ALLOWED, eps=0.01, value=THEORY[epsilon])
        yield replace(bare, metric=ABOVE, value=0.0, n=3 * TARGETS)
    for kind, known in AUDITED.items():
        yield replace(bare, metric=DEMONSTRATED + kind, attack=kind, value=known[epsilon], n=GUESSES)
        yield replace(bare, metric=DEMONSTRABLE + kind, attack=kind, value=CEILING, n=GUESSES)
