"""A store of its own for each test, and supervisors that end with the test."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine import planning, services
from engine.jobs import supervisor
from engine.jobs.progress import Status
from engine.settings import Settings
from engine.store.queue import Planned
from engine.store.store import Store
from engine.study import Study, parse

Supervised = Callable[..., "subprocess.Popen[bytes]"]
ENDED = ("done", "failed", "stopped")


def small(**changes: object) -> Study:
    """A resolved study of two budgets and two radii."""
    asked = {"dataset": "digits", "privacy": {"epsilons": [1, "inf"]}, "attack": {"eps": [0, 0.1]}, **changes}
    return planning.resolve(parse(asked))


def wait_for(digest: str, reached: Callable[[Status], bool], timeout: float = 20.0) -> Status:
    """The first status that `reached` accepts."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        status = services.status(digest)
        if status is not None and reached(status):
            return status
        time.sleep(0.02)
    raise AssertionError(f"not reached in {timeout} s: {services.status(digest)}\n{services.log(digest)}")


def wait_for_end(digest: str, timeout: float = 30.0) -> Status:
    return wait_for(digest, lambda status: status.state in ENDED, timeout)


def family(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def workers_of(pid: int) -> list[psutil.Process]:
    """The workers of a supervisor: children of its forkserver."""
    return forkserver_of(pid).children()


def forkserver_of(pid: int) -> psutil.Process:
    children = psutil.Process(pid).children()
    return next(child for child in children if "multiprocessing.forkserver" in " ".join(child.cmdline()))


def assert_gone(processes: list[psutil.Process], timeout: float = 5.0) -> None:
    until = time.monotonic() + timeout
    while alive := [process for process in processes if _lives(process)]:
        assert time.monotonic() < until, alive
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    """A zombie has ended: nobody has asked how, that is all."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def queue_study(store: Store) -> Callable[..., str]:
    """Queue a study without a supervisor; its digest."""

    def queue(study: Study | None = None, *, who: str = "page", lasting: bool = True) -> str:
        study = study or small()
        digest = planning.digest(study)
        seconds = {"train": 6.0, "attack": 4.0}
        plan = [Planned(job, planning.work(job), seconds, threads=2) for job in planning.plan(study)]
        store.queue.submit(digest, study, plan, who=who, lasting=lasting)
        return digest

    return queue


@pytest.fixture
def supervised(home: Path) -> Iterator[Supervised]:
    """Start a supervisor with one of the stand-ins of fakes.py; all are stopped at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(fake: str, *, execute: str | None = None, **changes: int) -> "subprocess.Popen[bytes]":
        settings = Settings(cores=2, **changes)
        name = execute or f"tests.engine.jobs.fakes.{fake}"
        started.append(supervisor.start(settings, address="http://127.0.0.1:1", execute=name))
        return started[-1]

    yield start
    for process in started:
        everyone = family(process.pid) if process.poll() is None else []
        supervisor.stop(process)
        assert_gone(everyone)
