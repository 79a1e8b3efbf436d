"""What randomised smoothing certifies of models in noise: a curve over L2 distances of its own, a line a budget."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from engine.report import canvas, points, words
from engine.report.canvas import Figure
from engine.report.drawing import add_budgets, level_strengths
from engine.report.figures import Line, budget_name, spot
from engine.report.palette import LIGHT, Palette
from engine.results import SMOOTHED_ABSTAINED, SMOOTHED_RIGHT


@dataclass(frozen=True)
class Smoothing:
    """Images certified by L2 distance, a line a budget; `abstained`: the share of images nothing is claimed of."""

    epsilons: tuple[float, ...]
    radii: tuple[float, ...]
    noise: str
    budgets: tuple[Line, ...]
    abstained: dict[float, float]

    @property
    def empty(self) -> bool:
        return not any(line.known for line in self.budgets)


def smoothing(frame: pd.DataFrame, epsilons: Sequence[float]) -> Smoothing:
    """What a result table says; its column `attack` names the noise."""
    rows = frame[frame["metric"] == SMOOTHED_RIGHT]
    known = points.points(rows, "epsilon", "eps")
    silent = points.points(frame[frame["metric"] == SMOOTHED_ABSTAINED], "epsilon")
    radii = tuple(sorted({eps for _, eps in known}))

    def by_distance(epsilon: float) -> Line:
        label = words.budget(epsilon)
        spots = (spot(eps, known.get((epsilon, eps)), label, _said(eps)) for eps in radii)
        return Line(f"smoothed-{budget_name(epsilon)}", label, tuple(spots))

    return Smoothing(
        epsilons=tuple(sorted(epsilons)),
        radii=radii,
        noise=str(rows["attack"].iloc[0]) if len(rows) else "",
        budgets=tuple(by_distance(epsilon) for epsilon in sorted(epsilons)),
        abstained={epsilon: point.mean for (epsilon,), point in silent.items()},
    )


def _said(eps: float) -> str:
    return f"in noise, certified against every change up to the distance {eps:g}"


def draw(info: Smoothing, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Images certified by L2 distance. It says nothing of the models without noise: their curves are another chart."""
    figure = canvas.blank(palette, "Certified in noise, by distance (L2)", note)
    canvas.shares(figure)
    add_budgets(figure, info.budgets, info.epsilons, palette)
    level_strengths(figure, info.radii, "l2")
    figure["layout"]["xaxis"]["title"]["text"] = "distance certified      further →"
    return figure


def in_words(info: Smoothing) -> str:
    """The takeaway of the chart, for those who do not see it."""
    if info.empty:
        return "Certified in noise: no results yet."
    told = (_told(info, epsilon, line) for epsilon, line in zip(info.epsilons, info.budgets, strict=True) if line.known)
    return f"Images certified in noise ({info.noise}), by distance. {' '.join(told)}"


def _told(info: Smoothing, epsilon: float, line: Line) -> str:
    first, last = line.known[0], line.known[-1]
    ends = f"{words.percent(first.y / 100)} at {first.x:g} to {words.percent(last.y / 100)} at {last.x:g}"
    silent = info.abstained.get(epsilon)
    return f"{line.label}: {ends}" + (f", nothing claimed of {words.percent(silent)}." if silent is not None else ".")
