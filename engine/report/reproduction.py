"""What was published beside what was measured here, and whether the one reproduces the other. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isnan
from typing import Literal

import pandas as pd

from engine.report import figures, measures, points, words
from engine.report.figures import Line, Spot, places
from engine.report.measures import Measure
from engine.report.points import Point
from engine.results import LEAKED
from engine.stories import Part, Story

Verdict = Literal["reproduced", "below", "above", "one repeat", "missing"]
ROUNDING = 0.0005  # a published share has three digits: it stands for all that round to it
BESIDE = 0.035  # share of the axis by which a published mark stands left of ours, and the single repeats right
FEWEST = 2  # repeats that tell a spread


@dataclass(frozen=True)
class Comparison:
    """One published share at a budget, and the point measured there; None when there is none. `deltas`: both."""

    label: str
    epsilon: float
    published: float
    measured: Point | None
    deltas: tuple[float, float] = (1e-5, 1e-5)

    @property
    def verdict(self) -> Verdict:
        """Fixed before anything was measured: reproduced when the published share lies within our interval.

        That is the 95 % interval of the test images around the mean of the repeats, widened to the smallest and
        largest of them. One repeat decides nothing.
        """
        if self.measured is None:
            return "missing"
        if self.measured.n_seeds < FEWEST:
            return "one repeat"
        if self.published > self.measured.high + ROUNDING:
            return "below"
        return "above" if self.published < self.measured.low - ROUNDING else "reproduced"

    @property
    def gap(self) -> float:
        """By how much ours is above the published share; NaN where nothing was measured."""
        return float("nan") if self.measured is None else self.measured.mean - self.published


def measured_of(part: Part, frame: pd.DataFrame) -> dict[float, Point]:
    """What a part is about, by budget. Members found have an interval of their own, over the models attacked."""
    found = {epsilon: point for (epsilon,), point in points.points(_rows(part, frame), "epsilon").items()}
    if not part.measure.startswith(LEAKED):
        return found
    return {epsilon: replace(point, n_seeds=point.n_images) for epsilon, point in found.items()}


def _rows(part: Part, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a result table that a part is about."""
    rows = frame[frame["metric"] == part.metric]
    return rows[rows["eps"] == part.eps] if part.eps else rows


def comparisons(story: Story, frames: Sequence[pd.DataFrame]) -> tuple[Comparison, ...]:
    """Every published share of a story beside what the result table of its part says; a table for each part."""
    found = [measured_of(part, frame) for part, frame in zip(story.parts, frames, strict=True)]
    return tuple(
        Comparison(
            part.label, one.epsilon, one.accuracy, measured.get(one.epsilon), (one.delta, part.study.privacy.delta or 0)
        )
        for part, measured in zip(story.parts, found, strict=True)
        for one in part.published
    )


def verdict_in_words(one: Comparison) -> str:
    """The verdict as a sentence in Markdown.

    >>> near = Point(mean=0.895, low=0.889, high=0.901, n_seeds=5, n_images=10_000)
    >>> print(verdict_in_words(Comparison("", 3, 0.897, near)).replace(words.NBSP, " "))
    **Reproduced:** the published 89.7 % lies within what we measure at ε 3, 89.5 % (88.9 to 90.1).
    >>> print(verdict_in_words(Comparison("", 3, 0.917, near)).replace(words.NBSP, " "))
    **Not reproduced:** we measure 2.2 points less than the published 91.7 % at ε 3, 89.5 % (88.9 to 90.1).
    """
    said, at = words.percent(one.published, 1), words.budget(one.epsilon)
    if one.measured is None:
        return f"**Not measured yet:** {said} was published at {at}."
    ours = _with_interval(one.measured)
    if one.verdict == "one repeat":
        return f"**Too early to say:** one repeat measures {ours} at {at}, published are {said}; its spread is unknown."
    if one.verdict == "reproduced":
        return f"**Reproduced:** the published {said} lies within what we measure at {at}, {ours}."
    more, head = ("more", "More than published") if one.verdict == "above" else ("less", "Not reproduced")
    return f"**{head}:** we measure {words.points(abs(one.gap))} {more} than the published {said} at {at}, {ours}."


