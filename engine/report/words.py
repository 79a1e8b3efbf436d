"""How numbers are written for people: the few words that figures, sentences and pages share."""

from collections.abc import Sequence
from math import isinf

from engine.report.lines import CLIPPING

NBSP = "\u00a0"


def percent(share: float, digits: int = 0) -> str:
    """A share of one, as a percentage with a non-breaking space.

    >>> percent(0.5).replace(NBSP, " "), percent(0.8964, 1).replace(NBSP, " ")
    ('50 %', '89.6 %')
    """
    return f"{100 * share:.{digits}f}{NBSP}%"


def budget(epsilon: float) -> str:
    """A privacy budget with its sign; without noise there is none.

    >>> budget(0.5).replace(NBSP, " "), budget(CLIPPING), budget(float("inf"))
    ('ε 0.5', 'clipping alone', 'no privacy')
    """
    if epsilon == CLIPPING:
        return "clipping alone"
    return "no privacy" if isinf(epsilon) else f"ε{NBSP}{epsilon:g}"


def tick(epsilon: float) -> str:
    """A budget on an axis, or a button, where its sign stands beside.

    >>> tick(0.5), tick(CLIPPING), tick(float("inf"))
    ('0.5', 'clip', 'none')
    """
    if epsilon == CLIPPING:
        return "clip"
    return "none" if isinf(epsilon) else f"{epsilon:g}"


def strength(eps: float, norm: str) -> str:
    """An attack strength: a share of full brightness, a distance in the L2 norm, or a share of the largest transform.

    >>> strength(0.005, "linf").replace(NBSP, " "), strength(0.5, "l2"), strength(0.5, "spatial").replace(NBSP, " ")
    ('0.5 %', '0.5', '50 %')
    """
    return f"{eps:g}" if norm == "l2" else f"{100 * eps:.3g}{NBSP}%"


def exact_strength(eps: float, norm: str) -> str:
    """The same in the units of the engine.

    >>> exact_strength(0.02, "linf"), exact_strength(0.5, "l2"), exact_strength(0.5, "spatial").replace(NBSP, " ")
    ('eps 0.02, 5.1/255', 'L2 distance 0.5', '50 % of the largest transform')
    """
    if norm == "spatial":
        return f"{100 * eps:.3g}{NBSP}% of the largest transform"
    return f"eps {eps:g}, {255 * eps:.3g}/255" if norm == "linf" else f"L2 distance {eps:g}"


def attacked_by(said: str, norm: str) -> str:
    """Under what images are recognised, as a sentence goes on."""
    if norm == "spatial":
        return f"once someone turns, moves and warps them by {said}"
    return f"once someone tampers with them by {said}" if norm == "linf" else f"under an attack of strength {said}"


UNITS = {"linf": "share of full brightness", "l2": "distance", "spatial": "share of the largest transform"}


def points(difference: float) -> str:
    """A difference of two shares in points.

    >>> points(0.3012).replace(NBSP, " "), points(0.012).replace(NBSP, " "), points(0.01).replace(NBSP, " ")
    ('30 points', '1.2 points', '1 point')
    """
    said = plain(difference)
    return f"{said}{NBSP}{'point' if said == '1' else 'points'}"


def plain(difference: float) -> str:
    """The number of `points`: whole from 10 on, else with one decimal.

    >>> plain(0.0321), plain(-0.024), plain(0.123)
    ('3.2', '-2.4', '12')
    """
    value = 100 * difference
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{round(value, 1) + 0.0:g}"


def listed(parts: Sequence[str]) -> str:
    """
    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), *parts[-1:]] if len(parts) > 1 else parts)
