"""The map: a number in every cell, a frame around what is asked for, text that can be read on its colour."""

from dataclasses import replace
from math import inf

from plotly import graph_objects as go

from engine.report import grid
from engine.report.figures import TradeOff, trade_off
from engine.report.palette import DARK, LIGHT
from engine.report.targets import Targets
from engine.results import NOT_APPLICABLE, Row
from tests.contrast import contrast
from tests.engine.report.rows import CLEAN, ROBUST, frame


def at(row: Row, epsilon: float, value: float, eps: float = NOT_APPLICABLE) -> Row:
    return replace(row, epsilon=epsilon, value=value, eps=eps)


ROWS = [
    at(CLEAN, 1.0, 0.8),
    at(CLEAN, inf, 0.9),
    at(ROBUST, 1.0, 0.5, 0.1),
    at(ROBUST, 1.0, 0.2, 0.2),
    at(ROBUST, inf, 0.7, 0.1),
]


def info() -> TradeOff:
    return trade_off(frame(*ROWS), epsilons=(1.0, inf), radii=(0.0, 0.1, 0.2), norm="linf", strength=0.1)


def test_every_cell_holds_its_number_and_a_missing_one_a_dash() -> None:
    figure = go.Figure(grid.draw_map(info()))
    assert [text.text.replace("\u00a0", " ") for text in figure.layout.annotations] == [
        "80 %", "50 %", "20 %", "90 %", "70 %", "-",
    ]  # fmt: skip
    assert list(figure.data[0].z[1]) == [90.0, 70.0, None]
    assert figure.layout.xaxis.ticktext[0] == "clean"


def test_the_acceptable_region_is_framed() -> None:
    def framed(asked: Targets) -> set[tuple[int, int]]:
        shapes = go.Figure(grid.draw_map(info(), targets=asked)).layout.shapes
        return {(round(shape.x0 + 0.48), round(shape.y0 + 0.46)) for shape in shapes}

    assert framed(Targets(clean=0.85)) == {(0, 1), (1, 1)}, "a cell without a number is not framed"
    assert framed(Targets(attacked=0.6)) == {(1, 1)}, "clean cells were not asked for"
    assert framed(Targets(clean=0.5, attacked=0.5)) == {(0, 0), (1, 0), (0, 1), (1, 1)}
    assert framed(Targets()) == set()


def test_numbers_can_be_read_on_every_shade() -> None:
    for palette in (LIGHT, DARK):
        assert all(contrast(palette.text, shade) >= 4.5 for shade in palette.ordered[: grid.SHADES])


def test_the_takeaway_is_said() -> None:
    assert "from 20 % to 70 %" in grid.in_words(info()).replace("\u00a0", " ")
