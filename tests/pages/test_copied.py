"""Copied model: a finished picture at once, a run that grows it copy by copy, and sentences where that cannot be."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import ledgers
from engine.errors import BadInput
from engine.lab import catalogue, client
from pages.parts import copied_run, copied_words
from tests.pages.conftest import buttons, unescaped, words

Page = Callable[..., AppTest]
COPIED = "threats/copied.py"
PLAIN, PRIVATE = "digits-cnn-no-privacy-seed-0", "digits-cnn-epsilon-1-seed-0"
PAIR = f"{PLAIN},{PRIVATE}"


class Lab:
    """Stands in for the lab: answers when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], Future[dict[str, Any]]]] = []
        self.dropped: list[str] = []

    def ask(self, values: dict[str, Any], *, visitor: str) -> "Future[dict[str, Any]]":
        self.asked.append((values, Future()))
        return self.asked[-1][1]

    def drop(self, visitor: str, kind: str) -> None:
        self.dropped.append(kind)

    def answer(self, agreement: float) -> None:
        values, future = self.asked[-1]
        share = [agreement, agreement - 0.05, agreement + 0.05]
        future.set_result(
            {"answer": {"queries": values["queries"], "answers": values["answers"], "agreement": share,
                        "accuracy": share, "original": [0.9, 0.85, 0.95], "measured": 180, "held": 180}}
        )  # fmt: skip


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = Lab()
    monkeypatch.setattr(client, "ask", lab.ask)
    monkeypatch.setattr(client, "drop", lab.drop)
    return lab


def visited(page: Page, **link: str) -> AppTest:
    app = page(COPIED)
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def charts(app: AppTest) -> list[dict[str, Any]]:
    components: Any = app.get("bidi_component")
    found = [json.loads(one.proto.json) for one in components]
    return next(list(one["charts"]) for one in found if "charts" in one)


def points(chart: dict[str, Any]) -> int:
    return sum(len(one["x"]) for one in chart["figure"]["data"] if one["uid"].startswith("agree"))


def run(app: AppTest) -> copied_run.Run:
    found: copied_run.Run = app.session_state[copied_run.RUN]
    return found


def test_it_opens_with_a_private_and_a_plain_model_side_by_side(page: Page) -> None:
    app = visited(page)
    first, second = charts(app)
    assert "no privacy" in first["figure"]["layout"]["title"]["text"]
    assert "ε\u00a03" in second["figure"]["layout"]["title"]["text"]
    assert points(first) == points(second) > 10
    said = words(app)
    assert "After **10,000 questions** answered by a label alone" in said
    assert "A promise of privacy is none to the model" in said
    assert "Computed earlier" in unescaped(said)
    assert "rate" not in said or "watermarks" in said


def test_a_link_brings_everything_back_and_says_what_is_shown(page: Page) -> None:
    app = visited(page, models=PAIR, pictures="made-up", questions="300")
    assert not app.warning
    assert "After **300 questions**" in words(app)
    assert "made-up pictures only" in words(app).replace("\\", "")
    assert dict(app.query_params) == {"models": PAIR, "pictures": "made-up", "questions": "300"}


@pytest.mark.parametrize(
    "link",
    [
        {"models": "../../etc/passwd"},
        {"models": "digits-cnn-no-privacy-seed-0,fashion-mnist-cnn-epsilon-3-seed-0"},
        {"pictures": "<script>"},
        {"questions": "-1"},
        {"questions": "nan"},
    ],
)
def test_what_a_link_may_not_say_is_left_out_and_told(page: Page, link: dict[str, str]) -> None:
    app = visited(page, **link)
    assert app.warning[0].value == copied_words.LINK_LEFT_OUT
    assert len(charts(app)) == 2


def test_a_run_begins_with_few_questions_and_grows(page: Page, lab: Lab) -> None:
    app = visited(page, models=PAIR, questions="300")
    app.button(key="copied-start").click().run()
    assert not app.exception
    assert [points(one) for one in charts(app)] == [0, 0]
    assert lab.asked[0][0] == {
        "what": "copy", "models": [PLAIN], "pictures": "alike", "answers": "labels", "queries": 30,
    }  # fmt: skip
    assert buttons(app)["Stop"]
    assert app.selectbox(key="copied-first").disabled
    lab.answer(0.5)
    app.run()
    assert [points(one) for one in charts(app)] == [1, 0]
    assert lab.asked[1][0]["models"] == [PRIVATE]
    while run(app).live:
        lab.answer(0.5 + 0.02 * run(app).done)
        app.run()
    app.run()
    assert len(lab.asked) == run(app).n == 3 * 2 * 2
    assert [points(one) for one in charts(app)] == [6, 6]
    said = words(app)
    assert "After **300 questions**" in said
    assert "**66 %** (no privacy) and **68 %** (ε 1) of new images" in said
    assert "Computed here" in said
    assert "Stop" not in buttons(app)
    assert not app.warning


def test_stop_keeps_what_is_measured_and_says_so(page: Page, lab: Lab) -> None:
    app = visited(page, models=PLAIN, questions="300")
    app.button(key="copied-start").click().run()
    lab.answer(0.6)
    app.run()
    app.button(key="copied-stop").click().run()
    assert lab.dropped == ["copy"]
    assert "Stopped after 1 of 6 copies" in unescaped(app.warning[0].value)
    assert [points(one) for one in charts(app)] == [1]
    asked = len(lab.asked)
    app.run()
    assert len(lab.asked) == asked, "nothing is asked any more"


def test_what_goes_wrong_is_one_sentence(page: Page, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visited(page, models=PAIR)
    app.button(key="copied-start").click().run()
    lab.asked[-1][1].set_result({"problem": "The weights are gone.", "ours": True})
    app.run()
    assert unescaped(app.warning[0].value) == "The weights are gone."

    def refuse(values: dict[str, Any], *, visitor: str) -> None:
        raise BadInput("no such model")

    monkeypatch.setattr(client, "ask", refuse)
    app.button(key="copied-start").click().run()
    assert unescaped(app.warning[0].value) == "no such model"
    assert not app.exception


def test_a_lab_that_does_not_answer_is_not_waited_for_for_ever(
    page: Page, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visited(page, models=PAIR)
    app.button(key="copied-start").click().run()
    monkeypatch.setattr(copied_run, "LATE", 0.0)
    app.run()
    assert unescaped(app.warning[0].value) == copied_words.LATE
    assert lab.dropped == ["copy"]
    app.selectbox(key="copied-most").select(300).run()
    assert not app.warning, "other settings: what was said concerns them no more"


def test_other_images_bring_their_usual_models(page: Page) -> None:
    app = visited(page, models=PAIR)
    app.selectbox(key="copied-images").select("fashion-mnist").run()
    assert not app.exception
    assert str(app.selectbox(key="copied-first").value).startswith("fashion-mnist")
    assert str(app.selectbox(key="copied-second").value).startswith("fashion-mnist")


def test_images_that_are_not_here_are_shown_and_not_run(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "closed", lambda name, settings=None: "Fetch the images first.")
    app = visited(page, models=PAIR)
    assert points(charts(app)[0]) > 10
    assert app.button(key="copied-start").disabled
    assert "Fetch the images first." in unescaped(words(app))


def test_without_a_model_the_way_to_one_is_shown(page: Page) -> None:
    for name in ("digits", "fashion-mnist"):
        ledgers.mark(name, private=True)
    app = visited(page)
    assert copied_words.EMPTY in words(app)
