"""Rebuilt images: what the page hands to the browser, on a server that has computed nothing yet."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import ledgers
from engine.threats import rebuilt as page_of
from pages.parts import rebuilt
from tests.pages.conftest import words

Page = Callable[..., AppTest]
REBUILT = "threats/rebuilt.py"


def visited(page: Page) -> AppTest:
    app = page(REBUILT).run()
    assert not app.exception
    return app


def told(app: AppTest) -> dict[str, Any]:
    """What the browser was told to draw."""
    components: Any = app.get("bidi_component")
    return next(one for one in (json.loads(part.proto.json) for part in components) if "example" in one)


def test_a_fresh_server_opens_with_a_finished_picture_for_every_place_of_the_sliders(page: Page) -> None:
    data = told(visited(page))
    example = data["example"]
    assert {cell["attack"] for cell in example["cells"]} == {one["name"] for one in data["attacks"]}
    keys = {one["key"] for one in data["networks"]}
    assert set(example["networks"].values()) <= keys
    for cell in example["cells"]:
        assert cell["max_grad_norm"] in data["bounds"]
        assert cell["noise_multiplier"] in data["noises"]
        assert len(cell["pictures"]) == len(cell["ssim"]) <= len(example["originals"])
        assert f"{sum(cell['ssim']) / len(cell['ssim']):.2f}" in cell["finding"]
    assert all(name in data["held"] for name in data["holders"])


def test_it_names_the_first_noise_that_leaves_nothing(page: Page) -> None:
    shipped = page_of.shipped()
    assert shipped is not None
    first = next(cell for cell in shipped.cells if cell.max_grad_norm and not cell.noise_multiplier)
    assert "nothing of it is left" in rebuilt.finding(first, shipped)
    assert "max_grad_norm" not in rebuilt.finding(first, shipped)


def test_every_model_can_be_attacked_and_judged_by_another_of_its_images(page: Page) -> None:
    data = told(visited(page))
    names = {one["name"]: one for one in data["models"]}
    attacked = [one for one in data["networks"] if one["network"] == "trained"]
    assert {one["model"] for one in attacked} == set(names)
    assert all(one["model"] in names for one in data["networks"]), "each names a model for the lab"
    assert all(names[one["judge"]]["dataset"] == one["dataset"] for one in names.values())
    assert len({one["key"] for one in data["networks"]}) == len(data["networks"])


def test_images_marked_private_are_not_shown(page: Page) -> None:
    ledgers.mark("fashion-mnist", private=True)
    app = visited(page)
    assert "marked private" in words(app)
    assert not app.get("bidi_component")


def test_of_another_version_it_says_what_makes_it_anew(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_of, "VERSION", page_of.VERSION + 1)
    page_of.shipped.cache_clear()
    assert "starter --pages rebuilt" in words(visited(page))
    page_of.shipped.cache_clear()
