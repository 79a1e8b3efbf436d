"""What attackers find, drawn: by false alarms beside what theory allows, and by privacy budget. Both scales are log."""

from collections.abc import Mapping
from math import log10

from engine.report import canvas, leakage, words
from engine.report.canvas import Figure
from engine.report.drawing import level_budgets
from engine.report.figures import Line, Spot, places
from engine.report.leakage import FEW, FEWER, Leak, Leakage, Share
from engine.report.palette import LIGHT, TEXT_SIZE, Palette, styles

FLOOR = 0.05  # percent: what is less, zero say, has no place on these axes, and is a gap
TICKS = {0.1: "0.1", 1.0: "1", 10.0: "10", 100.0: "100"}  # percent
LEGEND = 64  # px
CHANCE, THEORY = "chance", "theory's limit"


def draw_roc(info: Leakage, chosen: float, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Members found by false alarms, a line a budget; the chosen one with its intervals and what theory allows it."""
    figure = canvas.blank(palette, "Members found, by false alarms", note)
    leak, text = palette.meanings[2], palette.text
    looks = dict(zip(info.epsilons, styles(palette, info.epsilons), strict=True))
    for other in info.leaks:
        if other.epsilon != chosen:
            colour, dash, marker = looks[other.epsilon]
            _add(figure, _curve(other), colour, dash, marker, bars=False)
    _plain_line(figure, CHANCE, {x: x for x in (0.001, 0.5)}, text, "dash")
    if here := info.of(chosen):
        _plain_line(figure, THEORY, here.allowed, leak, "dot")
        _add(figure, _curve(here), leak, "solid", looks[chosen][2], bars=True)
    _shape(figure)
    named = {"tickvals": list(TICKS), "ticktext": [f"{said}{words.NBSP}%" for said in TICKS.values()]}
    figure["layout"]["xaxis"] |= {"type": "log", "range": [-1.06, log10(60)], "showgrid": True, **named}
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
    return f"<b>{words.budget(epsilon)}</b><br>{found}<br>at {leakage.percent(false_alarms)} false alarms"


def _add(figure: Figure, line: Line, colour: str, dash: str, marker: str, *, bars: bool) -> None:
    canvas.add_line(figure, line, colour, dash, marker)
    if not bars:
        figure["data"][-1]["error_y"] = {"visible": False}
        figure["data"][-1]["line"]["width"] = 1.5
        figure["data"][-1]["marker"]["size"] = 5


def _plain_line(figure: Figure, name: str, points: Mapping[float, float], colour: str, dash: str) -> None:
    if points:
        figure["data"].append(
            {"type": "scatter", "uid": name, "name": name, "mode": "lines", "cliponaxis": False,
             "x": [100 * x for x in points], "y": [100 * y for y in points.values()],
             "line": {"color": colour, "dash": dash, "width": 2}, "hoverinfo": "skip"}
        )  # fmt: skip


def _shape(figure: Figure) -> None:
    """A log axis of shares, and a legend below: on a log scale the ends of the lines are too close to be named."""
    layout = figure["layout"]
    layout["yaxis"] |= {
        "type": "log", "range": [log10(FLOOR), 2.06],
        "tickvals": list(TICKS), "ticktext": [f"{said}{words.NBSP}%" for said in TICKS.values()],
    }  # fmt: skip
    layout["showlegend"] = True
    layout["margin"] |= {"r": 16, "b": canvas.MARGIN["b"] + LEGEND}
    layout["height"] += LEGEND
    layout["legend"] |= {"maxheight": LEGEND, "font": {"size": TEXT_SIZE - 1}}


def draw_by_budget(info: Leakage, chosen: float, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Members found at 1 % and at 0.1 % false alarms, by privacy budget; thin lines are what chance finds."""
    figure = canvas.blank(palette, "Members found, by privacy budget", note)
    at = places(info.epsilons)
    for false_alarms, dash, marker in ((FEW, "solid", "circle"), (FEWER, "dash", "square")):
        spots = tuple(_by_budget(info.of(epsilon), at[epsilon], false_alarms) for epsilon in info.epsilons)
        label = f"at {leakage.percent(false_alarms).replace('.0', '').replace('0.10', '0.1')} false alarms"
        canvas.add_line(figure, Line(f"at {false_alarms:g}", label, spots), palette.meanings[2], dash, marker)
        _chance(figure, false_alarms, palette)
    if info.leaks:
        figure["layout"]["shapes"].append(
            {"type": "line", "x0": at[chosen], "x1": at[chosen], "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
             "line": {"color": palette.accent, "width": 12}, "opacity": 0.18}
        )  # fmt: skip
    _shape(figure)
    level_budgets(figure, info.epsilons)
    return figure


def _by_budget(leak: Leak | None, x: float, false_alarms: float) -> Spot | None:
    if leak is None or false_alarms not in leak.found:
        return None
    share = leak.found[false_alarms]
    return _spot(x, share, _hover(leak.epsilon, false_alarms, share))


def _chance(figure: Figure, share: float, palette: Palette) -> None:
    line = {"color": palette.text, "width": 1, "dash": "dot"}
    figure["layout"]["shapes"].append(
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 100 * share, "y1": 100 * share, "line": line}
    )
    figure["layout"]["annotations"].append(
        {"text": f"chance at {100 * share:g}{words.NBSP}%", "xref": "paper", "x": 1, "xanchor": "right",
         "y": log10(100 * share), "yanchor": "top", "showarrow": False, "font": {"size": TEXT_SIZE - 2}}
    )  # fmt: skip


def roc_in_words(info: Leakage, chosen: float) -> str:
    """The takeaway of the first chart, for those who do not see it."""
    leak = info.of(chosen)
    if leak is None:
        return f"Members found by false alarms: {words.budget(chosen)} is not measured yet."
    told = (f"{leakage.percent(y.value)} at {leakage.percent(x)}" for x, y in leak.found.items())
    return f"Members found by false alarms, {words.budget(chosen)}: {words.listed(list(told))}."


def by_budget_in_words(info: Leakage) -> str:
    """The same of the second."""
    known = [leak for leak in info.leaks if FEW in leak.found]
    if not known:
        return "Members found by privacy budget: no results yet."
    told = (f"{leakage.percent(leak.found[FEW].value)} at {words.budget(leak.epsilon)}" for leak in known)
    return f"Members found at 1{words.NBSP}% false alarms: {words.listed(list(told))}."
