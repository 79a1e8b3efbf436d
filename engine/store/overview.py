"""Studies and their jobs as a page asks for them: whole pages of them in one query."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, func, select

from engine.store.database import Database
from engine.store.queue import HELD
from engine.store.tables import jobs, results, studies
from engine.study import Study


@dataclass(frozen=True)
class JobView:
    """One job as it stands: units of work and seconds planned by stage; `stage_*` say how far its stage is."""

    number: int
    dataset: str
    model: str
    state: str
    units: dict[str, float]
    planned: dict[str, float]
    threads: int
    started: float | None
    finished: float | None
    stage: str
    stage_from: int
    stage_done: int
    stage_total: int
    stage_since: float | None
    error: str | None


@dataclass(frozen=True)
class StudyView:
    """One study with its jobs in the order of their numbers."""

    digest: str
    study: Study
    created: float
    revision: int
    n_points: int
    jobs: tuple[JobView, ...]


@dataclass(frozen=True)
class Waiting:
    """A study in line: the seconds its waiting jobs may take."""

    digest: str
    seconds: float


class Overview:
    """Reads only; quick with thousands of studies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def study(self, digest: str) -> StudyView | None:
        """One study by its digest."""
        found = self._views(select(studies).where(studies.c.digest == digest))
        return found[0] if found else None

    def studies(self, limit: int, offset: int = 0) -> list[StudyView]:
        """Newest first."""
        newest = studies.c.created.desc(), studies.c.digest
        return self._views(select(studies).order_by(*newest).limit(limit).offset(offset))

    def line(self) -> list[Waiting]:
        """Studies with waiting jobs, in the order in which their turn comes."""
        first, seconds = func.min(jobs.c.id), func.sum(jobs.c.expected)
        waiting = select(jobs.c.study, seconds).where(jobs.c.state == "queued")
        with self._database.read() as connection:
            rows = connection.execute(waiting.group_by(jobs.c.study).order_by(first)).all()
        return [Waiting(digest, total) for digest, total in rows]

    def running(self) -> list[JobView]:
        """All jobs that somebody works on."""
        held = select(jobs, studies.c.dataset, studies.c.model).join(studies).where(jobs.c.state.in_(HELD))
        with self._database.read() as connection:
            return [_job_view(row) for row in connection.execute(held)]

    def _views(self, chosen: Select[Any]) -> list[StudyView]:
        page = chosen.subquery()
        n_points = select(func.count()).where(results.c.study == page.c.digest).scalar_subquery()
        own = (c.label(f"study_{c.name}") for c in page.c)
        columns = (*own, n_points.label("n_points"), page.c.dataset, page.c.model, *jobs.c)
        wanted = select(*columns).join(jobs, jobs.c.study == page.c.digest)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(page.c.created.desc(), page.c.digest, jobs.c.number)).all()
        together: dict[str, list[Row[Any]]] = {}
        for row in rows:
            together.setdefault(row.study_digest, []).append(row)
        return [_study_view(group) for group in together.values()]


def _study_view(rows: Sequence[Row[Any]]) -> StudyView:
    first = rows[0]
    return StudyView(
        digest=first.study_digest,
        study=parse(first.study_body),
        created=first.study_created,
        revision=first.study_revision,
        n_points=first.n_points,
        jobs=tuple(_job_view(row) for row in rows),
    )


def _job_view(row: Row[Any]) -> JobView:
    values = {name: getattr(row, name) for name in JobView.__dataclass_fields__ if name not in ("units", "planned")}
    return JobView(units=_by_stage(row.units), planned=_by_stage(row.planned), **values)


@lru_cache(maxsize=4096)
def parse(body: str) -> Study:
    """A stored study; equal bodies give the same object."""
    return Study.model_validate_json(body)


@lru_cache(maxsize=4096)
def _by_stage(body: str) -> dict[str, float]:
    values: dict[str, float] = json.loads(body)
    return values
