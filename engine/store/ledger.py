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

from engine import disk
from engine.errors import BadInput, Cancelled
from engine.events import Begins, Redone
from engine.privacy.ledger import Cap
from engine.store import books as kinds
from engine.store import chain, tables
from engine.store.books import Asked, Books, all_of, cost, redone
from engine.store.chain import ACCEPTED, FILE, Head, Row
from engine.store.database import Database, upsert
from engine.store.queue import BEGUN, HELD, Claim, Queue

FORGOTTEN = Head(0, "")
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
        self._cache = home / "cache"

    def books(self) -> Books:
        """Everything, at one moment."""
        with self._database.read() as connection:
            return self._books(connection)

    def reserve(self, connection: Connection, asked: Asked) -> None:
        """Hold room under the caps of a data set for a study, in the transaction that queues it.

        BadInput with the figure when there is none; nothing is written without a cap. `settle` once it is kept.
        """
        books, asked = self._books(connection), _named(connection, asked)
        books.admit(asked)
        if books.caps(asked.dataset) and not books.release(asked) and not books.has(asked, kinds.RESERVED):
            self._add(connection, books, asked.dataset, kinds.RESERVED, asked.said)

    def release(self, claim: Claim, asked: Asked) -> None:
        """Charge what a study releases before its first step, once; BadInput when a cap does not let it in.

        StaleAttempt and Cancelled as for every write: what was stopped before its first step is not charged.
        """
        self.ready(asked.dataset, asked.said)
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
        self.books().spent(asked.dataset)  # a page that asks for it finds the curves

    def ready(self, name: str, said: Mapping[str, Any]) -> None:
        """Have the curves at hand that a cap is compared with, before others have to wait for the store."""
        books = self.books()
        if books.caps(name):
            books.spent(name), books.held(name), cost(said, self._cache)

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
        self.ready(asked.dataset, {"mechanisms": redone(asked.said, event.epsilon, event.seed, event.steps)[1]})
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
                books.afford(asked.dataset, said, but=asked.computation)
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
        self.settle(accepted=name)
        return broken

    def enrolled(self, name: str, marks: Marks) -> bool:
        """Whether it is known that an own data set has pictures, and these among them."""
        with self._database.read() as connection:
            known = _marks(connection, name)
        return known is not None and bool(np.isin(marks, known).all())

    def enrol(self, name: str, marks: Marks, delta: float | None = None) -> None:
        """Note which training pictures an own data set has (sorted marks, none twice), and whose it shares.

        `delta`: at which its total is told, for good. Marks that were noted before stay. StoreError when the ledger of
        any own images does not add up: with marks that are lost nobody can say whose pictures these are.
        """
        with self._database.write() as connection:
            books, known = self._books(connection), _marks(connection, name)
            books.sound(name)
            every = marks if known is None else np.union1d(known, marks)
            if known is not None and len(every) == len(known):
                return
            blob = every.tobytes()
            others = connection.execute(select(tables.pictures).where(tables.pictures.c.dataset != name)).all()
            kin = [row.dataset for row in others if _common(every, row.marks)]
            upsert(connection, tables.pictures, [{"dataset": name, "marks": blob}], ["dataset"])
            said = {"kin": sorted(kin), "pictures": len(every), "marks": hashlib.sha256(blob).hexdigest()}
            said |= {"delta": delta} if delta else {}
            self._add(connection, books, name, kinds.IMAGES, said)
        self.settle()

    def settle(self, accepted: str = "") -> None:
        """After a row was written: it outlasts a power cut, and the file beside the store knows of it.

        Of a data set whose rows do not add up the file keeps what it has, unless that is `accepted`. A file that
        cannot be written lags behind until the next row: the row itself is in the store.
        """
        self._database.settle()
        with suppress(OSError), self._alone(), self._database.read() as connection:
            self._note(self._books(connection).to_note(accepted))

    def _note(self, heads: Mapping[str, Head]) -> None:
        part = self._file.with_suffix(".part")
        lines = {name: [head.number, head.hash] for name, head in heads.items()}
        part.write_text(json.dumps(lines, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        disk.replace(part, self._file)

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
        rows = all_of([chain.read(one) for one in connection.execute(select(tables.ledger))])
        if noted is None:  # it was made before the first row, or is lost
            noted = {} if self._noted() is not None else dict.fromkeys(rows, FORGOTTEN)
        return Books(rows, _last(connection), noted, _live(connection), _pictures(connection), self._cache)

    def _noted(self) -> dict[str, Head] | None:
        """What the file says; None when it is not there or cannot be read."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {name: Head(int(number), str(sealed)) for name, (number, sealed) in found.items()}
        return None

    def _add(self, connection: Connection, books: Books, name: str, kind: str, said: Mapping[str, Any]) -> None:
        self._write(connection, chain.row(name, books.last.get(name), time.time(), kind, said))

    def _write(self, connection: Connection, row: Row) -> None:
        if self._noted() is None:  # from the first row on a file that is not there is lost, which the new one says
            with suppress(OSError), self._alone():
                named = connection.execute(select(tables.ledger.c.dataset).distinct()).scalars()
                self._note(dict.fromkeys(map(str, named), FORGOTTEN))
        connection.execute(insert(tables.ledger).values(vars(row)))
        head = {"key": HEAD + row.dataset, "value": f"{row.number} {row.hash}"}
        upsert(connection, tables.meta, [head], ["key"])


def _pictures(connection: Connection) -> dict[str, str]:
    return {row.dataset: _hash(row.marks) for row in connection.execute(select(tables.pictures))}


def _hash(marks: Any) -> str:
    return hashlib.sha256(marks if isinstance(marks, bytes) else b"").hexdigest()


def _last(connection: Connection) -> dict[str, Head]:
    key, value = tables.meta.c.key, tables.meta.c.value
    found = connection.execute(select(key, value).where(key.startswith(HEAD, autoescape=True))).all()
    return {name.removeprefix(HEAD): _head(str(said)) for name, said in found}


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


def _marks(connection: Connection, name: str) -> Marks | None:
    """Those that were noted; None when there are none, or not whole ones: then they are noted anew."""
    blob = connection.execute(select(tables.pictures.c.marks).where(tables.pictures.c.dataset == name)).scalar()
    return np.frombuffer(blob, np.uint64) if isinstance(blob, bytes) and len(blob) % 8 == 0 else None


def _common(marks: Marks, blob: bytes) -> bool:
    known = np.frombuffer(blob[: len(blob) // 8 * 8], np.uint64)
    return bool(np.isin(marks, known, assume_unique=True).any())
