"""What a training costs its computer: seconds and memory, measured by the process that does it."""

import ctypes
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

import psutil

LOOK = 0.02  # seconds between two looks at the memory: a shorter peak may be missed
LONG = 0.01  # seconds outside the clock after which what was used there is given back


@dataclass(frozen=True)
class Effort:
    """`seconds` of all attempts together; `memory`: bytes held at most beyond those held before, in one attempt."""

    seconds: float = 0.0
    memory: int = 0


class Meter:
    """Measures what runs inside `with Meter(before)`, where `before` is what earlier attempts have cost.

    Memory is what the process holds for itself (neither libraries nor files mapped into it), seen every LOOK seconds.
    """

    def __init__(self, before: Effort) -> None:
        self._seconds, self._memory = before.seconds, before.memory
        self._since: float | None = None
        self._held = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="meter", daemon=True)

    def __enter__(self) -> Self:
        _give_back()  # else what was freed before, and is still held, would hide what is needed now
        self._held, self._since = held(), time.monotonic()
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
        began = time.monotonic()
        yield
        if time.monotonic() - began > LONG:
            _give_back()
        self._since = time.monotonic()

    def effort(self) -> Effort:
        """What it has cost until the clock last stopped."""
        return Effort(self._seconds, self._memory)

    def _stop_clock(self) -> None:
        if self._since is not None:
            self._see()
            self._seconds += time.monotonic() - self._since
            self._since = None

    def _look(self) -> None:
        while not self._ended.wait(LOOK):
            if self._since is not None:
                self._see()

    def _see(self) -> None:
        self._memory = max(self._memory, held() - self._held)


def held() -> int:
    """Bytes of memory that this process holds for itself."""
    info = psutil.Process().memory_info()
    return int(info.rss - getattr(info, "shared", 0))


def _give_back() -> None:
    """Return freed memory to the system, where the C library can."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
