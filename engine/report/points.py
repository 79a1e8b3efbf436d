"""Rows of a result table, brought together: one point a budget and strength, with how sure it is."""

from dataclasses import dataclass
from math import nan, sqrt
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from engine.report import lines
from engine.results import POINTS

MEASURED = ("value", "low", "high", "n")


@dataclass(frozen=True)
class Point:
    """The mean over repeats, and its interval: 95 % Wilson of the test images, widened to the spread of the repeats.

    All are shares in [0, 1]; `n_images` test images for each of `n_seeds` models, whose sample standard deviation is
    `spread` (NaN for one).
    """

    mean: float
    low: float
    high: float
    n_seeds: int
    n_images: int
    spread: float = nan

    def overlaps(self, other: "Point") -> bool:
        """No difference can be told: the intervals share a value."""
        return self.low <= other.high and other.low <= self.high

    def minus(self, other: "Point") -> tuple[float, float, float]:
        """The difference and its 95 % interval (Newcombe's square-and-add of two intervals)."""
        gap = self.mean - other.mean
        down = sqrt((self.mean - self.low) ** 2 + (other.high - other.mean) ** 2)
        up = sqrt((self.high - self.mean) ** 2 + (other.mean - other.low) ** 2)
        return gap, gap - down, gap + up


def clean(frame: pd.DataFrame) -> dict[float, Point]:
    """Images recognised as they are, by budget (or lines.CLIPPING)."""
    rows = frame[frame["metric"] == "accuracy"]
    return {epsilon: point for (epsilon,), point in points(rows, "epsilon").items()}


def robust(frame: pd.DataFrame) -> dict[tuple[float, float], Point]:
    """Images recognised under attack, by (budget or lines.CLIPPING, eps)."""
    rows = frame[frame["metric"] == "robust_accuracy"]
    return {(epsilon, eps): point for (epsilon, eps), point in points(rows, "epsilon", "eps").items()}


def certified(frame: pd.DataFrame, norm: str) -> dict[tuple[float, float], Point]:
    """Images recognised whatever the attack, in this norm, by (budget or lines.CLIPPING, eps)."""
    rows = frame[(frame["metric"] == "certified_accuracy") & (frame["norm"] == norm)]
    return {(epsilon, eps): point for (epsilon, eps), point in points(rows, "epsilon", "eps").items()}


def accuracies(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that were asked for, without what training cost."""
    return frame[frame["metric"].isin(POINTS)]


def by(frame: pd.DataFrame, *columns: str) -> dict[tuple[float, ...], pd.DataFrame]:
    """The parts of a frame by the numbers in `columns`, ascending."""
    groups: Any = frame.groupby(list(columns))
    return {tuple(map(float, key)): part for key, part in groups}


def points(rows: pd.DataFrame, *columns: str) -> dict[tuple[Any, ...], Point]:
    """A point for each key in `columns`, in the order of the keys; rows of one key differ in their seed alone.

    In the place of an epsilon stands the line of the row (report.lines). What does not apply (NaN) is None in a key.
    Plain Python: a page does this at every look, and pandas' groups take a hundred times as long for so few rows.
    """
    measured = zip(*(rows[name].tolist() for name in MEASURED), strict=True)
    keys = zip(*(lines.of_rows(rows) if name == "epsilon" else _keys(rows[name]) for name in columns), strict=True)
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for key, values in zip(keys, measured, strict=True):
        groups.setdefault(key, []).append(values)
    return {key: _point(groups[key]) for key in sorted(groups, key=_in_order)}


def _keys(column: pd.Series) -> list[Any]:
    return [None if value != value else value for value in column.tolist()]


def _in_order(key: tuple[Any, ...]) -> tuple[tuple[bool, Any], ...]:
    return tuple((value is None, value if value is not None else 0) for value in key)


def _point(group: list[tuple[Any, ...]]) -> Point:
    value, low, high, n = zip(*group, strict=True)
    return Point(
        mean=fmean(value),
        low=min(fmean(low), *value),
        high=max(fmean(high), *value),
        n_seeds=len(value),
        n_images=int(n[0]),
        spread=stdev(value) if len(value) > 1 else nan,
    )
