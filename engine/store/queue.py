"""The line of jobs: who waits, who works, who wants it stopped. Every change of a job's state is made here."""

import json
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Update, and_, delete, func, insert, or_, select, update

from engine.errors import StaleAttempt
from engine.store.database import Database, upsert
from engine.store.tables import interests, jobs, meta, metadata, studies
from engine.study import Job, Study

LEASE = 30.0  # seconds without a sign of life after which a job may be claimed anew
PATIENCE = 10.0  # seconds after which someone who no longer asks is taken to have gone
CRASHES = 3  # deaths of its process after which a job has failed
HELD = ("running", "stopping")
BEGUN = "begun:"  # how keys begin under which the store remembers, by study and job, whose training has begun


@dataclass(frozen=True)
class Planned:
    """A job to be queued: what to do, its units of work by stage, the seconds they may take, and on how many threads.

    Every attempt uses these threads: sums differ between 1 and 2.
    """

    job: Job
    units: dict[str, float]
    seconds: dict[str, float]
    threads: int


@dataclass(frozen=True)
class Claim:
    """The right to work on a job until a newer claim is made: writes carry `attempt`."""

    id: int
    attempt: int
    study: str
    number: int
    job: Job
    units: dict[str, float]
    threads: int


@dataclass(frozen=True)
class Span:
    """When a study was asked for, and when it was computed: seconds since 1970."""

    created: float
    started: float
    finished: float


