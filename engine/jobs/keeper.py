"""A supervisor for as long as a server or a command needs one, also when it is killed in between."""

import logging
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.jobs import supervisor
from engine.settings import Settings

LOOK, LONGEST = 0.5, 30.0  # seconds between looks at whether it lives; between two tries where it dies at once

log = logging.getLogger(__name__)


@contextmanager
def kept(settings: Settings, *, address: str | None, execute: str = supervisor.EXECUTE) -> Iterator[None]:
    """Inside, a supervisor runs (or waits for the one that owns the store); one that dies is started anew."""
    ended = threading.Event()
    process = [_started(settings, address, execute)]

    def look_after() -> None:
        pause = LOOK
        while not ended.wait(pause):
            if (known := process[0]) is not None and known.poll() is None:
                pause = LOOK
                continue
            _close(known)
            process[0] = _started(settings, address, execute)
            pause = min(2 * pause, LONGEST)

    keeper = threading.Thread(target=look_after, name="keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        if process[0] is not None:
            supervisor.stop(process[0])


def _started(settings: Settings, address: str | None, execute: str) -> "subprocess.Popen[bytes] | None":
    """A new supervisor; None, and a line in the log, where no process can be started."""
    try:
        return supervisor.start(settings, address=address, execute=execute)
    except OSError as error:
        log.error("no supervisor: %s", error)
        return None


def _close(process: "subprocess.Popen[bytes] | None") -> None:
    if process is not None and process.stdin is not None:
        process.stdin.close()
