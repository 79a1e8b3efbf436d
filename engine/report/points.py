"""Rows of a result table, brought together: one point a budget and strength, with how sure it is."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Point:
    """The mean over repeats, and its interval: 95 % Wilson of the test images, widened to the spread of the repeats.

    All are shares in [0, 1]; `n_images` test images for each of `n_seeds` models.
    """

    mean: float
    low: float
    high: float
    n_seeds: int
    n_images: int

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
    """Images recognised as they are, by epsilon."""
    rows = frame[frame["metric"] == "accuracy"]
    return {key[0]: point for key, point in _points(rows, "epsilon").items()}


def robust(frame: pd.DataFrame) -> dict[tuple[float, float], Point]:
    """Images recognised under attack, by (epsilon, eps)."""
    rows = frame[frame["metric"] == "robust_accuracy"]
    return {(key[0], key[1]): point for key, point in _points(rows, "epsilon", "eps").items()}


def by(frame: pd.DataFrame, *columns: str) -> dict[tuple[float, ...], pd.DataFrame]:
    """The parts of a frame by the numbers in `columns`, ascending."""
    groups: Any = frame.groupby(list(columns))
    return {tuple(map(float, key)): part for key, part in groups}


def point(group: pd.DataFrame) -> Point:
    """The point of rows that differ in their seed alone."""
    return next(iter(_points(group.assign(all=0.0), "all").values()))


def _points(rows: pd.DataFrame, *columns: str) -> dict[tuple[float, ...], Point]:
    """One pass over all points: a page draws them at every look."""
    summed = rows.groupby(list(columns)).agg(
        mean=("value", "mean"),
        least=("value", "min"),
        most=("value", "max"),
        low=("low", "mean"),
        high=("high", "mean"),
        n_seeds=("value", "size"),
        n_images=("n", "first"),
    )
    found: Any = zip(summed.index, summed.to_dict("records"), strict=True)
    return {tuple(map(float, key if isinstance(key, tuple) else (key,))): _point(values) for key, values in found}


def _point(of: dict[str, Any]) -> Point:
    low, high = min(of["low"], of["least"]), max(of["high"], of["most"])
    return Point(float(of["mean"]), float(low), float(high), int(of["n_seeds"]), int(of["n_images"]))
