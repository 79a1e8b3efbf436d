"""Points lost: the difference of two known points with the interval of the difference; a gap where one is missing."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest
from plotly import graph_objects as go

from engine.report import costs
from engine.report.costs import Costs
from engine.report.points import Point
from engine.results import Row
from tests.engine.report.rows import CLEAN, ROBUST, frame


def at(row: Row, epsilon: float, value: float, **changes: Any) -> Row:
    return replace(row, epsilon=epsilon, value=value, low=value - 0.02, high=value + 0.02, **changes)


ROWS = [at(CLEAN, 0.5, 0.7), at(CLEAN, 3.0, 0.89), at(CLEAN, inf, 0.9), at(ROBUST, 0.5, 0.2), at(ROBUST, inf, 0.6)]


def lost(*rows: Row, **changes: Any) -> Costs:
    asked = {"epsilons": (0.5, 3.0, inf), "radii": (0.0, 0.1), "norm": "linf", "strength": 0.1, **changes}
    return costs.costs(frame(*rows), **asked)


def test_a_cost_is_the_difference_with_its_own_interval() -> None:
    first = lost(*ROWS).clean.spots[0]
    gap, low, high = Point(0.9, 0.88, 0.92, 1, 360).minus(Point(0.7, 0.68, 0.72, 1, 360))
    assert first is not None
    assert (first.y, first.low, first.high) == pytest.approx((100 * gap, 100 * low, 100 * high))
    assert first.y == pytest.approx(20)
    assert "20 points lost" in first.said.replace("\u00a0", " ")


def test_overlapping_intervals_are_told_as_no_difference() -> None:
    second = lost(*ROWS).clean.spots[1]
    assert second is not None
    assert second.said.endswith("no difference we can measure")


def test_where_one_of_two_points_is_missing_there_is_a_gap() -> None:
    assert lost(*ROWS).attacked.spots[1] is None
    assert [line.spots[0] for line in lost(*ROWS).budgets] == [None, None]
    assert not lost(*ROWS[:2]).clean.known


def test_the_axis_holds_every_interval_and_zero() -> None:
    figure = go.Figure(costs.draw_by_budget(lost(*ROWS)))
    low, high = figure.layout.yaxis.range
    spots = [spot for line in (lost(*ROWS).clean, *lost(*ROWS).budgets) for spot in line.known]
    assert low < min(0, *(spot.low for spot in spots))
    assert high > max(spot.high for spot in spots)
    assert 0 in figure.layout.yaxis.tickvals
    assert go.Figure(costs.draw_by_strength(lost(*ROWS))).layout.yaxis.range == (low, high)


def test_nothing_known_is_said() -> None:
    assert "no results yet" in costs.in_words(lost())
    assert "ε 0.5, clean: 20 points lost (17 to 23)" in costs.in_words(lost(*ROWS)).replace("\u00a0", " ")
    go.Figure(costs.draw_by_budget(lost()))
