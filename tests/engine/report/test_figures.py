"""The charts: gaps stay gaps, hollow marks stay hollow, every colour is explicit, labels do not collide."""

from dataclasses import replace
from itertools import pairwise
from math import inf, log10
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly import graph_objects as go

from engine.events import Stands
from engine.report import drawing
from engine.report.canvas import LABEL, RANGE, apart
from engine.report.figures import (
    TradeOff,
    by_budget_in_words,
    by_strength_in_words,
    default_strength,
    places,
    trade_off,
)
from engine.report.lines import CLIPPING
from engine.report.palette import DARK, LIGHT, LIVE, Palette
from engine.report.words import NBSP
from engine.results import Row
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame

EPSILONS, RADII = (0.5, 3.0, inf), (0.0, 0.1, 0.2)
ROWS = [
    replace(CLEAN, epsilon=0.5, value=0.8, low=0.78, high=0.83),
    replace(OPEN, value=0.9),
    replace(ROBUST, epsilon=0.5, eps=0.0, value=0.8),
    replace(ROBUST, epsilon=0.5, eps=0.1, value=0.3, low=0.25, high=0.4),
    replace(ROBUST, epsilon=inf, eps=0.0, value=0.0, low=0.0, high=0.01),
]
TRAINING = pd.DataFrame(
    [
        {"epsilon": 3.0, "seed": 0, "step": 80, "steps": 219, "accuracy": 0.4, "epsilon_spent": 1.234, "loss": None},
        {"epsilon": 3.0, "seed": 1, "step": 90, "steps": 219, "accuracy": 0.6, "epsilon_spent": 1.3, "loss": None},
        {"epsilon": 0.5, "seed": 0, "step": 219, "steps": 219, "accuracy": 0.8, "epsilon_spent": 0.5, "loss": None},
    ]
)


def info(rows: list[Row] | None = None, **changes: Any) -> TradeOff:
    asked = {"epsilons": EPSILONS, "radii": RADII, "norm": "linf", "strength": 0.1, "provisional": TRAINING, **changes}
    return trade_off(frame(*(ROWS if rows is None else rows)), **asked)


def draw_by_budget(*given: Any, **named: Any) -> go.Figure:
    """Drawn, and found valid by plotly."""
    return go.Figure(drawing.draw_by_budget(*given, **named))


def draw_by_strength(*given: Any, **named: Any) -> go.Figure:
    return go.Figure(drawing.draw_by_strength(*given, **named))


def test_a_budget_without_a_result_is_a_gap() -> None:
    assert [spot and spot.y for spot in info().clean.spots] == [80.0, None, 90.0]
    assert [spot and spot.y for spot in info().attacked.spots] == [30.0, None, None]
    figure = draw_by_budget(info())
    assert all(trace.connectgaps is False for trace in figure.data if trace.mode == "lines+markers")
    assert figure.data[0].y == (80.0, None, 90.0)


def test_ticks_that_have_no_room_keep_their_grid_line_but_lose_their_label() -> None:
    radii = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
    axis = draw_by_strength(info(radii=radii)).layout.xaxis
    assert axis.tickvals == radii
    assert [text.replace(NBSP, " ") for text in axis.ticktext] == ["0 %", "", "1 %", "2 %", "3 %", "5 %"]
    assert axis.tickangle == 0


def test_intervals_are_drawn_as_bars() -> None:
    bars = draw_by_budget(info()).data[1].error_y
    assert bars.array[0] == pytest.approx(10)
    assert bars.arrayminus[0] == pytest.approx(5)


def test_only_models_without_a_result_are_hollow() -> None:
    (hollow,) = info().training
    assert hollow.x == log10(3)
    assert hollow.y == pytest.approx(50)
    assert "step 80 of 219, provisional" in hollow.said
    trace = draw_by_budget(info()).data[2]
    assert trace.marker.symbol == "circle-open"
    assert trace.mode == "markers"


def test_a_training_loss_is_told_of_open_models_only() -> None:
    rows = TRAINING.iloc[:1].assign(loss=0.25)
    private = info(provisional=rows).training[0].said
    opened = info([], provisional=rows.assign(epsilon=inf)).training[0].said
    assert "loss" not in private
    assert "1.2 spent so far" in private.replace("\u00a0", " ")
    assert "training loss 0.250" in opened


def test_points_at_zero_are_whole() -> None:
    for figure in (draw_by_budget(info()), draw_by_strength(info())):
        assert figure.layout.yaxis.range == RANGE == (-4.0, 104.0)
        assert all(trace.cliponaxis is False for trace in figure.data)


