"""The privacy ledger as it is kept: rows are added, never changed; each write looks at all that was there before."""

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, insert, select

from engine.errors import BadInput, Cancelled
from engine.events import Begins, Redone
from engine.privacy.ledger import Cap
from engine.store import books as kinds
from engine.store import chain, tables
from engine.store.books import Asked, Books, all_of, cost, redone
from engine.store.chain import ACCEPTED, FILE, Head, Row
from engine.store.database import Database, upsert
from engine.store.queue import BEGUN, HELD, Claim, Queue

HEAD = "ledger:"  # how the keys begin under which the store remembers the newest row of each data set

Marks = NDArray[np.uint64]


class Ledger:
    """What was released of each data set, by rows that only grow.

    The newest row of each data set is remembered in the store, and in a file beside it once a row is written.
    """

    def __init__(self, database: Database, queue: Queue, home: Path) -> None:
        self._database = database
        self._queue = queue
        self._file = home / FILE

    def books(self) -> Books:
        """Everything, at one moment."""
        with self._database.read() as connection:
            return self._books(connection)

    def reserve(self, connection: Connection, asked: Asked) -> None:
        """Hold room under the caps of a data set for a study, in the transaction that queues it.

        BadInput with the figure when there is none; nothing is written without a cap. `settle` afterwards.
        """
        books, asked = self._books(connection), _named(connection, asked)
        books.admit(asked)
        if books.caps(asked.dataset) and not books.release(asked) and not books.has(asked, kinds.RESERVED):
            self._add(connection, books, asked.dataset, kinds.RESERVED, asked.said)

    def release(self, claim: Claim, asked: Asked) -> None:
        """Charge what a study releases before its first step, once; BadInput when a cap does not let it in.

        StaleAttempt and Cancelled as for every write: what was stopped before its first step is not charged.
        """
        with self._held(claim) as (connection, books):
            asked = _named(connection, asked)
            books.admit(asked)
            if asked.mechanisms and books.release(asked) is None:
                self._add(connection, books, asked.dataset, kinds.RELEASED, asked.said)
            if asked.unprotected and not books.has(asked, kinds.UNPROTECTED):
                said = {name: asked.said[name] for name in ("study", "computation", "mode", "model", "repeats")}
                said |= {"which": list(asked.unprotected)}
                self._add(connection, self._books(connection), asked.dataset, kinds.UNPROTECTED, said)
        self.settle()

    def begin(self, claim: Claim, asked: Asked, event: Begins) -> None:
        """Remember which models make their first step, and charge those again that this job has begun before.

        What it trained of them is gone, and all their steps have fresh noise. BadInput when a cap does not let it.
        """
        key = f"{BEGUN}{claim.study}:{claim.id}"
        with self._held(claim) as (connection, _):
            said = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == key)).scalar()
            before = {tuple(model) for model in json.loads(said or "[]")}
            value = json.dumps(sorted(before | set(event.models)))
            upsert(connection, tables.meta, [{"key": key, "value": value}], ["key"])
        self._database.settle()
        for epsilon, seed in event.models:
            if (epsilon, seed) in before:
                self.redo(claim, asked, Redone(epsilon, seed, event.steps))

    def redo(self, claim: Claim, asked: Asked, event: Redone) -> None:
        """Charge steps that a resumed job makes again; BadInput when a cap does not let it."""
        with self._held(claim) as (connection, books):
            books.sound(asked.dataset)
            asked = _named(connection, asked)
            released = books.release(asked)
            if released is None:
                raise BadInput(f"study {claim.study} repeats steps that the privacy ledger has not seen: delete it.")
            name, mechanisms = redone(released.said, event.epsilon, event.seed, event.steps)
            again = [claim.id, claim.attempt, name]
            said = {"study": claim.study, "computation": asked.computation, "mode": asked.mode, "model": asked.model}
            said |= {"again": again, "mechanisms": mechanisms, "shared": False}
            if not books.again(asked.dataset, again):
                books.afford(asked.dataset, cost(said), but=asked.computation)
                self._add(connection, books, asked.dataset, kinds.REDONE, said)
        self.settle()

    def cap(self, name: str, cap: Cap | None) -> list[str]:
        """Set what may be spent on a data set and on all that share its images, None to lift it; their names.

        StoreError when a ledger does not add up.
        """
        return self._decide(name, kinds.CAP, vars(cap) if cap else {"epsilon": None})

    def mark(self, name: str, *, private: bool) -> list[str]:
        """Mark a data set, and all that share its images, as private or as public; their names."""
        return self._decide(name, kinds.PRIVATE if private else kinds.PUBLIC, {})

    def _decide(self, name: str, kind: str, said: Mapping[str, Any]) -> list[str]:
        with self._database.write() as connection:
            books = self._books(connection)
            books.sound(name)
            members = books.members(name)
            for member in members:
                self._add(connection, books, member, kind, said)
        self.settle()
        return members

    def accept(self, name: str) -> list[str]:
        """Go on from rows that do not add up, as they stand now; what was wrong, which stays written."""
        with self._database.write() as connection:
            books = self._books(connection)
            broken = books.broken(name)
            if broken:
                rows = books.rows.get(name, ())
                said = {"problems": broken, "standing": chain.standing(rows)}
                newest = max([*(row.head for row in rows), *books.heads(name)], key=lambda head: head.number)
                self._write(connection, chain.row(name, newest, time.time(), ACCEPTED, said))
        self.settle()
        return broken

    def enrolled(self, name: str) -> bool:
        """Whether it is known which pictures an own data set has."""
        known = select(tables.ledger.c.number).where(
            tables.ledger.c.dataset == name, tables.ledger.c.kind == kinds.IMAGES
        )
        with self._database.read() as connection:
            return connection.execute(known.limit(1)).first() is not None

    def enrol(self, name: str, marks: Marks) -> None:
        """Note which training pictures an own data set has (sorted marks, none twice), and whose it shares."""
        with self._database.write() as connection:
            books = self._books(connection)
            if any(row.kind == kinds.IMAGES for row in books.rows.get(name, ())):
                return
            blob = marks.tobytes()
            others = connection.execute(select(tables.pictures).where(tables.pictures.c.dataset != name)).all()
            kin = [row.dataset for row in others if _common(marks, row.marks)]
            upsert(connection, tables.pictures, [{"dataset": name, "marks": blob}], ["dataset"])
            said = {"kin": sorted(kin), "pictures": len(marks), "marks": hashlib.sha256(blob).hexdigest()}
            self._add(connection, books, name, kinds.IMAGES, said)
        self.settle()

    def settle(self) -> None:
        """After a row was written: it outlasts a power cut, and the file beside the store knows of it.

        A file that cannot be written lags behind until the next row: the row itself is in the store.
        """
        self._database.settle()
        with suppress(OSError), self._alone(), self._database.read() as connection:
            heads = {name: [head.number, head.hash] for name, head in _last(connection).items()}
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(heads, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            part.replace(self._file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two that write the file one after the other leave what the later transaction wrote."""
        with self._file.with_suffix(".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _held(self, claim: Claim) -> Iterator[tuple[Connection, Books]]:
        """A transaction of somebody who works on a job that is still wanted."""
        with self._database.write() as connection:
            if self._queue.beat(connection, claim) == "stopping":
                raise Cancelled("The study was stopped.")
            yield connection, self._books(connection)

    def _books(self, connection: Connection) -> Books:
        noted = self._noted()  # first: it never runs ahead of what is then read
        rows = [Row(*one) for one in connection.execute(select(tables.ledger))]
        return Books(all_of(rows), _last(connection), noted, _live(connection))

    def _noted(self) -> dict[str, Head]:
        """What the file says; nothing before the first row, or when it is gone."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            return {name: Head(*head) for name, head in json.loads(self._file.read_text(encoding="utf-8")).items()}
        return {}

    def _add(self, connection: Connection, books: Books, name: str, kind: str, said: Mapping[str, Any]) -> None:
        self._write(connection, chain.row(name, books.last.get(name), time.time(), kind, said))

    def _write(self, connection: Connection, row: Row) -> None:
        connection.execute(insert(tables.ledger).values(vars(row)))
        head = {"key": HEAD + row.dataset, "value": f"{row.number} {row.hash}"}
        upsert(connection, tables.meta, [head], ["key"])


def _last(connection: Connection) -> dict[str, Head]:
    key, value = tables.meta.c.key, tables.meta.c.value
    found = connection.execute(select(key, value).where(key.startswith(HEAD, autoescape=True))).all()
    return {name.removeprefix(HEAD): _head(said) for name, said in found}


def _head(said: str) -> Head:
    number, _, sealed = said.partition(" ")
    return Head(int(number) if number.isdigit() else 0, sealed)


def _named(connection: Connection, asked: Asked) -> Asked:
    """With the number that names its computation: that of the study's first job, which no other study ever has."""
    first = select(func.min(tables.jobs.c.id)).where(tables.jobs.c.study == asked.study)
    return replace(asked, computation=connection.execute(first).scalar_one())


def _live(connection: Connection) -> dict[str, int]:
    """Studies with jobs that wait or run, and what names their computation."""
    jobs = tables.jobs
    waiting = select(jobs.c.study).where(jobs.c.state.in_(("queued", *HELD))).distinct()
    first = select(jobs.c.study, func.min(jobs.c.id)).where(jobs.c.study.in_(waiting)).group_by(jobs.c.study)
    return {row[0]: row[1] for row in connection.execute(first)}


def _common(marks: Marks, blob: bytes) -> bool:
    return bool(np.isin(marks, np.frombuffer(blob, np.uint64), assume_unique=True).any())
