"""Seconds and memory of a training, against work whose size is known."""

import time

import numpy as np
import pytest

from engine.effort import Effort, Meter

MB = 1 << 20


def hold(megabytes: int) -> np.ndarray:
    return np.ones(megabytes * MB, dtype=np.uint8)


def test_seconds_add_up_and_leave_out_what_is_paused() -> None:
    meter = Meter(Effort(10.0, 0))
    with meter:
        time.sleep(0.1)
        with meter.paused():
            before = meter.effort().seconds
            time.sleep(0.3)
            assert meter.effort().seconds == before
        time.sleep(0.1)
    assert meter.effort().seconds >= 10.2
    assert before >= 10.1


def test_memory_is_the_most_that_was_held_beyond_what_was_held_before() -> None:
    kept = hold(300)  # before the clock starts: it does not count
    with Meter(Effort()) as meter:
        first = hold(100)
        time.sleep(0.1)
        del first
        second = hold(60)
        time.sleep(0.1)
    del kept, second
    assert meter.effort().memory / MB == pytest.approx(100, abs=10)


def test_what_an_evaluation_held_is_not_training() -> None:
    with Meter(Effort()) as meter:
        with meter.paused():
            evaluation = hold(200)
            time.sleep(0.05)
            del evaluation
        time.sleep(0.05)
    assert meter.effort().memory / MB < 50


def test_an_earlier_attempt_may_have_held_more() -> None:
    with Meter(Effort(0.0, 500 * MB)) as meter:
        time.sleep(0.03)
    assert meter.effort().memory == 500 * MB


def test_what_is_kept_between_steps_counts_once_and_what_piles_up_does_not() -> None:
    """State of 80 MB, steps of 50 MB each, and a cache that grows by 20 MB a step."""
    cache = []
    with Meter(Effort()) as meter:
        state = hold(80)
        for _ in range(10):
            step = hold(50)
            cache.append(hold(20))
            time.sleep(0.04)
            del step
            with meter.paused():
                pass
    del state
    assert meter.effort().memory / MB == pytest.approx(80 + 50 + 20 + 20, abs=25)
