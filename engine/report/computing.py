"""What privacy costs in computing: time and memory of training, as so many times those of the least private model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from statistics import fmean

import pandas as pd

from engine.report import canvas, lines, words
from engine.report.canvas import Figure
from engine.report.drawing import level_budgets
from engine.report.figures import Line, Spot, places
from engine.report.palette import LIGHT, Palette
from engine.results import MEMORY, SECONDS

TICKS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
AIR = 0.1  # of a power of ten, above and below the data


@dataclass(frozen=True)
class Amount:
    """Seconds or bytes that training a model took: mean, least and most over repeats; `together` trained in a pass."""

    mean: float
    least: float
    most: float
    together: int
    n_seeds: int

    def times(self, baseline: "Amount") -> tuple[float, float, float] | None:
        """How many times the baseline's this is, and the least and most that any two repeats give; None beside 0."""
        if baseline.least <= 0 or self.least <= 0:
            return None
        return self.mean / baseline.mean, self.least / baseline.most, self.most / baseline.least


@dataclass(frozen=True)
class Computing:
    """Amounts by budget (lines.CLIPPING among them), to be held against those of `baseline`, the last one."""

    epsilons: tuple[float, ...]
    baseline: float
    seconds: dict[float, Amount]
    memory: dict[float, Amount]

    @property
    def measured(self) -> bool:
        return bool(self.seconds or self.memory)

    def times(self, what: dict[float, Amount], budget: float) -> tuple[float, float, float] | None:
        """So many times the baseline's, with its spread; None where one of the two was not measured."""
        if budget not in what or self.baseline not in what:
            return None
        return what[budget].times(what[self.baseline])


def computing(frame: pd.DataFrame, epsilons: Sequence[float]) -> Computing:
    """What a result table says of training; nothing of tables that are older than such measurements."""
    ordered = tuple(sorted(epsilons))
    return Computing(ordered, ordered[-1], amounts(frame, SECONDS), amounts(frame, MEMORY))


def amounts(frame: pd.DataFrame, metric: str) -> dict[float, Amount]:
    """What a result table says of one of the two, by budget."""
    rows = frame[frame["metric"] == metric]
    found: dict[float, list[tuple[float, int]]] = {}
    for budget, value, n in zip(lines.of_rows(rows), rows["value"].tolist(), rows["n"].tolist(), strict=True):
        found.setdefault(budget, []).append((value, int(n)))
    return {budget: _amount(group) for budget, group in found.items()}


def _amount(group: Iterable[tuple[float, int]]) -> Amount:
    values, together = zip(*group, strict=True)
    return Amount(fmean(values), min(values), max(values), max(together), len(values))


def draw(info: Computing, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """How many times the baseline's time and memory each budget takes, on a logarithmic axis."""
    figure = canvas.blank(palette, f"Training beside {words.budget(info.baseline)}, by privacy budget", note)
    seconds, memory = _line(info, "time", info.seconds), _line(info, "memory", info.memory)
    times_axis(figure, [*seconds.known, *memory.known], palette)
    colour = palette.meanings[4]
    canvas.add_line(figure, seconds, colour, "solid", "circle")
    canvas.add_line(figure, memory, colour, "dash", "square")
    canvas.label_ends(figure, [(seconds, colour), (memory, colour)], palette)
    level_budgets(figure, info.epsilons)
    return figure


def _line(info: Computing, name: str, what: dict[float, Amount]) -> Line:
    """`y` of a spot is the logarithm of a number of times."""
    at = places(info.epsilons)
    spots = (_spot(at[budget], budget, name, info.times(what, budget)) for budget in info.epsilons)
    return Line(name, name, tuple(spots))


def _spot(x: float, budget: float, name: str, found: tuple[float, float, float] | None) -> Spot | None:
    if found is None:
        return None
    y, low, high = map(log10, found)
    return Spot(x, y, low, high, f"<b>{words.budget(budget)}, {name}</b><br>{times(found)}")


def times(found: tuple[float, float, float]) -> str:
    """A number of times with its spread, where there is one.

    >>> times((3.14, 3.14, 3.14)), times((3.14, 2.9, 3.4)), times((0.083, 0.083, 0.083)), times((27.3, 20, 30.9))
    ('3.1 times', '3.1 times (2.9 to 3.4)', '0.083 times', '27 times (20 to 31)')
    """
    mean, low, high = (f"{value:.2g}" for value in found)
    return f"{mean} times" if low == high else f"{mean} times ({low} to {high})"


def times_axis(figure: Figure, spots: Sequence[Spot], palette: Palette) -> None:
    """A logarithmic axis of so many times: all data and their spread, and the baseline's own as a line at 1."""
    low = min([spot.low for spot in spots] + [log10(0.5)]) - AIR
    high = max([spot.high for spot in spots] + [log10(2)]) + AIR
    ticks = [tick for tick in TICKS if low <= log10(tick) <= high] if high - low < 5 else _powers(low, high)
    axis = figure["layout"]["yaxis"]
    axis |= {"range": [low, high], "tickvals": [log10(tick) for tick in ticks]}
    axis |= {"ticktext": [f"{tick:g}{words.NBSP}×" for tick in ticks]}
    one = {"color": palette.text, "width": 1}
    figure["layout"]["shapes"].append(
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": one, "layer": "below"}
    )


def _powers(low: float, high: float) -> list[float]:
    return [10.0**k for k in range(ceil(low), floor(high) + 1)]


def in_words(info: Computing) -> str:
    """The takeaway, for everybody: what the most private model takes beside the baseline."""
    budget = info.epsilons[0]
    found = [(what, info.times(amounts, budget)) for what, amounts in _named(info)]
    told = [f"{times(ratio)} the {what}" for what, ratio in found if ratio is not None]
    if not info.measured:
        return "Time and memory of training were not measured when this study was computed."
    if not told:
        return (
            f"Time and memory are compared when {words.budget(budget)} and {words.budget(info.baseline)} are trained."
        )
    return f"Training at {words.budget(budget)} took {' and '.join(told)} of {words.budget(info.baseline)}."


def _named(info: Computing) -> tuple[tuple[str, dict[float, Amount]], ...]:
    return ("training time", info.seconds), ("memory", info.memory)


def how(info: Computing, frame: pd.DataFrame) -> str:
    """What the numbers are numbers of."""
    rows = frame[frame["metric"].isin((SECONDS, MEMORY))]
    steps = dict(zip(lines.of_rows(rows), rows["train_steps"].tolist(), strict=True))
    first, last = (steps.get(budget) for budget in (info.epsilons[0], info.baseline))
    compared = f" ({first:,} steps beside {last:,})" if first and last else ""
    parts = [f"Training alone, each model by its own recipe{compared}, without evaluation and saving."]
    together = max((amount.together for amount in info.seconds.values()), default=1)
    if together > 1:
        parts.append(f"{together:,} models trained in one pass: its seconds are divided among them, its memory is not.")
    parts.append("Memory is what training holds, and the most that a step needs besides.")
    parts.append("No epsilon covers what is measured here.")
    return " ".join(parts)