def _with_interval(point: Point) -> str:
    return f"{words.percent(point.mean, 1)} ({100 * point.low:.1f} to {100 * point.high:.1f})"


def table(story: Story, frames: Sequence[pd.DataFrame]) -> list[tuple[str, ...]]:
    """Rows in words: what, epsilon, published, measured with its interval, repeats and spread, verdict."""
    if story.is_published:
        whose = (part for part in story.parts for _ in part.published)
        both = zip(whose, comparisons(story, frames), strict=True)
        return [_row(part, one, words.percent(one.published, 1), one.verdict) for part, one in both]
    found = [measured_of(part, frame).get(story.epsilon) for part, frame in zip(story.parts, frames, strict=True)]
    alone = [Comparison(part.label, story.epsilon, 0, one) for part, one in zip(story.parts, found, strict=True)]
    return [_row(part, one, "none", "measured here alone") for part, one in zip(story.parts, alone, strict=True)]


def _row(part: Part, one: Comparison, published: str, verdict: str) -> tuple[str, ...]:
    point, what = one.measured, measures.labelled(part)
    if point is None:
        return what, f"{one.epsilon:g}", published, "not yet run here", "", ""
    repeats = f"{point.n_seeds}" if isnan(point.spread) else f"{point.n_seeds}, {100 * point.spread:.2f}"
    return what, f"{one.epsilon:g}", published, _with_interval(point), repeats, verdict


def cost_in_words(story: Story, frames: Sequence[pd.DataFrame]) -> str:
    """What the story's budget costs each part beside its own model without privacy; "" before all is measured."""
    found = [measured_of(part, frame) for part, frame in zip(story.parts, frames, strict=True)]
    if not all({story.epsilon, inf} <= set(measured) for measured in found):
        return ""
    said = (_cost(part, measured, story.epsilon) for part, measured in zip(story.parts, found, strict=True))
    return f"What privacy costs at {words.budget(story.epsilon)}: {'; '.join(said)}."


def _cost(part: Part, measured: dict[float, Point], epsilon: float) -> str:
    private, baseline, label = measured[epsilon], measured[inf], part.label.replace(" ", words.NBSP)
    if private.overlaps(baseline):
        return f"{label}, nothing we can measure"
    gap, low, high = baseline.minus(private)
    return f"{label}, **{words.points(gap)}** ({words.plain(low)} to {words.plain(high)})"


@dataclass(frozen=True)
class Told:
    """What a chart says of one part, in percent: means with intervals, each repeat, what was published, what trains."""

    line: Line
    repeats: tuple[Spot, ...]
    published: tuple[Spot, ...]
    training: tuple[Spot, ...] = ()


@dataclass(frozen=True)
class SideBySide:
    """A chart by privacy budget: a part a line, over the budgets of all. `chance`: a line where anything is guessed.

    Several parts at one budget stand side by side instead: `columns`, a place and the label of its part.
    """

    epsilons: tuple[float, ...]
    parts: tuple[Told, ...]
    measure: Measure = measures.RECOGNISED
    chance: Line | None = None
    columns: tuple[tuple[float, str], ...] = ()

    @property
    def spots(self) -> tuple[Spot, ...]:
        """All that was measured or published."""
        return tuple(
            spot for told in self.parts for spot in (*told.line.known, *told.repeats, *told.published, *told.training)
        )

    @property
    def seen(self) -> tuple[Spot, ...]:
        """All that has to be within the axes."""
        return (*self.spots, *(self.chance.known if self.chance else ()))


