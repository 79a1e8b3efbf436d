"""How long work takes: from what this machine did before, else from one rough table."""

import heapq
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.data import entry
from engine.events import STAGES
from engine.store.measured import Speed
from engine.store.overview import JobView
from engine.study import Study

# Seconds a unit (planning.work) for an image of 28 x 28 on one core of 2023, when nothing was measured yet.
REFERENCE = {
    ("scattering-linear", "features"): 3e-4,
    ("scattering-linear", "train"): 2.5e-6,
    ("scattering-linear", "attack"): 6e-4,
    ("scattering-linear", "leakage"): 1.5e-6,
    ("log-scattering", "features"): 4e-4,
    ("log-scattering", "train"): 1e-6,
    ("log-scattering", "attack"): 6e-4,
    ("log-scattering", "leakage"): 1.5e-6,
    ("scattering-cnn", "features"): 3e-4,
    ("scattering-cnn", "train"): 1.2e-4,
    ("scattering-cnn", "attack"): 6e-4,
    ("pretrained-linear", "features"): 6e-4,
    ("pretrained-linear", "train"): 4e-7,
    ("pretrained-linear", "attack"): 3e-3,
    ("cnn", "train"): 1e-4,
    ("cnn", "attack"): 1e-4,
    ("fast-cnn", "train"): 2e-4,
    ("fast-cnn", "attack"): 1.8e-4,
    ("autoencoder", "train"): 1.1e-4,
    ("autoencoder", "attack"): 6e-5,
    ("resnet", "train"): 7e-4,
    ("resnet", "attack"): 1.6e-4,
    ("lstm", "train"): 5.6e-4,
    ("lstm", "attack"): 3e-4,
}
# With which power of its size an image costs more, where that is not 1.
GROWTH = {"cnn": 0.5, "autoencoder": 0.5, "resnet": 0.3, "lstm": 0.6, "pretrained-linear": 0.0}
SHORT_STEPS = 0.3
NOISE, OTHER = 1.0, 1e-3
ATTACKING = ("check", "extras")  # their units are of the same work
CACHED = 20  # so many times faster than reference: read from a cache, not worked for


@dataclass(frozen=True)
class Machine:
    """What decides how long things take here: cores, jobs at once, measured speeds."""

    cores: int
    workers: int
    speeds: Mapping[Speed, float]

    def threads(self, jobs: int) -> int:
        """Threads of each of a study's jobs: all cores for one that is alone in its study, else a worker's share.

        Depends on the study alone, not on the load, so that its numbers do not either.
        """
        return self.cores if jobs == 1 else max(1, self.cores // self.workers)


def reference(study: Study, stage: str) -> float:
    """Rough seconds a unit; only noise does not depend on the size of an image."""
    if stage == "noise":
        return NOISE
    size = math.prod(entry.of(study).facts["shape"]) / 784
    if stage == "leakage":  # many short steps: small images make them little shorter
        known = REFERENCE.get((study.model, stage), REFERENCE.get((study.model, "train"), OTHER))
        return known * math.pow(size, SHORT_STEPS if size < 1 else GROWTH.get(study.model, 1.0))
    like = "attack" if stage in ATTACKING else stage
    return REFERENCE.get((study.model, like), OTHER) * math.pow(size, GROWTH.get(study.model, 1.0))


def stages(
    study: Study, units: Mapping[str, float], speeds: Mapping[Speed, float], threads: int
) -> tuple[dict[str, float], bool]:
    """Seconds by stage, and whether all of them rest on measurements of this machine."""
    keys: dict[str, Speed] = {n: (study.dataset, study.model, n, threads) for n in units if units[n] > 0}
    seconds = {name: units[name] * speeds.get(key, reference(study, name)) for name, key in keys.items()}
    return seconds, all(key in speeds for key in keys.values())


def makespan(seconds: Iterable[float], workers: int) -> float:
    """When the last of these jobs ends if `workers` take them in order.

    >>> makespan([3, 3, 1], workers=2)
    4.0
    """
    ends = [0.0] * workers
    for length in seconds:
        heapq.heapreplace(ends, ends[0] + length)
    return max(ends)


def done(job: JobView) -> tuple[float, float]:
    """Seconds' worth of a job that is done, and of all of it, as planned when it was queued: it never shrinks."""
    total = sum(job.planned.values())
    if job.state == "done" or not job.stage:
        return (total if job.state == "done" else 0.0), total
    to_do = job.planned.get(job.stage, 0.0) * (1 - _share(job)) + sum(job.planned[n] for n in _later(job, job.planned))
    return max(0.0, total - to_do), total


def left(job: JobView, machine: Machine, now: float | None = None) -> float:
    """Seconds left of a job: its stage at the pace it has, later stages as estimated."""
    expected = _expected(job, machine)
    if job.state == "done":
        return 0.0
    if not job.stage:
        return sum(expected.values())
    here = _stage_left(job, expected.get(job.stage, 0.0), time.time() if now is None else now)
    return here + sum(expected[name] for name in _later(job, expected))


def _expected(job: JobView, machine: Machine) -> dict[str, float]:
    """Seconds by stage: as this machine measured them, else as they were planned."""
    speeds = machine.speeds
    keys: dict[str, Speed] = {name: (job.dataset, job.model, name, job.threads) for name in job.planned}
    return {n: job.units[n] * speeds[key] if (key := keys[n]) in speeds else job.planned[n] for n in keys}


def _later(job: JobView, names: Iterable[str]) -> list[str]:
    return [name for name in names if STAGES.index(name) > STAGES.index(job.stage)]


def _share(job: JobView) -> float:
    return job.stage_done / max(1, job.stage_total)


def _stage_left(job: JobView, expected: float, now: float) -> float:
    """The further a stage is, the more its own pace counts: its first steps need not be like the rest."""
    share, new = _share(job), job.stage_done - job.stage_from
    before = expected * (1 - share)
    if job.state != "running" or new <= 0 or job.stage_since is None:
        return before
    pace = max(0.0, now - job.stage_since) / new
    return share * pace * (job.stage_total - job.stage_done) + (1 - share) * before
