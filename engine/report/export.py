"""What a person takes home: files that carry what made them, written whole or not at all."""

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from engine.errors import BadInput, FrontierError
from engine.study import Study

PACKAGES = (
    "torch",
    "torchvision",
    "opacus",
    "torchattacks",
    "dp-accounting",
    "scikit-learn",
    "scipy",
    "numpy",
    "pandas",
)
GUARANTEE = [
    "epsilon", "delta", "unit", "noise_multiplier", "sample_rate", "train_steps", "max_grad_norm", "accountant", "mode",
]  # fmt: skip
CAVEATS = (
    "Mode 'reproducible': no guarantee once the seed is known, and the seed is the number of the repeat.",
    "Epsilon does not include the choice of hyperparameters.",
    "Robust accuracies are upper bounds: a stronger attack than the one we tried may find more.",
)


def study_json(
    study: Study, digest: str, frame: pd.DataFrame, *, state: str = "done", seconds: float | None = None
) -> bytes:
    """UTF-8 JSON: configuration, digest, the promise at each budget, versions, machine, duration in seconds."""
    document = {
        "digest": digest,
        "state": state,
        "duration_seconds": None if seconds is None else round(seconds, 3),
        "study": study.model_dump(mode="json"),
        "privacy": promises(frame),
        "n_results": len(frame),
        "engine_versions": sorted({str(name) for name in frame["engine_version"]}),
        "versions": versions(),
        "machine": machine(),
        "caveats": CAVEATS,
    }
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def promises(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry a budget: unit, delta, sample rate, noise, steps, clipping norm, accountant, mode; fit for JSON."""
    rows = frame.sort_values("epsilon").drop_duplicates(GUARANTEE)[GUARANTEE].to_dict("records")
    return [{str(name): _json_value(value) for name, value in row.items()} for row in rows]


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else "inf"
    return value


def versions() -> dict[str, str]:
    """Version of Python and of every package that decides numbers; 'missing' when it is not installed."""
    return {"python": platform.python_version(), **{name: installed(name) or "missing" for name in PACKAGES}}


def installed(package: str) -> str | None:
    """The installed version of a distribution, or None; imports nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """What this computer is: system, processor, cores that may be used, memory in GB."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def writable(folder: Path) -> Path:
    """The folder, made if need be; BadInput when nothing can be written there. Leaves nothing behind."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise BadInput(f"--out {folder} cannot be written ({error.strerror}): choose another folder.") from None


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by write-then-rename: after an error each name holds its old content or nothing, never half."""
    writable(folder)
    for name, content in files.items():
        part = folder / f".{name}.part"
        try:
            part.write_bytes(content)
            part.replace(folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            reason = error.strerror
            raise FrontierError(
                f"{folder / name} cannot be written ({reason}): free some space and try again."
            ) from None
