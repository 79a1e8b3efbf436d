"""How a study stands, in words."""

from dataclasses import dataclass
from math import isinf

import pandas as pd

from engine.jobs.progress import Status
from engine.report import lines
from pages.parts import labels

MOST_NAMED = 6
LIVE = ("queued", "running")


def is_live(status: Status | None) -> bool:
    """Something is still to come without anybody doing anything."""
    return status is not None and status.state in LIVE


@dataclass(frozen=True)
class Training:
    """Budgets that train side by side, and how far the one is that has the furthest to go."""

    budgets: tuple[float, ...]
    step: int
    steps: int


def training(provisional: pd.DataFrame) -> Training | None:
    """The models that train now; those that have made their last step are done."""
    models = zip(lines.of_rows(provisional), provisional["step"], provisional["steps"], strict=True)
    now = [(float(epsilon), int(step), int(steps)) for epsilon, step, steps in models if step < steps]
    if not now:
        return None
    _, step, steps = min(now, key=lambda model: model[1] / model[2])
    return Training(tuple(sorted({epsilon for epsilon, _, _ in now})), step, steps)


def doing(status: Status, training: Training | None = None) -> str:
    """What happens now and how long it takes, for a study that waits or runs; `training`: which models, if known."""
    if status.state == "queued":
        return _waiting(status)
    stage = labels.STAGES.get(status.stage, status.stage)
    parts = [stage[:1].upper() + stage[1:] + _how_far(status, training)]
    if status.seconds_left is not None:
        parts.append(f"about {labels.duration(status.seconds_left)} left")
    return ", ".join(parts)


def _how_far(status: Status, training: Training | None) -> str:
    if status.stage == "train" and training:
        return f" {_who(training.budgets)}: step {training.step:,} of {training.steps:,}"
    if 0 < status.stage_done < status.stage_total:
        return f": {100 * status.stage_done / status.stage_total:.0f}{labels.NBSP}% done"
    return ""


def _who(budgets: tuple[float, ...]) -> str:
    if len(budgets) == 1 and not lines.private(budgets[0]):
        return "without privacy" if isinf(budgets[0]) else "with clipping alone"
    if len(budgets) > MOST_NAMED:
        return f"{len(budgets)} budgets"
    return f"ε{labels.NBSP}" + ", ".join(labels.number(epsilon) for epsilon in budgets)


def _waiting(status: Status) -> str:
    if status.place is None:
        return "Starting"
    soon = "" if status.starts_in is None else f", starts in about {labels.duration(status.starts_in)}"
    return f"{labels.place(status.place)} in line{soon}" if status.starts_in else "Next in line, starting"


def ended(status: Status, finished: int, asked: int) -> str:
    """Why a study that failed or was stopped is not whole, and how far it got."""
    far = f"{finished} of {asked} budgets are finished" if asked > 1 else "not finished"
    if status.state == "failed":
        return f"This study failed: {(status.error or 'its job ended without a word').rstrip('.')} ({far})."
    return f"This study was stopped: {far}."
