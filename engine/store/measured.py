"""What jobs found out: result rows, models in training, trained models, and how fast this machine is."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Table, select

from engine.events import Provisional, Stands, Trained
from engine.results import COLUMNS, Row, as_dict
from engine.store import tables
from engine.store.database import Database, upsert
from engine.store.queue import Claim, Planned, Queue, Span, bump
from engine.study import Study

Speed = tuple[str, str, str, int]  # dataset, model, stage, threads


@dataclass(frozen=True)
class Progress:
    """`done` of `total` of a stage that was first seen at `start`, `since` a time in seconds."""

    stage: str
    start: int
    done: int
    total: int
    since: float


@dataclass
class Batch:
    """What a job said since the last write."""

    progress: Progress | None = None
    rows: list[Row] = field(default_factory=list)
    training: list[Provisional] = field(default_factory=list)
    standing: list[Stands] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)
    speeds: dict[Speed, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any((self.progress, self.rows, self.training, self.standing, self.trained, self.speeds))


@dataclass(frozen=True)
class Run:
    """One trained model; `path` is relative to the folder of artifacts where it lies in it."""

    study: str
    epsilon: float
    seed: int
    clip_only: bool
    path: Path


class Measured:
    """Results by study. Writes need a claim that still holds."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

    def record(self, claim: Claim, batch: Batch) -> str:
        """Write a batch in one transaction, renew the lease, return the job's state; StaleAttempt if overtaken.

        A point that is there already is replaced, so a resumed job may say things twice.
        """
        with self._database.write() as connection:
            state = self._queue.beat(connection, claim)
            if batch:
                _write(connection, claim, batch)
                bump(connection, claim.study)
        return state

    def adopt(
        self,
        digest: str,
        study: Study,
        plan: Sequence[Planned],
        took: Span,
        rows: Sequence[Row],
        standing: Sequence[Stands] = (),
    ) -> None:
        """Take in a study that was computed elsewhere, once for each store: deleted, it does not come back."""
        brought = {"key": f"adopted:{digest}", "value": str(took.created)}
        with self._database.write() as connection:
            known = select(tables.studies.c.digest).where(tables.studies.c.digest == digest)
            before = select(tables.meta.c.key).where(tables.meta.c.key == brought["key"])
            if connection.execute(before).first():
                return
            upsert(connection, tables.meta, [brought], ["key"])
            if connection.execute(known).first():
                return
            self._queue.adopt(connection, digest, study, plan, took)
            _write_rows(connection, digest, rows)
            stands = [_stored(word) | {"study": digest} for word in standing]
            upsert(connection, tables.standing, stands, ["study", "epsilon", "seed", "clip_only"])

    def frame(self, digest: str) -> pd.DataFrame:
        """The result table of a study in the order metric, seed, epsilon (clipping alone before no privacy), eps.

        Columns are typed, also when it is empty.
        """
        table = tables.results
        order = (table.c.metric, table.c.seed, table.c.epsilon, table.c.clip_only.desc(), table.c.radius)
        return self._typed(table, COLUMNS, digest, order)

    def provisional(self, digest: str) -> pd.DataFrame:
        """The latest word on each model in training: the fields of events.Provisional."""
        table = tables.provisional
        columns = ("epsilon", "seed", "clip_only", "step", "steps", "accuracy", "epsilon_spent", "loss")
        return self._typed(table, columns, digest, (table.c.epsilon, table.c.clip_only.desc(), table.c.seed))

    def standing(self, digest: str) -> list[Stands]:
        """How the attacked images of a study stand, for each of its attacked models."""
        table = tables.standing
        wanted = select(table).where(table.c.study == digest).order_by(table.c.epsilon, table.c.clip_only.desc())
        with self._database.read() as connection:
            rows = [row._asdict() for row in connection.execute(wanted)]
        return [_read(row) for row in rows]

    def runs(self, digest: str) -> pd.DataFrame:
        """The trained models of a study: run, epsilon, seed, clip_only, path."""
        table = tables.trained
        columns = ("run", "epsilon", "seed", "clip_only", "path")
        return self._typed(table, columns, digest, (table.c.epsilon, table.c.clip_only.desc(), table.c.seed))

    def _typed(self, table: Table, columns: Sequence[str], digest: str, order: Sequence[Any]) -> pd.DataFrame:
        wanted = select(*(table.c[name] for name in columns)).where(table.c.study == digest).order_by(*order)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        frame = pd.DataFrame(rows, columns=list(columns))
        return frame.astype({name: _dtype(table.c[name].type.python_type) for name in columns})

    def run(self, number: int) -> Run | None:
        """One trained model by its number."""
        with self._database.read() as connection:
            row = connection.execute(select(tables.trained).where(tables.trained.c.run == number)).first()
        return None if row is None else Run(row.study, row.epsilon, row.seed, row.clip_only, Path(row.path))

    def speeds(self) -> dict[Speed, float]:
        """Seconds a unit of work, as measured on this store's machine."""
        with self._database.read() as connection:
            rows = connection.execute(select(tables.speeds)).all()
        return {(row.dataset, row.model, row.stage, row.threads): row.seconds for row in rows}


def _write(connection: Connection, claim: Claim, batch: Batch) -> None:
    study = {"study": claim.study}
    if (seen := batch.progress) is not None:
        columns = {"stage": seen.stage, "stage_from": seen.start, "stage_done": seen.done}
        columns |= {"stage_total": seen.total, "stage_since": seen.since}
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == claim.id).values(columns))
    _write_rows(connection, claim.study, batch.rows)
    model = ("epsilon", "seed", "clip_only")
    latest = {tuple(getattr(word, name) for name in model): _clean(asdict(word)) | study for word in batch.training}
    upsert(connection, tables.provisional, list(latest.values()), ["study", *model])
    stands = {tuple(getattr(word, name) for name in model): _stored(word) | study for word in batch.standing}
    upsert(connection, tables.standing, list(stands.values()), ["study", *model])
    finished = {tuple(getattr(word, name) for name in model): asdict(word) | study for word in batch.trained}
    upsert(connection, tables.trained, list(finished.values()), ["study", *model])
    measured = [
        dict(zip(("dataset", "model", "stage", "threads"), key, strict=True)) | {"seconds": seconds}
        for key, seconds in batch.speeds.items()
    ]
    upsert(connection, tables.speeds, measured, ["dataset", "model", "stage", "threads"])


def _write_rows(connection: Connection, digest: str, rows: Sequence[Row]) -> None:
    by_point = {
        row.key: _clean(as_dict(row)) | {"study": digest, "radius": row.radius, "clip_only": row.clip_only}
        for row in rows
    }
    point = ["study", "epsilon", "seed", "metric", "radius", "clip_only"]
    upsert(connection, tables.results, list(by_point.values()), point)


def _stored(word: Stands) -> dict[str, Any]:
    return asdict(word) | {"attacks": json.dumps(word.attacks), "radii": json.dumps(word.radii)}


def _read(row: dict[str, Any]) -> Stands:
    lists = {name: tuple(json.loads(row[name])) for name in ("attacks", "radii")}
    return Stands(**{name: value for name, value in row.items() if name != "study"} | lists)


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    """A number that does not apply is NULL in every database."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}


def _dtype(kind: type) -> str:
    return {float: "float64", int: "int64", bool: "bool"}.get(kind, "str")