class Queue:
    """Jobs of all studies, first come first served."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self,
        digest: str,
        study: Study,
        plan: Sequence[Planned],
        *,
        who: str,
        lasting: bool,
        reserve: Callable[[Connection], None] | None = None,
    ) -> bool:
        """Queue a study's jobs, or those that failed or were stopped if it is known; True if anything was queued.

        `reserve` is asked in the same transaction if anything is: what it raises leaves everything as it was.
        """
        now = time.time()
        with self._database.write() as connection:
            new = connection.execute(select(studies.c.digest).where(studies.c.digest == digest)).first() is None
            if new:
                _insert(connection, digest, study, plan, now)
            queued = new or _requeue_ended(connection, digest)
            if queued and reserve:
                reserve(connection)
            _want(connection, digest, who, lasting, now)
        return queued

    def adopt(self, connection: Connection, digest: str, study: Study, plan: Sequence[Planned], took: Span) -> None:
        """Enter a study that was computed elsewhere: its jobs are done."""
        _insert(connection, digest, study, plan, took.created)
        done = {"state": "done", "started": took.started, "finished": took.finished}
        connection.execute(update(jobs).where(jobs.c.study == digest).values(done))

    def cancel(self, digest: str) -> None:
        """Waiting jobs are stopped at once; running ones are marked for whoever runs them. Nobody wants it any more."""
        with self._database.write() as connection:
            _cancel(connection, digest)

    def touch(self, digest: str, who: str) -> None:
        """`who` still waits for this study."""
        changes = update(interests).where(interests.c.study == digest, interests.c.who == who)
        with self._database.write() as connection:
            connection.execute(changes.values(seen=time.time()))

    def leave(self, digest: str, who: str) -> bool:
        """`who` waits no longer; cancels the study and returns True if nobody else does."""
        mine = and_(interests.c.study == digest, interests.c.who == who)
        fresh = or_(interests.c.lasting, interests.c.seen > time.time() - PATIENCE)
        with self._database.write() as connection:
            connection.execute(delete(interests).where(mine))
            if connection.execute(select(interests.c.who).where(interests.c.study == digest, fresh)).first():
                return False
            return _cancel(connection, digest)

    def watch(self, digest: str, who: str) -> None:
        """`who` waits for this study, until they no longer say so; those who stopped saying so are forgotten."""
        now = time.time()
        gone = and_(interests.c.study == digest, ~interests.c.lasting, interests.c.seen < now - PATIENCE)
        with self._database.write() as connection:
            if connection.execute(select(studies.c.digest).where(studies.c.digest == digest)).first() is None:
                return
            connection.execute(delete(interests).where(gone))
            _want(connection, digest, who, False, now)

    def waiting(self, digest: str) -> list[str]:
        """Who waits for this study and has said so a moment ago."""
        fresh = interests.c.study == digest, interests.c.seen > time.time() - PATIENCE
        with self._database.read() as connection:
            return list(connection.execute(select(interests.c.who).where(*fresh).order_by(interests.c.who)).scalars())

    def remove(self, digest: str, *, though_held: bool, meanwhile: Callable[[], AbstractContextManager[None]]) -> bool:
        """Forget a study and all that was found; False, and nothing is forgotten, if somebody works on it.

        `though_held`: they are known to be dead. `meanwhile` is entered while no job can be queued or claimed, and
        left when all is forgotten, or with the error if nothing is.
        """
        with ExitStack() as around, self._database.write() as connection:
            if _is_held(connection, digest) and not though_held:
                return False
            for table in reversed(metadata.sorted_tables):
                if "study" in table.c:
                    connection.execute(delete(table).where(table.c.study == digest))
            connection.execute(delete(meta).where(meta.c.key.startswith(f"{BEGUN}{digest}:", autoescape=True)))
            connection.execute(delete(studies).where(studies.c.digest == digest))
            around.enter_context(meanwhile())
        return True

    def peek(self) -> tuple[bool, list[int]]:
        """Whether a job can be claimed, and the jobs that are to be stopped. Cheap: asked ten times a second."""
        with self._database.read() as connection:
            ready = connection.execute(select(jobs.c.id).where(_claimable(())).limit(1)).first() is not None
            stopping = connection.execute(select(jobs.c.id).where(jobs.c.state == "stopping")).scalars().all()
        return ready, list(stopping)

    def claim(self, *, own: Collection[int] = (), made_by: str | None = None) -> Claim | None:
        """The first job in line, or one whose lease ran out (not one of `own`).

        `made_by` (JSON: versions and machine of who claims) is noted at a job's first claim.
        """
        now = time.time()
        first = select(jobs.c.id).where(_claimable(own)).order_by(jobs.c.id).limit(1).scalar_subquery()
        changes = {
            "state": "running",
            "attempt": jobs.c.attempt + 1,
            "lease": now + LEASE,
            "started": func.coalesce(jobs.c.started, now),
            "made_by": func.coalesce(jobs.c.made_by, made_by),
            "stage": "data",
            "stage_from": 0,
            "stage_done": 0,
            "stage_total": 1,
            "stage_since": now,
        }
        with self._database.write() as connection:
            row = connection.execute(update(jobs).where(jobs.c.id == first).values(changes).returning(*jobs.c)).first()
            if row is None:
                return None
            bump(connection, row.study)
            body = connection.execute(select(studies.c.body).where(studies.c.digest == row.study)).scalar_one()
        job = Job.model_validate({"study": json.loads(body), **json.loads(row.body)})
        return Claim(row.id, row.attempt, row.study, row.number, job, json.loads(row.units), row.threads)

    def beat(self, connection: Connection, claim: Claim) -> str:
        """Renew the lease and return the job's state; StaleAttempt when the claim is no longer held."""
        renewed = _held(claim).values(lease=time.time() + LEASE).returning(jobs.c.state)
        state = connection.execute(renewed).scalar()
        if state is None:
            raise StaleAttempt(f"Attempt {claim.attempt} at job {claim.id} was overtaken by a newer one.")
        return str(state)

    def finish(self, claim: Claim) -> None:
        """The job is done; StaleAttempt when the claim is no longer held."""
        self._end(claim, "done", None)

    def fail(self, claim: Claim, sentence: str) -> None:
        """The job has failed, and why; StaleAttempt when the claim is no longer held."""
        self._end(claim, "failed", sentence)

    def _end(self, claim: Claim, state: str, error: str | None) -> None:
        with self._database.write() as connection:
            self.beat(connection, claim)
            connection.execute(_held(claim).values(state=state, error=error, finished=time.time(), lease=None))
            bump(connection, claim.study)

    def give_back(self, claim: Claim, *, crash: str | None = None) -> None:
        """The process of a claim has ended without a verdict: stopped if that was asked, else in line again.

        With `crash` (what happened to it) this counts as a death, and the third one fails the job.
        """
        with self._database.write() as connection:
            row = connection.execute(select(jobs.c.state, jobs.c.crashes).where(*_holds(claim))).first()
            if row is None:
                return
            crashes = row.crashes + (crash is not None)
            if row.state == "stopping":
                changes = {"state": "stopped", "finished": time.time()}
            elif crash is not None and crashes >= CRASHES:
                changes = {"state": "failed", "finished": time.time(), "error": f"{crash}; tried {crashes} times."}
            else:
                changes = {"state": "queued"}
            connection.execute(_held(claim).values(crashes=crashes, lease=None, **changes))
            bump(connection, claim.study)

    def reclaim(self) -> int:
        """Take back every job of owners that are dead (the caller holds the store's lock); the number in line again."""
        with self._database.write() as connection:
            held = connection.execute(select(jobs.c.study).where(jobs.c.state.in_(HELD)).distinct()).scalars().all()
            stopped = {"state": "stopped", "lease": None, "finished": time.time()}
            connection.execute(update(jobs).where(jobs.c.state == "stopping").values(stopped))
            back = update(jobs).where(jobs.c.state == "running").values(state="queued", lease=None)
            count = connection.execute(back).rowcount
            for digest in held:
                bump(connection, digest)
        return count