def side_by_side(
    story: Story, frames: Sequence[pd.DataFrame], provisional: Sequence[pd.DataFrame | None] | None = None
) -> SideBySide:
    """What the chart of a story shows: for each part a result table, empty where nothing is known, and what trains."""
    grid = tuple(sorted({epsilon for part in story.parts for epsilon in part.study.privacy.epsilons}))
    at = _at(story, grid)
    every = [x for places_of in at for x in places_of.values()]
    aside = BESIDE * (max(every) - min(every))
    told = (
        Told(
            _line(part, frame, here),
            _repeats(part, frame, {epsilon: x + aside / 2 for epsilon, x in here.items()}),
            _published(part, {epsilon: x - aside for epsilon, x in here.items()}),
            () if part.metric != "accuracy" else figures.in_training(training, points.clean(frame), here),
        )
        for part, frame, training, here in zip(
            story.parts, frames, provisional or [None] * len(frames), at, strict=True
        )
    )
    measure, alone = measures.measure_of(story.parts[0]), len(grid) == 1 < len(story.parts)
    columns = zip(every, (part.label for part in story.parts), strict=True) if alone else ()
    return SideBySide(grid, tuple(told), measure, _chance(measure, max(every)), tuple(columns))


def _at(story: Story, grid: tuple[float, ...]) -> list[dict[float, float]]:
    """Where the budgets of each part stand: one column a part where there is one budget."""
    at = places(grid)
    if len(grid) > 1:
        return [at] * len(story.parts)
    return [{epsilon: x + number for epsilon, x in at.items()} for number in range(len(story.parts))]


def _chance(measure: Measure, last: float) -> Line | None:
    """A line whose name stands at `last`."""
    if measure.chance is None:
        return None
    y = 100 * measure.chance
    said = f"chance, {y:g}{words.NBSP}%"
    return Line("chance", said, (Spot(last, y, y, y, said),))


def _line(part: Part, frame: pd.DataFrame, at: dict[float, float]) -> Line:
    found = measured_of(part, frame)
    spots = (_spot(part, at[epsilon], found.get(epsilon), epsilon) for epsilon in part.study.privacy.epsilons)
    return Line(part.label.replace(" ", "-").replace(",", ""), part.label, tuple(spots))


def _spot(part: Part, x: float, point: Point | None, epsilon: float) -> Spot | None:
    if point is None:
        return None
    told = f"{words.budget(epsilon)}, {part.label}"
    return figures.mark(x, point, told, measures.measure_of(part).found, measures.counted(part, point))


def _repeats(part: Part, frame: pd.DataFrame, at: dict[float, float]) -> tuple[Spot, ...]:
    rows = _rows(part, frame)
    if part.measure.startswith(LEAKED):
        return ()  # a mean over the models that were attacked
    return tuple(
        Spot(at[epsilon], 100 * value, 100 * value, 100 * value, f"repeat {seed + 1}: {words.percent(value, 1)}")
        for epsilon, seed, value in zip(rows["epsilon"], rows["seed"], rows["value"], strict=True)
    )


def _published(part: Part, at: dict[float, float]) -> tuple[Spot, ...]:
    return tuple(
        Spot(at[one.epsilon], *(3 * (100 * one.accuracy,)), _said(one.accuracy, one.epsilon, part.label))
        for one in part.published
    )


def _said(share: float, epsilon: float, label: str) -> str:
    return f"<b>{words.budget(epsilon)}, {label}</b><br>published: {words.percent(share, 1)}"


def in_words(info: SideBySide) -> str:
    """The takeaway of the chart, for those who do not see it."""
    said = [_part_in_words(told) for told in info.parts]
    return f"{info.measure.name} by privacy budget, published and measured. " + " ".join(said)


def _part_in_words(told: Told) -> str:
    published = ", ".join(words.percent(spot.y / 100, 1) for spot in told.published)
    known = told.line.known
    measured = "not measured yet"
    if known:
        first, last = (words.percent(spot.y / 100, 1) for spot in (known[0], known[-1]))
        measured = f"measured {first} to {last} from the smallest to the largest budget"
    return f"{told.line.label.capitalize()}: {f'published {published}, ' if published else ''}{measured}."
