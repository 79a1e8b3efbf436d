"""What promise.py knows, drawn: epsilon promised and demonstrated, members found and allowed."""

from collections.abc import Iterable
from math import log10
from typing import Any

from engine.report import canvas, words
from engine.report.canvas import Figure
from engine.report.drawing import LEAKAGE, hollow, level_budgets
from engine.report.figures import Line
from engine.report.membership import FEW
from engine.report.palette import LIGHT, TEXT_SIZE, Palette
from engine.report.promise import Promise, ceilings, demonstrated, forming, found, guessing, height, permitted, promised
from engine.report.words import percent

EPSILONS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # ticks
SHARES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # ticks, of members found
MARKS = (("solid", "circle"), ("dash", "square"), ("dashdot", "triangle-up"), ("longdash", "diamond"))  # of kinds
BY_EPSILON, BY_MEMBERS = "ε demonstrated, by ε promised", f"Members found at {percent(FEW)} false alarms"
PROMISED = "ε promised      less private →"


def draw_epsilons(info: Promise, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Epsilon promised (across) and demonstrated (up), with the line that no demonstration may pass."""
    figure = canvas.blank(palette, BY_EPSILON, note)
    colour, diagonal = palette.meanings[2], promised(info)
    canvas.add_line(figure, diagonal, palette.text, "solid", "circle")
    figure["data"][-1]["marker"]["size"] = 4
    for line in ceilings(info):
        canvas.add_line(figure, line, palette.text, "dot", "circle")
        _faint(figure["data"][-1])
    looks = [(colour, *MARKS[i % len(MARKS)]) for i in range(len(info.bounds))]
    shown = demonstrated(info)
    for line, look in zip(shown, looks, strict=True):
        canvas.add_line(figure, line, *look)
    ticks = epsilon_ticks(info)
    reach = figure["layout"]["yaxis"]["range"] = list(epsilon_reach(info))
    figure["layout"]["yaxis"] |= {"tickvals": list(ticks), "ticktext": list(ticks.values())}
    named = [*((line, colour) for line in shown), *((line, palette.text) for line in (diagonal, *ceilings(info)))]
    canvas.label_ends(figure, _in_rows(named), palette, gap=2.2 * canvas.LABEL)
    if diagonal.known:
        figure["layout"]["annotations"].append(_corner(reach[1]))
    level_budgets(figure, info.epsilons)
    figure["layout"]["xaxis"]["title"]["text"] = PROMISED
    return figure


def _faint(trace: dict[str, Any]) -> None:
    """What nothing was measured of: a thin line without marks or intervals."""
    trace |= {"mode": "lines", "opacity": 0.6, "error_y": {"visible": False}}
    trace["line"]["width"] = 1.5


def _in_rows(named: Iterable[tuple[Line, str]]) -> list[tuple[Line, str]]:
    """Labels of two words in two rows, as there is room for beside the axes."""
    return [(Line(line.name, line.label.replace(" ", "<br>", 1), line.spots), colour) for line, colour in named]


def _corner(y: float) -> dict[str, Any]:
    place = {"xref": "paper", "x": 0.01, "xanchor": "left", "y": y, "yanchor": "top", "align": "left"}
    return {"text": "↑ promise broken", "showarrow": False, "font": {"size": TEXT_SIZE - 2}, **place}


def epsilon_reach(info: Promise) -> tuple[float, float]:
    """The ends of the upright axis: 0 and the largest epsilon that is drawn are whole."""
    drawn = [spot.y for line in (promised(info), *ceilings(info), *demonstrated(info)) for spot in line.known]
    return -0.06, max([*drawn, height(1.0)]) + 0.16


def epsilon_ticks(info: Promise) -> dict[float, str]:
    _, high = epsilon_reach(info)
    return {height(epsilon): f"{epsilon:g}" for epsilon in EPSILONS if height(epsilon) <= high}


def draw_members(info: Promise, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Members found at 1 % false alarms beside the most that any attack could find, by budget."""
    figure = canvas.blank(palette, BY_MEMBERS, note)
    measured, bound, leaked = found(info), permitted(info), palette.meanings[2]
    chance = guessing(info)
    canvas.add_line(figure, chance, palette.text, "dash", "circle")
    _faint(figure["data"][-1])
    canvas.add_line(figure, bound, palette.text, "dot", "circle")
    canvas.add_line(figure, measured, leaked, *LEAKAGE)
    figure["data"].append(hollow(forming(info).known, leaked, "forming"))
    ticks = share_ticks(info)
    figure["layout"]["yaxis"] |= {"range": list(share_reach(info)), "tickvals": list(ticks)}
    figure["layout"]["yaxis"]["ticktext"] = list(ticks.values())
    canvas.label_ends(figure, [(measured, leaked), (bound, palette.text), (chance, palette.text)], palette)
    level_budgets(figure, info.epsilons)
    return figure


def share_reach(info: Promise) -> tuple[float, float]:
    """The ends of the logarithmic axis of shares: all marks with their intervals, and guessing."""
    spots = [*found(info).known, *forming(info).known, *permitted(info).known]
    low = min([spot.low for spot in spots] + [log10(FEW / 2)])
    return low - 0.05, min(0.0, max([spot.high for spot in spots] + [log10(0.05)])) + 0.08


def share_ticks(info: Promise) -> dict[float, str]:
    low, high = share_reach(info)
    return {log10(share): f"{100 * share:g}{words.NBSP}%" for share in SHARES if low <= log10(share) <= high}
