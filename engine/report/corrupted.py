"""What natural corruptions cost: images recognised by severity, and by corruption, private models beside others."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from engine.corruptions import SEVERITIES, corruptions
from engine.report import canvas, panels, points, words
from engine.report.canvas import Figure
from engine.report.drawing import add_budgets
from engine.report.figures import Line, Spot, budget_name, spot
from engine.report.palette import LIGHT, Palette
from engine.report.points import Point
from engine.results import CORRUPTED

ROW = 20  # px of the table
PLOT = canvas.HEIGHT - canvas.MARGIN["t"] - canvas.MARGIN["b"]  # px
Points = dict[tuple[str, float, float], Point]


@dataclass(frozen=True)
class Corrupted:
    """By budget (lines.CLIPPING among them): the mean over corruptions by severity, 0 being clean, and each of them.

    `cells` holds a row a corruption, in the order of `titles`, and a column a severity.
    """

    epsilons: tuple[float, ...]
    titles: tuple[str, ...]
    means: tuple[Line, ...]
    cells: tuple[tuple[tuple[Spot | None, ...], ...], ...]

    @property
    def empty(self) -> bool:
        return not any(found for table in self.cells for row in table for found in row)


def corrupted(frame: pd.DataFrame, epsilons: Sequence[float]) -> Corrupted:
    """What a result table says. A mean is over all corruptions that the table knows; where one is missing, a gap."""
    rows = frame[frame["metric"].str.startswith(CORRUPTED)]
    known: Points = {
        (metric.removeprefix(CORRUPTED), epsilon, eps): point
        for (metric, epsilon, eps), point in points.points(rows, "metric", "epsilon", "eps").items()
    }
    names = tuple(name for name in corruptions.names if any(name == found for found, _, _ in known))
    grid, clean = tuple(sorted(epsilons)), points.clean(frame)
    return Corrupted(
        epsilons=grid,
        titles=tuple(corruptions[name].facts["title"] for name in names),
        means=tuple(_means(epsilon, names, known, clean.get(epsilon)) for epsilon in grid),
        cells=tuple(tuple(_row(name, epsilon, known) for name in names) for epsilon in grid),
    )


def _means(epsilon: float, names: Sequence[str], known: Points, clean: Point | None) -> Line:
    label = words.budget(epsilon)
    groups = ([known.get((name, epsilon, severity)) for name in names] for severity in SEVERITIES)
    spots = (
        spot(severity, _mean(group), label, f"severity {severity}, mean of {len(names)} corruptions")
        for severity, group in zip(SEVERITIES, groups, strict=True)
    )
    return Line(f"corrupted-{budget_name(epsilon)}", label, (spot(0, clean, label, "clean images"), *spots))


def _mean(group: Sequence[Point | None]) -> Point | None:
    """Over corruptions of the same images, of the same models; the mean of intervals is wide enough in any case."""
    found = [point for point in group if point]
    if not found or len(found) < len(group):
        return None
    mean, low, high = (fmean(getattr(point, what) for point in found) for what in ("mean", "low", "high"))
    return Point(mean, low, high, found[0].n_seeds, found[0].n_images)


def _row(name: str, epsilon: float, known: Points) -> tuple[Spot | None, ...]:
    told = words.budget(epsilon), corruptions[name].facts["title"]
    return tuple(spot(s, known.get((name, epsilon, s)), *told, f"severity {s}") for s in SEVERITIES)


def draw_by_severity(info: Corrupted, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Images recognised by severity, mean over corruptions, a line a budget."""
    figure = canvas.blank(palette, "Recognised, by severity of corruption", note)
    figure["layout"]["height"] += max(0, ROW * len(info.titles) + panels.ABOVE - PLOT)  # as high as the table
    canvas.shares(figure)
    add_budgets(figure, info.means, info.epsilons, palette)
    ticks: dict[float, str] = {0: "clean", **{severity: str(severity) for severity in SEVERITIES}}
    canvas.level(figure, ticks, f"severity, mean of {len(info.titles)} corruptions      worse →")
    return figure


def draw_table(info: Corrupted, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Every corruption at every severity: the most private budget and the least private one side by side."""
    figure = canvas.blank(palette, "Recognised, by corruption (%)", note)
    if info.empty:
        return figure
    figure["layout"]["margin"] |= {"l": 132, "r": 16}
    shown = sorted({0, len(info.epsilons) - 1})
    titles = [words.budget(info.epsilons[i]) for i in shown]
    names = panels.divide(figure, titles, columns=len(shown), height=ROW * len(info.titles), gap=0.04)
    for name, i in zip(names, shown, strict=True):
        rows = info.titles[::-1] if not name else [""] * len(info.titles)  # named once, from the top down
        columns = [str(severity) for severity in SEVERITIES]
        panels.table(figure, name, info.cells[i][::-1], rows=rows, columns=columns, palette=palette)
        figure["layout"][f"xaxis{name}"]["title"]["text"] = "severity"
    return figure


def in_words(info: Corrupted) -> tuple[str, str]:
    """The takeaways of both charts, for those who do not see them."""
    if info.empty:
        return ("Images recognised when nature corrupts: no results yet.",) * 2
    means = " ".join(_ends(line) for line in info.means if line.known)
    hardest = " ".join(_hardest(info, i) for i in sorted({0, len(info.epsilons) - 1}))
    return (
        f"Images recognised by severity, mean of {len(info.titles)} corruptions. {means}",
        f"Images recognised at the highest severity, by corruption. {hardest}",
    )


def _ends(line: Line) -> str:
    first, last = line.known[0], line.known[-1]
    start = "of clean images" if first.x == 0 else f"at severity {first.x:g}"
    ends = f"{words.percent(first.y / 100)} {start}, {words.percent(last.y / 100)} at severity {last.x:g}"
    return f"{line.label}: {ends}."


def _hardest(info: Corrupted, i: int) -> str:
    """The corruption that costs most, and the one that costs least."""
    last = [(row[-1].y, title) for row, title in zip(info.cells[i], info.titles, strict=True) if row[-1]]
    if not last:
        return f"{words.budget(info.epsilons[i])}: no results yet."
    (least, worst), (most, mildest) = min(last), max(last)
    told = f"least with {worst} ({words.percent(least / 100)}), most with {mildest} ({words.percent(most / 100)})"
    return f"{words.budget(info.epsilons[i])}: {told}."
