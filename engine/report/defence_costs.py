"""What defences cost in training: seconds as so many times those of plain training at the same budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

import pandas as pd

from engine.report import canvas, computing, frontier, panels, words
from engine.report.canvas import Figure
from engine.report.computing import Amount
from engine.report.drawing import level_budgets
from engine.report.figures import Line, Spot, places
from engine.report.palette import LIGHT, Palette
from engine.results import SECONDS

PLAIN = "none"  # in the column `defence`


@dataclass(frozen=True)
class DefenceCosts:
    """A line a defence but for plain training; `y` of a spot is the logarithm of a number of times."""

    epsilons: tuple[float, ...]
    lines: tuple[Line, ...]

    @property
    def measured(self) -> bool:
        return any(line.known for line in self.lines)


def defence_costs(
    frame: pd.DataFrame, epsilons: Sequence[float], names: Mapping[str, str] | None = None
) -> DefenceCosts:
    """What result tables of one data set and model say, put below one another; `names` are those of defences."""
    grid, rows = tuple(sorted(epsilons)), frame[frame["metric"] == SECONDS]
    plain = computing.amounts(rows[rows["defence"] == PLAIN], SECONDS)
    defences = [name for name in dict.fromkeys(rows["defence"].tolist()) if name != PLAIN]
    found = {name: computing.amounts(rows[rows["defence"] == name], SECONDS) for name in defences}
    titles = names or {}
    made = (_line(name, titles.get(name, name), grid, amounts, plain) for name, amounts in found.items())
    return DefenceCosts(grid, tuple(made))


def _line(
    name: str, title: str, grid: Sequence[float], amounts: Mapping[float, Amount], plain: Mapping[float, Amount]
) -> Line:
    at = places(grid)
    spots = (_spot(at[epsilon], epsilon, title, amounts.get(epsilon), plain.get(epsilon)) for epsilon in grid)
    return Line(f"cost-{name}", title, tuple(spots))


def _spot(x: float, epsilon: float, title: str, mine: Amount | None, plain: Amount | None) -> Spot | None:
    found = mine.times(plain) if mine and plain else None
    if found is None:
        return None
    y, low, high = map(log10, found)
    return Spot(x, y, low, high, f"<b>{title}, {words.budget(epsilon)}</b><br>{computing.times(found)} plain training")


def draw(info: DefenceCosts, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """How many times plain training's seconds each defence takes, by budget, on a logarithmic axis."""
    figure = canvas.blank(palette, "Training time beside plain training", note)
    computing.times_axis(figure, [spot for line in info.lines for spot in line.known], palette)
    for i, line in enumerate(info.lines):
        colour = palette.meanings[i % len(palette.meanings)]
        canvas.add_line(figure, line, colour, "solid", frontier.MARKERS[i % len(frontier.MARKERS)])
    panels.legend(figure, [line.label for line in info.lines])
    level_budgets(figure, info.epsilons)
    return figure


def in_words(info: DefenceCosts) -> str:
    """The takeaway, for everybody."""
    if not info.measured:
        return "What defences cost in training is compared when one and plain training were timed at the same budget."
    told = (f"{line.label}: {_range(line)}" for line in info.lines if line.known)
    return f"Training time beside plain training. {'. '.join(told)}."


def _range(line: Line) -> str:
    """
    >>> _range(Line("a", "a", (Spot(0, log10(2.5), 0, 0, ""), None, Spot(1, log10(12.0), 0, 0, ""))))
    '2.5 to 12 times'
    """
    ratios = [f"{10**spot.y:.2g}" for spot in (min(line.known, key=_height), max(line.known, key=_height))]
    return f"{' to '.join(dict.fromkeys(ratios))} times"


def _height(spot: Spot) -> float:
    return spot.y
