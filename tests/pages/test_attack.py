"""How an attack works: what the browser is told, and what is said while there is nothing to show."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import lessons
from engine.exhibit import Exhibit
from pages.parts import exhibit as part
from tests.pages.conftest import words

Page = Callable[..., AppTest]
ATTACK = "learn/attack.py"


@pytest.fixture
def ready(home: None, small_exhibit: Exhibit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models are trained and attacked."""
    monkeypatch.setattr(lessons, "exhibited", lambda: small_exhibit)


def told(app: AppTest) -> dict[str, Any]:
    components: Any = app.get("bidi_component")
    (found,) = [data for data in (json.loads(one.proto.json) for one in components) if "questions" in data]
    return dict(found)


def test_the_exhibit_has_everything_that_can_be_chosen(page: Page, ready: None, small_exhibit: Exhibit) -> None:
    app = page(ATTACK)
    assert not app.exception
    assert not app.error
    data = told(app)
    n_strengths, n_points = len(data["strengths"]), len(data["points"])
    assert (n_strengths, n_points) == (12, 48)
    for model in data["models"]:
        assert set(model["attacked"]) == set(data["norms"]) == set(data["findings"])
        for attacked in model["attacked"].values():
            assert [len(row) for row in attacked["paths"]] == [n_points] * n_strengths
            assert [len(row) for row in attacked["singles"]] == [n_points] * n_strengths
            assert len(attacked["smallest"]) == n_points
    for norm, said in data["findings"].items():
        assert len(set(said)) == n_strengths, f"each strength of {norm} says something else"
    assert data["strengths_said"]["linf"][4].replace("\u00a0", " ") == "10 %"
    assert data["strengths_said"]["l2"][4] == "0.1"
    assert data["names"]["private"] == "Private, ε\u00a01"
    assert len(data["questions"]) == 5
    links: list[Any] = list(app.get("page_link"))
    assert len(links) == 1


def test_what_is_drawn_and_of_what_is_said(page: Page, ready: None, small_exhibit: Exhibit) -> None:
    said = words(page(ATTACK))
    assert part.TITLE in said
    assert f"1,000 for training, {small_exhibit.n_test} others for the shares, 48 of these drawn" in said
    assert "10 steps (PGD)" in said


def test_sentences_have_the_slots_that_the_browser_fills() -> None:
    known = {"model", "Model", "this", "other", "p", "k", "n", "smallest"}
    for said in part.SAID.values():
        assert set(re.findall(r"{(\w+)}", said)) <= known
    script = (part.HERE / "exhibit.js").read_text(encoding="utf-8")
    (slots,) = re.findall(r"const slots = \{(.*?)\};", script, re.DOTALL)
    assert all(re.search(rf"\b{name}:", slots) for name in known)
    assert all(f"data.said.{name}" in script or f'"{name}"' in script for name in part.SAID)


def test_the_first_look_is_one_of_the_places(small_exhibit: Exhibit) -> None:
    first = part.data(small_exhibit)["first"]
    assert first["strength"] in small_exhibit.strengths
    assert part.data(small_exhibit) is part.data(small_exhibit), "made once"
    assert len(json.dumps(part.data(small_exhibit))) < 1_500_000


def test_what_is_being_worked_out_is_said(page: Page, home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "exhibited", lambda: None)
    app = page(ATTACK)
    assert not app.exception
    assert part.PREPARING in words(app)
    assert not app.get("bidi_component")


def test_what_cannot_be_worked_out_is_said(page: Page, home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        def poll(self) -> int:
            return 1

    monkeypatch.setattr(lessons, "_start", lambda *_: Failed())
    app = page(ATTACK)
    app.run()
    assert not app.exception
    assert "What this page shows of a toy problem could not be worked out" in words(app)
