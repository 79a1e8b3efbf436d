"""Robust accuracy over privacy budget and attack strength, a small map for each defence. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import pandas as pd

from engine.report import canvas, figures, grid, panels, words
from engine.report.canvas import Figure
from engine.report.comparing import escaped
from engine.report.figures import TradeOff
from engine.report.palette import LIGHT, Palette

ROW, COLUMNS = 24, 2  # px of a budget, at least; maps side by side
ROOM = 230  # px that all maps together fill: the height of the chart beside them


@dataclass(frozen=True)
class Defended:
    """One study as a candidate: what its defence is called, the digest that opens it, its budgets and results."""

    label: str
    digest: str
    epsilons: tuple[float, ...]
    frame: pd.DataFrame


@dataclass(frozen=True)
class Surface:
    """What each defence gives at its own budgets; strengths and norm are those of all."""

    radii: tuple[float, ...]
    norm: str
    maps: tuple[tuple[Defended, TradeOff], ...]

    @property
    def empty(self) -> bool:
        return all(info.empty for _, info in self.maps)


def surface(entries: Sequence[Defended], *, radii: Sequence[float], norm: str) -> Surface:
    """What the maps show: entries attacked in one norm, strengths of `radii` where they have them."""
    maps = (
        (one, figures.trade_off(one.frame, epsilons=one.epsilons, radii=radii, norm=norm, strength=None))
        for one in entries
    )
    return Surface(tuple(sorted(radii)), norm, tuple(maps))


def draw(info: Surface, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """A map for each defence, a cell a budget and strength; `customdata` of a cell is the digest of its study."""
    figure = canvas.blank(palette, "Recognised (%), by ε and attack strength", note)
    if note or not info.maps:
        return figure
    figure["layout"]["margin"] |= {"l": 44, "r": 16}
    height = max(ROW * max(len(one.epsilons) for one, _ in info.maps), _height(len(info.maps)))
    titles = [escaped(one.label) for one, _ in info.maps]
    names = panels.divide(figure, titles, columns=min(COLUMNS, len(titles)), height=height, gap=0.12)
    for name, (one, known) in zip(names, info.maps, strict=True):
        rows, columns = [words.tick(epsilon) for epsilon in known.epsilons], _columns(info)
        cells = grid.cells_of(known)
        panels.table(figure, name, cells, rows=rows, columns=columns, palette=palette, customdata=one.digest)
        figure["layout"][f"xaxis{name}"]["title"]["text"] = "strength, %" if info.norm == "linf" else "distance"
    return figure


def _height(n: int) -> int:
    """px of each of `n` maps that fill the room."""
    rows = ceil(n / COLUMNS)
    return (ROOM - (rows - 1) * (panels.ABOVE + panels.BELOW)) // rows


def _columns(info: Surface) -> list[str]:
    """Short, so that two maps fit a phone: clean images are at 0."""
    scale = 100 if info.norm == "linf" else 1
    return ["0", *(f"{scale * eps:.3g}" for eps in info.radii if eps > 0)]


def in_words(info: Surface) -> str:
    """The takeaway of the maps, for those who do not see them."""
    told = [(one.label, panels.extent(grid.cells_of(known))) for one, known in info.maps]
    found = [f"{label}: {extent}." for label, extent in told if extent]
    return f"Images recognised at each budget and strength. {' '.join(found) or 'No results yet.'}"
