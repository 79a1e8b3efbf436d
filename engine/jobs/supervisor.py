"""The local launcher: one process per store that claims jobs and runs each in a worker forked with torch loaded.

It is started by a server or by the command line and ends, workers and all, when the pipe to them closes.
"""

import json
import logging
import multiprocessing as mp
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from engine import machine
from engine.errors import StaleAttempt, StoreError
from engine.jobs.ownership import LEASH, Lock, Owner, owner
from engine.jobs.worker import LOG_BYTES, NO_VERDICT, work
from engine.settings import Settings
from engine.store.queue import Claim
from engine.store.store import Store

EXECUTE = "engine.runs.execute"
POLL = 0.1  # seconds between looks at the line
GRACE = 0.5  # seconds a worker has to end by itself
LOGS_KEPT = 1000  # files
RETRY = 1.0  # seconds until a store that failed is tried again
ROOT = Path(__file__).parents[2]
# Threads that wait must sleep: spinning, two jobs on two cores took five times as long (docs/results.md).
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "OPENBLAS_NUM_THREADS": "1"}

log = logging.getLogger(__name__)


def start(settings: Settings, *, address: str | None, execute: str = EXECUTE) -> "subprocess.Popen[bytes]":
    """Start a supervisor in its own session; close its stdin, or `stop` it, to end it and put its jobs back in line.

    A second one on a store waits until the first is gone. `address` is shown to whoever starts the second.
    """
    told = {"settings": settings.model_dump(mode="json"), "address": address, "execute": execute}
    command = [sys.executable, "-m", "engine.jobs.supervisor", json.dumps(told)]
    with _log_file(settings.logs) as errors:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=errors, stderr=errors, env=environment(), start_new_session=True
        )


def stop(process: "subprocess.Popen[bytes]", timeout: float = 10.0) -> None:
    """End a supervisor that `start` returned; its workers end with it."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment() -> dict[str, str]:
    """Variables for a child process that is to find this engine wherever it is started."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def _log_file(folder: Path) -> Iterator[Any]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "supervisor.log"
        if file.exists() and file.stat().st_size > LOG_BYTES:
            file.replace(file.with_suffix(".log.1"))
        handle = file.open("ab")
    except OSError:  # the supervisor says it to whoever asks the store
        yield subprocess.DEVNULL
        return
    with handle:
        yield handle


@dataclass
class _Worker:
    claim: Claim
    process: ForkServerProcess
    asked: float | None = None  # when it was asked to stop

    def ask_to_stop(self) -> None:
        self.asked = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        """The process and all that it started."""
        for send, target in ((os.killpg, self._pid), (os.kill, self._pid)):
            with suppress(ProcessLookupError, PermissionError):
                send(target, signal.SIGKILL)

    @property
    def overdue(self) -> bool:
        return self.asked is not None and time.monotonic() - self.asked > GRACE

    @property
    def _pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid


