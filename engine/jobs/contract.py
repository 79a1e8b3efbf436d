"""What whoever runs a job owes the store: signs of life, events within half a second, one verdict."""

import errno
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import planning
from engine.checks import known
from engine.errors import Cancelled, FrontierError, StaleAttempt
from engine.events import STAGES, Begins, Event, Provisional, Redone, Releases, Stage, Stands, Trained
from engine.jobs import charging
from engine.jobs.timing import CACHED, reference
from engine.results import Row
from engine.store.books import Asked
from engine.store.measured import Batch, Progress, Speed
from engine.store.queue import Claim
from engine.store.store import Store
from engine.study import Study

FLUSH = 0.25  # seconds between writes while there is something to write
BEAT = 1.0  # seconds between signs of life, and looks at whether the job is still wanted, while there is nothing

log = logging.getLogger(__name__)


class Recorder:
    """Takes events from a job; progress is written in batches from a thread of its own.

    Rows and trained models are written before `emit` returns: a checkpoint made afterwards never runs ahead of the
    store, so a killed job loses no point. What is released is in the privacy ledger before `emit` returns, or refused.
    `emit` raises what the last write met: StaleAttempt, Cancelled or StoreError; BadInput when a cap would be passed.
    """

    def __init__(self, store: Store, claim: Claim, artifacts: Path, cores: int) -> None:
        self._store = store
        self._claim = claim
        self._artifacts = artifacts
        self._cores = cores
        self._batch = Batch()
        self._progress: Progress | None = None
        self._released: Asked | None = None
        self._known: Mapping[Speed, float] = store.measured.speeds()
        self._failure: FrontierError | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="recorder", daemon=True)

    def __enter__(self) -> "Recorder":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._failure is None:
            self._write()

    def emit(self, event: Event) -> None:
        """Note one event; raises if this job is no longer ours, no longer wanted, or cannot be written."""
        if self._failure is not None:
            raise self._failure
        if isinstance(event, Releases | Begins | Redone):
            self._charge(event)
            return
        with self._lock:
            self._note(event)
        if isinstance(event, Row | Trained):
            self._write()

    def _charge(self, event: Releases | Begins | Redone) -> None:
        claim, ledger = self._claim, self._store.ledger
        if isinstance(event, Releases):
            self._released = charging.asked(claim.study, claim.job.study, event)
            ledger.release(claim, self._released)
            return
        assert self._released is not None, "a job says what it releases before it goes on"
        if isinstance(event, Begins):
            ledger.begin(claim, self._released, event)
        else:
            ledger.redo(claim, self._released, event)

    def _note(self, event: Event) -> None:
        if isinstance(event, Stage):
            self._note_stage(event)
        elif isinstance(event, Provisional):
            self._batch.training.append(event)
        elif isinstance(event, Stands):
            self._batch.standing.append(event)
        elif isinstance(event, Trained):
            self._batch.trained.append(replace(event, path=self._relative(event.path)))
        elif isinstance(event, Row):
            self._batch.rows.append(event)

    def _note_stage(self, event: Stage) -> None:
        known("stage", event.name, STAGES)
        before, now = self._progress, time.time()
        if before is None or before.stage != event.name or event.done < before.done or self._resumes(before):
            progress = Progress(event.name, event.done, event.done, event.total, now)
        else:
            progress = Progress(event.name, before.start, event.done, event.total, before.since)
            self._note_speed(progress, now)
        self._progress = self._batch.progress = progress

    def _resumes(self, before: Progress) -> bool:
        """What an earlier attempt did is skipped at once: the pace counts from there."""
        return self._claim.attempt > 1 and before.start == before.done == 0

    def _note_speed(self, stage: Progress, now: float) -> None:
        """A stage that ended says what a unit takes here; not one from a cache, or one whose cores others used too."""
        study = self._claim.job.study
        units = self._claim.units.get(stage.stage, 0.0) * (stage.done - stage.start) / max(1, stage.total)
        if stage.done < stage.total or units <= 0 or self._claim.attempt > 1 or self._crowded():
            return
        seconds = (now - stage.since) / units
        key = (study.dataset, study.model, stage.stage, self._claim.threads)
        before = self._known.get(key)
        if seconds * CACHED < (before or reference(study, stage.stage)):
            return
        self._batch.speeds[key] = seconds if before is None else (seconds + before) / 2

    def _crowded(self) -> bool:
        """More threads work than there are cores."""
        return sum(job.threads for job in self._store.overview.running()) > self._cores

    def _relative(self, path: str) -> str:
        file = Path(path).resolve()
        inside = file.is_relative_to(self._artifacts.resolve())
        return str(file.relative_to(self._artifacts.resolve()) if inside else file)

    def _keep_writing(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(FLUSH) and self._failure is None:
            quiet = time.monotonic() - last
            if self._batch or quiet > BEAT:
                with suppress(FrontierError):  # `emit` raises it
                    self._write()
                last = time.monotonic()

    def _write(self) -> None:
        with self._writing:
            with self._lock:
                batch, self._batch = self._batch, Batch()
            try:
                state = self._store.measured.record(self._claim, batch)
            except FrontierError as error:
                self._failure = error
                raise
            if state == "stopping":
                self._failure = Cancelled("The study was stopped.")
                raise self._failure


Execute = Callable[..., None]


def perform(store: Store, claim: Claim, execute: Execute, *, places: Any, artifacts: Path, cores: int) -> None:
    """Run a claimed job to its verdict. Cancelled leaves it to the launcher; StoreError: it could not be written.

    `execute` is engine.runs.execute or something that looks like it.
    """
    try:
        _belongs(claim)
        if claim.job.study.own:
            charging.enrol(store, claim.job.study.dataset, places.data)
        if claim.job.study.attack.source is not None:
            places = replace(places, source=lender(store, claim.job.study, artifacts))
        with Recorder(store, claim, artifacts, cores) as recorder:
            execute(claim.job, recorder.emit, places=places, threads=claim.threads)
    except (StaleAttempt, Cancelled):
        raise
    except Exception as error:
        log.exception("job %s of study %s failed", claim.number, claim.study)
        store.queue.fail(claim, sentence(error))
    else:
        store.queue.finish(claim)


def lender(store: Store, study: Study, artifacts: Path) -> Path | None:
    """Weights of the model whose pictures the attack 'transfer' tries: the least private one of the study it names."""
    if study.attack.source is None:
        return None
    runs = store.measured.runs(study.attack.source)
    if runs.empty:
        raise FrontierError(f"Study '{study.attack.source}' has no trained model here (any more) to lend its pictures.")
    order = runs.sort_values(["epsilon", "clip_only", "seed"], ascending=[False, True, True])
    return artifacts / str(order["path"].iloc[0])


def _belongs(claim: Claim) -> None:
    if planning.digest(claim.job.study) != claim.study:
        raise FrontierError("This study was queued by another version, whose numbers differ: launch it anew.")


def sentence(error: Exception) -> str:
    """What a person is told of an error: one sentence.

    >>> sentence(ValueError("no\\nway"))
    'ValueError: no way'
    """
    if isinstance(error, FrontierError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        where = f" {error.filename}" if error.filename else ""
        return f"The disk is full ({error.strerror}){where}: free space and try again."
    if isinstance(error, MemoryError):
        return "The machine ran out of memory: close something, or choose a smaller study."
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
