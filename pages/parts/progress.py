"""How a study stands, in words."""

from engine.jobs.progress import Status
from pages.parts import labels

LIVE = ("queued", "running")


def is_live(status: Status | None) -> bool:
    """Something is still to come without anybody doing anything."""
    return status is not None and status.state in LIVE


def doing(status: Status, steps: tuple[int, int] | None = None) -> str:
    """What happens now and how long it takes, for a study that waits or runs; `steps` done and in all, if known."""
    if status.state == "queued":
        return _waiting(status)
    stage = labels.STAGES.get(status.stage, status.stage)
    parts = [stage[:1].upper() + stage[1:] + _how_far(status, steps)]
    if status.seconds_left is not None:
        parts.append(f"about {labels.duration(status.seconds_left)} left")
    return ", ".join(parts)


def _how_far(status: Status, steps: tuple[int, int] | None) -> str:
    if status.stage == "train" and steps:
        return f": step {steps[0]:,} of {steps[1]:,}"
    if 0 < status.stage_done < status.stage_total:
        return f": {100 * status.stage_done / status.stage_total:.0f}{labels.NBSP}%"
    return ""


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
