"""The lab as the server asks it: a process that is started, kept, and started anew when it dies. No torch.

`kept` begins it; `ask` checks a question on the server, adds where the weights lie, and returns a future of the answer.
"""

import itertools
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from engine.errors import BadInput, FrontierError
from engine.jobs import supervisor
from engine.lab import catalogue
from engine.lab.asked import Attacked, Copied, Question, Rebuild, Shown, parse
from engine.lab.catalogue import Model
from engine.settings import Settings

LONGEST = 45.0  # s until a process that does not answer is taken to hang
TRIES = 2  # processes that a question is put to
WARM = 8.0  # s after a server's start: its first page does not wait for this
LOG_BYTES = 1_000_000
UNWANTED = "unwanted"  # as engine.lab.process reads it, which is a program and imported by nobody
DIED = "The lab's process ended twice while it computed this: the server's lab.log says why."
CLOSED = "The lab is not running: it runs with the server, and starts again with it."

MOST_WAITING = 100  # questions
BUSY = "The lab has more to do than it can: try again in a moment."

log = logging.getLogger(__name__)


class Busy(FrontierError):
    """Too much was asked at once, or nobody is there to answer."""


@dataclass
class _Sent:
    line: bytes
    future: "Future[dict[str, Any]]"
    tries: int = 0


@dataclass
class Lab:
    """One process and the questions that it has not answered yet."""

    settings: Settings
    process: "subprocess.Popen[bytes] | None" = None
    sent: dict[int, _Sent] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    closed: bool = False

    def wake(self) -> None:
        """Start the process unless it runs, or nobody needs it any more."""
        with self.lock:
            if not self.closed and (self.process is None or self.process.poll() is not None):
                self._begin()

    def put(self, visitor: str, question: dict[str, Any], models: list[dict[str, Any]]) -> "Future[dict[str, Any]]":
        """Send a question; the future holds what the process says."""
        number = next(self.numbers)
        values = {"number": number, "visitor": visitor, "question": question, "models": models}
        one = _Sent(json.dumps(values).encode() + b"\n", Future())
        with self.lock:
            if self.closed or len(self.sent) >= MOST_WAITING:
                raise Busy(CLOSED if self.closed else BUSY)
            try:
                self.wake()
            except OSError as error:
                raise Busy(f"The lab's process cannot be started ({error.strerror}).") from None
            self.sent[number] = one
            self._send(one)
        return one.future

    def drop(self, visitor: str, kind: str) -> None:
        """What this visitor asked of that kind is not wanted any more: its future says that it was superseded."""
        with self.lock:
            if self.process is not None:
                self._write(json.dumps({UNWANTED: [visitor, kind]}).encode() + b"\n")

    def give_up(self) -> None:
        """End a process that hangs; what else it was asked goes to the next one."""
        with self.lock, suppress(OSError):
            if self.process is not None:
                self.process.kill()

    def close(self) -> None:
        """End the process; nothing is answered any more."""
        with self.lock:
            self.closed, process = True, self.process
        if process is not None:
            supervisor.stop(process, timeout=2.0)
        self._fail(CLOSED)

    def _start(self) -> None:
        file = self.settings.logs / "lab.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > LOG_BYTES:
            file.replace(file.with_suffix(".log.1"))
        with file.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "engine.lab.process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, env=supervisor.environment() | supervisor.PATIENT, start_new_session=True,
            )  # fmt: skip
        threading.Thread(target=self._listen, args=(self.process,), name="lab", daemon=True).start()

    def _send(self, one: _Sent) -> None:
        one.tries += 1
        self._write(one.line)

    def _write(self, line: bytes) -> None:
        with suppress(OSError):  # its end is noticed by whoever listens to it
            assert self.process is not None
            assert self.process.stdin is not None
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            with self.lock:
                one = self.sent.pop(said.pop("number"), None)
            if one is not None and one.future.set_running_or_notify_cancel():
                one.future.set_result(said)
        process.wait()
        with self.lock:
            if self.process is process and not self.closed:
                log.error("the lab's process ended (%s)", process.returncode)
                if self.sent:
                    self._begin()

    def _begin(self) -> None:
        """Start a process; what another one left unanswered goes to it, once."""
        for number in [number for number, one in self.sent.items() if one.tries >= TRIES]:
            self.sent.pop(number).future.set_result({"problem": DIED, "ours": True})
        self._start()
        for one in self.sent.values():
            self._send(one)

    def _fail(self, sentence: str) -> None:
        with self.lock:
            left, self.sent = list(self.sent.values()), {}
        for one in left:
            one.future.set_result({"problem": sentence, "ours": True})


_labs: list[Lab] = []


@contextmanager
def kept(settings: Settings, *, warm: float = WARM) -> Iterator[Lab]:
    """Inside, questions are answered: by a process that starts after `warm` seconds, or at the first question."""
    lab = Lab(settings)
    _labs.append(lab)
    later = threading.Timer(warm, _warmed, [lab])
    later.daemon = True
    later.start()
    try:
        yield lab
    finally:
        later.cancel()
        _labs.remove(lab)
        lab.close()


def _warmed(lab: Lab) -> None:
    """Start it, and have it load what a first visitor will see."""
    try:
        first = [model.name for model in catalogue.usual(catalogue.offered(settings=lab.settings))]
        values = {"what": "tamper", "models": first, "picture": {"index": 0}, "eps": 0.02, "refine": True}
        _put(lab, values, "warm")
    except (OSError, FrontierError) as error:
        log.error("no lab yet: %s", error)


def give_up() -> None:
    """A question was not answered in LONGEST seconds: go on with another process."""
    for lab in _labs:
        lab.give_up()


def drop(visitor: str, kind: str) -> None:
    """Nobody waits any more for what this visitor asked of that kind."""
    for lab in _labs[-1:]:
        lab.drop(visitor, kind)


def wake() -> None:
    """Somebody is about to ask."""
    for lab in _labs:
        with suppress(OSError):
            lab.wake()


def ask(values: Any, *, visitor: str) -> "Future[dict[str, Any]]":
    """Put a question, plain values from a browser, to the lab of this server.

    FrontierError in one sentence when it is no question, names what is not there, or asks for images that stay with
    their owner. The future holds {"answer": ...}, {"problem": sentence} or {"superseded": True}.
    """
    if not _labs:
        raise Busy(CLOSED)
    return _put(_labs[-1], values, visitor)


def _put(lab: Lab, values: Any, visitor: str) -> "Future[dict[str, Any]]":
    question = parse(values)
    models = checked(question, lab.settings)
    return lab.put(visitor, question.model_dump(mode="json"), [plain(model, lab.settings) for model in models])


def checked(question: Question, settings: Settings) -> list[Model]:
    """The models that a question names; BadInput when its images are not shown to a browser."""
    models = catalogue.together(question.models, settings=settings)
    own = isinstance(question, Attacked) and question.picture.pixels is not None
    looks = isinstance(question, Attacked | Shown | Rebuild | Copied) or question.what == "hard"
    if looks and not own and (reason := catalogue.closed(models[0].study.dataset, settings=settings)):
        raise BadInput(reason)
    return models


def plain(model: Model, settings: Settings) -> dict[str, Any]:
    """A model as the process is told of it."""
    return {
        "name": model.name,
        "said": model.said,
        "path": str(model.path),
        "study": model.study.model_dump(mode="json"),
        "digest": model.digest,
        "epsilon": str(model.epsilon),
        "seed": model.seed,
        "root": str(settings.data_root),
    }
