"""Several small charts in one figure: axes side by side, each with a title, and tables of shares as coloured cells."""

from collections.abc import Sequence
from copy import deepcopy
from textwrap import wrap
from typing import Any

from engine.report import grid, overlay, words
from engine.report.canvas import Figure
from engine.report.figures import Spot
from engine.report.palette import TEXT_SIZE, Palette

ABOVE, BELOW = 22, 46  # px above a panel for its title, and below for ticks and what they are
ROW = 16  # px of each further row of a title
LETTERS = 42  # that fit across a phone


def divide(figure: Figure, titles: Sequence[str], *, columns: int, height: int, gap: float) -> list[str]:
    """A panel for each title, `columns` side by side, `height` px high; their axes are called "", "2", "3" and on.

    `gap` is the share of the width between two. Titles that are too long for a phone are broken into rows.
    """
    layout, titles = figure["layout"], [in_rows(title, LETTERS // columns) for title in titles]
    rows = [titles[i : i + columns] for i in range(0, len(titles), columns)] or [[]]
    above = [ABOVE + ROW * max((title.count("<br>") for title in row), default=0) for row in rows]
    whole = sum(above) + len(rows) * (height + BELOW) - BELOW
    layout["height"] = whole + layout["margin"]["t"] + layout["margin"]["b"]
    names = [str(i + 1) if i else "" for i in range(len(titles))]
    for i, (name, title) in enumerate(zip(names, titles, strict=True)):
        row, column = divmod(i, columns)
        width = (1 - gap * (columns - 1)) / columns
        across = [column * (width + gap), column * (width + gap) + width]
        top = 1 - (row * (height + BELOW) + sum(above[: row + 1])) / whole
        _axes(layout, name, across, [max(0.0, top - height / whole), top])
        layout["annotations"].append(_title(title, across[0], top))
    return names


def in_rows(text: str, most: int = LETTERS) -> str:
    """Words in rows of at most so many letters.

    >>> in_rows("adversarial training, one step", 21)
    'adversarial training,<br>one step'
    """
    return "<br>".join(wrap(text, most, break_long_words=False, break_on_hyphens=False)) or text


def _axes(layout: dict[str, Any], name: str, across: list[float], up: list[float]) -> None:
    for axis, other, domain in (("x", "y", across), ("y", "x", up)):
        known = layout[f"{axis}axis"]
        layout[f"{axis}axis{name}"] = {**deepcopy(known), "domain": domain, "anchor": f"{other}{name}"}


def _title(text: str, x: float, y: float) -> dict[str, Any]:
    place = {"xref": "paper", "x": x, "xanchor": "left", "yref": "paper", "y": y, "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": TEXT_SIZE}, "align": "left", **place}


def table(
    figure: Figure,
    name: str,
    cells: Sequence[Sequence[Spot | None]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    palette: Palette,
    customdata: str | None = None,
) -> None:
    """Shares as coloured cells with numbers in percent, the first row lowest; `customdata` is that of every cell."""
    trace = grid.heat(cells, palette, f"table{name}") | {
        "xaxis": f"x{name}",
        "yaxis": f"y{name}",
        "text": [[f"{spot.y:.0f}" if spot else "-" for spot in row] for row in cells],
        "texttemplate": "%{text}",
        "textfont": {"color": palette.text, "size": TEXT_SIZE - 1},
    }
    if customdata is not None:
        trace["customdata"] = [[customdata for _ in row] for row in cells]
    figure["data"].append(trace)
    _bare(figure["layout"][f"xaxis{name}"], columns)
    _bare(figure["layout"][f"yaxis{name}"], rows)


def _bare(axis: dict[str, Any], labels: Sequence[str]) -> None:
    axis |= {"showgrid": False, "showline": False, "tickangle": 0, "tickvals": list(range(len(labels)))}
    axis |= {"ticktext": list(labels), "range": [-0.5, len(labels) - 0.5]}


def legend(figure: Figure, labels: Sequence[str]) -> None:
    """Below, a row a label, more where it is too long for a phone."""
    for trace in figure["data"]:
        trace["name"] = in_rows(trace["name"])
    rows = sum(in_rows(label).count("<br>") + 1 for label in labels)
    layout, room = figure["layout"], overlay.ROW * rows + overlay.AROUND
    layout["showlegend"] = True
    layout["height"] += room
    layout["margin"] |= {"r": 16, "b": layout["margin"]["b"] + room}
    layout["legend"] |= {"orientation": "v", "font": {"size": TEXT_SIZE}, "maxheight": room, "tracegroupgap": 0}


def extent(cells: Sequence[Sequence[Spot | None]]) -> str:
    """From the least to the most of the shares, in words; "" when there are none."""
    known = [spot.y / 100 for row in cells for spot in row if spot]
    return f"{words.percent(min(known))} to {words.percent(max(known))}" if known else ""
