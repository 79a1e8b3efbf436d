"""The information of figures.py, drawn with plotly: own template, explicit colours, points at 0 whole."""

from collections.abc import Sequence
from math import ceil, isinf
from typing import Any

from plotly import graph_objects as go

from engine.report import words
from engine.report.figures import Line, Spot, TradeOff, places
from engine.report.palette import DASHES, FONT, LIGHT, MARKERS, TEXT_SIZE, TITLE_SIZE, Palette

HEIGHT = 300  # px
RANGE = (-4.0, 104.0)
MARGIN = {"l": 52, "r": 96, "t": 36, "b": 48, "pad": 0}  # px
PER_PERCENT = (HEIGHT - MARGIN["t"] - MARGIN["b"]) / (RANGE[1] - RANGE[0])  # px
LABEL = 8.0  # percent of the axis that a line's label takes
LEGEND_ROW, LEGEND_COLUMNS = 20, 3  # px; entries side by side where there is least room
ROOM_OF_TICK = 0.13  # share of the axis that a tick's label takes
CLEAR = "rgba(0,0,0,0)"
MOST_LABELS = 6  # with more lines, a legend below


def draw_by_budget(info: TradeOff, palette: Palette = LIGHT, *, note: str = "") -> go.Figure:
    """Images recognised by privacy budget: clean, attacked, and hollow marks of models in training."""
    figure = go.Figure(layout=_layout(palette, "Images recognised, by privacy budget", note))
    clean, attacked = palette.meanings[:2]
    _add_line(figure, info.clean, clean, "solid", "circle")
    _add_line(figure, info.attacked, attacked, "dash", "square")
    figure.add_trace(_hollow(info.training, clean))
    _label_ends(figure, [(info.clean, clean), (info.attacked, attacked)], gap=1.5 * LABEL)
    at = places(info.epsilons)
    ticks = {at[epsilon]: "none" if isinf(epsilon) else f"{epsilon:g}" for epsilon in info.epsilons}
    _axis(figure, ticks, "← more private      privacy budget ε      less private →")
    return figure


def draw_by_strength(info: TradeOff, palette: Palette = LIGHT, *, note: str = "") -> go.Figure:
    """Images recognised by attack strength, a line a budget, and a mark at the chosen strength."""
    figure = go.Figure(layout=_layout(palette, "Images recognised, by attack strength", note))
    private = [line for line, epsilon in zip(info.budgets, info.epsilons, strict=True) if not isinf(epsilon)]
    colours = palette.budgets(len(private))
    styles = [(colours[i], DASHES[i % 5], MARKERS[i % 5]) for i in range(len(private))]
    styles += [(colours[-1], "solid", "diamond")] * (len(info.budgets) - len(private))
    for line, style in zip(info.budgets, styles, strict=True):
        _add_line(figure, line, *style)
    if info.strength is not None and any(line.known for line in info.budgets):
        mark = {"color": palette.meanings[1], "width": 2, "dash": "dash"}
        figure.add_shape(type="line", x0=info.strength, x1=info.strength, yref="paper", y0=0, y1=1, line=mark)
    figure.update_layout(meta={"mark": palette.meanings[1]})
    if len(info.budgets) > MOST_LABELS:
        room = LEGEND_ROW * (1 + ceil(len(info.budgets) / LEGEND_COLUMNS))
        figure.update_layout(showlegend=True, margin={"r": 16, "b": MARGIN["b"] + room}, height=HEIGHT + room)
        figure.update_layout(legend={"maxheight": room, "entrywidth": 38, "font": {"size": TEXT_SIZE - 1}})
    else:
        _label_ends(figure, [(line, style[0]) for line, style in zip(info.budgets, styles, strict=True)])
    said = "attack strength, share of full brightness" if info.norm == "linf" else "attack strength, distance"
    _axis(figure, {eps: words.strength(eps, info.norm) for eps in info.radii}, f"{said}      stronger →")
    return figure


def _layout(palette: Palette, title: str, note: str) -> dict[str, Any]:
    text = {"color": palette.text, "family": FONT, "size": TEXT_SIZE}
    lines = {"gridcolor": palette.grid, "linecolor": palette.text, "zeroline": False, "automargin": False}
    quarters = {"tickvals": [0, 25, 50, 75, 100], "ticktext": [words.percent(y / 100) for y in (0, 25, 50, 75, 100)]}
    said = {"text": note, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False, "font": text}
    return {
        "template": go.layout.Template(),
        "height": HEIGHT,
        "margin": MARGIN,
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
        "xaxis": {**lines, "showline": True, "ticks": "", "title": {"standoff": 10, "font": {"size": TEXT_SIZE}}},
        "yaxis": {**lines, **quarters, "range": list(RANGE), "ticks": "", "showline": False},
    }  # fmt: skip


def _axis(figure: go.Figure, ticks: dict[float, str], title: str) -> None:
    """A grid line at each point, its label where there is room for it level; half a step of air at both ends."""
    low, high = min(ticks, default=0.0), max(ticks, default=1.0)
    span = (high - low) or 1.0
    named = {low}
    for x in sorted(ticks, reverse=True):
        if all(abs(other - x) >= ROOM_OF_TICK * span for other in named):
            named.add(x)
    figure.update_xaxes(
        range=[low - 0.06 * span, high + 0.04 * span],
        tickvals=sorted(ticks),
        ticktext=[ticks[x] if x in named else "" for x in sorted(ticks)],
        tickangle=0,
        title_text=title,
    )


def _add_line(figure: go.Figure, line: Line, colour: str, dash: str, marker: str) -> None:
    spots = line.spots
    figure.add_trace(
        go.Scatter(
            uid=line.name,
            name=line.label,
            mode="lines+markers",
            x=[spot and spot.x for spot in spots],
            y=[spot and spot.y for spot in spots],
            error_y=_bars(spots, colour),
            connectgaps=False,
            cliponaxis=False,
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"color": colour, "symbol": marker, "size": 7},
            hovertext=[spot and spot.said for spot in spots],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )


def _bars(spots: Sequence[Spot | None], colour: str) -> dict[str, Any]:
    up = [spot and spot.high - spot.y for spot in spots]
    down = [spot and spot.y - spot.low for spot in spots]
    return {"type": "data", "array": up, "arrayminus": down, "color": colour, "thickness": 1, "width": 3}


def _hollow(spots: Sequence[Spot], colour: str) -> go.Scatter:
    return go.Scatter(
        uid="training",
        name="in training",
        mode="markers",
        x=[spot.x for spot in spots],
        y=[spot.y for spot in spots],
        cliponaxis=False,
        marker={"color": colour, "symbol": "circle-open", "size": 9, "line": {"color": colour, "width": 2}},
        hovertext=[spot.said for spot in spots],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _label_ends(figure: go.Figure, lines: Sequence[tuple[Line, str]], gap: float = LABEL) -> None:
    """Name each line at its last point; labels push one another apart, and then a thin line leads back."""
    named = [(line.known[-1], line.label, colour) for line, colour in lines if line.known]
    heights = apart([spot.y for spot, _, _ in named], gap)
    for (spot, label, colour), y in zip(named, heights, strict=True):
        figure.add_annotation(
            x=spot.x, y=spot.y, ax=18, ay=(spot.y - y) * PER_PERCENT, text=label.replace(" by ", "<br>by "),
            xanchor="left", align="left", font={"color": colour}, standoff=4,
            showarrow=True, arrowhead=0, arrowwidth=1, arrowcolor=colour if abs(spot.y - y) > gap / 4 else CLEAR,
        )  # fmt: skip


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
