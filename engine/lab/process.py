"""The lab's process, `python -m engine.lab.process`: lines of JSON in, lines of JSON out, one thread that computes.

A quick question goes before a slow one that waits, and interrupts one that runs at its next look at a model. A newer
question of the same visitor and kind ends an older one. The process ends, whatever it computes, when its standard
input closes: a server that is killed leaves nothing behind.
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

LONGEST = {True: 10.0, False: 30.0}  # s that a quick and a slow question may compute
QUICK = ("images", "upload", "look")  # kinds; and pictures that nobody asked to be refined
NOT_NOW = "superseded"

log = logging.getLogger(__name__)


class Superseded(Exception):
    """A newer question of the same visitor took its place."""


class TooLong(FrontierError):
    """It takes longer than anybody should wait."""


@dataclass
class Asked:
    """A question on its way: `key` names the visitor and the kind."""

    number: int
    key: tuple[str, str]
    quick: bool
    values: dict[str, Any]
    stale: bool = False
    began: float = 0.0


def received(line: str) -> Asked:
    """A question from a line of JSON."""
    values = json.loads(line)
    question = values["question"]
    quick = question["what"] in QUICK or (question["what"] == "tamper" and not question["refine"])
    kind = question["what"] + ("-fine" if question.get("refine") else "")
    return Asked(values["number"], (values["visitor"], kind), quick, values)


@dataclass
class Desk:
    """What waits, what is computed, and where answers go."""

    out: IO[str]
    waiting: dict[bool, deque[Asked]] = field(default_factory=lambda: {True: deque(), False: deque()})
    running: list[Asked] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    speaking: threading.Lock = field(default_factory=threading.Lock)

    def put(self, asked: Asked) -> None:
        """Stand in line; older ones of the same key go."""
        with self.changed:
            line = self.waiting[asked.quick]
            older = [one for one in line if one.key == asked.key]
            for one in older:
                line.remove(one)
            for one in self.running:
                one.stale |= one.key == asked.key
            line.append(asked)
            self.changed.notify()
        for one in older:
            self.say(one, {NOT_NOW: True})

    def say(self, asked: Asked, answer: dict[str, Any]) -> None:
        with self.speaking:
            self.out.write(json.dumps({"number": asked.number, **answer}) + "\n")
            self.out.flush()

    def next(self) -> Asked:
        """The next question, a quick one first; waits for it."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting[True] or self.waiting[False])
            return (self.waiting[True] or self.waiting[False]).popleft()

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
        """Called by what runs, at each look at a model: end it, or answer the quick ones that came meanwhile."""
        current = self.running[-1]
        if current.stale:
            raise Superseded
        if time.monotonic() - current.began > LONGEST[current.quick]:
            raise TooLong(f"This takes longer than {LONGEST[current.quick]:g} s: choose fewer steps.")
        if not current.quick and self.waiting[True]:
            self._answer_quick_ones(current)

    def _answer_quick_ones(self, current: Asked) -> None:
        import torch

        began = time.monotonic()
        while self.waiting[True]:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                self.run(self.next())
        current.began += time.monotonic() - began


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
