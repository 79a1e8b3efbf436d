"""Noise for a budget, over everything that a study may ask for: asked for the first time, and again from the disk."""

import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

from engine.privacy.accounting import calibrated

EPSILONS = (0.05, 0.5, 3.0, 20.0, 100.0)
RATES = (0.001, 0.01, 8192 / 60_000, 1.0)
STEPS = (1, 219, 10_000)
DELTA = 1e-5
TARGETS = {"new": 5.0, "again": 0.02}


def run() -> dict[str, Any]:
    new: dict[str, float] = {}
    again: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        calibrated(Path(folder), 1.0, DELTA, 0.5, 10)  # what libraries set up once
        for epsilon, rate, steps in product(EPSILONS, RATES, STEPS):
            name = f"epsilon {epsilon:g}, rate {rate:.3g}, {steps} steps"
            for seconds in (new, again):
                began = time.perf_counter()
                calibrated(Path(folder), epsilon, DELTA, rate, steps)
                seconds[name] = time.perf_counter() - began
    dearest = sorted(new, key=lambda name: -new[name])[:5]
    return {
        "asked": len(new),
        "new": {"most": max(new.values()), "dearest": {name: new[name] for name in dearest}},
        "again": {"most": max(again.values())},
        "targets": TARGETS,
    }
