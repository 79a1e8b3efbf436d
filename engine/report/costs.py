"""What privacy costs in points: the least private model minus each other one, by budget and by attack strength."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import pandas as pd

from engine.report import canvas, points, words
from engine.report.canvas import Figure
from engine.report.drawing import add_budgets, level_budgets, level_strengths
from engine.report.figures import Line, Spot, budget_name, places
from engine.report.palette import LIGHT, Palette
from engine.report.points import Point

AIR = 3.0  # points above and below the data
STEPS = (1, 2, 5, 10, 20)  # points between two lines of the grid


@dataclass(frozen=True)
class Costs:
    """Points lost, with 95 % intervals, held against `baseline`, the largest budget; `epsilons` are the others."""

    epsilons: tuple[float, ...]
    baseline: float
    radii: tuple[float, ...]
    norm: str
    strength: float | None
    clean: Line
    attacked: Line
    budgets: tuple[Line, ...]


def costs(
    frame: pd.DataFrame, *, epsilons: Sequence[float], radii: Sequence[float], norm: str, strength: float | None
) -> Costs:
    """What a result table says; where one of the two points is missing there is a gap."""
    *grid, baseline = sorted(epsilons)
    at, clean, robust = places(epsilons), points.clean(frame), points.robust(frame)
    under = {epsilon: point for (epsilon, eps), point in robust.items() if eps == strength}
    attacked = "attacked" if strength is None else f"attacked by {words.strength(strength, norm)}"

    def by_strength(epsilon: float) -> Line:
        said = words.budget(epsilon)
        spots = (
            _lost(eps, robust.get((epsilon, eps)), robust.get((baseline, eps)), said, words.strength(eps, norm))
            for eps in sorted(radii)
        )
        return Line(budget_name(epsilon), said, tuple(spots))

    def by_budget(name: str, said: str, found: dict[float, Point]) -> Line:
        spots = (_lost(at[e], found.get(e), found.get(baseline), words.budget(e), said) for e in grid)
        return Line(name, said, tuple(spots))

    return Costs(
        epsilons=tuple(grid),
        baseline=baseline,
        radii=tuple(sorted(radii)),
        norm=norm,
        strength=strength,
        clean=by_budget("clean", "clean", clean),
        attacked=by_budget("attacked", attacked, under),
        budgets=tuple(by_strength(epsilon) for epsilon in grid),
    )


def _lost(x: float, private: Point | None, baseline: Point | None, *who: str) -> Spot | None:
    if private is None or baseline is None:
        return None
    gap, low, high = baseline.minus(private)
    said = f"<b>{', '.join(who)}</b><br>{_told(private, baseline)}"
    return Spot(x, 100 * gap, 100 * low, 100 * high, said)


def _told(private: Point, baseline: Point) -> str:
    """The loss with its interval, in the words of the finding: where two intervals overlap no number is told."""
    if private.overlaps(baseline):
        return "no difference we can measure"
    gap, low, high = baseline.minus(private)
    if gap < 0:
        gap, low, high = -gap, -high, -low
        return f"{words.points(gap)} gained ({words.plain(low)} to {words.plain(high)})"
    return f"{words.points(gap)} lost ({words.plain(low)} to {words.plain(high)})"


def draw_by_budget(info: Costs, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Points lost by privacy budget, clean and attacked."""
    figure = canvas.blank(palette, f"Points lost beside {words.budget(info.baseline)}, by privacy budget", note)
    _lost_axis(figure, info, palette)
    clean, attacked = palette.meanings[:2]
    canvas.add_line(figure, info.clean, clean, "solid", "circle")
    canvas.add_line(figure, info.attacked, attacked, "dash", "square")
    named = [(info.clean, clean), (info.attacked, attacked)]
    canvas.label_ends(figure, named, palette, gap=1.5 * canvas.LABEL)
    level_budgets(figure, info.epsilons)
    return figure


def draw_by_strength(info: Costs, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Points lost by attack strength, a line a budget."""
    figure = canvas.blank(palette, f"Points lost beside {words.budget(info.baseline)}, by attack strength", note)
    _lost_axis(figure, info, palette)
    add_budgets(figure, info.budgets, info.epsilons, palette)
    level_strengths(figure, info.radii, info.norm)
    return figure


def _lost_axis(figure: Figure, info: Costs, palette: Palette) -> None:
    """The same for both charts, whatever strength is shown: all data with their intervals, and zero as a line."""
    spots = [spot for line in (info.clean, *info.budgets) for spot in line.known]
    low = min((spot.low for spot in spots), default=0.0) - AIR
    high = max((spot.high for spot in spots), default=10.0) + AIR
    low, high = min(low, -AIR), max(high, AIR)
    step = next((step for step in STEPS if (high - low) / step <= 6), 25)
    ticks = [step * k for k in range(ceil(low / step), floor(high / step) + 1)]
    axis = figure["layout"]["yaxis"]
    axis |= {"range": [low, high], "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    zero = {"color": palette.text, "width": 1}
    figure["layout"]["shapes"].append(
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": zero, "layer": "below"}
    )


def in_words(info: Costs) -> str:
    """The takeaway of both charts, for those who do not see them."""
    firsts = [line.known[0].said for line in (info.clean, info.attacked) if line.known]
    if not firsts:
        return "Points lost to privacy: no results yet."
    told = (said.replace("<b>", "").replace("</b><br>", ": ") for said in firsts)
    return f"Points lost beside {words.budget(info.baseline)}. {'; '.join(told)}."
