"""The comparison of comparing.py, drawn: in both charts a colour and a marker are one study."""

from collections.abc import Sequence
from textwrap import wrap

from engine.report import canvas, drawing, words
from engine.report.canvas import Figure
from engine.report.comparing import Comparison, escaped
from engine.report.figures import Line
from engine.report.palette import LIGHT, TEXT_SIZE, Palette

MARKERS = ("circle", "square", "triangle-up", "diamond")
SIGNS = ("●", "■", "▲", "◆")  # the same in words
ROW, AROUND = 21, 12  # px of the legend
SHORT = 44  # characters that a row of a legend has room for on a phone


def draw_by_budget(info: Comparison, palette: Palette = LIGHT) -> Figure:
    """Clean images (solid) and attacked ones (dashed) by privacy budget."""
    attacked = (
        "" if info.strength is None else f", attacked by {words.strength(info.strength, info.norm or '')} (dashed)"
    )
    figure = canvas.blank(palette, f"Recognised: clean (solid){attacked}")
    canvas.shares(figure)
    _add(figure, info.clean, "solid", palette)
    _add(figure, info.attacked, "dash", palette, named=False)
    drawing.level_budgets(figure, info.epsilons)
    _legend(figure, info.clean)
    return figure


def draw_by_strength(info: Comparison, palette: Palette = LIGHT) -> Figure:
    """Images recognised by attack strength, at the budget that all studies share."""
    at = "" if info.budget is None else f", {words.budget(info.budget)}"
    figure = canvas.blank(palette, f"Recognised by attack strength{at}")
    canvas.shares(figure)
    _add(figure, info.by_strength, "solid", palette)
    drawing.level_strengths(figure, info.radii, info.norm or "linf")
    _legend(figure, info.by_strength)
    return figure


def _add(figure: Figure, lines: Sequence[Line], dash: str, palette: Palette, *, named: bool = True) -> None:
    for number, line in enumerate(lines):
        canvas.add_line(figure, line, palette.meanings[number], dash, MARKERS[number])
        figure["data"][-1] |= {"name": "<br>".join(_rows(line)), "legendgroup": str(number), "showlegend": named}


def _rows(line: Line) -> list[str]:
    """The name of a line in rows that a phone has room for."""
    return [escaped(row) for row in wrap(line.label, SHORT)]


def _legend(figure: Figure, lines: Sequence[Line]) -> None:
    """Below, so that long names fit a phone."""
    room = ROW * sum(len(_rows(line)) for line in lines) + AROUND
    layout = figure["layout"]
    layout["showlegend"] = True
    layout["margin"] |= {"r": 16, "b": layout["margin"]["b"] + room}
    layout["height"] += room
    layout["legend"] |= {"orientation": "v", "font": {"size": TEXT_SIZE}, "maxheight": room, "tracegroupgap": 0}
