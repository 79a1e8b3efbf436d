"""What is a privacy budget?: three acts, and what they say when something is missing."""

import json
import shutil
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine import holdings, ledgers, lessons
from engine.errors import DataMissing, FrontierError
from engine.lessons import Attacked
from engine.privacy import mechanisms
from engine.settings import Settings
from pages.parts import lesson, lesson_words
from tests.engine.data.pictures import shapes, zipped
from tests.pages.conftest import buttons, unescaped, words

Page = Callable[..., AppTest]
LEARN = "learn/privacy_budget.py"
FOUND = tuple(
    Attacked(epsilon, 1e-5, 0.5, 10 / epsilon, 60, tuple(np.minimum(1, 1.5 * lessons.FALSE_ALARMS).tolist()))
    for epsilon in lessons.BUDGETS
)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is worked out of digits, once for all tests."""
    home = tmp_path_factory.mktemp("lesson")
    settings = Settings(home=home)
    file = lessons.place("images", "digits", settings)
    lessons.write("images", "digits", file, settings)
    return file


@pytest.fixture
def ready(home: Path, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything about digits is known already."""
    Settings().cache.mkdir(parents=True, exist_ok=True)
    shutil.copy(digits, Settings().cache)
    monkeypatch.setattr(lessons, "attacked", lambda name: FOUND)


def decks(app: AppTest) -> list[dict[str, Any]]:
    """What the decks were told to show."""
    components: Any = app.get("bidi_component")
    return [told for told in (json.loads(one.proto.json) for one in components) if "sliders" in told]


def sentence(deck: dict[str, Any], place: int) -> str:
    return str(deck["sentence"]["each"][place]).replace("\u00a0", " ")


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return app.run()


def answers(deck: dict[str, Any]) -> list[float]:
    figure = deck["charts"][0]["each"][0]["figure"]
    return next(line["x"] for line in figure["data"] if line["uid"] == "answers")


def test_three_acts_about_real_images_end_with_the_way_to_the_curves(page: Page, ready: None) -> None:
    app = page(LEARN)
    assert not app.exception
    assert not app.error
    said = words(app)
    assert [heading.value for heading in app.subheader] == list(lesson_words.ACTS.values())
    assert "How many of the 1,437 training images show **7**? The exact answer, **143**" in said
    assert "without it the answer would be 142" in said
    assert "images of Handwritten digits, each drawn with probability 50 %" in said
    assert "60 steps, each image in a batch with probability 50 %, δ 1e-5" in said
    links: list[Any] = list(app.get("page_link"))
    assert [link.proto.query_string for link in links] == ["dataset=digits"]
    count, step, attack = decks(app)
    assert [len(one["sliders"]) for one in (count, step, attack)] == [1, 2, 1]
    assert "more than <strong>2.72 times</strong>" in sentence(count, lesson.COUNT_BUDGETS.index(1.0))
    assert "at most <strong>1.5 in 100</strong>" in sentence(attack, lessons.BUDGETS.index(1.0))
    assert all(one["alt"] for deck in decks(app) for chart in deck["charts"] for one in chart["each"])


def test_every_place_of_every_slider_has_its_sentence_chart_and_picture(page: Page, ready: None) -> None:
    for deck in decks(page(LEARN)):
        sizes = [len(slider["said"]) for slider in deck["sliders"]]
        for part in (deck["sentence"], *deck["charts"], *deck["pictures"]):
            assert len(part["each"]) == np.prod([sizes[i] for i in part["by"]], dtype=int)
        assert len(set(deck["sentence"]["each"])) == len(deck["sentence"]["each"]), "each move says something else"


def test_answers_eat_the_budget_of_the_slider_and_are_random(page: Page, ready: None) -> None:
    app = page(LEARN)
    assert "Nobody has asked yet" in words(app)
    app.session_state["learn-count-at"] = [lesson.COUNT_BUDGETS.index(2.0)]
    press(app, "learn-ask")
    assert "**ε 2** is spent" in words(app)
    press(app, "learn-ask-more")
    assert "21 answers have spent **ε 42** together" in words(app)
    values = answers(decks(app)[0])
    assert len(values) == 21
    assert len(set(values)) > 15, "each answer has noise of its own"
    assert abs(np.mean(values) - 143) < 2
    press(app, "learn-forget")
    assert "Nobody has asked yet" in words(app)


