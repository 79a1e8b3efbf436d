"""Stand-ins for engine.runs.execute: the same promises (resumes from its checkpoint, same numbers) in no time."""

import json
import logging
import os
import resource
import subprocess
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from engine import planning
from engine.errors import DataMissing
from engine.events import Event, Provisional, Stage, Trained
from engine.results import NOT_APPLICABLE, Row
from engine.study import Job

STEPS = 20


def row(job: Job, epsilon: float, seed: int, metric: str, eps: float, value: float, *, clip_only: bool = False) -> Row:
    study = job.study
    return Row(
        study=planning.digest(study),
        dataset=study.dataset,
        model=study.model,
        defence="none",
        epsilon=epsilon,
        delta=study.privacy.delta or 0.0,
        noise_multiplier=0.0 if clip_only else 1.0,
        sample_rate=0.1,
        train_steps=STEPS,
        max_grad_norm=1.0,
        accountant="none",
        mode=study.privacy.mode,
        unit="one image added or removed",
        seed=seed,
        metric=metric,
        attack=study.attack.name,
        norm=study.attack.norm,
        eps=eps,
        attack_steps=study.attack.steps,
        restarts=1,
        value=value,
        low=value - 0.01,
        high=value + 0.01,
        interval_method="wilson",
        n=100,
        seconds=0.1,
        engine_version="0",
    )


def _value(*parts: object) -> float:
    return sum(map(ord, str(parts))) % 1000 / 1000


def _save(file: Path, state: dict[str, Any]) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps(state))
    part.replace(file)


def execute(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int, pause: float = 0.0) -> None:
    """All stages, a checkpoint after each step and radius; a resume says nothing twice. Numbers tell if it went wrong:
    they depend on every step having been made once, in order, on the same number of threads."""
    file = places.folder / "checkpoint.json"
    state = json.loads(file.read_text()) if file.exists() else {"step": 0, "radius": 0, "mix": threads}
    models = _models(job)
    emit(Stage("data", 1, 1))
    emit(Stage("train", state["step"], STEPS))
    for step in range(state["step"] + 1, STEPS + 1):
        time.sleep(pause)
        state |= {"step": step, "mix": (state["mix"] * 31 + step) % 1009}
        for epsilon, seed, clip_only in models:
            spent = min(epsilon, step)
            emit(Provisional(epsilon, seed, step, STEPS, state["mix"] / 1009, spent, clip_only=clip_only))
        emit(Stage("train", step, STEPS))
        _save(file, state)
    if not state["radius"]:
        _finish_training(job, emit, places.folder, state["mix"])
    radii = job.study.attack.eps or ()
    for number in range(state["radius"], len(radii)):
        time.sleep(pause)
        for epsilon, seed, clip_only in models:
            value = _value(epsilon, seed, number, state["mix"]) / (1 + number)
            emit(row(job, epsilon, seed, "robust_accuracy", radii[number], value, clip_only=clip_only))
        emit(Stage("attack", number + 1, len(radii)))
        state["radius"] = number + 1
        _save(file, state)
    file.unlink()


def _finish_training(job: Job, emit: Callable[[Event], None], folder: Path, mix: int) -> None:
    for epsilon, seed, clip_only in _models(job):
        path = folder / f"model-{epsilon}-{seed}-{clip_only}.safetensors"
        path.write_bytes(b"weights")
        emit(Trained(epsilon, seed, str(path), clip_only))
        value = _value(epsilon, seed, mix)
        emit(row(job, epsilon, seed, "accuracy", NOT_APPLICABLE, value, clip_only=clip_only))


def _models(job: Job) -> list[tuple[float, int, bool]]:
    """Budget, repeat, and whether it is the clip-only baseline."""
    lines = [(epsilon, False) for epsilon in job.epsilons] + ([(inf, True)] if job.clip_only else [])
    return [(epsilon, seed, clip_only) for epsilon, clip_only in lines for seed in job.seeds]


def slow(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """About a second and a half, in many small steps."""
    execute(job, emit, places=places, threads=threads, pause=0.06)


def stubborn(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """Will not be stopped politely, and has started a process of its own."""
    subprocess.Popen(["sleep", "600"])
    emit(Stage("train", 0, 1))
    while True:
        try:
            time.sleep(0.05)
        except Exception:  # also the wish to stop
            continue


def missing(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """Fails as a person may be told."""
    raise DataMissing("The pictures are gone: fetch them again.")


def broken(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """Fails as only a programmer understands."""
    raise ZeroDivisionError("division\nby zero")


def deadly(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """Dies at every attempt."""
    emit(Stage("train", 0, 1))
    os.kill(os.getpid(), 9)


def filling(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """Meets a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    (places.folder / "checkpoint.pt").write_bytes(bytes(1 << 21))


def choking(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """Meets a disk so full that neither the store nor the log can be written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
    logging.getLogger(__name__).warning("a line that the disk has no room for: %s", "." * 2048)
    execute(job, emit, places=places, threads=threads)


def session_nice() -> int | None:
    """How this process's session is weighed against others; None where the kernel does not."""
    try:
        return int(Path("/proc/self/autogroup").read_text(encoding="ascii").split()[-1])
    except (OSError, IndexError):
        return None


def curious(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """Writes how it was started into its folder."""
    state = {
        "threads": threads,
        "omp": os.environ.get("OMP_WAIT_POLICY"),
        "nice": os.nice(0),
        "session": session_nice(),
    }
    (places.folder / "state.json").write_text(json.dumps(state))
