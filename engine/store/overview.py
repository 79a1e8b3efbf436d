"""Studies and their jobs as a page asks for them: whole pages of them in one query."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from engine.results import POINTS
from engine.store.database import Database
from engine.store.queue import HELD
from engine.store.selection import conditions, states
from engine.store.tables import jobs, results, studies, tags
from engine.study import Study
from engine.wanted import ALL, Wanted

LIVE = ("queued", *HELD)


@dataclass(frozen=True)
class JobView:
    """One job as it stands: units of work and seconds planned by stage; `stage_*` say how far its stage is.

    `made_by`: versions and machine of its first claim, where they were noted.
    """

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
    made_by: dict[str, Any] | None = None


@dataclass(frozen=True)
class StudyView:
    """One study with its jobs in the order of their numbers; `n_points` accuracies are known."""

    digest: str
    study: Study
    created: float
    revision: int
    n_points: int
    jobs: tuple[JobView, ...]
    note: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Names:
    """What the studies of this store are about, sorted: by what a list may be narrowed."""

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    tags: tuple[str, ...]


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

    def studies(self, limit: int, offset: int = 0, wanted: Wanted = ALL) -> list[StudyView]:
        """Newest first."""
        newest = studies.c.created.desc(), studies.c.digest
        chosen = select(studies).where(*conditions(wanted)).order_by(*newest)
        return self._views(chosen.limit(limit).offset(offset))

    def live(self, limit: int, wanted: Wanted = ALL) -> list[StudyView]:
        """Studies that run or wait, in the order in which their turn came or comes."""
        first = func.min(jobs.c.id).label("first")
        turn = select(jobs.c.study, first).where(jobs.c.state.in_(LIVE)).group_by(jobs.c.study).subquery()
        chosen = select(studies, turn.c.first).join(turn, turn.c.study == studies.c.digest).where(*conditions(wanted))
        return self._views(chosen.order_by(turn.c.first).limit(limit), by_turn=True)

    def counts(self, wanted: Wanted = ALL) -> dict[str, int]:
        """How many studies there are in each state."""
        known = states()
        joined = select(known.c.state, func.count().label("n")).join(studies, studies.c.digest == known.c.study)
        with self._database.read() as connection:
            rows = connection.execute(joined.where(*conditions(wanted)).group_by(known.c.state)).all()
        return {row.state: row.n for row in rows}

    def newest(self) -> str | None:
        """The digest of the study that was asked for last."""
        latest = select(studies.c.digest).order_by(studies.c.created.desc(), studies.c.digest).limit(1)
        with self._database.read() as connection:
            return connection.execute(latest).scalar()

    def names(self) -> Names:
        """Data sets, models and tags of all studies."""
        with self._database.read() as connection:
            found = (
                tuple(connection.execute(select(column).distinct().order_by(column)).scalars())
                for column in (studies.c.dataset, studies.c.model, tags.c.tag)
            )
            return Names(*found)

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

    def _views(self, chosen: Select[Any], *, by_turn: bool = False) -> list[StudyView]:
        page = chosen.subquery()
        order = [page.c.first] if by_turn else [page.c.created.desc(), page.c.digest]
        counted = results.c.study == page.c.digest, results.c.metric.in_(POINTS)
        n_points = select(func.count()).where(*counted).scalar_subquery()
        own = (c.label(f"study_{c.name}") for c in page.c)
        columns = (*own, n_points.label("n_points"), page.c.dataset, page.c.model, *jobs.c)
        wanted = select(*columns).join(jobs, jobs.c.study == page.c.digest)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(*order, jobs.c.number)).all()
            tagged = _tagged(connection, select(page.c.digest))
        together: dict[str, list[Row[Any]]] = {}
        for row in rows:
            together.setdefault(row.study_digest, []).append(row)
        return [_study_view(group, tuple(tagged.get(digest, ()))) for digest, group in together.items()]


def _tagged(connection: Connection, digests: Select[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    of_these = select(tags).where(tags.c.study.in_(digests)).order_by(tags.c.tag)
    for row in connection.execute(of_these):
        found.setdefault(row.study, []).append(row.tag)
    return found


def _study_view(rows: Sequence[Row[Any]], tagged: tuple[str, ...]) -> StudyView:
    first = rows[0]
    return StudyView(
        digest=first.study_digest,
        study=parse(first.study_body),
        created=first.study_created,
        revision=first.study_revision,
        n_points=first.n_points,
        jobs=tuple(_job_view(row) for row in rows),
        note=first.study_note,
        tags=tagged,
    )


def _job_view(row: Row[Any]) -> JobView:
    loaded: dict[str, Any] = {"units": _by_stage(row.units), "planned": _by_stage(row.planned)}
    loaded["made_by"] = json.loads(row.made_by) if row.made_by else None
    plain = {name: getattr(row, name) for name in JobView.__dataclass_fields__ if name not in loaded}
    return JobView(**loaded, **plain)


@lru_cache(maxsize=4096)
def parse(body: str) -> Study:
    """A stored study; equal bodies give the same object."""
    return Study.model_validate_json(body)


@lru_cache(maxsize=4096)
def _by_stage(body: str) -> dict[str, float]:
    values: dict[str, float] = json.loads(body)
    return values