@dataclass
class Supervisor:
    """Claims jobs while there is a free slot, watches workers, and never gives up on a store that fails for a while."""

    settings: Settings
    execute: str
    address: str | None
    workers: dict[int, _Worker] = field(default_factory=dict)
    ending: bool = False

    def __post_init__(self) -> None:
        self.context = mp.get_context("forkserver")
        self._store: Store | None = None
        self._said = ""  # the last error, which is logged once while it lasts

    def run(self) -> None:
        """Wait for the lock, then run jobs until asked to end; on the way out jobs go back in line."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        lock: Lock | None = None
        while lock is None and not self.ending:
            lock = self._tried(self._take_over)
            self._pause(RETRY / 4 if lock is None else 0)
        if lock is None:
            return
        self._warm_up()
        while not self.ending:
            self._tried(self._round)
            self._pause(POLL)
        self._tried(self._end_workers)
        lock.free()

    def _end(self, *_: Any) -> None:
        self.ending = True

    def _tried(self, action: Any) -> Any:
        """The outcome of `action`, or None after a pause when the store or the disk failed."""
        try:
            return action()
        except (StoreError, OSError, EOFError) as error:
            if str(error) != self._said:
                log.error("%s", error)
            self._said = str(error)
            self._pause(RETRY)
            return None

    def _pause(self, seconds: float) -> None:
        """Sleep until a worker ends, the pipe to our owner closes, or `seconds` are over."""
        sentinels = [worker.process.sentinel for worker in self.workers.values()]
        if 0 in wait([0, *sentinels], timeout=seconds) and not os.read(0, 4096):
            self.ending = True

    def _take_over(self) -> Lock | None:
        store = Store(self.settings.home)
        lock = Lock(self.settings.home)
        if not lock.take(self.address):
            return None
        try:
            log.info("took the store; %d jobs back in line", store.queue.reclaim())
            _forget_logs(self.settings.logs)
        except BaseException:
            lock.free()
            raise
        self._store = store
        return lock

    @property
    def store(self) -> Store:
        assert self._store is not None
        return self._store

    def _warm_up(self) -> None:
        """Start the forkserver: it loads what jobs need, and each worker begins with that."""
        os.environ.update(PATIENT | {LEASH: str(os.getpid())})
        module = self.execute.rpartition(".")[0]
        self.context.set_forkserver_preload(["engine.jobs.leash", module, "engine.jobs.worker"])
        forkserver.ensure_running()

    def _round(self) -> None:
        for worker in [worker for worker in self.workers.values() if not worker.process.is_alive()]:
            self._bury(worker)
        ready, stopping = self.store.queue.peek()
        for worker in self.workers.values():
            if worker.claim.id in stopping and worker.asked is None:
                worker.ask_to_stop()
            if worker.overdue:
                worker.kill()
        if ready and len(self.workers) < self.settings.workers:
            self._launch()

    def _launch(self) -> None:
        claim = self.store.queue.claim(own=list(self.workers), made_by=machine.described())
        if claim is None:
            return
        process = self.context.Process(target=work, args=(self.settings, self.execute, claim))
        try:
            process.start()
        except (OSError, EOFError):
            self.store.queue.give_back(claim, crash="No process could be started for the job")
            raise
        self.workers[claim.id] = _Worker(claim, process)

    def _bury(self, worker: _Worker) -> None:
        """Clear up after a worker that ended: with a verdict in the store, stopped, or dead."""
        worker.process.join()
        worker.kill()
        code = worker.process.exitcode
        if code == NO_VERDICT:
            with suppress(StaleAttempt):  # its study may be gone by now
                self.store.queue.fail(worker.claim, self._unwritable())
        else:
            crash = None if code == 0 or worker.asked is not None else _cause(code)
            self.store.queue.give_back(worker.claim, crash=crash)
        del self.workers[worker.claim.id]

    def _unwritable(self) -> str:
        return f"What the job found could not be written to {self.settings.home}: free space on its disk and try again."

    def _end_workers(self) -> None:
        for worker in self.workers.values():
            worker.ask_to_stop()
        wait_until = time.monotonic() + GRACE
        for worker in self.workers.values():
            worker.process.join(max(0.0, wait_until - time.monotonic()))
            worker.kill()
        for worker in list(self.workers.values()):
            self._bury(worker)


def _forget_logs(folder: Path) -> None:
    """Delete all but the newest logs."""
    files = sorted(folder.glob("*.log*"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[LOGS_KEPT:]:
        file.unlink(missing_ok=True)


def _cause(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "The job's process was killed, which happens when memory runs out"
    name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return f"The job's process died ({name})"


def main() -> None:
    """`python -m engine.jobs.supervisor JSON`, as `start` calls it."""
    told = json.loads(sys.argv[1])
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    Supervisor(Settings(**told["settings"]), told["execute"], told["address"]).run()


if __name__ == "__main__":
    main()

__all__ = ["Owner", "Supervisor", "environment", "owner", "start", "stop"]
