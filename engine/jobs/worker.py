"""One worker: a process, leader of its own group, that does one claimed job and is gone when its supervisor is."""

import fcntl
import logging
import multiprocessing as mp
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import Cancelled, StaleAttempt, StoreError
from engine.events import Event
from engine.jobs.contract import perform
from engine.settings import Settings
from engine.store.queue import Claim
from engine.store.store import Store
from engine.study import Job

NO_VERDICT = 74  # exit code: the store could not be written (EX_IOERR)
NICE = 10  # pages go first
LOG_BYTES = 1_000_000
LOG_CHECK = 5.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Places:
    """Where a job finds and leaves files; what engine.runs calls Places, without importing torch."""

    data: Path
    cache: Path
    folder: Path
    cache_gb: float
    source: Path | None = None


def work(settings: Settings, execute: str, claim: Claim) -> None:
    """The body of a worker process; `execute` is the dotted name of engine.runs.execute or of a stand-in."""
    os.setsid()
    file = settings.logs / f"{claim.study}-{claim.number}.log"
    threading.Thread(target=_watch, args=(file,), name="watch", daemon=True).start()
    signal.signal(signal.SIGTERM, _stop)
    _step_back()
    _log_to(file)
    log.info("attempt %d on %d threads, process %d", claim.attempt, claim.threads, os.getpid())
    folder = settings.artifacts / claim.study / str(claim.number)
    try:
        store = Store(settings.home)
        places = Places(settings.data_root, settings.cache, folder, settings.cache_gb)
        perform(store, claim, _alone(execute), places=places, artifacts=settings.artifacts, cores=settings.cores)
    except (StaleAttempt, Cancelled) as error:
        log.info("%s", error)
    except StoreError:
        log.exception("no verdict could be written")
        os._exit(NO_VERDICT)  # sys.exit would flush the log first, and a full disk make another code of it


def _step_back() -> None:
    """Pages go first. Linux may weigh sessions against each other (autogroup), and ours is its own: so that, too."""
    os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")


def _alone(execute: str) -> Callable[..., None]:
    """The function of that name, run while nobody else works in the job's folder: an overtaken attempt ends first."""

    def run(job: Job, emit: Callable[[Event], None], *, places: Places, threads: int) -> None:
        _limit_threads(threads)
        places.folder.mkdir(parents=True, exist_ok=True)
        with _locked(places.folder / ".lock"):
            load(execute)(job, emit, places=places, threads=threads)

    return run


def load(name: str) -> Callable[..., None]:
    """The function of a dotted name."""
    module, _, attribute = name.rpartition(".")
    function: Callable[..., None] = getattr(import_module(module), attribute)
    return function


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _watch(file: Path) -> None:
    """End the whole group when the supervisor is gone; keep the log small meanwhile."""
    parent = mp.parent_process()
    assert parent is not None
    while not wait([parent.sentinel], timeout=LOG_CHECK):
        with suppress(OSError):
            _cap(file)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _stop(*_: Any) -> NoReturn:
    raise Cancelled("The job was asked to stop.")


def _log_to(file: Path) -> None:
    """Everything this process says goes to `file`, also what native code writes; without one if there is no room."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        _cap(file)
        with file.open("ab") as handle:
            os.dup2(handle.fileno(), 1)
            os.dup2(handle.fileno(), 2)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=form, force=True)
    logging.captureWarnings(True)


def _cap(file: Path) -> None:
    """Move what is in a log that grew too long aside; it is open for appending, so writing goes on at its start."""
    if file.exists() and file.stat().st_size > LOG_BYTES:
        shutil.copyfile(file, file.with_suffix(".log.1"))
        os.truncate(file, 0)


def _limit_threads(threads: int) -> None:
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)
