"""The chart of reproduction.py, drawn: lines with intervals, each repeat as a dot, what was published as a star."""

from math import ceil, floor
from textwrap import wrap
from typing import Any

from engine.report import canvas, words
from engine.report.canvas import Figure
from engine.report.drawing import hollow, level_budgets
from engine.report.figures import Line, Spot
from engine.report.palette import LIGHT, Palette
from engine.report.reproduction import SideBySide, Told

HEIGHT, TEXT, TITLE = 350, 15, 16  # px: it is looked at from the back of a room
MARKERS = ("circle", "square", "triangle-up", "diamond")
ROOM = 128  # px for the names of lines
AIR = 0.12  # of the range of the data, above and below
BY_BUDGET = "← more private      ε      less private →"
STAR = 0.26  # of the level axis: a star and its share, on a phone too
COLUMN, TALL = 11, 18  # letters in a line under a column; px that each more takes
LEAST = 4.0  # percent that the axis shows at least
LINE = 0.07  # of the upright axis: a line of text
LEAKAGE = 2  # its place among the meanings of colours
STEPS = (1, 2, 5, 10, 20)  # percent between two lines of the grid


def draw(info: SideBySide, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """What is measured, by privacy budget: ours, with repeats and intervals, beside what was published."""
    figure = canvas.blank(palette, _title(info), note)
    _enlarge(figure)
    _axis(figure, info)
    several, colours = len(info.parts) > 1, _colours(info, palette)
    named = several and not info.columns
    for told, colour, marker in zip(info.parts, colours, MARKERS, strict=False):
        _add(figure, told, colour, marker, star=colour if several else palette.text)
    ends = [(told.line, colour) for told, colour in zip(info.parts, colours, strict=False)] if named else []
    if info.chance and not info.columns:
        ends.append((info.chance, palette.text))
    if ends:
        figure["layout"]["margin"]["r"] = ROOM
        canvas.label_ends(figure, ends, palette)
    _level_columns(figure, info) if info.columns else _level_budgets(figure, info)
    _make_room(figure, info)
    if info.chance:
        _add_chance(figure, info.chance, palette, named=bool(info.columns))
    _label_stars(figure, info, named=named)
    return figure


def _level_budgets(figure: Figure, info: SideBySide) -> None:
    level_budgets(figure, info.epsilons)
    figure["layout"]["xaxis"]["title"]["text"] = BY_BUDGET


def _level_columns(figure: Figure, info: SideBySide) -> None:
    """A part a place, under which its label has as many lines as a phone needs."""
    lines = {x: wrap(label, COLUMN) for x, label in info.columns}
    canvas.level(figure, {x: "<br>".join(said) for x, said in lines.items()}, words.budget(info.epsilons[0]))
    figure["layout"]["xaxis"]["tickfont"] = {"size": TEXT - 2}
    figure["layout"]["margin"]["b"] += TALL * (max(map(len, lines.values())) - 1)


def _colours(info: SideBySide, palette: Palette) -> tuple[str, ...]:
    """One for each part; where leakage is shown its own colour comes first."""
    first = LEAKAGE if info.chance else 0
    return (*palette.meanings[first:], *palette.meanings[:first])


def _add_chance(figure: Figure, line: Line, palette: Palette, *, named: bool) -> None:
    """A level line from the left end of the axis to its spot; `named` at the left, where columns leave room."""
    (end,), left = line.known, figure["layout"]["xaxis"]["range"][0]
    stroke = {"color": palette.text, "width": 1.5, "dash": "dot"}
    figure["layout"]["shapes"].append(
        {"type": "line", "x0": left, "x1": end.x, "y0": end.y, "y1": end.y, "line": stroke, "layer": "below"}
    )
    note = {"x": left, "y": end.y, "xanchor": "left", "yanchor": "bottom", "xshift": 4}
    note |= {"text": line.name, "showarrow": False, "font": {"size": TEXT, "color": palette.text}}
    figure["layout"]["annotations"] += [note] if named else []


def _add(figure: Figure, told: Told, colour: str, marker: str, *, star: str) -> None:
    figure["data"].append(_repeats(told.repeats, colour, f"{told.line.name}-repeats"))
    canvas.add_line(figure, told.line, colour, "solid", marker)
    figure["data"].append(hollow(told.training, colour, f"{told.line.name}-training"))
    figure["data"].append(_stars(told.published, star, told.line.name))


def _label_stars(figure: Figure, info: SideBySide, *, named: bool) -> None:
    """The share of each star, and whose it is where no line says so; those of one budget push one another apart."""
    low, high = figure["layout"]["yaxis"]["range"]
    stars = [(told, spot) for told in info.parts for spot in told.published]
    for x in {spot.x for _, spot in stars}:
        here = [(told, spot) for told, spot in stars if spot.x == x]
        heights = canvas.apart([spot.y for _, spot in here], LINE * (high - low), low, high)
        for (told, spot), y in zip(here, heights, strict=True):
            label = _label(spot) | {"y": y}
            whose = named and not told.line.known
            figure["layout"]["annotations"] += [label, *([_name(label, told.line.label)] if whose else [])]


def _title(info: SideBySide) -> str:
    marks = f"{info.measure.brief}: ● measured, ★ published"  # no longer than a phone is wide
    return marks if any(told.published for told in info.parts) else info.measure.name


def _enlarge(figure: Figure) -> None:
    layout = figure["layout"]
    layout["height"] = HEIGHT
    layout["font"] = layout["font"] | {"size": TEXT}
    layout["title"]["font"] = {"size": TITLE}
    layout["xaxis"]["title"]["font"] = {"size": TEXT}
    layout["margin"] |= {"l": 60, "r": 28, "t": 44, "b": 56}


def _axis(figure: Figure, info: SideBySide) -> None:
    """The part of the upright axis where something is to be seen: the ticks say which."""
    low = min((spot.low for spot in info.seen), default=0.0)
    high = max((spot.high for spot in info.seen), default=100.0)
    spare = max(0.0, LEAST - (high - low)) / 2 + AIR * (high - low)
    low, high = max(-4.0 if info.chance is None else 0.0, low - spare), min(104.0, high + spare)
    step = next(step for step in STEPS if (high - low) / step <= 6)
    ticks = [step * k for k in range(ceil(low / step), floor(min(high, 100.0) / step) + 1)]
    said = [words.percent(tick / 100) for tick in ticks]
    figure["layout"]["yaxis"] |= {"range": [low, high], "tickvals": ticks, "ticktext": said}


def _make_room(figure: Figure, info: SideBySide) -> None:
    """The share of a star at the left end of the axis has to stand somewhere."""
    axis = figure["layout"]["xaxis"]
    low, high = axis["range"]
    first = min((spot.x for told in info.parts for spot in told.published), default=high)
    axis["range"] = [min(low, first - STAR * (high - low)), high]


def _repeats(spots: tuple[Spot, ...], colour: str, uid: str) -> dict[str, Any]:
    return _marks(spots, uid) | {"marker": {"color": colour, "symbol": "circle", "size": 5, "opacity": 0.45}}


def _stars(spots: tuple[Spot, ...], colour: str, name: str) -> dict[str, Any]:
    return _marks(spots, f"{name}-published") | {"marker": {"color": colour, "symbol": "star", "size": 15}}


def _marks(spots: tuple[Spot, ...], uid: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "uid": uid,
        "name": uid,
        "mode": "markers",
        "x": [spot.x for spot in spots],
        "y": [spot.y for spot in spots],
        "cliponaxis": False,
        "hovertext": [spot.said for spot in spots],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _label(spot: Spot) -> dict[str, Any]:
    """What is published, left of its star: a rising line leaves room there."""
    return {"x": spot.x, "y": spot.y, "text": words.percent(spot.y / 100, 1), "xanchor": "right", "xshift": -10,
            "yanchor": "bottom", "yshift": -4, "showarrow": False, "font": {"size": TEXT}}  # fmt: skip


def _name(share: dict[str, Any], label: str) -> dict[str, Any]:
    """Whose share it is, right of its star."""
    return share | {"text": label, "xanchor": "left", "xshift": 10}