@pytest.mark.parametrize("palette", [LIGHT, DARK, LIVE])
def test_every_colour_is_one_of_the_palette(palette: Palette) -> None:
    allowed = {palette.text, palette.background, palette.grid, palette.accent, *palette.meanings, *palette.ordered}
    drawn: list[Any] = [draw_by_budget(info(), palette), draw_by_strength(info(), palette)]
    for figure in drawn:
        assert not colours(figure.layout.template.to_plotly_json())
        assert set(colours(figure.to_plotly_json())) <= allowed
        assert all(trace.line.color and trace.marker.color for trace in figure.data if "lines" in trace.mode)


def colours(value: Any, name: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in colours(item, key)]
    if isinstance(value, list | tuple):
        return [found for item in value for found in colours(item, name)]
    return [value] if isinstance(value, str) and name.endswith("color") else []


def test_budgets_differ_by_more_than_colour_and_no_privacy_comes_last() -> None:
    many = (0.1, 0.5, 1.0, 3.0, 8.0, inf)
    data = draw_by_strength(info([], epsilons=many)).data
    assert len({(trace.line.dash, trace.marker.symbol) for trace in data}) == len(many)
    assert len({trace.line.color for trace in data}) == len(many)
    assert data[-1].line.color == LIGHT.ordered[-1]
    assert data[-1].line.dash == "solid"


def test_more_than_six_lines_get_a_legend_below() -> None:
    seven = (0.1, 0.2, 0.5, 1.0, 3.0, 8.0, inf)
    rows = [replace(ROBUST, epsilon=epsilon, eps=0.0) for epsilon in seven]
    assert draw_by_strength(info(rows, epsilons=seven)).layout.showlegend
    few = draw_by_strength(info(rows[:6], epsilons=seven[:6]))
    assert not few.layout.showlegend
    assert len(few.layout.annotations) == 6


def test_the_chosen_strength_is_marked() -> None:
    (shape,) = draw_by_strength(info()).layout.shapes
    assert (shape.x0, shape.x1) == (0.1, 0.1)
    assert not draw_by_strength(info(strength=None)).layout.shapes


def test_an_empty_chart_says_so() -> None:
    nothing = info([], provisional=None)
    assert nothing.empty
    assert draw_by_budget(nothing, note="Nothing yet").layout.annotations[0].text == "Nothing yet"
    assert "no results yet" in by_budget_in_words(nothing)
    assert "no results yet" in by_strength_in_words(nothing)


def test_the_takeaway_is_said_for_those_who_do_not_see() -> None:
    said = by_budget_in_words(info()).replace("\u00a0", " ")
    assert "Clean images: 80 % to 90 % from the smallest to the largest budget." in said
    assert "ε 0.5: 80 % to 30 %" in by_strength_in_words(info()).replace("\u00a0", " ")


@pytest.mark.parametrize(("radii", "expected"), [((0.0,), None), ((0.0, 0.1), 0.1), ((0.0, 0.1, 0.2), 0.1)])
def test_the_first_strength_shown_is_the_middle_one(radii: tuple[float, ...], expected: float | None) -> None:
    assert default_strength(radii) == expected


def test_no_privacy_stands_behind_the_largest_budget() -> None:
    assert places((inf,)) == {inf: 0.35}
    at = places((0.05, 100.0, inf))
    assert at[inf] > at[100.0]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_labels_never_collide_and_keep_their_order(heights: list[float]) -> None:
    moved = apart(heights, LABEL)
    ordered = sorted(moved)
    assert all(b - a >= LABEL - 1e-6 for a, b in pairwise(ordered))
    assert all(-1e-6 <= y <= 100 + 1e-6 for y in moved)
    for i, a in enumerate(heights):
        for j, b in enumerate(heights):
            assert a >= b or moved[i] < moved[j]


ALONE = replace(OPEN, max_grad_norm=0.1, value=0.85, low=0.84, high=0.87)
WITH_ALONE = (0.5, 3.0, CLIPPING, inf)


def test_clipping_alone_stands_between_the_last_budget_and_no_privacy() -> None:
    at = places(WITH_ALONE)
    assert at[3.0] < at[CLIPPING] < at[inf]
    known = info([*ROWS, ALONE], epsilons=WITH_ALONE)
    assert [spot and spot.y for spot in known.clean.spots] == [80, None, 85, 90]
    assert "clipping alone" in known.clean.known[1].said
    ticks = draw_by_budget(known).layout.xaxis.ticktext
    assert ticks[-2:] == ("clip", "none")


