"""Studies that measured what their models give away, put into a store without computing them."""

import time
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from engine import planning
from engine.results import NOT_APPLICABLE, Row
from engine.store.queue import Planned, Span
from engine.store.store import Store
from engine.study import Job, Study, parse
from tests.engine.jobs import fakes
from tests.engine.report.leaks import leaks

BUDGETS = (0.5, 1.0, 3.0, 8.0, inf)
CLEAN = {0.5: 0.64, 1.0: 0.82, 3.0: 0.95, 8.0: 0.97, inf: 0.98}


def asked(**changes: Any) -> Study:
    """A study of five budgets and two strengths, resolved; nothing that is shipped is like it."""
    values = {"dataset": "digits", "privacy": {"epsilons": list(BUDGETS)}, "attack": {"eps": [0, 0.1], "images": 300}}
    return planning.resolve(parse(values | changes))


def put(home: Path, study: Study, *, leak: bool = True) -> str:
    """The digest of a study that is done, with or without rows of leakage."""
    digest, now = planning.digest(study), time.time()
    jobs = planning.plan(study)
    rows = [row for job in jobs for row in _rows(job, leak)]
    store = Store(home)
    store.measured.adopt(digest, study, [Planned(job, {}, {}, 1) for job in jobs], Span(now, now, now + 60), rows, ())
    store.close()
    return digest


def _rows(job: Job, leak: bool) -> Iterator[Row]:
    for epsilon in job.epsilons:
        first = fakes.row(job, epsilon, 0, "accuracy", NOT_APPLICABLE, CLEAN[epsilon])
        yield first
        for eps in job.study.attack.eps or ():
            yield fakes.row(job, epsilon, 0, "robust_accuracy", eps, CLEAN[epsilon] * (0.5 if eps else 1))
        if leak:
            yield from leaks(epsilon, replace(first, attack="none", norm="none"))