def test_sliders_stand_where_they_were_left(page: Page, ready: None) -> None:
    """Whoever comes back asks at the budget that the slider shows."""
    app = page(LEARN)
    assert [slider["at"] for slider in decks(app)[0]["sliders"]] == [lesson.COUNT_BUDGETS.index(1.0)]
    app.session_state["learn-count-at"] = [9]
    app.session_state["learn-step-at"] = [99, 0]
    app.run()
    assert [slider["at"] for slider in decks(app)[0]["sliders"]] == [9]
    bound, noise = decks(app)[1]["sliders"]
    assert (bound["at"], noise["at"]) == (len(bound["said"]) - 1, 0)


def test_gaussian_answers_cost_less_together(page: Page, ready: None) -> None:
    app = page(LEARN)
    app.radio(key="learn-mechanism").set_value("gaussian").run()
    assert "but for a chance of 1e-5" in sentence(decks(app)[0], 4)
    press(app, "learn-ask-more")
    together = mechanisms.gaussian_epsilon(mechanisms.gaussian_scale(1.0, 1e-5) / sqrt(20), 1e-5)
    assert together < 7
    assert f"20 answers have spent **ε {together:.3g}** together" in words(app)


def test_another_class_is_another_question(page: Page, ready: None) -> None:
    app = press(page(LEARN), "learn-ask")
    app.selectbox(key="learn-class-digits").select_index(3).run()
    assert "show **3**?" in words(app)
    assert app.selectbox(key="learn-class-digits").options[3] == "3"
    assert "Nobody has asked yet" in words(app)
    app.selectbox(key="learn-class-digits").select_index(7).run()
    assert "One answer" in words(app)


def test_asking_ends_when_the_picture_is_full(page: Page, ready: None) -> None:
    app = page(LEARN)
    for _ in range(20):
        press(app, "learn-ask-more")
    assert "400 answers" in words(app)
    assert not buttons(app)["Ask once"]
    assert not buttons(app)["Ask 20 times"]


def test_other_noise_is_drawn_on_request_and_kept_until_then(page: Page, ready: None) -> None:
    app = page(LEARN)
    first = decks(app)[1]["pictures"][2]["each"]
    app.run()
    assert decks(app)[1]["pictures"][2]["each"] == first
    press(app, "learn-again")
    assert decks(app)[1]["pictures"][2]["each"] != first


def test_what_is_being_worked_out_is_said(page: Page, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "_ready", lambda *_: None)
    app = page(LEARN)
    assert not app.exception
    for said in lesson_words.PREPARING.values():
        assert said in words(app)
    assert not decks(app)


def test_an_act_that_fails_leaves_the_others_alone(page: Page, ready: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(name: str) -> None:
        raise FrontierError("What this page shows of digits could not be worked out.")

    monkeypatch.setattr(lessons, "attacked", failed)
    app = page(LEARN)
    assert not app.exception
    assert [error.value for error in app.error] == ["What this page shows of digits could not be worked out."]
    assert len(decks(app)) == 2


def test_images_that_go_while_the_page_is_drawn_are_said(
    page: Page, ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(name: str) -> None:
        raise DataMissing(f"{name} is not on this machine: fetch it.")

    monkeypatch.setattr(lessons, "counted", gone)
    monkeypatch.setattr(lessons, "step", gone)
    app = page(LEARN)
    assert not app.exception
    assert [error.value for error in app.error] == ["digits is not on this machine: fetch it."] * 2
    assert len(decks(app)) == 1


def test_of_own_images_nothing_is_shown_but_digits(page: Page, ready: None) -> None:
    (Settings().home / "x.zip").write_bytes(zipped(shapes()))
    name = holdings.add(Settings().home / "x.zip", side=16, called="Shapes")
    app = page(LEARN)
    app.selectbox(key="learn-data").select(name).run()
    assert not app.exception
    assert not app.error
    said = unescaped(words(app))
    assert "**Shapes** are under a privacy ledger" in said
    assert "Everything here is of **Handwritten digits** instead" in said
    assert "How many of the 1,437 training images show **7**" in said
    assert "square" not in said, "not even its classes are counted"
    assert "images of Handwritten digits" in said
    assert len(decks(app)) == 3
    assert not list(Settings().cache.glob(f"{name}-*"))
    holdings.delete(name)
    app.run()
    assert not app.exception
    assert app.selectbox(key="learn-data").value == "digits"
    assert "under a privacy ledger" not in words(app)


def test_images_with_a_cap_show_nothing_where_digits_have_one_too(page: Page, ready: None) -> None:
    ledgers.set_cap("digits", 8)
    app = page(LEARN)
    assert not app.exception
    assert "**Handwritten digits** are under a privacy ledger" in words(app)
    assert "Choose other images." in words(app)
    assert not decks(app)