def test_clipping_alone_has_a_line_a_marker_and_a_name_of_its_own() -> None:
    attacked = [replace(ROBUST, **{**ALONE_IS, "eps": eps, "value": 0.5}) for eps in RADII]
    drawn = draw_by_strength(info([*ROWS, *attacked], epsilons=WITH_ALONE))
    assert [trace.name for trace in drawn.data] == [f"ε{NBSP}0.5", f"ε{NBSP}3", "clipping alone", "no privacy"]
    assert list(drawn.data[2].y) == [50, 50, 50]
    assert list(drawn.data[3].y) != [50, 50, 50]
    assert drawn.data[2].marker.symbol == "x"
    assert len({trace.line.color for trace in drawn.data}) == 4


ALONE_IS: dict[str, Any] = {"epsilon": inf, "noise_multiplier": 0.0, "max_grad_norm": 0.1}


def test_a_clip_only_model_in_training_is_told_from_one_without_privacy() -> None:
    training = pd.concat([TRAINING.assign(clip_only=False), TRAINING[:1].assign(epsilon=inf, clip_only=True)])
    spots = info([], epsilons=WITH_ALONE, provisional=training).training
    assert [spot.x for spot in spots] == [places(WITH_ALONE)[e] for e in (0.5, 3.0, CLIPPING)]
    assert "clipping alone" in spots[-1].said
    assert "spent" not in spots[-1].said


SURE = replace(ROBUST, metric="certified_accuracy", attack="interval", epsilon=0.5, low=0.2, high=0.4)
FLOORED = [*ROWS, replace(SURE, eps=0.02, value=0.3), replace(SURE, eps=0.05, value=0.0, low=0.0, high=0.01)]


def test_what_is_certified_is_a_thin_dotted_line_under_its_budget() -> None:
    known = info(FLOORED)
    assert [spot and (spot.x, spot.y) for spot in known.floors[0].spots] == [(0.02, 30.0), (0.05, 0.0)]
    assert not known.floors[2].known
    figure = draw_by_strength(known)
    floor, budget = figure.data[3], figure.data[0]
    assert floor.line.color == budget.line.color
    assert floor.line.dash != budget.line.dash
    assert floor.line.width < budget.line.width
    assert floor.mode == "lines"
    assert "certified against every attack up to 2" in floor.hovertext[0]
    assert any("certified" in one.text for one in figure.layout.annotations)
    said = by_strength_in_words(known).replace("\u00a0", " ")
    assert "ε 0.5: 30 % certified up to 2 %." in said


def test_without_certificates_of_this_norm_there_is_no_floor() -> None:
    assert not info().floors
    assert not info(FLOORED, norm="l2").floors
    assert len(draw_by_strength(info()).data) == len(EPSILONS)
    assert "certified" not in by_strength_in_words(info())


def test_a_budget_of_which_nothing_is_certified_is_told_so() -> None:
    said = by_strength_in_words(info([*ROWS, replace(SURE, eps=0.02, value=0.0, low=0.0, high=0.01)]))
    assert f"ε{NBSP}0.5: nothing is certified." in said


def test_certificates_are_no_attacks() -> None:
    assert info(FLOORED).budgets == info().budgets


def forming(epsilon: float, broken: list[int], **more: Any) -> Stands:
    given = {"epsilon": epsilon, "seed": 0, "attacks": ("fmn",), "radii": RADII, "done": False, **more}
    return Stands(broken=bytes(broken), by=bytes([255] * len(broken)), **given)


def test_a_curve_whose_attacks_go_on_is_hollow_and_says_that_it_may_fall() -> None:
    standing = [forming(3.0, [0, 1, 2, 3, 3]), forming(0.5, [0, 0, 0, 0, 0], done=True)]
    shown = info(ROWS, standing=standing)
    assert [[spot.y for spot in line.known] for line in shown.forming] == [[], [80.0, 60.0, 40.0], []]
    assert all("provisional" in spot.said for line in shown.forming for spot in line.known)
    drawn = draw_by_strength(shown)
    (trace,) = [one for one in drawn.data if list(one.y) == [80.0, 60.0, 40.0]]
    assert "open" in trace.marker.symbol
    assert len(draw_by_strength(info(ROWS)).data) == len(drawn.data) - 1


def test_a_forming_curve_of_clipping_alone_is_not_that_of_no_privacy() -> None:
    both = {"epsilons": (CLIPPING, inf), "standing": [forming(inf, [3, 3]), forming(inf, [0, 3], clip_only=True)]}
    shown = info([], **both)
    assert [[spot.y for spot in line.known] for line in shown.forming] == [[50.0] * 3, [100.0] * 3]


def test_a_chart_with_nothing_but_a_forming_curve_is_not_empty() -> None:
    assert info([], provisional=None).empty
    assert not info([], provisional=None, standing=[forming(3.0, [1, 2])]).empty
