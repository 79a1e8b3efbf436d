"""What may stand in the body of a row: a body that is damaged says nothing, and raises nothing wherever it is read."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Holds = Callable[[Any], bool]


def said(body: str) -> dict[str, Any]:
    """
    >>> said('{"study": "a", "repeats": 2}'), said("[1]"), said("no JSON"), said('{"repeats": "two"}')
    ({'study': 'a', 'repeats': 2}, {}, {}, {})
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    whole = isinstance(found, dict) and all(name in FIELDS and FIELDS[name](value) for name, value in found.items())
    return found if whole else {}


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e300


def _mechanism(value: Any) -> bool:
    """Sample rate, noise multiplier and steps."""
    return _list(_number)(value) and len(value) == 3 and value[0] <= 1 and _count(value[2])


def _list(of: Holds) -> Holds:
    return lambda value: isinstance(value, list) and all(map(of, value))


FIELDS: Mapping[str, Holds] = {
    **dict.fromkeys(("study", "mode", "model", "marks", "standing"), _text),
    **dict.fromkeys(("computation", "repeats", "pictures"), _count),
    "shared": lambda value: isinstance(value, bool),
    "delta": _number,
    "epsilon": lambda value: value is None or _number(value),
    "epsilons": _list(_number),
    "mechanisms": _list(_mechanism),
    **dict.fromkeys(("which", "kin", "problems"), _list(_text)),
    **dict.fromkeys(("again", "versions"), _list(lambda value: _text(value) or _count(value))),
}
