"""Every budget at every attack strength, as a map of numbers."""

from collections.abc import Sequence
from typing import Any

from engine.report import canvas, words
from engine.report.canvas import Figure
from engine.report.figures import Spot, TradeOff
from engine.report.palette import LIGHT, Palette
from engine.report.targets import Targets

SHADES = 3  # of the ordered colours: text has to be readable on each


def draw_map(info: TradeOff, palette: Palette = LIGHT, *, note: str = "", targets: Targets | None = None) -> Figure:
    """A cell a budget and strength, with its number; framed where it meets both `targets`."""
    figure = canvas.blank(palette, "Recognised, by budget and strength", note)
    layout = figure["layout"]
    layout["margin"] |= {"l": 84, "r": 16}
    rows, columns = [line.label for line in info.budgets], ["clean", *_strengths(info)]
    cells = cells_of(info)
    if not note:
        figure["data"].append(heat(cells, palette, "map"))
        layout["annotations"] += _numbers(cells, palette)
        layout["shapes"] += _frames(cells, targets, palette) if targets else []
    bare = {"showgrid": False, "tickangle": 0}
    layout["xaxis"] |= {**bare, "tickvals": list(range(len(columns))), "ticktext": columns}
    layout["xaxis"] |= {"range": [-0.5, len(columns) - 0.5], "showline": False}
    layout["xaxis"]["title"]["text"] = "attack strength      stronger →"
    layout["yaxis"] |= {**bare, "tickvals": list(range(len(rows))), "ticktext": rows, "range": [-0.5, len(rows) - 0.5]}
    return figure


def cells_of(info: TradeOff) -> list[list[Spot | None]]:
    """A row a budget, from the most private on; clean images, then a column a strength."""
    return [[_clean(info, i), *_attacked(info, i)] for i in range(len(info.budgets))]


def _strengths(info: TradeOff) -> list[str]:
    return [words.strength(eps, info.norm) for eps in info.radii if eps > 0]


def _clean(info: TradeOff, i: int) -> Spot | None:
    return info.clean.spots[i]


def _attacked(info: TradeOff, i: int) -> list[Spot | None]:
    return [spot for spot, eps in zip(info.budgets[i].spots, info.radii, strict=True) if eps > 0]


def heat(cells: Sequence[Sequence[Spot | None]], palette: Palette, uid: str) -> dict[str, Any]:
    """Shares as coloured cells, the first row lowest."""
    shades = palette.ordered[:SHADES]
    return {
        "type": "heatmap",
        "uid": uid,
        "z": [[spot and spot.y for spot in row] for row in cells],
        "zmin": 0,
        "zmax": 100,
        "colorscale": [[k / (SHADES - 1), shade] for k, shade in enumerate(shades)],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
        "hovertext": [[spot.said if spot else "" for spot in row] for row in cells],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _numbers(cells: Sequence[Sequence[Spot | None]], palette: Palette) -> list[dict[str, Any]]:
    return [
        {"x": x, "y": y, "text": words.percent(spot.y / 100) if spot else "-", "showarrow": False,
         "font": {"color": palette.text}}
        for y, row in enumerate(cells) for x, spot in enumerate(row)
    ]  # fmt: skip


def _frames(cells: Sequence[Sequence[Spot | None]], targets: Targets, palette: Palette) -> list[dict[str, Any]]:
    """A frame around each cell of the acceptable region: a budget whose clean images and this strength both do."""

    def enough(spot: Spot | None, share: float | None) -> bool:
        return spot is not None and (share is None or spot.y >= 100 * share)

    line = {"color": palette.accent, "width": 3}
    return [
        {"type": "rect", "x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.46, "y1": y + 0.46, "line": line}
        for y, (clean, *attacked) in enumerate(cells)
        if enough(clean, targets.clean)
        for x, spot in enumerate([clean, *attacked])
        if (targets.clean is not None if x == 0 else enough(spot, targets.attacked))
    ]


def in_words(info: TradeOff) -> str:
    """The takeaway of the map, for those who do not see it."""
    known = [spot for line in info.budgets for spot in line.known]
    if not known:
        return "Images recognised at each budget and strength: no results yet."
    least, most = min(spot.y for spot in known), max(spot.y for spot in known)
    return (
        f"Images recognised at {len(info.budgets)} budgets and {len(_strengths(info))} attack strengths: "
        f"from {words.percent(least / 100)} to {words.percent(most / 100)}."
    )
