"""The page as a person meets it, in Chromium: the second start, a rerun on a busy server, from event to pixel."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from benchmarks.jobs import ended, fill, running, study, until
from benchmarks.timing import seconds
from engine import services
from engine.events import Event, Provisional, Stage
from engine.jobs import supervisor
from engine.jobs.keeper import kept
from engine.settings import Settings
from engine.store.store import Store
from engine.store.tables import jobs
from engine.study import Job, parse
from tests.browser.conftest import ARGS, ROOT, answers, free_port, serving

STARTS, RERUNS, NEWS, MOVES = 5, 60, 20, 60
PAUSE = 1.3  # seconds between two events: not a multiple of the page's tick, so that every phase is met
CHARTS = ".frontier-charts"
EARLIER = "Showing earlier settings"
# ms from a click until its consequence is on the page; sent and seen within the browser
RERUN = """(button, text) => new Promise((done, fail) => {
    const shown = () => document.body.innerText.includes(text);
    const before = shown(), began = performance.now();
    const look = new MutationObserver(() => {
        if (shown() !== before) { look.disconnect(); done(performance.now() - began); }
    });
    look.observe(document.body, { subtree: true, childList: true, characterData: true });
    setTimeout(() => fail(new Error("nothing changed in 10 s")), 10000);
    button.click();
})"""
# ms from each move of the mark until the frame after the other chart was drawn anew
DRAG = """async (moves) => {
    const mark = document.querySelector(".frontier-charts .mark");
    const [left, right] = document.querySelectorAll(".frontier-charts .plot");
    const { xaxis } = right._fullLayout, edge = right.getBoundingClientRect().left + xaxis._offset, taken = [];
    mark.setPointerCapture = () => {};
    mark.dispatchEvent(new PointerEvent("pointerdown", { pointerId: 1, cancelable: true }));
    for (let i = 0; i < moves; i += 1) {
        const to = [0.005, 0.01, 0.02, 0.03, 0.05][(2 * i) % 5], began = performance.now();
        const drawn = new Promise((done) => left.once("plotly_afterplot", done));
        mark.dispatchEvent(new PointerEvent("pointermove", { pointerId: 1, clientX: edge + xaxis.d2p(to) }));
        await drawn;
        await new Promise(requestAnimationFrame);
        taken.push(performance.now() - began);
        await new Promise((done) => setTimeout(done, 20));
    }
    mark.dispatchEvent(new PointerEvent("pointerup", { pointerId: 1 }));
    return taken;
}"""
# the first moment at which each step is drawn, by the machine's own clock
WATCH = """plot => {
    window.seen = {};
    new MutationObserver(() => requestAnimationFrame(() => {
        const line = plot.data.find((one) => one.uid === "training");
        const step = /step (\\d+) of/.exec(line?.hovertext[0] ?? "");
        if (step) window.seen[step[1]] ??= Date.now() / 1000;
    })).observe(plot, { attributes: true, attributeFilter: ["data-updates"] });
}"""


def run() -> dict[str, Any]:
    """Seconds: median and the longest or 95th percentile."""
    found = shutil.which("chromium")
    if not found:
        return {"missing": "Chromium: install it, for example `apt-get install chromium`"}
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=found, args=ARGS) as browser:
        new_page = partial(browser.new_page, viewport={"width": 1366, "height": 768})
        return {
            "second_start": second_starts(new_page),
            "rerun_1000_studies_2_jobs": reruns(new_page),
            "mark_to_other_chart": spread(drags(new_page)) | {"target": 0.05},
            "runs_10000_jobs": opened_runs(),
            "event_to_pixel": spread(events_to_pixels(new_page)) | {"target": 2.0},
        }


def spread(taken: list[float]) -> dict[str, float]:
    return {"median": median(taken), "p95": quantiles(taken, n=20, method="inclusive")[-1], "max": max(taken)}


def second_starts(new_page: Callable[[], Page]) -> dict[str, Any]:
    """`python3 start.py` where everything is installed: seconds until it serves, and until a browser has drawn it.

    A browser that was never here reads and compiles 6 MB of scripts; the next ones have them in their cache.
    """
    port, page = free_port(), new_page()
    first, *later = [_start(page, port) for _ in range(1 + STARTS)]
    page.close()
    names = ("served", "question", "charts")
    return {
        "new_browser": dict(zip(names, first, strict=True)),
        "same_browser": {
            name: spread(list(taken)) for name, taken in zip(names, zip(*later, strict=True), strict=True)
        },
        "target": 3.0,
    }


def _start(page: Page, port: int) -> tuple[float, float, float]:
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "start.py"],
            cwd=ROOT,
            env=os.environ | {"PORT": str(port), "FRONTIER_HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: answers(f"{url}/healthz"))
        served = time.perf_counter() - began
        page.goto(url, wait_until="commit")
        page.wait_for_selector("h1")
        question = time.perf_counter() - began
        page.wait_for_selector(f"{CHARTS}[data-drawn]")
        charts = time.perf_counter() - began
        page.goto("about:blank")
        process.terminate()
        process.wait()
    return served, question, charts


def reruns(new_page: Callable[[], Page]) -> dict[str, Any]:
    """The Trade-off page of a finished study, with 1,000 more in the store and two jobs that train.

    `script` is what the server does; `click` is what a person waits for after choosing a budget, with the browser on
    the same cores.
    """
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as server:
        digest = ended(server.settings, study(0))
        fill(server.settings, digest)
        for number in (8, 9):
            services.submit(study(number, model="cnn"), settings=server.settings)
        until(lambda: len(running(server.settings)) == server.settings.workers)
        script = _scripts(home, digest)
        page = new_page()
        page.goto(f"{server.url}/?study={digest}")
        page.wait_for_selector(f"{CHARTS}[data-drawn]")
        pill = page.locator(".st-key-form").get_by_role("button", name="0.5", exact=True)
        click = [float(pill.evaluate(RERUN, EARLIER)) / 1000 for _ in range(RERUNS + 3)][3:]
        assert len(running(server.settings)) == server.settings.workers, "the jobs ended too early"
        page.close()
    return {"script": spread(script), "click": spread(click), "target_p95": 0.3}


def _scripts(home: str, digest: str) -> list[float]:
    """Seconds that the page's script takes, as the server runs it."""
    os.environ["FRONTIER_HOME"] = home
    app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=30)
    app.query_params["study"] = digest
    taken = [seconds(app.run) for _ in range(RERUNS + 3)][3:]
    del os.environ["FRONTIER_HOME"]
    return taken


