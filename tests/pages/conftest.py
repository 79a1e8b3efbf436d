"""Pages run without a browser, on a store that holds what a test says."""

import re
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import services
from engine.events import Event, Provisional, Stage, Trained
from engine.results import Row
from engine.store.measured import Batch, Progress
from engine.store.queue import Claim
from engine.store.store import Store
from engine.study import Study, parse
from tests.engine.jobs import fakes

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"
TRADEOFF, RUNS = "explore/tradeoff.py", "workspace/runs.py"


def small(**changes: Any) -> Study:
    """A study of two budgets and two strengths."""
    return parse({"dataset": "digits", "privacy": {"epsilons": [1, "inf"]}, "attack": {"eps": [0, 0.1]}, **changes})


@pytest.fixture
def page(home: Path, nothing_shipped: None) -> Callable[..., AppTest]:
    """A page as its first visitor sees it, by its file and its link."""

    def opened(file: str = TRADEOFF, **link: str) -> AppTest:
        app = AppTest.from_file(str(FRAME), default_timeout=30)
        for name, value in link.items():
            app.query_params[name] = value
        app.run()
        if file != TRADEOFF:
            app.switch_page(file).run()
        return app

    return opened


@pytest.fixture
def computed(home: Path, tmp_path: Path) -> Callable[..., str]:
    """A study that was computed by a stand-in, up to `state`; its digest."""

    def compute(study: Study | None = None, state: str = "done") -> str:
        digest = services.submit(study or small())
        if state == "queued":
            return digest
        store = Store(home)
        claim = store.queue.claim()
        assert claim is not None
        _END[state](store, claim, tmp_path)
        store.close()
        return digest

    return compute


def _said(claim: Claim, folder: Path) -> list[Event]:
    class Places:
        pass

    places: Any = Places()
    places.folder = folder
    said: list[Event] = []
    fakes.execute(claim.job, said.append, places=places, threads=1)
    return said


def _record(store: Store, claim: Claim, said: list[Event], progress: Progress | None = None) -> None:
    batch = Batch(
        progress=progress,
        rows=[event for event in said if isinstance(event, Row)],
        training=[event for event in said if isinstance(event, Provisional)],
        trained=[event for event in said if isinstance(event, Trained)],
    )
    store.measured.record(claim, batch)


def _done(store: Store, claim: Claim, folder: Path) -> None:
    _record(store, claim, _said(claim, folder))
    store.queue.finish(claim)


def _training(store: Store, claim: Claim, folder: Path) -> None:
    """In the middle of training."""
    said = [event for event in _said(claim, folder) if isinstance(event, Provisional | Stage)]
    half = [event for event in said if isinstance(event, Provisional) and event.step == fakes.STEPS // 2]
    _record(store, claim, list(half), Progress("train", 0, 10, fakes.STEPS, time.time() - 1))


def _failed(store: Store, claim: Claim, folder: Path) -> None:
    store.queue.fail(claim, "The pictures are gone: fetch them again.")


def _half(store: Store, claim: Claim, folder: Path) -> None:
    """Stopped when the first budget was through."""
    rows: list[Event] = [event for event in _said(claim, folder) if isinstance(event, Row) and event.epsilon == 1]
    _record(store, claim, rows)
    services.cancel(claim.study)
    store.queue.give_back(claim)


_END: dict[str, Callable[[Store, Claim, Path], None]] = {
    "done": _done,
    "running": _training,
    "failed": _failed,
    "stopped": _half,
}


def words(app: AppTest) -> str:
    """All that can be read on a page."""
    blocks = [*app.title, *app.markdown, *app.caption, *app.warning, *app.error, *app.info, *app.subheader]
    pages: Any = app.get("html")
    said = [str(block.value) for block in blocks] + [_text(str(page.proto.body)) for page in pages]
    return "\n".join(said).replace("\u00a0", " ")


def unescaped(markdown: str) -> str:
    """What is read of text that labels.plain has put into Markdown."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)


def _text(html: str) -> str:
    """What of some HTML is read."""
    return unescape(re.sub(r"<style.*?</style>|<[^>]*>", "", html, flags=re.DOTALL))


def buttons(app: AppTest) -> dict[str, bool]:
    """Labels of the buttons, and whether they can be pressed."""
    return {button.label.replace("\u00a0", " "): not button.disabled for button in app.button}
