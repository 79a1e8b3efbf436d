"""Rows of membership inference made up for tests: what attackers find at each budget."""

from dataclasses import replace
from math import inf, nan

from engine.results import ABOVE, ALLOWED, GUESSED, LEAKED, LEAKED_AUC, Row
from tests.engine.report.rows import CLEAN, OPEN

GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
TIMES = {inf: 8.0, 3.0: 2.0, 1.0: 1.1}  # times chance at 1 % false alarms
WIDE = 0.15  # of what is found, to both sides


def found(epsilon: float, false_alarms: float, times: float) -> float:
    """A curve through `times` chance at 1 % that meets chance at 100 %."""
    return float(min(1.0, false_alarms * times ** (1 - 0.5 * (2 + _log10(false_alarms)))))


def _log10(x: float) -> float:
    from math import log10

    return log10(x)


def leaks(epsilon: float, times: float, attack: str = "lira") -> list[Row]:
    """Everything one budget gives away to one attack."""
    base = replace(OPEN if epsilon == inf else replace(CLEAN, epsilon=epsilon), attack=attack, n=64)
    base = replace(base, interval_method="student-95")
    rows = [_row(base, LEAKED + attack, eps, found(epsilon, eps, times)) for eps in GRID]
    rows.append(replace(_row(base, LEAKED_AUC + attack, nan, 0.5 + 0.02 * times), low=0.5, high=0.52 + 0.02 * times))
    rows += [_row(base, GUESSED + kind, nan, 0.5 + x, 0.02) for kind, x in _GUESSES.items()]
    if epsilon < inf:
        rows += [_row(base, ALLOWED, eps, min(1.0, 2.7 * eps)) for eps in GRID]
        rows.append(replace(_row(base, ABOVE, nan, 0.0), n=len(GRID)))
    return rows


_GUESSES = {"threshold": 0.07, "threshold-attacked": 0.14, "lira-offline": 0.21}


def _row(base: Row, metric: str, eps: float, value: float, wide: float = WIDE) -> Row:
    return replace(base, metric=metric, eps=eps, value=value, low=value * (1 - wide), high=value * (1 + wide))


def everything() -> list[Row]:
    """Two attacks at three budgets: LiRA finds more than the threshold does."""
    strong = [row for epsilon, times in TIMES.items() for row in leaks(epsilon, times)]
    weak = [row for epsilon in TIMES for row in leaks(epsilon, 1.0, "threshold")]
    return strong + [row for row in weak if row.metric.endswith(":threshold") and not row.metric.startswith(GUESSED)]
