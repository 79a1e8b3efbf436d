"""The Runs page: the queue, why something failed, and quick with a thousand studies."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import services
from tests.pages.conftest import RUNS, buttons, small, words

Page = Callable[..., AppTest]
Computed = Callable[..., str]


def test_an_empty_queue_says_where_to_begin(page: Page) -> None:
    app = page(RUNS)
    assert not app.exception
    assert "Nothing was computed here yet" in words(app)


def test_every_state_is_listed_with_its_link(page: Page, computed: Computed) -> None:
    digests = [computed(small(seeds=n), state) for n, state in enumerate(("done", "failed", "stopped", "running"), 1)]
    digests.append(computed(small(seeds=9), "queued"))
    app = page(RUNS)
    assert not app.exception
    table = app.dataframe[0].value
    assert sorted(table["State"]) == ["Done", "Failed", "Running", "Stopped", "Waiting"]
    assert sorted(table["Study"]) == sorted(f"/?study={digest}" for digest in digests)
    assert "**1** running, **1** waiting, **1** failed, **1** stopped, **1** done" in words(app)
    assert "The pictures are gone: fetch them again." in words(app)
    bars: list[Any] = list(app.get("progress"))
    texts = [bar.proto.text for bar in bars]
    assert any(text.startswith("Training: 50\u00a0% done") for text in texts)
    assert len(texts) == 2


def test_stop_and_retry(page: Page, computed: Computed) -> None:
    digest = computed(state="queued")
    app = page(RUNS)
    app.button(key=f"stop-{digest}").click().run()
    assert state(digest) == "stopped"
    assert buttons(app)["Resume"]
    app.button(key=f"again-{digest}").click().run()
    assert state(digest) == "queued"


def state(digest: str) -> str:
    status = services.status(digest)
    assert status is not None
    return status.state


@pytest.mark.slow
def test_a_thousand_studies_are_listed_quickly(page: Page, computed: Computed) -> None:
    for n in range(1, 1001):
        services.submit(small(attack={"eps": [0, 0.1], "steps": n}))
    app = page(RUNS)
    assert "**1,000** waiting" in words(app)
    assert "992 more in line" in words(app)
    best = min(_seconds(app) for _ in range(3))
    assert best < 1.5, best


def _seconds(app: AppTest) -> float:
    start = time.perf_counter()
    app.run()
    return time.perf_counter() - start
