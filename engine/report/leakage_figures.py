"""What attackers find, drawn: by false alarms beside what theory allows, and by privacy budget. Both scales are log."""

from collections.abc import Sequence
from math import log10
from typing import Any

from engine.report import canvas, leakage, words
from engine.report.canvas import Figure
from engine.report.drawing import level_budgets
from engine.report.figures import Line, Spot, places
from engine.report.leakage import FEW, FEWER, Leak, Leakage, Share
from engine.report.palette import LIGHT, TEXT_SIZE, Palette, styles

FLOOR = 0.05  # percent: what is less, zero say, has no place on these axes, and is a gap
TICKS = {0.1: "0.1", 1.0: "1", 10.0: "10", 100.0: "100"}  # percent
LEGEND_ROW = 24  # px
NAMED = {"tickvals": list(TICKS), "ticktext": [f"{said}{words.NBSP}%" for said in TICKS.values()]}
CHANCE, THEORY = "chance", "theory"


def draw_roc(info: Leakage, chosen: float, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Members found by false alarms, a line a budget; the chosen one with its intervals and what theory allows it."""
    figure = canvas.blank(palette, "Members found, by false alarms", note)
    leak = palette.meanings[2]
    for epsilon, (colour, dash, marker) in zip(info.epsilons, styles(palette, info.epsilons), strict=True):
        if (here := info.of(epsilon)) is None:
            continue
        if epsilon == chosen:
            canvas.add_line(figure, _curve(here), leak, "solid", marker)
        else:
            canvas.add_line(figure, _curve(here), colour, dash, marker)
            _faint(figure["data"][-1])
    _beside(figure, CHANCE, [(0.1, 0.1), (50.0, 50.0)], palette.text, "dash")
    allowed = [(100 * x, 100 * y) for one in info.leaks if one.epsilon == chosen for x, y in one.allowed.items()]
    _beside(figure, THEORY, allowed, leak, "dot")
    _shape(figure, (len(info.epsilons) + 3) // 2)  # two entries side by side on a phone
    figure["layout"]["legend"]["entrywidth"] = 60
    figure["layout"]["xaxis"] |= {"type": "log", "range": [-1.06, log10(60)], "showgrid": True, **NAMED}
    figure["layout"]["xaxis"]["title"]["text"] = "outsiders accused wrongly"
    return figure


def _curve(leak: Leak) -> Line:
    spots = tuple(_spot(100 * at, share, _hover(leak.epsilon, at, share)) for at, share in leak.found.items())
    return Line(f"budget {leak.epsilon:g}", words.budget(leak.epsilon), spots)


def _spot(x: float, share: Share, said: str) -> Spot | None:
    value, low, high = (100 * one for one in (share.value, share.low, share.high))
    return Spot(x, value, max(low, FLOOR), max(high, FLOOR), said) if value >= FLOOR else None


def _hover(epsilon: float, false_alarms: float, share: Share) -> str:
    found = f"{leakage.percent(share.value)} found ({leakage.interval(share)})"
    return f"<b>{words.budget(epsilon)}</b><br>{found}<br>at {100 * false_alarms:g}{words.NBSP}% false alarms"


def _faint(line: dict[str, Any]) -> None:
    """A line that another one stands out from."""
    line["error_y"] = {"visible": False}
    line["line"]["width"] = 1.5
    line["marker"]["size"] = 5


def _beside(figure: Figure, name: str, points: Sequence[tuple[float, float]], colour: str, dash: str) -> None:
    """What measured lines stand beside; in percent. A name that the legend has already is not repeated."""
    again = any(one["name"] == name for one in figure["data"])
    if points:
        x, y = zip(*points, strict=True)
        figure["data"].append(
            {"type": "scatter", "uid": f"{name} {y[0]:g}", "name": name, "mode": "lines", "cliponaxis": False,
             "x": list(x), "y": list(y), "line": {"color": colour, "dash": dash, "width": 2}, "hoverinfo": "skip",
             "showlegend": not again}
        )  # fmt: skip


def _shape(figure: Figure, rows: int) -> None:
    """A log axis of shares, and a legend below: on a log scale the ends of the lines are too close to be named."""
    layout, room = figure["layout"], LEGEND_ROW * rows
    layout["yaxis"] |= {"type": "log", "range": [log10(FLOOR), 2.06], **NAMED}
    layout["showlegend"] = True
    layout["margin"] |= {"r": 16, "b": canvas.MARGIN["b"] + room}
    layout["height"] += room
    layout["legend"] |= {"xref": "container", "maxheight": room, "itemwidth": 30, "font": {"size": TEXT_SIZE - 1}}


def draw_by_budget(info: Leakage, chosen: float, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Members found at 1 % and, where that can be told, 0.1 % false alarms, by budget; thin: what chance finds."""
    figure = canvas.blank(palette, "Members found, by privacy budget", note)
    at = places(info.epsilons)
    told = [FEW, *([FEWER] if any(FEWER in leak.found for leak in info.leaks) or not info.leaks else [])]
    for false_alarms, (dash, marker) in zip(told, (("solid", "circle"), ("dash", "square")), strict=False):
        spots = tuple(_by_budget(info.of(epsilon), at[epsilon], false_alarms) for epsilon in info.epsilons)
        label = f"at {100 * false_alarms:g}{words.NBSP}% false alarms"
        canvas.add_line(figure, Line(f"at {false_alarms:g}", label, spots), palette.meanings[2], dash, marker)
    if info.leaks:
        figure["layout"]["shapes"].append(
            {"type": "line", "x0": at[chosen], "x1": at[chosen], "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
             "line": {"color": palette.accent, "width": 12}, "opacity": 0.18}
        )  # fmt: skip
    _shape(figure, 3)
    level_budgets(figure, info.epsilons)
    for false_alarms in told:
        ends = [(x, 100 * false_alarms) for x in figure["layout"]["xaxis"]["range"]]
        _beside(figure, CHANCE, ends, palette.text, "dash")
        figure["data"][-1]["line"]["width"] = 1
    return figure


def _by_budget(leak: Leak | None, x: float, false_alarms: float) -> Spot | None:
    if leak is None or false_alarms not in leak.found:
        return None
    share = leak.found[false_alarms]
    return _spot(x, share, _hover(leak.epsilon, false_alarms, share))


def roc_in_words(info: Leakage, chosen: float) -> str:
    """The takeaway of the first chart, for those who do not see it."""
    leak = info.of(chosen)
    if leak is None:
        return f"Members found by false alarms: {words.budget(chosen)} is not measured yet."
    told = (f"{leakage.percent(y.value)} at {100 * x:g}{words.NBSP}%" for x, y in leak.found.items())
    return f"Members found by false alarms, {words.budget(chosen)}: {words.listed(list(told))}."


def by_budget_in_words(info: Leakage) -> str:
    """The same of the second."""
    known = [leak for leak in info.leaks if FEW in leak.found]
    if not known:
        return "Members found by privacy budget: no results yet."
    told = (f"{leakage.percent(leak.found[FEW].value)} at {words.budget(leak.epsilon)}" for leak in known)
    return f"Members found at 1{words.NBSP}% false alarms: {words.listed(list(told))}."
