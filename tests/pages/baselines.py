"""A study with clipping alone and measured costs, put into a store without computing it."""

import time
from dataclasses import replace
from math import inf, nan
from pathlib import Path

from engine import planning
from engine.results import MEMORY, NOT_APPLICABLE, SECONDS, Row
from engine.store.queue import Planned, Span
from engine.store.store import Store
from engine.study import Study, parse
from tests.engine.jobs import fakes

ASKED = {
    "dataset": "digits",
    "seeds": 2,
    "privacy": {"epsilons": [1, "inf"], "clip_only": True},
    "attack": {"eps": [0, 0.1]},
}
CLEAN = {(1.0, False): 0.7, (inf, True): 0.8, (inf, False): 0.9}
COSTS = {(1.0, False): (6.0, 120e6), (inf, True): (4.0, 110e6), (inf, False): (2.0, 100e6)}  # seconds, bytes


def put(home: Path, *, measured: bool = True) -> str:
    """The digest of a study that is done: clean 70, 80 and 90 %, attacked half of that; the costs above."""
    study = planning.resolve(parse(ASKED))
    digest, now = planning.digest(study), time.time()
    plan = [Planned(job, {}, {}, 1) for job in planning.plan(study)]
    store = Store(home)
    store.measured.adopt(digest, study, plan, Span(now, now, now + 60), _rows(study, measured))
    store.close()
    return digest


def _rows(study: Study, measured: bool) -> list[Row]:
    (job,) = planning.plan(study)
    rows = []
    for (epsilon, clip_only), clean in CLEAN.items():
        for seed in job.seeds:
            accuracy = fakes.row(job, epsilon, seed, "accuracy", NOT_APPLICABLE, clean, clip_only=clip_only)
            rows.append(accuracy)
            for metric, value in zip((SECONDS, MEMORY), COSTS[epsilon, clip_only], strict=True) if measured else ():
                rows.append(replace(accuracy, metric=metric, value=value * (1 + seed / 10), low=nan, high=nan, n=1))
        for eps in study.attack.eps or ():
            rows.append(fakes.row(job, epsilon, 0, "robust_accuracy", eps, clean / 2, clip_only=clip_only))
    return rows
