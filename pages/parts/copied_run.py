"""Copies made while one looks: a run asks the lab for one copy after the other, and ends when nobody looks any more."""

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine.errors import FrontierError
from engine.lab import client
from engine.lab.catalogue import Model
from engine.threats import copied
from engine.threats.copied import Made
from pages.parts import copied_words, visitor

RUN, KEPT = "copied-run", "copied-made"
KIND = "copy"  # of question
LATE = 900.0  # s without an answer

Which = tuple[str, str]  # a model and the attacker's pictures


@dataclass
class Run:
    """What is still to be asked, in order; what is being computed; why it ended before its end."""

    left: list[dict[str, Any]]
    n: int
    future: "Future[dict[str, Any]] | None" = None
    began: float = 0.0
    seconds: list[float] = field(default_factory=list)
    problem: str = ""

    @property
    def live(self) -> bool:
        return bool(self.left) and not self.problem

    @property
    def done(self) -> int:
        return self.n - len(self.left)

    @property
    def seconds_left(self) -> float | None:
        """From how long copies took so far; None before the first one."""
        if not self.seconds:
            return None
        whole = len(self.left) * sum(self.seconds) / len(self.seconds)
        return max(0.0, whole - (time.monotonic() - self.began))


def current() -> Run | None:
    """The run of this visit, going on or ended."""
    run: Run | None = st.session_state.get(RUN)
    return run


def made(model: Model, pictures: str) -> tuple[Made, bool]:
    """The copies of a model: those of this visit, else those that came with Frontier (then True)."""
    kept: dict[Which, Made] = st.session_state.get(KEPT, {})
    here = kept.get((model.name, pictures))
    shipped = None if here else copied.shipped(model, pictures)
    return here or shipped or Made(), shipped is not None


def start(models: Sequence[Model], pictures: str, most: int) -> None:
    """Begin anew with these."""
    names = [model.name for model in models]
    asked = list(copied.questions(names, pictures, most))
    st.session_state[RUN] = Run(asked, len(asked))
    st.session_state.setdefault(KEPT, {}).update({(name, pictures): Made() for name in names})


def stop() -> None:
    """Ask no more; what is being computed ends at its next step."""
    if (run := current()) is not None and run.live:
        client.drop(visitor.me(), KIND)
        run.problem = copied_words.STOPPED.format(done=run.done, n=run.n)


def forget() -> None:
    """What was said of an ended run concerns other models than those chosen now."""
    if (run := current()) is not None and not run.live:
        del st.session_state[RUN]


def advance(run: Run) -> None:
    """Take an answer that has come, and ask for the next copy."""
    try:
        if run.future is not None and run.future.done():
            _take(run, run.future.result())
        elif run.future is not None and time.monotonic() - run.began > LATE:
            client.drop(visitor.me(), KIND)
            run.problem = copied_words.LATE
        if run.live and run.future is None:
            run.future, run.began = client.ask(run.left[0], visitor=visitor.me()), time.monotonic()
    except FrontierError as error:
        run.problem = str(error)


def _take(run: Run, said: dict[str, Any]) -> None:
    run.future = None
    if "answer" not in said:
        run.problem = said.get("problem") or copied_words.STOPPED.format(done=run.done, n=run.n)
        return
    seconds, question = time.monotonic() - run.began, run.left.pop(0)
    run.seconds.append(seconds)
    kept: dict[Which, Made] = st.session_state[KEPT]
    which = (question["models"][0], question["pictures"])
    kept[which] = kept[which].with_one(said["answer"], seconds)
