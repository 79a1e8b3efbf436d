"""A link brings everything back, in a browser that never saw the page, and launches nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine import planning, services
from engine.study import parse
from tests.pages.conftest import RUNS, TRADEOFF, buttons, small, words
from tests.pages.test_tradeoff import charts

Page = Callable[..., AppTest]
Computed = Callable[..., str]


def test_a_link_restores_study_form_view_mark_and_targets_elsewhere(page: Page, computed: Computed) -> None:
    digest = computed(small(attack={"eps": [0, 0.05, 0.1]}))
    here = page(study=digest)
    here.session_state["mark"] = 0.1
    here.segmented_control(key="view").set_value("cost").run()
    here.number_input(key="clean").set_value(85).run()
    here.pills(key="form-budgets").set_value([8.0]).run()
    here.number_input(key="form-seeds").set_value(3).run()
    link = {name: values[0] if isinstance(values, list) else values for name, values in here.query_params.items()}
    assert link == {
        "study": digest, "dataset": "digits", "epsilon": "8", "eps": "0,0.05,0.1", "seeds": "3",
        "view": "cost", "mark": "0.1", "clean": "85",
    }  # fmt: skip
    there = page(**link)
    assert there.segmented_control(key="view").value == "cost"
    assert there.number_input(key="clean").value == 85
    assert there.pills(key="form-budgets").value == [8.0]
    assert there.number_input(key="form-seeds").value == 3
    assert charts(there)["charts"][1]["mark"] == 0.1
    assert charts(there)["keep"] == f"cost-{digest}"
    assert len(services.statuses()) == 1


def test_a_study_that_is_not_here_is_asked_for_by_the_form(page: Page) -> None:
    """State 3: the link names it, so the same study can be computed with one press."""
    study = planning.resolve(small(seeds=2))
    app = page(study=planning.digest(study), dataset="digits", epsilon="1,inf", eps="0,0.1", seeds="2")
    (warning,) = app.warning
    assert "is not on this server: the form below asks for the same" in warning.value
    assert not services.statuses()
    app.button(key="compute").click().run()
    assert [status.digest for status in services.statuses()] == [planning.digest(study)]


@pytest.mark.parametrize(
    "link",
    [
        {"dataset": "nowhere"},
        {"dataset": "digits", "epsilon": "-1"},
        {"dataset": "digits", "seeds": "9" * 400},
        {"dataset": "digits", "eps": "<script>"},
        {"dataset": "digits", "model": "../../x"},
    ],
)
def test_settings_that_cannot_be_are_one_sentence(page: Page, link: dict[str, str]) -> None:
    app = page(**link)
    assert not app.exception
    (warning,) = app.warning
    assert warning.value.startswith("The settings of this link cannot be used")
    assert len(warning.value) < 250
    assert any(label.startswith("Compute these curves") for label in buttons(app))


@pytest.mark.parametrize("name", ["dataset", "model", "images", "epsilon"])
def test_nothing_in_a_link_becomes_a_link_or_a_picture(page: Page, name: str) -> None:
    evil = "![x](https://evil.example/a.png) [Sign in](https://evil.example) www.evil.example"
    (warning,) = page(**({"dataset": "digits"} | {name: evil})).warning
    assert "](" not in warning.value
    assert "evil.example" not in warning.value.replace("\\", "") or "\\(" in warning.value


def test_a_link_to_missing_images_stays_what_it_is(page: Page, computed: Computed) -> None:
    """State 9: Digits is preselected, and the link can still be sent to somebody who has the images."""
    asked = {"dataset": "cifar10", "epsilon": "2,4", "seeds": "3"}
    app = page(study="0123456789abcdef", **asked)
    assert app.selectbox(key="form-data").value == "digits"
    assert "and neither are its images" in app.warning[0].value
    assert {name: app.query_params[name] for name in asked} == asked
    app.pills(key="form-budgets").set_value([8.0]).run()
    assert app.query_params["dataset"] == "digits"


@pytest.mark.parametrize(
    "link", [{"view": "nothing"}, {"mark": "much"}, {"mark": "nan"}, {"clean": "1e9"}, {"attacked": "x"}]
)
def test_a_way_of_looking_that_there_is_not_is_as_usual(page: Page, computed: Computed, link: dict[str, str]) -> None:
    app = page(study=computed(), **link)
    assert not app.exception
    assert app.segmented_control(key="view").value == "curves"
    assert app.number_input(key="clean").value is None
    assert "points" in words(app)


def test_what_was_chosen_outlives_a_look_at_another_page(page: Page, computed: Computed) -> None:
    app = page(study=computed(), view="map", clean="70")
    app.pills(key="form-budgets").set_value([8.0]).run()
    app.switch_page(RUNS).run()
    app.switch_page(TRADEOFF).run()
    assert app.segmented_control(key="view").value == "map"
    assert app.number_input(key="clean").value == 70
    assert app.pills(key="form-budgets").value == [8.0]


def test_an_address_that_comes_late_undoes_nothing(page: Page, computed: Computed) -> None:
    """A click that was made before the browser heard of the last address carries the one before."""
    app = page(study=computed())
    late = dict(app.query_params)
    app.pills(key="form-budgets").set_value([8.0]).run()
    app.query_params.clear()
    for name, value in late.items():
        app.query_params[name] = value
    app.segmented_control(key="view").set_value("cost").run()
    assert app.pills(key="form-budgets").value == [8.0]
    assert app.segmented_control(key="view").value == "cost"
    assert app.query_params["epsilon"] == "8"
    assert app.query_params["view"] == "cost"


def test_a_run_that_is_cut_short_loses_no_study(
    page: Page, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A component that speaks up at once makes Streamlit begin the run anew."""
    from pages.parts import study_link

    app = page(study=computed())
    kept = study_link.keep
    monkeypatch.setattr(study_link, "keep", lambda *_: st.stop())
    app.button(key="quick").click().run()
    monkeypatch.setattr(study_link, "keep", kept)
    app.run()
    usual = planning.digest(planning.resolve(parse({"dataset": "digits"})))
    assert charts(app)["keep"] == usual
    assert app.query_params["study"] in (usual, [usual])


def test_an_earlier_address_that_is_asked_for_later_is_gone_back_to(
    page: Page, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(study=computed())
    before = dict(app.query_params)
    app.pills(key="form-budgets").set_value([8.0]).run()
    monkeypatch.setattr("pages.parts.address.LATE", 0.0)
    app.query_params.clear()
    for name, value in before.items():
        app.query_params[name] = value
    app.run()
    assert app.pills(key="form-budgets").value == [1.0, float("inf")]


def test_present_mode_shows_finding_and_charts_alone(page: Page, computed: Computed) -> None:
    digest = computed()
    app = page(study=digest, present="1")
    assert not app.selectbox
    assert not app.get("download_button")
    assert charts(app)["large"]
    said: Any = words(app)
    assert "points" in said
    app.button(key="leave").click().run()
    assert app.selectbox(key="form-data").value == "digits"
    assert not charts(app)["large"]
    assert "present" not in app.query_params


def test_a_quick_try_keeps_the_way_of_looking(page: Page, computed: Computed) -> None:
    app = page(study=computed(), view="map")
    app.button(key="quick").click().run()
    assert app.segmented_control(key="view").value == "map"
    usual = planning.digest(planning.resolve(parse({"dataset": "digits"})))
    assert app.query_params["study"] in (usual, [usual])
    assert "epsilon" not in app.query_params
