"""Time and memory beside the baseline's: ratios by hand, their spread, and a word where nothing was measured."""

from dataclasses import replace
from math import inf, log10, nan
from typing import Any

import pytest
from plotly import graph_objects as go

from engine.report import computing
from engine.report.lines import CLIPPING
from engine.results import MEMORY, SECONDS, Row
from tests.engine.report.rows import CLEAN, OPEN, frame

COST: dict[str, Any] = {"low": nan, "high": nan, "interval_method": "none"}
ALONE = replace(OPEN, max_grad_norm=0.1)


def cost(row: Row, metric: str, *values: float, n: int = 1) -> list[Row]:
    return [replace(row, metric=metric, value=value, n=n, seed=i, **COST) for i, value in enumerate(values)]


ROWS = [
    *cost(CLEAN, SECONDS, 30.0, 30.0, n=4),
    *cost(ALONE, SECONDS, 24.0, 26.0),
    *cost(OPEN, SECONDS, 9.0, 11.0),
    *cost(CLEAN, MEMORY, 360e6, 360e6, n=4),
    *cost(OPEN, MEMORY, 300e6, 300e6),
]


def found(*rows: Row) -> computing.Computing:
    return computing.computing(frame(*rows), (3.0, CLIPPING, inf))


def test_ratios_are_those_of_the_means_and_their_spread_that_of_any_two_repeats() -> None:
    info = found(*ROWS)
    assert info.times(info.seconds, 3.0) == pytest.approx((3.0, 30 / 11, 30 / 9))
    assert info.times(info.seconds, CLIPPING) == pytest.approx((2.5, 24 / 11, 26 / 9))
    assert info.times(info.memory, 3.0) == pytest.approx((1.2, 1.2, 1.2))
    assert info.times(info.memory, CLIPPING) is None
    assert info.times(info.seconds, inf) == pytest.approx((1.0, 9 / 11, 11 / 9))


def test_accuracies_are_no_costs_and_costs_no_accuracies() -> None:
    assert not found(CLEAN, OPEN).measured
    assert found(CLEAN, OPEN, *ROWS).seconds == found(*ROWS).seconds


def test_clipping_alone_is_not_taken_for_no_privacy() -> None:
    assert found(*ROWS).seconds[CLIPPING].mean == 25
    assert found(*ROWS).seconds[inf].mean == 10


def test_the_chart_has_a_place_for_each_budget_and_a_line_at_the_baseline() -> None:
    figure = go.Figure(computing.draw(found(*ROWS)))
    time, memory = figure.data
    assert list(time.y) == pytest.approx([log10(3), log10(2.5), 0.0])
    assert (memory.y[0], memory.y[1], memory.y[2]) == (pytest.approx(log10(1.2)), None, 0.0)
    low, high = figure.layout.yaxis.range
    assert low < min(log10(9 / 11), *figure.layout.yaxis.tickvals)
    assert high > log10(30 / 9)
    assert figure.layout.yaxis.ticktext[list(figure.layout.yaxis.tickvals).index(0)] == "1\u00a0×"
    go.Figure(computing.draw(found()))


def test_the_sentence_names_both_and_says_when_nothing_was_measured() -> None:
    assert computing.in_words(found(*ROWS)).replace("\u00a0", " ") == (
        "Training at ε 3 took 3 times (2.7 to 3.3) the training time and 1.2 times the memory of no privacy."
    )
    assert "were not measured" in computing.in_words(found(CLEAN))
    assert "are compared when" in computing.in_words(found(*cost(CLEAN, SECONDS, 30.0)))


def test_it_is_said_that_a_pass_was_divided() -> None:
    info = found(*ROWS)
    assert "4 models trained in one pass: its seconds are divided" in computing.how(info, frame(*ROWS))
    assert "60 steps beside 60" in computing.how(info, frame(*ROWS))
    alone = cost(OPEN, SECONDS, 9.0)
    assert "one pass" not in computing.how(found(*alone), frame(*alone))


def test_a_memory_too_small_to_be_seen_gives_no_ratio() -> None:
    info = found(*cost(CLEAN, MEMORY, 5e6), *cost(OPEN, MEMORY, 0.0))
    assert info.times(info.memory, 3.0) is None
