"""A stand-in for engine.runs.execute that says something new for about half a minute."""

from collections.abc import Callable
from typing import Any

from engine.events import Event
from engine.study import Job
from tests.engine.jobs import fakes


def steady(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """A step of training a little more often than a page looks."""
    fakes.execute(job, emit, places=places, threads=threads, pause=0.9)
