"""The curve of models in noise: a chart of its own, which no base model's accuracy enters."""

from dataclasses import replace
from math import inf
from typing import Any

from plotly import graph_objects as go

from engine.report import smoothed
from engine.report.smoothed import Smoothing
from engine.results import Row
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame

SURE: dict[str, Any] = {"metric": "smoothed_accuracy", "attack": "noise 0.25", "norm": "l2"}


def at(row: Row, eps: float, value: float, **changes: Any) -> Row:
    return replace(row, **{**SURE, "eps": eps, "value": value, "low": value - 0.02, "high": value + 0.02, **changes})


ROWS = [
    CLEAN,
    ROBUST,
    at(CLEAN, 0.0, 0.7),
    at(CLEAN, 0.25, 0.4),
    at(OPEN, 0.0, 0.6),
    at(CLEAN, 0.0, 0.1, metric="smoothed_abstention"),
]


def info(*rows: Row) -> Smoothing:
    return smoothed.smoothing(frame(*rows), (3.0, inf))


def test_a_line_a_budget_with_a_gap_where_nothing_is_known() -> None:
    private, opened = info(*ROWS).budgets
    assert [spot and spot.y for spot in private.spots] == [70.0, 40.0]
    assert [spot and spot.y for spot in opened.spots] == [60.0, None]
    figure = go.Figure(smoothed.draw(info(*ROWS)))
    assert [trace.y for trace in figure.data] == [(70.0, 40.0), (60.0, None)]
    assert figure.layout.xaxis.ticktext == ("0", "0.25")
    assert "certified against every change up to the distance 0.25" in figure.data[0].hovertext[1]


def test_abstentions_and_the_noise_are_told() -> None:
    said = smoothed.in_words(info(*ROWS)).replace("\u00a0", " ")
    assert "noise 0.25" in said
    assert "ε 3: 70 % at 0 to 40 % at 0.25, nothing claimed of 10 %." in said
    assert said.endswith("no privacy: 60 % at 0 to 60 % at 0.")


def test_nothing_is_drawn_of_models_without_noise() -> None:
    assert info(CLEAN, ROBUST).empty
    assert smoothed.in_words(info(CLEAN, ROBUST)) == "Certified in noise: no results yet."
    assert go.Figure(smoothed.draw(info(), note="None yet")).layout.annotations[0].text == "None yet"
