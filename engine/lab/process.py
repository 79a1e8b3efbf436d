"""The lab's process, `python -m engine.lab.process`: lines of JSON in, lines of JSON out, one thread that computes.

A quick question goes before a slow one, and both before one that is patient: they interrupt what runs at its next
look at a model. A newer question of the same visitor and kind ends an older one, and so does the word that nobody wants
it any more. The process ends, whatever it computes, when its standard input closes: a server that is killed leaves
nothing behind.
"""

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from engine.errors import FrontierError

if TYPE_CHECKING:
    from types import ModuleType

QUICK, SLOW, PATIENT = range(3)  # the line that a question stands in
LONGEST = (10.0, 30.0, 600.0)  # s that a question of each line may compute
# kinds; pictures that nobody asked to be refined are quick as well
LINES = {"images": QUICK, "upload": QUICK, "look": QUICK, "copy": PATIENT}
NOT_NOW = "superseded"
UNWANTED = "unwanted"  # instead of a question: the visitor and the kind that nobody waits for

log = logging.getLogger(__name__)


class Superseded(Exception):
    """A newer question of the same visitor took its place, or nobody wants it any more."""


class TooLong(FrontierError):
    """It takes longer than anybody should wait."""


@dataclass
class Asked:
    """A question on its way: `key` names the visitor and the kind."""

    number: int
    key: tuple[str, str]
    line: int
    values: dict[str, Any]
    stale: bool = False
    began: float = 0.0


def received(line: str) -> Asked:
    """A question from a line of JSON."""
    values = json.loads(line)
    question = values["question"]
    rough = question["what"] == "tamper" and not question["refine"]
    kind = question["what"] + ("-fine" if question.get("refine") else "")
    waits = QUICK if rough else LINES.get(kind, SLOW)
    return Asked(values["number"], (values["visitor"], kind), waits, values)


@dataclass
class Desk:
    """What waits, what is computed, and where answers go."""

    out: IO[str]
    waiting: tuple[deque[Asked], ...] = field(default_factory=lambda: tuple(deque() for _ in LONGEST))
    running: list[Asked] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    speaking: threading.Lock = field(default_factory=threading.Lock)

    def put(self, asked: Asked) -> None:
        """Stand in line; older ones of the same key go."""
        self.drop(asked.key)
        with self.changed:
            self.waiting[asked.line].append(asked)
            self.changed.notify()

    def drop(self, key: tuple[str, str]) -> None:
        """Nobody wants what was asked under this key any more."""
        with self.changed:
            older = [(line, one) for line in self.waiting for one in line if one.key == key]
            for line, one in older:
                line.remove(one)
            for one in self.running:
                one.stale |= one.key == key
        for _, one in older:
            self.say(one, {NOT_NOW: True})

    def say(self, asked: Asked, answer: dict[str, Any]) -> None:
        with self.speaking:
            self.out.write(json.dumps({"number": asked.number, **answer}) + "\n")
            self.out.flush()

    def next(self) -> Asked:
        """The next question, from the quickest line; waits for it."""
        with self.changed:
            self.changed.wait_for(lambda: any(self.waiting))
            return next(line for line in self.waiting if line).popleft()

    def run(self, asked: Asked) -> None:
        """Compute one and say its answer."""
        asked.began = time.monotonic()
        self.running.append(asked)
        try:
            answer: dict[str, Any] = {"answer": _computed(asked)}
        except Superseded:
            answer = {NOT_NOW: True}
        except FrontierError as error:
            answer = {"problem": str(error)}
        except Exception:
            log.exception("%s", asked.key)
            answer = {"problem": "This could not be computed: the server's lab.log says why.", "ours": True}
        self.running.pop()
        self.say(asked, answer)

    def take_turns(self) -> None:
        """Called by what runs, at each look at a model: end it, or answer the quicker ones that came meanwhile."""
        current = self.running[-1]
        if current.stale:
            raise Superseded
        if time.monotonic() - current.began > LONGEST[current.line]:
            raise TooLong(f"This takes longer than {LONGEST[current.line]:g} s: {_remedy(current)}.")
        if any(self.waiting[: current.line]):
            self._answer_quicker_ones(current)

    def _answer_quicker_ones(self, current: Asked) -> None:
        import torch

        began = time.monotonic()
        while any(self.waiting[: current.line]):
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                self.run(self.next())
        current.began += time.monotonic() - began


def _remedy(asked: Asked) -> str:
    return "choose another model" if asked.line == PATIENT else "choose fewer steps"


def _computed(asked: Asked) -> dict[str, Any]:
    work = _work()
    return work.answer(_checked(asked.values["question"]), [work.given(one) for one in asked.values["models"]])  # type: ignore[no-any-return]


def _checked(question: dict[str, Any]) -> Any:
    from engine.lab.asked import parse

    return parse(question)


def _work() -> "ModuleType":
    from engine.lab import work  # torch: loaded after the thread that watches for our end has begun

    return work


def listen(desk: Desk, lines: IO[str]) -> None:
    """Put questions in line until there will be no more; then the process ends at once."""
    for line in lines:
        if (unwanted := json.loads(line).get(UNWANTED)) is not None:
            desk.drop(tuple(unwanted))
        else:
            desk.put(received(line))
    os._exit(0)


def main() -> None:
    """Listen, load torch, answer."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    desk = Desk(out)
    threading.Thread(target=listen, args=(desk, sys.stdin), name="listen", daemon=True).start()
    import torch

    from engine.lab import turns

    torch.set_num_threads(1)
    turns.give(desk.take_turns)
    _work()
    while True:
        desk.run(desk.next())


if __name__ == "__main__":
    main()
