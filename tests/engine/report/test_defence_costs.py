"""What defences cost in seconds: ratios by hand, at the same budget, and nothing where one of the two is missing."""

from dataclasses import replace
from math import inf, log10, nan

import pytest
from plotly import graph_objects as go

from engine.report import defence_costs
from engine.report.defence_costs import DefenceCosts
from engine.results import SECONDS, Row
from tests.engine.report.rows import CLEAN, OPEN, frame


def cost(row: Row, defence: str, *values: float) -> list[Row]:
    timed = replace(row, metric=SECONDS, defence=defence, low=nan, high=nan, n=1)
    return [replace(timed, value=value, seed=seed) for seed, value in enumerate(values)]


ROWS = [*cost(CLEAN, "none", 10.0), *cost(OPEN, "none", 2.0, 4.0), *cost(CLEAN, "pgd", 70.0), *cost(OPEN, "pgd", 6.0)]


def info(*rows: Row, **names: str) -> DefenceCosts:
    return defence_costs.defence_costs(frame(*rows), (3.0, inf), names)


def test_ratios_are_those_of_the_same_budget_with_the_spread_of_repeats() -> None:
    (line,) = info(*ROWS).lines
    private, opened = line.spots
    assert private is not None
    assert opened is not None
    assert private.y == pytest.approx(log10(7))
    assert (opened.low, opened.y, opened.high) == pytest.approx((log10(1.5), log10(2), log10(3)))
    assert "7 times plain training" in private.said


def test_without_plain_training_at_a_budget_there_is_a_gap() -> None:
    (line,) = info(*ROWS[1:]).lines
    assert line.spots[0] is None
    assert line.spots[1] is not None


def test_accuracies_and_plain_training_are_no_lines() -> None:
    assert not info(CLEAN, replace(OPEN, defence="pgd"), *ROWS[:3]).lines
    assert not info(CLEAN).measured


def test_defences_are_called_as_a_reader_knows_them() -> None:
    figure = go.Figure(defence_costs.draw(info(*ROWS, pgd="adversarial training")))
    assert [trace.name for trace in figure.data] == ["adversarial training"]
    assert figure.layout.showlegend
    low, high = figure.layout.yaxis.range
    assert low < 0 < log10(7) < high


def test_the_takeaway_is_said() -> None:
    assert defence_costs.in_words(info(*ROWS)) == "Training time beside plain training. pgd: 2 to 7 times."
    assert "compared when" in defence_costs.in_words(info(CLEAN))
