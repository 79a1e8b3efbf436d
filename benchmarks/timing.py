"""Timing on a noisy machine: two things in turn, medians and the ratio pair by pair."""

import time
from collections.abc import Callable, Mapping
from statistics import median

Work = Callable[[], object]
Clock = Callable[[], float]


def seconds(work: Work, clock: Clock = time.perf_counter) -> float:
    began = clock()
    work()
    return clock() - began


def side_by_side(
    works: Mapping[str, Work], rounds: int = 5, clock: Clock = time.perf_counter
) -> dict[str, dict[str, float]]:
    """Median, least and most seconds of each, run A B C A B C ... after one warm-up of each.

    With `time.process_time` they are seconds of all cores together, which others on the machine hardly change.
    """
    for work in works.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(seconds(work, clock))
    return {name: {"median": median(t), "min": min(t), "max": max(t)} for name, t in taken.items()}
