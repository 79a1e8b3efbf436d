"""From a press to the first event, from Stop to its end, and what a page asks of a store with 1,000 studies.

Two real jobs train meanwhile, so the numbers are those of a busy machine.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import insert, select

from engine import services
from engine.jobs.keeper import kept
from engine.jobs.progress import Status
from engine.settings import Settings
from engine.store.store import Store
from engine.store.tables import metadata
from engine.study import Study, parse

STUDIES, JOBS, ROWS = 1000, 10, 40


def run() -> dict[str, Any]:
    """Seconds: median and 95th percentile, or the longest."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(home=home)
        stack.enter_context(kept(settings, address=None))
        press, stop = _press_and_stop(settings)
        fill(settings, ended(settings, study(0)))
        for number in (8, 9):
            services.submit(study(number, model="cnn"), settings=settings)
        until(lambda: len(running(settings)) == settings.workers)
        pages = _page(settings)
        busy = len(running(settings))
    return {
        "press_to_first_event": {"median": median(press), "max": max(press)},
        "stop": {"median": median(stop), "max": max(stop)},
        "page_queries": {"median": median(pages), "p95": quantiles(pages, n=20)[-1]},
        "studies": STUDIES,
        "jobs": STUDIES * JOBS,
        "jobs_training_meanwhile": busy,
    }


def study(number: int, model: str = "scattering-linear") -> Study:
    return parse({"model": model, "seeds": 1 + number, "privacy": {"epsilons": [8, "inf"]}, "attack": {"images": 20}})


def _press_and_stop(settings: Settings) -> tuple[list[float], list[float]]:
    ended(settings, study(0))
    press, stop = [], []
    for number in range(1, 8):
        began = time.perf_counter()
        digest = services.submit(study(number), settings=settings)
        _wait(settings, digest, lambda status: status.stage not in ("", "data"))
        press.append(time.perf_counter() - began)
        began = time.perf_counter()
        services.cancel(digest, settings=settings)
        _wait(settings, digest, lambda status: status.state != "running")
        stop.append(time.perf_counter() - began)
    return press, stop


def _page(settings: Settings) -> list[float]:
    """What a page asks at each rerun."""
    taken = []
    newest = services.statuses(limit=1, settings=settings)[0].digest
    for _ in range(100):
        began = time.perf_counter()
        services.choices(settings=settings)
        services.estimate(parse({}), settings=settings)
        services.statuses(limit=200, settings=settings)
        services.status(newest, settings=settings)
        services.frame(newest, settings=settings)
        services.provisional(newest, settings=settings)
        taken.append(time.perf_counter() - began)
    return taken


def running(settings: Settings) -> list[Any]:
    return Store(settings.home).overview.running()


def _wait(settings: Settings, digest: str, reached: Callable[[Status], bool]) -> None:
    def ask() -> bool:
        status = services.status(digest, settings=settings)
        return status is not None and reached(status)

    until(ask)


def ended(settings: Settings, study: Study) -> str:
    digest = services.submit(study, settings=settings)
    _wait(settings, digest, lambda status: status.state == "done")
    return digest


def until(reached: Callable[[], bool], timeout: float = 120.0) -> None:
    until = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > until:
            raise TimeoutError("the job did not get there in time")
        time.sleep(0.01)


def fill(settings: Settings, digest: str) -> None:
    """1,000 finished studies of ten jobs, copies of one."""
    store = Store(settings.home)
    copies = {"studies": ("digest", None, 1), "jobs": ("study", "number", JOBS), "results": ("study", "seed", ROWS)}
    with store.database.write() as connection:
        for name, (key, number, each) in copies.items():
            table = metadata.tables[name]
            columns = [column for column in table.columns if column.name != "id"]
            found = connection.execute(select(*columns).where(table.c[key] == digest).limit(1)).mappings().one()
            rows = [
                dict(found) | {key: f"{study:016x}"} | ({number: part} if number else {})
                for study in range(STUDIES)
                for part in range(each)
            ]
            connection.execute(insert(table), rows)
