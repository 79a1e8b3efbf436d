"""Who runs the jobs of a store: the one process that holds the lock on a file, and what it wrote into it."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

FILE = "supervisor.lock"
LEASH = "FRONTIER_LEASH"  # the supervisor's process id, in the environment of its forkserver


@dataclass(frozen=True)
class Owner:
    """A supervisor: its process, since when (seconds since 1970), and the address of the server it came with."""

    pid: int
    since: float
    address: str | None


class Lock:
    """The right to run a store's jobs; the system takes it back when the process ends, however it ends."""

    def __init__(self, home: Path) -> None:
        self._file = home / FILE
        self._handle: IO[str] | None = None

    def take(self, address: str | None) -> bool:
        """Take the lock if it is free."""
        handle = self._file.open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        handle.truncate(0)
        handle.write(json.dumps(asdict(Owner(os.getpid(), time.time(), address))))
        handle.flush()
        self._handle = handle
        return True

    def free(self) -> None:
        """Let go."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def owner(home: Path) -> Owner | None:
    """Who holds the lock, or None."""
    try:
        with (home / FILE).open() as handle:
            if _is_free(handle):
                return None
            return Owner(**json.loads(handle.read()))
    except (OSError, ValueError, TypeError):
        return None


def _is_free(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
