"""Bounds checked once, with messages that name value and bound."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import inf, isfinite, isnan

from engine.errors import BadInput


def within(name: str, value: float, low: float, high: float, *, allow_inf: bool = False) -> float:
    """Return `value` if it lies in [low, high] (or is `inf` where allowed), else raise BadInput.

    >>> within("epsilon", 3, 0.05, 100)
    3
    >>> within("epsilon", -1, 0.05, 100, allow_inf=True)
    Traceback (most recent call last):
    engine.errors.BadInput: epsilon=-1 is not in [0.05, 100] and not inf
    """
    if (allow_inf and value == inf) or (isfinite(value) and low <= value <= high):
        return value
    raise BadInput(f"{name}={short(value)} is not in [{low:g}, {high:g}]" + (" and not inf" if allow_inf else ""))


def short(value: float) -> str:
    """A number in as few digits as tell it from its neighbours.

    >>> short(100.0), short(100.0000001)
    ('100', '100.0000001')
    """
    text = f"{value:g}"
    return text if isnan(value) or float(text) == value else repr(value)


def known(kind: str, name: str, choices: Iterable[str]) -> str:
    """Return `name` if it is one of `choices`, else raise BadInput that lists them.

    >>> known("dataset", "digit", ["digits", "mnist"])
    Traceback (most recent call last):
    engine.errors.BadInput: dataset 'digit' is unknown (did you mean 'digits'?); choose from: digits, mnist
    """
    choices = sorted(choices)
    if name in choices:
        return name
    close = get_close_matches(str(name), choices, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    raise BadInput(f"{kind} '{name}' is unknown{hint}; choose from: {', '.join(choices)}")
