"""Which models are worth having: the privacy, accuracy and robustness of each, those that another beats dimmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from engine.report import canvas, drawing, figures, lines, panels, surface, words
from engine.report.canvas import Figure
from engine.report.comparing import escaped
from engine.report.figures import Spot
from engine.report.palette import LIGHT, Palette
from engine.report.surface import Defended

MARKERS = ("circle", "square", "triangle-up", "diamond", "pentagon", "triangle-down", "x")
DIMMED, MOST_TOLD = 0.35, 6
BEATEN = "another model is at least as private, as accurate and as robust"
Criteria = tuple[float, float, float]  # epsilon (inf without a promise), clean and robust accuracy


@dataclass(frozen=True)
class Candidate:
    """One model: both marks stand at its budget; `defence` is its place among the defences."""

    defence: int
    digest: str
    epsilon: float
    clean: Spot
    robust: Spot
    dominated: bool

    @property
    def criteria(self) -> Criteria:
        return _criteria(self.epsilon, self.clean, self.robust)


@dataclass(frozen=True)
class Frontier:
    """All candidates that were measured clean and at `strength`, beside one another."""

    labels: tuple[str, ...]
    epsilons: tuple[float, ...]
    strength: float
    norm: str
    candidates: tuple[Candidate, ...]


def dominated(points: Sequence[Criteria]) -> list[bool]:
    """For each (epsilon, clean, robust): another one is nowhere worse and somewhere better. Small epsilons are better.

    >>> dominated([(1.0, 0.8, 0.3), (3.0, 0.8, 0.3), (3.0, 0.9, 0.2), (1.0, 0.8, 0.3)])
    [False, True, False, False]
    """
    return [any(_beats(other, point) for other in points) for point in points]


def _beats(one: Criteria, other: Criteria) -> bool:
    pairs = [(-one[0], -other[0]), *zip(one[1:], other[1:], strict=True)]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def frontier(entries: Sequence[Defended], *, strength: float, norm: str) -> Frontier:
    """What the chart shows of studies on one data set under one attack. Means decide, whatever their intervals."""
    epsilons = tuple(sorted({epsilon for one in entries for epsilon in one.epsilons}))
    at = figures.places(epsilons)
    found: list[tuple[int, str, float, Spot, Spot]] = []
    for i, one in enumerate(entries):
        info = figures.trade_off(one.frame, epsilons=one.epsilons, radii=(strength,), norm=norm, strength=strength)
        pairs = zip(info.epsilons, info.clean.spots, info.attacked.spots, strict=True)
        found += [
            (i, one.digest, epsilon, _placed(clean, at[epsilon], one.label), _placed(robust, at[epsilon], one.label))
            for epsilon, clean, robust in pairs
            if clean and robust
        ]
    beaten = dominated([_criteria(epsilon, clean, robust) for _, _, epsilon, clean, robust in found])
    candidates = tuple(Candidate(*one, dominated=worse) for one, worse in zip(found, beaten, strict=True))
    return Frontier(tuple(one.label for one in entries), epsilons, strength, norm, candidates)


def _criteria(epsilon: float, clean: Spot, robust: Spot) -> Criteria:
    return epsilon if lines.private(epsilon) else inf, clean.y, robust.y


def _placed(spot: Spot, x: float, label: str) -> Spot:
    return Spot(x, spot.y, spot.low, spot.high, f"<b>{escaped(label)}</b><br>{spot.said}")


def draw(info: Frontier, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Robust accuracy by privacy budget, and beside it clean accuracy; `customdata` of a mark is its study's digest."""
    figure = canvas.blank(palette, "Privacy, robustness and accuracy", note)
    canvas.shares(figure)
    drawing.level_budgets(figure, info.epsilons)
    attacked = f"attacked by {words.strength(info.strength, info.norm)}"
    names = panels.divide(figure, [attacked, "clean"], columns=2, height=surface.ROOM, gap=0.06)
    figure["layout"]["yaxis2"]["showticklabels"] = False
    for name, what in zip(names, ("robust", "clean"), strict=True):
        figure["layout"][f"xaxis{name}"]["title"]["text"] = "← more private      ε"
        for i in range(len(info.labels)):
            figure["data"] += [_marks(info, i, name, what, palette, dim=dim) for dim in (True, False)]
    panels.legend(figure, info.labels)
    return figure


def _marks(info: Frontier, i: int, name: str, what: str, palette: Palette, *, dim: bool) -> dict[str, Any]:
    """One defence in one panel: the models that are dominated, or the others."""
    mine = [one for one in info.candidates if one.defence == i and one.dominated is dim]
    spots: list[Spot] = [getattr(one, what) for one in mine]
    colour = palette.meanings[i % len(palette.meanings)]
    return {
        "type": "scatter",
        "uid": f"{what}-{i}-{'dominated' if dim else 'best'}",
        "name": escaped(info.labels[i]),
        "legendgroup": str(i),
        "showlegend": what == "robust" and dim is all(one.dominated for one in info.candidates if one.defence == i),
        "mode": "markers",
        "xaxis": f"x{name}",
        "yaxis": f"y{name}",
        "x": [spot.x for spot in spots],
        "y": [spot.y for spot in spots],
        "error_y": canvas.bars(spots, colour),
        "opacity": DIMMED if dim else 1,
        "cliponaxis": False,
        "marker": {"color": colour, "symbol": MARKERS[i % len(MARKERS)], "size": 8 if dim else 10},
        "customdata": [one.digest for one in mine],
        "hovertext": [f"{spot.said}<br>{BEATEN}" if dim else spot.said for spot in spots],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def in_words(info: Frontier) -> str:
    """The takeaway of the chart, for those who do not see it: which models no other one beats."""
    best = [one for one in info.candidates if not one.dominated]
    if not best:
        return "Privacy, robustness and accuracy: no results yet."
    told = "; ".join(_told(one, info.labels[one.defence]) for one in best[:MOST_TOLD])
    more = len(best) - MOST_TOLD
    rest = f"; and {more} more" if more > 0 else ""
    return f"{len(best)} of {len(info.candidates)} models are not beaten by another: {told}{rest}."


def _told(one: Candidate, label: str) -> str:
    clean, robust = words.percent(one.clean.y / 100), words.percent(one.robust.y / 100)
    return f"{label} at {words.budget(one.epsilon)} with {clean} clean and {robust} attacked"
