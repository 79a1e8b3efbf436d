from math import inf, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.checks import known, within
from engine.errors import BadInput


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats())
def test_within_accepts_exactly_the_closed_interval(low: float, high: float, value: float) -> None:
    assume(low <= high)
    if low <= value <= high:
        assert within("x", value, low, high) == value
    else:
        with pytest.raises(BadInput, match="^x="):
            within("x", value, low, high)


def test_inf_only_where_it_is_allowed() -> None:
    assert within("epsilon", inf, 0.05, 100, allow_inf=True) == inf
    for value, allowed in ((inf, False), (-inf, True), (nan, True)):
        with pytest.raises(BadInput):
            within("epsilon", value, 0.05, 100, allow_inf=allowed)


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(BadInput, match="^model 'x' is unknown; choose from: a, b$"):
        known("model", "x", ["b", "a"])
    assert known("model", "a", ["b", "a"]) == "a"
