"""What stories of leakage conclude: up to which budget an attacker is left to chance, and what makes him better."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import inf

import pandas as pd

from engine.report import lines, measures, words
from engine.report.points import Point
from engine.report.reproduction import FEWEST, ROUNDING, measured_of
from engine.stories import Part, Story

LITTLE = 0.005  # above chance by no more than this hardly matters: fixed before anything was measured


def is_chance(point: Point, chance: float) -> bool:
    """Chance lies within the interval, or all of the interval within half a point above it.

    >>> intervals = (0.01, 0.02), (0.012, 0.015), (0.014, 0.02)
    >>> [is_chance(Point(0.015, low, high, 64, 64), 0.01) for low, high in intervals]
    [True, True, False]
    """
    return point.low <= chance or point.high <= chance + LITTLE


def hidden_up_to(measured: Mapping[float, Point], chance: float) -> float | None:
    """The largest budget at which an attacker is left to chance, as at all that are smaller; None if there is none.

    Without privacy is no budget.

    >>> near, far = Point(0.011, 0.010, 0.012, 64, 64), Point(0.03, 0.02, 0.04, 64, 64)
    >>> hidden_up_to({1.0: near, 3.0: far, 8.0: near, inf: far}, 0.01)
    1.0
    """
    found = None
    for epsilon in sorted(filter(lines.private, measured)):
        if not is_chance(measured[epsilon], chance):
            break
        found = epsilon
    return found


def hidden_in_words(story: Story, frames: Sequence[pd.DataFrame]) -> str:
    """What is found without privacy, and from which budget on nothing to speak of; "" before all is measured."""
    found = [measured_of(part, frame) for part, frame in zip(story.parts, frames, strict=True)]
    if not all({story.epsilon, inf} <= set(measured) for measured in found):
        return ""
    first = measures.measure_of(story.parts[0])
    said = [f"- {_hidden(part, measured)}" for part, measured in zip(story.parts, found, strict=True)]
    return "\n".join([f"{first.name}, of which blind guessing finds {words.percent(first.chance or 0)}:", "", *said])


def _hidden(part: Part, measured: Mapping[float, Point]) -> str:
    chance = measures.measure_of(part).chance or 0.0
    without, label = measured[inf], part.label.replace(" ", words.NBSP)
    last, largest = hidden_up_to(measured, chance), max(filter(lines.private, measured))
    said = f"{label}, **{words.percent(without.mean, 1)}** without privacy ({_interval(without)})"
    if is_chance(without, chance):
        return f"{said}: hardly more than chance."
    if last is None:
        return f"{said}, more than chance at every budget."
    return (
        f"{said}, hardly more than chance up to **{words.budget(last)}**{', the largest' if last == largest else ''}."
    )


def _interval(point: Point) -> str:
    return f"{100 * point.low:.1f} to {100 * point.high:.1f}"


def changes_in_words(story: Story, frames: Sequence[pd.DataFrame]) -> str:
    """How much better guesses are of the later of two parts that measure the same, here and as published.

    "" before all is measured.
    """
    both = zip(story.parts, frames, strict=True)
    found = [(part, measured_of(part, frame).get(story.epsilon)) for part, frame in both]
    known = [(part, point) for part, point in found if point is not None]
    if len(known) < len(found):
        return ""
    told = [one for one in known if one[0].published]
    pairs = [pair for pair in combinations(told, 2) if pair[0][0].measure == pair[1][0].measure]
    return "\n".join(f"- {_change(*pair)}" for pair in pairs)


def _change(before: tuple[Part, Point], after: tuple[Part, Point]) -> str:
    """Reproduced when the published rise lies within the interval of ours: fixed before anything was measured."""
    (first, less), (last, more) = before, after
    published = last.published[0].accuracy - first.published[0].accuracy
    rise, low, high = more.minus(less)
    ours = f"{words.points(rise)} ({words.plain(low)} to {words.plain(high)}) above {first.label}"
    head = _head(min(less.n_seeds, more.n_seeds), published, low, high)
    return f"{last.label}: **{head}:** {ours}; published, {words.points(published)}."


def _head(repeats: int, published: float, low: float, high: float) -> str:
    """The verdict; nothing is a rise whose interval holds 0, whatever else it holds.

    >>> [_head(3, 0.1, low, high) for low, high in ((0.05, 0.12), (0.02, 0.05), (-0.02, 0.15), (-0.05, -0.01))]
    ['Reproduced', 'Less than published', 'No difference we can measure', 'Not reproduced']
    """
    if repeats < FEWEST:
        return "Too early to say"
    if low <= 0 <= high:
        return "No difference we can measure"
    if low - 2 * ROUNDING <= published <= high + 2 * ROUNDING:
        return "Reproduced"
    if low > published:
        return "More than published"
    return "Less than published" if low > 0 else "Not reproduced"
