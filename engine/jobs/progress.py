"""How studies stand, as pages and the command line show it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.jobs.timing import Machine, done, left, makespan
from engine.store.overview import JobView, StudyView, Waiting
from engine.study import Study

State = Literal["queued", "running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Status:
    """One study as it stands. Times are seconds since 1970; `revision` grows with every stored change."""

    digest: str
    study: Study
    state: State
    created: float
    started: float | None
    finished: float | None
    stage: str
    stage_done: int
    stage_total: int
    fraction: float
    seconds_left: float | None
    place: int | None
    starts_in: float | None
    error: str | None
    n_points: int
    revision: int
    note: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Line:
    """Who waits, in order, and the seconds left of what runs."""

    waiting: Sequence[Waiting]
    running: tuple[float, ...]


def summarize(
    views: Sequence[StudyView], waiting: Sequence[Waiting], running: Sequence[JobView], machine: Machine
) -> list[Status]:
    """The status of each study, given everything that waits and runs on the machine."""
    now = time.time()
    line = _Line(waiting, tuple(left(job, machine, now) for job in running))
    return [_status(view, line, machine, now) for view in views]


def _status(view: StudyView, line: _Line, machine: Machine, now: float) -> Status:
    state = _state(view.jobs)
    shown = _shown(view.jobs)
    place, starts_in = _place(view.digest, line, machine.workers) if state == "queued" else (None, None)
    ended = state in ("done", "failed", "stopped")
    return Status(
        digest=view.digest,
        study=view.study,
        state=state,
        created=view.created,
        started=min((job.started for job in view.jobs if job.started is not None), default=None),
        finished=max((job.finished for job in view.jobs if job.finished is not None), default=None) if ended else None,
        stage=shown.stage,
        stage_done=shown.stage_done,
        stage_total=shown.stage_total,
        fraction=_fraction(view.jobs),
        seconds_left=None if ended else makespan((left(job, machine, now) for job in view.jobs), machine.workers),
        place=place,
        starts_in=starts_in,
        error=next((job.error for job in view.jobs if job.error), None),
        n_points=view.n_points,
        revision=view.revision,
        note=view.note,
        tags=view.tags,
    )


def _state(jobs: Sequence[JobView]) -> State:
    states = {job.state for job in jobs}
    if states & {"running", "stopping"} or states >= {"queued", "done"}:
        return "running"
    order: tuple[State, ...] = ("queued", "failed", "stopped")
    return next((state for state in order if state in states), "done")


def _shown(jobs: Sequence[JobView]) -> JobView:
    """The job whose stage stands for the study: the first that runs, else the last that got anywhere."""
    runs = [job for job in jobs if job.state in ("running", "stopping")]
    return (runs or [job for job in jobs if job.stage][-1:] or list(jobs))[0]


def _fraction(jobs: Sequence[JobView]) -> float:
    parts = [done(job) for job in jobs]
    total = sum(part[1] for part in parts)
    return sum(part[0] for part in parts) / total if total > 0 else 0.0


def _place(digest: str, line: _Line, workers: int) -> tuple[int | None, float | None]:
    names = [item.digest for item in line.waiting]
    if digest not in names:  # claimed between two reads
        return None, None
    ahead = names.index(digest)
    before = [*line.running, *(item.seconds for item in line.waiting[:ahead])]
    return ahead + 1, makespan(before, workers) if len(before) >= workers else 0.0
