"""Run the named benchmarks (default: all) and write JSON to standard output and build/bench.json."""

import json
import platform
import sys
from importlib import import_module
from pathlib import Path

import torch

NAMES = ("scattering", "training", "studies")


def main() -> None:
    names = sys.argv[1:] or NAMES
    machine = {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}
    results = {name: import_module(f"benchmarks.{name}").run() for name in names}
    text = json.dumps({"machine": machine, **results}, indent=2)
    Path("build").mkdir(exist_ok=True)
    Path("build/bench.json").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