def _is_held(connection: Connection, digest: str) -> bool:
    held = select(jobs.c.id).where(jobs.c.study == digest, jobs.c.state.in_(HELD))
    return connection.execute(held.limit(1)).first() is not None


def bump(connection: Connection, digest: str) -> bool:
    """Say that something of this study changed; False if there is none."""
    changed = update(studies).where(studies.c.digest == digest).values(revision=studies.c.revision + 1)
    return connection.execute(changed).rowcount > 0


def _insert(connection: Connection, digest: str, study: Study, plan: Sequence[Planned], now: float) -> None:
    body = study.model_dump_json()
    connection.execute(
        insert(studies).values(digest=digest, body=body, dataset=study.dataset, model=study.model, created=now)
    )
    rows = [
        {
            "study": digest,
            "number": number,
            "body": item.job.model_dump_json(exclude={"study"}),
            "units": json.dumps(item.units),
            "planned": json.dumps(item.seconds),
            "threads": item.threads,
            "expected": sum(item.seconds.values()),
        }
        for number, item in enumerate(plan)
    ]
    connection.execute(insert(jobs), rows)


def _requeue_ended(connection: Connection, digest: str) -> bool:
    """Failed and stopped jobs wait again; one that is about to stop will not end there but wait again, too."""
    of_study = update(jobs).where(jobs.c.study == digest)
    connection.execute(of_study.where(jobs.c.state == "stopping").values(state="running"))
    ended = of_study.where(jobs.c.state.in_(("failed", "stopped")))
    again = {"state": "queued", "crashes": 0, "error": None, "started": None, "finished": None}
    count = connection.execute(ended.values(again)).rowcount
    if count:
        bump(connection, digest)
    return count > 0


def _cancel(connection: Connection, digest: str) -> bool:
    def mark(before: str, **changes: object) -> int:
        of_study = update(jobs).where(jobs.c.study == digest, jobs.c.state == before)
        return connection.execute(of_study.values(**changes)).rowcount

    count = mark("queued", state="stopped", finished=time.time()) + mark("running", state="stopping")
    connection.execute(delete(interests).where(interests.c.study == digest))
    if count:
        bump(connection, digest)
    return count > 0


def _want(connection: Connection, digest: str, who: str, lasting: bool, now: float) -> None:
    row = {"study": digest, "who": who, "seen": now, "lasting": lasting}
    upsert(connection, interests, [row], ["study", "who"])


def _claimable(own: Collection[int]) -> ColumnElement[bool]:
    expired = and_(jobs.c.state == "running", jobs.c.lease < time.time(), jobs.c.id.not_in(list(own)))
    return or_(jobs.c.state == "queued", expired)


def _holds(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.id == claim.id, jobs.c.attempt == claim.attempt, jobs.c.state.in_(HELD)


def _held(claim: Claim) -> Update:
    return update(jobs).where(*_holds(claim))