def drags(new_page: Callable[[], Page]) -> list[float]:
    """From a move of the mark to the frame in which the other chart has followed: seconds, on the starter's picture."""
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as server:
        page = new_page()
        page.goto(server.url)
        page.wait_for_selector(f"{CHARTS} .mark")
        page.wait_for_timeout(2000)
        taken: list[float] = page.evaluate(DRAG, MOVES)
        page.close()
    return [ms / 1000 for ms in taken]


def opened_runs() -> dict[str, Any]:
    """The Runs page with 1,000 studies of ten jobs each, all finished, then all waiting: what the server does."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        with kept(settings, address=None):
            fill(settings, ended(settings, study(0)))
        finished = _scripts_of_runs(home)
        with Store(settings.home).database.write() as connection:
            connection.execute(update(jobs).values(state="queued"))
        return {"finished": spread(finished), "waiting": spread(_scripts_of_runs(home)), "target": 1.0}


def _scripts_of_runs(home: str) -> list[float]:
    os.environ["FRONTIER_HOME"] = home
    app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=30).run()
    taken = [seconds(app.switch_page("workspace/runs.py").run) for _ in range(RERUNS // 3)]
    del os.environ["FRONTIER_HOME"]
    return taken


def events_to_pixels(new_page: Callable[[], Page]) -> list[float]:
    """From the moment a worker says something to the frame in which the chart shows it."""
    with tempfile.TemporaryDirectory() as home, _speaking(Path(home)), serving(Path(home)) as server:
        digest = services.submit(parse({"dataset": "digits"}), settings=server.settings)
        page = new_page()
        page.goto(f"{server.url}/?study={digest}")
        plot = page.locator(f"{CHARTS} .plot").first
        page.wait_for_selector(f"{CHARTS}[data-drawn]")
        plot.evaluate(WATCH)
        until(lambda: str(NEWS) in page.evaluate("window.seen"))
        seen, spoken = page.evaluate("window.seen"), json.loads((Path(home) / "spoken.json").read_text())
        page.close()
    return [at - spoken[step] for step, at in seen.items()]


@contextmanager
def _speaking(home: Path) -> Iterator[None]:
    """A supervisor whose jobs do nothing but speak."""
    process = supervisor.start(Settings(home=home), address=None, execute="benchmarks.page.speak")
    try:
        yield
    finally:
        supervisor.stop(process)


def speak(job: Job, emit: Callable[[Event], None], *, places: Any, threads: int) -> None:
    """In place of training: an event now and then, and a note of when."""
    spoken: dict[int, float] = {}
    for step in range(1, NEWS + 10):
        emit(Stage("train", step, NEWS + 10))
        spoken[step] = time.time()
        for epsilon in job.epsilons:
            emit(Provisional(epsilon, 0, step, NEWS + 10, 0.5 + step / 100, min(epsilon, step / 10)))
        (places.folder.parents[2] / "spoken.json").write_text(json.dumps(spoken))
        time.sleep(PAUSE)
