"""A supervisor for as long as a server or a command needs one, also when it is killed in between."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.jobs import supervisor
from engine.settings import Settings

LOOK = 0.5  # seconds between looks at whether it lives


@contextmanager
def kept(settings: Settings, *, address: str | None, execute: str = supervisor.EXECUTE) -> Iterator[None]:
    """Inside, a supervisor runs (or waits for the one that owns the store); one that dies is started anew."""
    ended = threading.Event()
    process = [supervisor.start(settings, address=address, execute=execute)]

    def look_after() -> None:
        while not ended.wait(LOOK):
            if process[0].poll() is not None:
                _close(process[0])
                process[0] = supervisor.start(settings, address=address, execute=execute)

    keeper = threading.Thread(target=look_after, name="keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        supervisor.stop(process[0])


def _close(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
