"""What a training costs its computer: seconds and memory, measured by the process that does it."""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import psutil

LOOK = 0.02  # seconds between two looks at the memory: a shorter peak may be missed
STEPS = 10  # whose memory is looked at: later ones need as much, and a look walks over all that was freed


@dataclass(frozen=True)
class Effort:
    """`seconds` of all attempts together; `memory`: most bytes that a step held beyond those held before training."""

    seconds: float = 0.0
    memory: int = 0


class Meter:
    """Measures what runs inside `with Meter(before)`, where `before` is what earlier attempts have cost.

    After each step the clock is `paused`. What is held then for the first time (weights, momentum) counts, and what a
    step needs besides; not what piles up from step to step: a library keeps kernels for every size of batch it has met.

    Memory is what the process has allocated, looked at every LOOK seconds of the first STEPS steps: not what was freed
    and is kept for later, nor files and libraries mapped into it. Where the C library does not say, it is what the
    system counts as its own.
    """

    def __init__(self, before: Effort) -> None:
        self._seconds, self._memory = before.seconds, before.memory
        self._since: float | None = None
        self._floor = 0  # what is held when a step begins
        self._kept: int | None = None  # what training holds between its steps
        self._steps = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self._floor, self._since = held(), time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop_clock()
        self._ended.set()
        self._thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens in here (evaluation, saving) is no part of training."""
        self._stop_clock()
        if self._kept is None:
            self._kept = max(0, held() - self._floor)
        self._steps += 1
        if self._steps == STEPS:
            self._ended.set()
        yield
        if not self._ended.is_set():
            self._floor = held()
        self._since = time.monotonic()

    def effort(self) -> Effort:
        """What it has cost until the clock last stopped."""
        return Effort(self._seconds, self._memory)

    def _stop_clock(self) -> None:
        if self._since is not None:
            self._seconds += time.monotonic() - self._since
            if not self._ended.is_set():
                self._see()
            self._since = None

    def _look(self) -> None:
        while not self._ended.wait(LOOK):
            if self._since is not None:
                self._see()

    def _see(self) -> None:
        self._memory = max(self._memory, (self._kept or 0) + held() - self._floor)


def held() -> int:
    """Bytes of memory that this process holds for itself."""
    counted = _allocated()
    if counted is not None:
        return counted()
    info = psutil.Process().memory_info()
    return int(info.rss - getattr(info, "shared", 0))


class _Mallinfo(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


@lru_cache(maxsize=1)
def _allocated() -> Callable[[], int] | None:
    """Asks glibc (2.33 or newer) for the bytes in use, in its arenas and mapped one by one; None where it is not."""
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError):
        return None
    ask.restype = _Mallinfo

    def counted() -> int:
        found = ask()
        return int(found.uordblks + found.hblkhd)

    return counted
