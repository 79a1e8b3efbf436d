"""Images rebuilt from a gradient, and what models hold of classes, as the lab's process computes them.

A run can be looked at meanwhile, and stopped: by a quick question, which gets its turn at each step. After LONGEST
seconds it ends with what it has.
"""

import time
from collections import deque
from dataclasses import asdict, dataclass, field
from math import isnan
from typing import Any

import torch
from torch import Tensor

from engine.errors import BadInput
from engine.lab import turns
from engine.lab.asked import Hold, Look, Rebuild
from engine.lab.cases import Given, Shelf, bare, tests_of
from engine.leakage.gradients import labels, sent
from engine.leakage.inversion import Shown
from engine.leakage.likeness import matched
from engine.leakage.reconstruction import Step
from engine.threats import rebuilding, rebuilt

LONGEST = 25.0  # s of a run, less than the process lets a slow question compute
KEPT = 4  # networks at initial weights, and likenesses of chance


class Ended(Exception):
    """A run was stopped, or its time was up."""


@dataclass
class Run:
    """A run under way: where it stands, its pictures, and the nearest so far."""

    name: str
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    steps: int = 0
    pictures: Tensor | None = None
    nearest: tuple[float, Tensor] | None = None
    originals: Tensor | None = None
    stop: bool = False

    def on_step(self, at: Step) -> None:
        """Of an attack by descent."""
        if not isnan(at.distance) and (self.nearest is None or at.distance <= self.nearest[0]):
            self.nearest = at.distance, at.pictures.clone()
        self._went(at.step, at.steps, at.pictures)

    def on_shown(self, at: Shown) -> None:
        """Of pictures of classes."""
        self._went(at.step, at.steps, at.pictures)

    def _went(self, step: int, steps: int, pictures: Tensor) -> None:
        self.step, self.steps, self.pictures = step, steps, pictures
        turns.take()
        if self.stop or self.seconds > LONGEST:
            raise Ended

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def ended(self) -> str:
        return "stopped" if self.stop else "late"


_now: list[Run] = []
_unwanted: deque[str] = deque(maxlen=100)  # names of runs that were stopped while they waited
_fresh, _chances = Shelf(KEPT), Shelf(KEPT)


def look(question: Look, given: list[Given]) -> dict[str, Any]:
    """Where a run stands; nothing of a run that nobody here works at."""
    run = next((one for one in _now if one.name == question.run), None)
    if run is None:
        _unwanted.extend([question.run] * question.stop)
        return {"running": False}
    run.stop |= question.stop
    left = None if not run.step else min((run.steps - run.step) * run.seconds / run.step, LONGEST - run.seconds)
    at = {"step": run.step, "steps": run.steps, "left": None if left is None else round(max(left, 0.0), 1)}
    return {"running": True, **at, **_drawn(run)}


def _drawn(run: Run) -> dict[str, Any]:
    """The pictures of a run as they are now, beside the originals where there are some."""
    if run.pictures is None:
        return {"pictures": []}
    if run.originals is None:
        return {"pictures": [rebuilding.png(one) for one in run.pictures]}
    alike = matched(run.originals, run.pictures)
    shown = [rebuilding.png(one) for one in run.pictures[alike.order]]
    return {"pictures": shown, "psnr": alike.psnr.tolist(), "ssim": alike.ssim.tolist()}


def rebuild(question: Rebuild, given: list[Given]) -> dict[str, Any]:
    """Images from the gradient of them, the gradient being guarded as was asked."""
    one = given[0]
    x, y = chosen(question, one)
    run = Run(question.run, originals=x, stop=question.run in _unwanted)
    guard = rebuilding.guard_of(question.max_grad_norm, question.noise_multiplier)
    ended, _now[:] = "", [run]
    try:
        model = _network(question.network, one)
        gradient = sent(model, x, y, guard, seed=rebuilding.SEED)
        tries = rebuilding.tries_of(question.network, len(x))
        found = rebuilding.rebuilt(gradient, model, question.attack, tries, run.on_step)
    except Ended:
        ended, found = run.ended, (_nearest(run), labels(model, gradient))
    finally:
        _now.clear()
    cell = rebuilding.cell(question.attack, guard, x, y, found, run.seconds)
    likely = _chance(one)
    originals = [rebuilding.png(image) for image in x]
    said = rebuilt.finding(cell, likely)
    about = {"labels": y.tolist(), "step": run.step, "steps": run.steps, "ended": ended}
    return {"cell": asdict(cell), "originals": originals, "chance": likely, "finding": said, **about}


def _nearest(run: Run) -> Tensor:
    assert run.pictures is not None
    return run.pictures if run.nearest is None else run.nearest[1]


def chosen(question: Rebuild, one: Given) -> tuple[Tensor, Tensor]:
    """The images asked for (n, C, H, W) and their labels (n,); BadInput when there is no such image."""
    x, y = tests_of(one)
    if (most := max(question.images)) >= len(x):
        raise BadInput(f"images: {most} is not in [0, {len(x) - 1}]")
    rows = list(question.images)
    return x[rows], y[rows]


def _network(which: str, one: Given) -> torch.nn.Module:
    if which == "trained":
        return bare(one)
    if which == "linear":
        return rebuilding.linear(one.study)
    return _fresh.get(
        (one.study.model, one.study.dataset, one.study.own), lambda: rebuilding.initial(one.study, one.root)
    )


def _chance(one: Given) -> float:
    return _chances.get((one.study.dataset, one.study.own), lambda: round(rebuilding.chance(tests_of(one)[0]), 4))


def hold(question: Hold, given: list[Given]) -> dict[str, Any]:
    """What the first model holds of each class, recognised by the second."""
    run, about = Run(question.run, stop=question.run in _unwanted), given[0].study
    judge = bare(given[1]) if len(given) > 1 else None
    judged_by = given[1].name if len(given) > 1 else ""
    _now[:] = [run]
    try:
        found = rebuilding.held(bare(given[0]), judge, given[0].name, judged_by, about, run.on_shown)
    except Ended:
        return {"ended": run.ended, "step": run.step, "steps": run.steps}
    finally:
        _now.clear()
    return {"held": asdict(found), "ended": ""}
