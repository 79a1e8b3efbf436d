"""What numbers are made by: versions of the packages that decide them, and the computer."""

import json
import os
import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

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


@lru_cache(maxsize=1)
def described() -> str:
    """Versions and machine of this process, as JSON with the keys `versions` and `machine`."""
    return json.dumps({"versions": versions(), "machine": machine()})


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
