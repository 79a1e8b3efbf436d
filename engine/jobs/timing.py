"""How long work takes: from what this machine did before, else from one rough table."""

import heapq
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from engine.data import datasets
from engine.store.measured import Speed
from engine.store.overview import JobView

# Seconds a unit (planning.work) for an image of 28 x 28 on one core of 2023, when nothing was measured yet.
REFERENCE = {
    ("scattering-linear", "features"): 3e-4,
    ("scattering-linear", "train"): 6e-5,
    ("scattering-linear", "attack"): 1e-3,
    ("cnn", "train"): 2e-2,
    ("cnn", "attack"): 5e-4,
}
NOISE, OTHER = 3.0, 1e-3
CACHED = 20  # so many times faster than reference: read from a cache, not worked for


@dataclass(frozen=True)
class Machine:
    """What decides how long things take here: threads of one job, jobs at once, measured speeds."""

    threads: int
    workers: int
    speeds: Mapping[Speed, float]


def reference(dataset: str, model: str, stage: str) -> float:
    """Rough seconds a unit; only noise does not depend on the size of an image."""
    if stage == "noise":
        return NOISE
    size = float(prod(datasets[dataset].facts["shape"]))
    return REFERENCE.get((model, stage), OTHER) * size / 784


def stages(dataset: str, model: str, units: Mapping[str, float], machine: Machine) -> tuple[dict[str, float], bool]:
    """Seconds by stage, and whether all of them rest on measurements of this machine."""
    keys: dict[str, Speed] = {name: (dataset, model, name, machine.threads) for name in units if units[name] > 0}
    seconds = {
        name: units[name] * machine.speeds.get(key, reference(dataset, model, name)) for name, key in keys.items()
    }
    return seconds, all(key in machine.speeds for key in keys.values())


def makespan(seconds: Iterable[float], workers: int) -> float:
    """When the last of these jobs ends if `workers` take them in order.

    >>> makespan([3, 3, 1], workers=2)
    4.0
    """
    ends = [0.0] * workers
    for length in seconds:
        heapq.heapreplace(ends, ends[0] + length)
    return max(ends)


def done_and_left(job: JobView, machine: Machine, now: float | None = None) -> tuple[float, float]:
    """Seconds' worth of a job that is done, and seconds left: this stage at its own speed, later ones as estimated."""
    planned, _ = stages(job.dataset, job.model, job.units, machine)
    total = sum(planned.values())
    if job.state == "done":
        return total, 0.0
    if not job.stage:
        return 0.0, total
    names = list(planned)
    later = _after(job.stage, names)
    here = planned.get(job.stage, 0.0)
    share = job.stage_done / max(1, job.stage_total)
    left = _stage_left(job, here * (1 - share), time.time() if now is None else now)
    rest = sum(planned[name] for name in later)
    return max(0.0, total - rest - here * (1 - share)), left + rest


def _after(stage: str, names: list[str]) -> list[str]:
    return names[names.index(stage) + 1 :] if stage in names else (names if stage == "data" else [])


def _stage_left(job: JobView, expected: float, now: float) -> float:
    new = job.stage_done - job.stage_from
    if job.state != "running" or new <= 0 or job.stage_since is None:
        return expected
    return max(0.0, now - job.stage_since) / new * (job.stage_total - job.stage_done)
