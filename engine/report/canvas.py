"""What charts are drawn on: plotly figures as plain values (quick to make), explicit colours, labelled line ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.report import words
from engine.report.figures import Line, Spot
from engine.report.palette import FONT, TEXT_SIZE, TITLE_SIZE, Palette

Figure = dict[str, Any]

HEIGHT = 300  # px
RANGE = (-4.0, 104.0)
MARGIN = {"l": 52, "r": 96, "t": 36, "b": 48, "pad": 0}  # px
LABEL = 8.0  # percent of the axis that a line's label takes
ROOM_OF_TICK = 0.13  # share of the axis that a tick's label takes


def blank(palette: Palette, title: str, note: str = "") -> Figure:
    """A chart without data; `note` stands in its middle."""
    text = {"color": palette.text, "family": FONT, "size": TEXT_SIZE}
    lines = {"gridcolor": palette.grid, "linecolor": palette.text, "zeroline": False, "automargin": False}
    said = {"text": note, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False, "font": text}
    layout = {
        "template": {},
        "height": HEIGHT,
        "margin": dict(MARGIN),
        "font": text,
        "title": {"text": title, "x": 0, "xref": "paper", "y": 1, "yref": "container", "yanchor": "top",
                  "pad": {"t": 6}, "font": {"size": TITLE_SIZE}},
        "paper_bgcolor": palette.background,
        "plot_bgcolor": palette.background,
        "colorway": [palette.meanings[0]],
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "yref": "container", "y": 0, "yanchor": "bottom"},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": palette.background, "bordercolor": palette.grid, "font": text, "align": "left"},
        "dragmode": "zoom",
        "annotations": [said] if note else [],
        "shapes": [],
        "xaxis": {**lines, "showline": True, "ticks": "", "title": {"standoff": 10, "font": {"size": TEXT_SIZE}}},
        "yaxis": {**lines, "ticks": "", "showline": False},
        "meta": {"mark": palette.meanings[1]},
    }  # fmt: skip
    return {"data": [], "layout": layout}


def shares(figure: Figure) -> None:
    """An upright axis of shares from 0 to 100 %, with room for whole points at both ends."""
    quarters = (0, 25, 50, 75, 100)
    ticks = {"tickvals": list(quarters), "ticktext": [words.percent(y / 100) for y in quarters]}
    figure["layout"]["yaxis"] |= {**ticks, "range": list(RANGE)}


def level(figure: Figure, ticks: Mapping[float, str], title: str) -> None:
    """A grid line at each point, its label where there is room for it level; half a step of air at both ends."""
    low, high = min(ticks, default=0.0), max(ticks, default=1.0)
    span = (high - low) or 1.0
    named = {low}
    for x in sorted(ticks, reverse=True):
        if all(abs(other - x) >= ROOM_OF_TICK * span for other in named):
            named.add(x)
    axis = figure["layout"]["xaxis"]
    axis["range"] = [low - 0.06 * span, high + 0.04 * span]
    axis["tickvals"] = sorted(ticks)
    axis["ticktext"] = [ticks[x] if x in named else "" for x in sorted(ticks)]
    axis["tickangle"] = 0
    axis["title"]["text"] = title


def add_line(figure: Figure, line: Line, colour: str, dash: str, marker: str) -> None:
    """A line with its intervals; a missing point is a gap."""
    spots = line.spots
    figure["data"].append(
        {
            "type": "scatter",
            "uid": line.name,
            "name": line.label,
            "mode": "lines+markers",
            "x": [spot and spot.x for spot in spots],
            "y": [spot and spot.y for spot in spots],
            "error_y": bars(spots, colour),
            "connectgaps": False,
            "cliponaxis": False,
            "line": {"color": colour, "dash": dash, "width": 2.5},
            "marker": {"color": colour, "symbol": marker, "size": 7},
            "hovertext": [spot and spot.said for spot in spots],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    )


def bars(spots: Sequence[Spot | None], colour: str) -> dict[str, Any]:
    up = [spot and spot.high - spot.y for spot in spots]
    down = [spot and spot.y - spot.low for spot in spots]
    return {"type": "data", "array": up, "arrayminus": down, "color": colour, "thickness": 1, "width": 3}


def label_ends(figure: Figure, lines: Sequence[tuple[Line, str]], palette: Palette, gap: float = LABEL) -> None:
    """Name each line at its last point, by a stroke of its colour; labels push one another apart."""
    named = [(line.known[-1], line.label, colour) for line, colour in lines if line.known]
    low, high = figure["layout"]["yaxis"]["range"]
    percent = (high - low) / (RANGE[1] - RANGE[0])  # of the axis, in its own unit
    heights = apart([spot.y for spot, _, _ in named], gap * percent, low + 4 * percent, high - 4 * percent)
    for (spot, label, colour), y in zip(named, heights, strict=True):
        figure["layout"]["annotations"].append(
            {"x": spot.x, "y": spot.y, "ax": 18, "ay": (spot.y - y) / (high - low) * _plot_height(figure),
             "text": label.replace(" by ", "<br>by "), "xanchor": "left", "align": "left",
             "font": {"color": palette.text}, "standoff": 4, "showarrow": True, "arrowhead": 0, "arrowwidth": 1.5,
             "arrowcolor": colour}
        )  # fmt: skip


def _plot_height(figure: Figure) -> float:
    """px"""
    margin = figure["layout"]["margin"]
    height: float = figure["layout"]["height"] - margin["t"] - margin["b"]
    return height


def apart(heights: Sequence[float], gap: float, low: float = 0.0, high: float = 100.0) -> list[float]:
    """Heights moved as little as their order allows until all are `gap` apart, within [low, high] if they fit.

    >>> apart([50.0, 52.0, 10.0], 8.0)
    [47.0, 55.0, 10.0]
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    blocks: list[list[float]] = []  # each: centre of mass, number of labels
    for i in order:
        blocks.append([heights[i], 1])
        while len(blocks) > 1 and _bottom(blocks[-1], gap) < _bottom(blocks[-2], gap) + gap * blocks[-2][1]:
            centre, n = blocks.pop()
            other = blocks[-1]
            other[0] = (other[0] * other[1] + centre * n) / (other[1] + n)
            other[1] += n
    placed: list[float] = []
    for block in blocks:
        placed += [_bottom(block, gap) + gap * k for k in range(int(block[1]))]
    placed = _inside(placed, gap, low, high)
    return [placed[order.index(i)] for i in range(len(heights))]


def _bottom(block: list[float], gap: float) -> float:
    return block[0] - gap * (block[1] - 1) / 2


def _inside(placed: list[float], gap: float, low: float, high: float) -> list[float]:
    """Pushed back from both ends, the lower one last."""
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], high - gap * (len(placed) - 1 - i))
    return [max(y, low + gap * i) for i, y in enumerate(placed)]
