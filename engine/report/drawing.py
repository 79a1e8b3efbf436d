"""The curves of figures.py, drawn with plotly: by privacy budget and by attack strength."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil
from typing import Any

from engine.report import canvas, words
from engine.report.canvas import LABEL, MARGIN, Figure
from engine.report.figures import Line, Spot, TradeOff, places
from engine.report.palette import LIGHT, TEXT_SIZE, Palette, styles
from engine.report.targets import Targets, verdicts

LEGEND_ROW, LEGEND_COLUMNS = 20, 3  # px; entries side by side where there is least room
MOST_LABELS = 6  # with more lines, a legend below
BY_BUDGET = "← more private      privacy budget ε      less private →"
LEAKAGE = ("dashdot", "diamond")  # dash and marker of what leaks
FLOOR_DASH = "2px,5px"  # unlike the dots of a budget's own line
BELOW_NAMES = 50.0  # percent: ends of lines that leave room for a word above their names
SHADES = {"meets": 0.24, "perhaps": 0.1}  # opacity of the acceptable region


def draw_by_budget(
    info: TradeOff, palette: Palette = LIGHT, *, note: str = "", targets: Targets | None = None
) -> Figure:
    """Images recognised by privacy budget: clean, attacked, and hollow marks of models in training; what leaks besides.

    With `targets`, the budgets that meet them are shaded and each target is a dotted line.
    """
    figure = canvas.blank(palette, title_by_budget(info), note)
    canvas.shares(figure)
    clean, attacked, leaked = palette.meanings[:3]
    canvas.add_line(figure, info.clean, clean, "solid", "circle")
    canvas.add_line(figure, info.attacked, attacked, "dash", "square")
    figure["data"].append(hollow(info.training, clean))
    if info.leaks:
        canvas.add_line(figure, info.leaked, leaked, *LEAKAGE)
        figure["data"].append(hollow(info.leaking, leaked, "leaking"))
    named = [(info.clean, clean), (info.attacked, attacked), (info.leaked, leaked)]
    canvas.label_ends(figure, named, palette, gap=1.5 * LABEL)
    level_budgets(figure, info.epsilons)
    if targets:
        _shade(figure, info, targets, palette)
        _add_target(figure, targets.clean, "clean", clean)
        _add_target(figure, targets.attacked, "attacked", attacked)
    return figure


def title_by_budget(info: TradeOff) -> str:
    return f"{'Recognised and leaked' if info.leaks else 'Images recognised'}, by privacy budget"


def draw_by_strength(
    info: TradeOff, palette: Palette = LIGHT, *, note: str = "", targets: Targets | None = None, mark: bool = True
) -> Figure:
    """Images recognised by attack strength, a line a budget, and with `mark` a line at the chosen strength."""
    figure = canvas.blank(palette, "Images recognised, by attack strength", note)
    canvas.shares(figure)
    add_budgets(figure, info.budgets, info.epsilons, palette)
    for forming, look in zip(info.forming, styles(palette, info.epsilons), strict=False):
        if forming.known:
            figure["data"].append(hollow(forming.known, look[0], forming.name))
    _add_floors(figure, info, palette)
    if mark and info.strength is not None and any(line.known for line in info.budgets):
        line = {"color": palette.meanings[1], "width": 2, "dash": "dash"}
        figure["layout"]["shapes"].append(_upright(info.strength, line))
    if targets:
        _add_target(figure, targets.attacked, "attacked", palette.meanings[1])
    level_strengths(figure, info.radii, info.norm)
    return figure


def level_budgets(figure: Figure, epsilons: Sequence[float]) -> None:
    """The axis of privacy budgets."""
    at = places(epsilons)
    canvas.level(figure, {at[e]: words.tick(e) for e in epsilons}, BY_BUDGET)


def level_strengths(figure: Figure, radii: Sequence[float], norm: str) -> None:
    """The axis of attack strengths."""
    said = f"attack strength, {words.UNITS[norm]}"
    canvas.level(figure, {eps: words.strength(eps, norm) for eps in radii}, f"{said}      stronger →")


def add_budgets(figure: Figure, lines: Sequence[Line], epsilons: Sequence[float], palette: Palette) -> None:
    """A line a budget, from faint to strong, no privacy last; named at their ends, or below when there are many."""
    looks = styles(palette, epsilons)
    for line, look in zip(lines, looks, strict=True):
        canvas.add_line(figure, line, *look)
    if len(lines) > MOST_LABELS:
        _add_legend(figure, len(lines))
    else:
        named = [(line, look[0]) for line, look in zip(lines, looks, strict=True)]
        canvas.label_ends(figure, named, palette)


def _add_floors(figure: Figure, info: TradeOff, palette: Palette) -> None:
    """What is certified, as thin dotted lines in the colours of the budgets."""
    if not info.floors:
        return
    for line, (colour, _, marker) in zip(info.floors, styles(palette, info.epsilons), strict=True):
        canvas.add_line(figure, _while_something(line), colour, FLOOR_DASH, marker)
        figure["data"][-1] |= {"mode": "lines", "showlegend": False, "error_y": {"visible": False}}
        figure["data"][-1]["line"]["width"] = 1.5
    if any(line.known for line in info.floors):
        figure["layout"]["annotations"].append(_floors_named(figure, info))


def _while_something(line: Line) -> Line:
    """Up to where nothing is certified any more: a floor at 0 says nothing."""
    spots = line.spots
    end = next((i for i, spot in enumerate(spots) if spot is not None and spot.y == 0), len(spots))
    return replace(line, spots=spots[: end + 1])


def _floors_named(figure: Figure, info: TradeOff) -> dict[str, Any]:
    """Above the ends of the lines, where these leave room; else in the corner."""
    ends = [line.known[-1].y for line in info.budgets if line.known]
    beside = figure["layout"]["margin"]["r"] == MARGIN["r"] and max(ends, default=0.0) < BELOW_NAMES
    text, x, anchor = ("thin dots:<br>certified", 1.02, "left") if beside else ("thin dots: certified", 1.0, "right")
    place = {"xref": "paper", "x": x, "xanchor": anchor, "yref": "paper", "y": 1, "yanchor": "top", "align": "left"}
    return {"text": text, "showarrow": False, "font": {"size": TEXT_SIZE - 2}, **place}


def _add_legend(figure: Figure, entries: int) -> None:
    room = LEGEND_ROW * (1 + ceil(entries / LEGEND_COLUMNS))
    layout = figure["layout"]
    layout["showlegend"] = True
    layout["margin"] |= {"r": 16, "b": MARGIN["b"] + room}
    layout["height"] += room
    layout["legend"] |= {"maxheight": room, "entrywidth": 38, "font": {"size": TEXT_SIZE - 1}}


def _upright(x: float, line: dict[str, Any]) -> dict[str, Any]:
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _shade(figure: Figure, info: TradeOff, targets: Targets, palette: Palette) -> None:
    """The acceptable region: a band around each budget that meets the targets, fainter where it may not."""
    at = places(info.epsilons)
    x = [at[epsilon] for epsilon in info.epsilons]
    low, high = figure["layout"]["xaxis"]["range"]
    edges = [low, *((a + b) / 2 for a, b in pairwise(x)), high]
    found = verdicts(info, targets)
    for i, verdict in enumerate(found):
        if verdict in SHADES:
            figure["layout"]["shapes"].append(
                {"type": "rect", "x0": edges[i], "x1": edges[i + 1], "yref": "paper", "y0": 0, "y1": 1,
                 "layer": "below", "line": {"width": 0}, "fillcolor": palette.accent, "opacity": SHADES[verdict]}
            )  # fmt: skip
            if verdict not in found[:i]:  # the first of its kind says what the shade means
                figure["layout"]["annotations"].append(
                    {"text": verdict, "x": x[i], "yref": "paper", "y": 0, "yanchor": "bottom", "showarrow": False,
                     "font": {"size": TEXT_SIZE - 2}}
                )  # fmt: skip


def _add_target(figure: Figure, share: float | None, who: str, colour: str) -> None:
    if share is None:
        return
    line = {"color": colour, "width": 1.5, "dash": "dot"}
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 100 * share, "y1": 100 * share, "line": line}
    figure["layout"]["shapes"].append(shape)
    below = share > 0.9
    figure["layout"]["annotations"].append(
        {"text": f"target, {who}", "xref": "paper", "x": 0, "xanchor": "left", "y": 100 * share, "showarrow": False,
         "yanchor": "top" if below else "bottom", "font": {"size": TEXT_SIZE - 2},
         "bgcolor": figure["layout"]["paper_bgcolor"], "opacity": 0.85}
    )  # fmt: skip


def hollow(spots: Sequence[Spot], colour: str, uid: str = "training") -> dict[str, Any]:
    """Marks of what is not final: models that still train, curves whose attacks go on."""
    return {
        "type": "scatter",
        "uid": uid,
        "name": "provisional",
        "mode": "markers",
        "x": [spot.x for spot in spots],
        "y": [spot.y for spot in spots],
        "cliponaxis": False,
        "marker": {"color": colour, "symbol": "circle-open", "size": 9, "line": {"color": colour, "width": 2}},
        "hovertext": [spot.said for spot in spots],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
