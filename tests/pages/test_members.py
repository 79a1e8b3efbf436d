"""Who was in the data: what the page opens with, what it asks of the store, and what it does not show."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import ledgers, planning, services
from engine.exposures import Exposure
from engine.leakage.membership import ATTACKS
from engine.settings import Settings
from engine.threats import members
from pages.parts import members_words
from tests.engine.report.membership import everything, leaks
from tests.engine.report.rows import frame
from tests.pages.conftest import buttons, small, words

Page = Callable[..., AppTest]
MEMBERS = "threats/members.py"
ASKED = {"privacy": {"epsilons": [1, 3, "inf"]}, "extras": ["leakage"]}
MOVED = np.repeat(np.array([[0.1], [1.0], [2.0]], np.float32), 60, axis=1)
EXPOSED = Exposure(np.arange(60), (1.0, 3.0, inf), np.arange(180, dtype=np.float32).reshape(3, 60), MOVED)


@pytest.fixture
def nothing_comes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Frontier that comes without a measurement."""
    monkeypatch.setattr(members, "FILE", tmp_path / "none.json")


@pytest.fixture
def measured(computed: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A study of digits whose leakage was measured, up to `state`, and its rows; no exposures."""

    def measure(*rows: Any, state: str = "done") -> str:
        digest = computed(small(**ASKED), state)
        frames = services.frame

        def with_leaks(asked: str, **given: Any) -> pd.DataFrame:
            known = frames(asked, **given)
            return pd.concat([known, frame(*(rows or everything()))]) if asked == digest else known

        monkeypatch.setattr(services, "frame", with_leaks)
        monkeypatch.setattr(services, "exposure", lambda asked, **_: None)
        return digest

    return measure


def visited(page: Page, **link: str) -> AppTest:
    app = page(MEMBERS)
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def deck(app: AppTest) -> dict[str, Any]:
    components: Any = app.get("bidi_component")
    (found,) = [told for told in (json.loads(one.proto.json) for one in components) if "sliders" in told]
    return dict(found)


def linked(app: AppTest) -> list[str]:
    links: list[Any] = list(app.get("page_link"))
    return [link.proto.query_string for link in links]


def chosen(app: AppTest) -> list[str]:
    """What can be looked at."""
    return [option for box in app.selectbox for option in box.options]


def test_it_opens_with_a_finished_picture(page: Page) -> None:
    app = visited(page)
    assert not app.error
    assert not app.warning
    opening = members.opening()
    assert opening is not None
    told = deck(app)
    n = len(opening.study.privacy.epsilons)
    (slider,) = told["sliders"]
    assert (len(slider["said"]), slider["said"][slider["at"]]) == (n, "none")
    assert all(len(part["each"]) == n for part in (told["sentence"], *told["charts"]))
    assert [len(wall["pictures"]) for wall in told["walls"]] == [members.MOST, members.TYPICAL]
    said = words(app)
    assert "Without privacy, an attacker who accuses 1 % of outsiders wrongly finds **" in said
    assert "Computed earlier" in said
    assert linked(app) == [f"dataset={opening.study.dataset}"]
    assert "measure" not in {button.key for button in app.button}


def test_of_networks_no_gallery_is_promised(
    page: Page, measured: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.members_view.exposes", lambda study: study.model != "scattering-linear")
    app = visited(page, study=measured(state="running"))
    assert members_words.NO_GALLERY in words(app)
    assert members_words.GALLERY_LATER not in words(app)


def test_images_fade_as_the_budget_falls(page: Page, measured: Callable[..., str]) -> None:
    digest = measured()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "exposure", lambda asked, **_: EXPOSED)
        patch.setattr(members, "_start", lambda *_: None)
        file = Settings().cache / f"digits-members-{digest}-{members.VERSION}.npz"
        members.write(digest, file, Settings())
        told = deck(visited(page, study=digest))
    first = told["walls"][0]["pictures"][0]["each"]
    opacities = [one["opacity"] for one in first]
    assert opacities == sorted(opacities)
    assert opacities[-1] == 1
    assert opacities[0] < 0.25
    assert [one["said"].split("\n")[1] for one in first] == ["0.1", "1.0", "2.0"]
    assert all(one["alt"].startswith("Training image 59, ") for one in first)


def test_a_study_of_the_store_is_shown_by_its_link(page: Page, measured: Callable[..., str]) -> None:
    digest = measured()
    app = visited(page, study=digest, attack="threshold")
    said = words(app)
    found = "finds **1.0 %** (0.85 to 1.1) of those who were in: no difference from chance that we can measure"
    assert f"{found} by this attack, but LiRA **8.0 %** (6.8 to 9.2)." in said
    assert "64 models attacked at each budget, by Loss threshold" in said
    assert linked(app) == [f"study={digest}"]
    assert "guesses" not in said
    assert "**57.0 %**" in said, "in the numbers"
    assert app.query_params["study"] in (digest, [digest])


def test_another_attack_is_a_press_away(page: Page, measured: Callable[..., str]) -> None:
    app = visited(page, study=measured())
    assert "finds **8.0 %**" in words(app)
    groups: list[Any] = list(app.get("button_group"))
    (attack,) = [one for one in groups if one.key == "members-attack"]
    assert [option.content for option in attack.proto.options] == ["Loss threshold", "LiRA"]
    attack.set_value("threshold")
    assert "finds **1.0 %**" in words(app.run())


def test_attacks_on_tampered_images_are_a_switch(page: Page, measured: Callable[..., str]) -> None:
    tampered = [row for row in leaks(inf, 4.0, "lira-attacked") if row.metric.endswith("lira-attacked")]
    digest = measured(*everything(), *tampered)
    app = visited(page, study=digest)
    assert "finds **8.0 %**" in words(app)
    assert not app.toggle(key="members-tampered").value
    app.toggle(key="members-tampered").set_value(True)
    said = words(app.run())
    assert "finds **4.0 %**" in said
    assert "by LiRA on tampered images" in said
    assert app.query_params["attack"] in ("lira-attacked", ["lira-attacked"])
    again = visited(page, study=digest, attack="lira-attacked")
    assert again.toggle(key="members-tampered").value
    assert "finds **4.0 %**" in words(again)


def test_where_no_image_was_tampered_with_there_is_no_switch(page: Page, measured: Callable[..., str]) -> None:
    assert not visited(page, study=measured()).toggle


def test_every_attack_has_a_name() -> None:
    assert set(members_words.ATTACKS) == set(ATTACKS)


@pytest.mark.parametrize("attack", ["__import__", "rmia"])
def test_an_attack_that_was_not_measured_is_the_strongest_instead(
    page: Page, measured: Callable[..., str], attack: str
) -> None:
    assert "finds **8.0 %**" in words(visited(page, study=measured(), attack=attack))


def test_a_study_that_was_not_asked_can_be(page: Page, nothing_comes: None, computed: Callable[..., str]) -> None:
    digest = computed(small())
    app = visited(page)
    assert chosen(app) == [next(one for one in chosen(app) if members_words.UNMEASURED in one)]
    assert members_words.ASK in words(app)
    (label,) = [one for one in buttons(app) if one.startswith("Train again and measure what it gives away (about ")]
    assert buttons(app)[label]
    app.button(key="measure").click()
    app.run()
    assert not app.exception
    study = services.study(digest)
    assert study is not None
    again = planning.digest(members.asking(study))
    status = services.status(again)
    assert status is not None
    assert status.state == "queued"
    assert status.study == members.asking(study)
    assert app.session_state["members-study"] == again
    assert "Stop" in buttons(app)
    assert deck(app)["charts"][0]["each"][0]["figure"]["layout"]["annotations"][0]["text"] == members_words.SOON
    assert len(chosen(app)) == 1, "the study that was asked again stands for both"


def test_while_it_is_measured_what_is_known_is_drawn(page: Page, measured: Callable[..., str]) -> None:
    app = visited(page, study=measured(*leaks(inf, 8.0), state="running"))
    assert "Stop" in buttons(app)
    each = deck(app)["charts"][0]["each"]
    assert [[one["name"] for one in chart["figure"]["data"]] for chart in each] == [["no privacy", "chance"]] * 3
    assert "not measured yet" in deck(app)["sentence"]["each"][0]
    app.button(key="stop").click()
    app.run()
    assert not app.exception


@pytest.mark.parametrize(("state", "label"), [("stopped", "Resume"), ("failed", "Try again")])
def test_what_ended_early_can_go_on(page: Page, measured: Callable[..., str], state: str, label: str) -> None:
    app = visited(page, study=measured(*leaks(inf, 8.0), state=state))
    assert label in buttons(app)
    assert any(state in one.value or "was stopped" in one.value for one in app.warning)


def test_a_link_to_what_is_not_here_says_so(page: Page) -> None:
    app = visited(page, study="0123456789abcdef")
    assert members_words.NOT_HERE in words(app)
    assert deck(app)["charts"]


def test_images_that_are_marked_private_are_not_shown(page: Page, measured: Callable[..., str]) -> None:
    digest = measured()
    assert any("Handwritten digits" in one for one in chosen(visited(page)))
    ledgers.mark("digits", private=True)
    app = visited(page, study=digest)
    said = words(app)
    assert members_words.NOT_HERE in said or members_words.EMPTY in said
    assert "finds **8.0 %**" not in said
    assert not any("Handwritten digits" in one for one in chosen(app))


def test_under_a_cap_numbers_are_shown_and_no_image(page: Page, measured: Callable[..., str]) -> None:
    digest = measured()
    ledgers.set_cap("digits", 1000.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "exposure", lambda asked, **_: EXPOSED)
        app = visited(page, study=digest)
    assert deck(app)["walls"] == []
    assert "are under a privacy ledger" in words(app)
    assert "finds **8.0 %**" in words(app)


def test_what_comes_with_frontier_shows_no_image_under_a_mark(page: Page) -> None:
    opening = members.opening()
    assert opening is not None
    ledgers.mark(opening.study.dataset, private=True)
    app = visited(page)
    assert not any(members_words.OPENING.format("") in one for one in chosen(app))
    assert members_words.EMPTY in words(app)


def test_with_nothing_to_show_it_says_how(page: Page, nothing_comes: None) -> None:
    app = visited(page)
    assert members_words.EMPTY in words(app)
    assert linked(app) == [""]


def test_more_than_theory_allows_is_told(page: Page, measured: Callable[..., str]) -> None:
    rows = [replace(row, value=3.0) if row.metric == "membership_above" else row for row in everything()]
    told = deck(visited(page, study=measured(*rows)))
    assert "<strong>3 of 9 measured points lie above its line</strong>" in told["sentence"]["each"][0]
