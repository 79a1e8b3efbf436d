"""Run the named benchmarks (default: all), each in its own process; JSON to standard output and build/bench.json."""

import json
import os
import platform
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.jobs.supervisor import PATIENT

NAMES = (
    "scattering",
    "robustness",
    "training",
    "dpsgd",
    "leakage",
    "calibration",
    "jobs",
    "page",
    "learn",
    "lab",
    "inversion",
    "exports",
    "data",
    "audit",
)


def main() -> None:
    names = sys.argv[1:] or list(NAMES)
    if names[0] == "--here":
        print(json.dumps(import_module(f"benchmarks.{names[1]}").run()))
        return
    machine = {"python": platform.python_version(), "torch": version("torch"), "processor": platform.machine()}
    text = json.dumps({"machine": machine, **{name: _apart(name) for name in names}}, indent=2)
    Path("build").mkdir(exist_ok=True)
    Path("build/bench.json").write_text(text)
    print(text)


def _apart(name: str) -> Any:
    """One benchmark in its own process, so that its peak memory is its own."""
    command = [sys.executable, "-m", "benchmarks", "--here", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | PATIENT)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
