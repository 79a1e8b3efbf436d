"""Defences on the Trade-off page: the form, the verdict beside the curves, the Map, what is measured besides."""

import json
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine import services
from engine.store.measured import Batch, Progress
from engine.store.store import Store
from pages.parts import labels
from tests.pages import defended
from tests.pages.conftest import words

Page = Callable[..., AppTest]
ADVERSARIAL = {"training": "adversarial"}


def drawn(app: AppTest) -> list[dict[str, Any]]:
    """What each live component was told to draw, from the top down."""
    components: Any = app.get("bidi_component")
    told = [json.loads(component.proto.json) for component in components]
    return [data for data in told if "charts" in data]


def figures(app: AppTest) -> list[dict[str, Any]]:
    return [chart["figure"] for data in drawn(app) for chart in data["charts"]]


# the form


def test_a_defence_of_a_model_on_fixed_features_is_one_sentence_that_names_others(page: Page) -> None:
    app = page()
    app.selectbox(key="form-model").select("scattering-linear").run()
    app.selectbox(key="form-defence").select("adversarial").run()
    assert not app.exception
    (warning,) = app.warning
    assert "'scattering-linear' learns from features made once" in warning.value
    assert "use one of autoencoder, cnn, fast-cnn" in warning.value
    assert app.button(key="compute").disabled
    app.selectbox(key="form-model").select("cnn").run()
    assert not app.warning
    assert not app.button(key="compute").disabled


def test_the_form_asks_for_defence_guard_attacks_and_extras(page: Page) -> None:
    app = page()
    app.selectbox(key="form-model").select("cnn").run()
    app.selectbox(key="form-defence").select("n-fgsm")
    app.selectbox(key="form-guard").select("squeeze")
    app.multiselect(key="form-names").set_value(["pgd", "square"])
    app.pills(key="form-extras").set_value(["corruptions"]).run()
    app.button(key="compute").click().run()
    (status,) = services.statuses()
    assert (status.study.defence.training, status.study.defence.input) == ("n-fgsm", "squeeze")
    assert status.study.attack.names == ("pgd", "square")
    assert status.study.extras == ("corruptions",)


def test_the_usual_three_attacks_come_first_and_none_is_refused(page: Page) -> None:
    app = page()
    attacks = app.multiselect(key="form-names")
    assert attacks.value == ["fmn", "apgd", "apgd-t"]
    attacks.set_value([]).run()
    assert "Choose at least one attack" in words(app)
    assert app.button(key="compute").disabled


def test_spatial_attacks_have_a_norm_of_their_own(page: Page) -> None:
    app = page()
    app.multiselect(key="form-names").set_value(["spatial"]).run()
    assert not app.exception
    assert app.selectbox(key="form-norm").value == "spatial"
    app.multiselect(key="form-names").set_value(["spatial", "pgd"]).run()
    assert not app.exception
    assert app.button(key="compute").disabled


def test_pictures_made_for_another_model_need_one_that_is_here(page: Page, computed: Callable[..., str]) -> None:
    app = page()
    app.multiselect(key="form-names").set_value(["apgd", "transfer"]).run()
    assert not app.exception
    assert app.selectbox(key="form-source-digits").options == []
    assert len(app.warning) == 1
    assert app.button(key="compute").disabled
    lender = computed()
    app.run()
    app.selectbox(key="form-source-digits").select(lender).run()
    assert not app.warning
    app.button(key="compute").click().run()
    study = next(status.study for status in services.statuses() if "transfer" in status.study.attack.names)
    assert study.attack.source == lender


def test_a_guard_cannot_be_certified_and_the_sentence_says_of_what_it_can(page: Page) -> None:
    app = page()
    app.selectbox(key="form-model").select("cnn").run()
    app.selectbox(key="form-guard").select("squeeze")
    app.pills(key="form-extras").set_value(["certificates"]).run()
    assert "certificates are computed of cnn" in words(app)
    assert app.button(key="compute").disabled


# the verdict


def test_attacks_that_passed_their_checks_are_said_to_in_green_with_the_numbers(page: Page, home: Path) -> None:
    honest = defended.honest()
    app = page(study=defended.put(home, defended.asked(), {1.0: honest, inf: honest}))
    said = words(app)
    assert ":green[:material/verified:] The attacks passed their own checks" in said
    assert "any of the 2 models" in said
    assert ":material/warning:" not in said
    many = next(one for one in honest if one.name == "many_steps")
    assert f"20 steps {labels.percent(many.value)}".replace("\u00a0", " ") in said
    assert f"run again from scratch on {defended.IMAGES} images" in said
    assert "[arXiv:1902.06705](https://arxiv.org/abs/1902.06705)" in said
    names = {one.name for one in honest} - {"many_steps"}  # what others are compared with
    assert names == labels.CHECKS.keys() - {"transfer"}
    for title, meaning in (labels.CHECKS[name] for name in names):
        assert f"**{title}**" in said
        assert meaning in said


def test_a_masked_model_is_doubted_by_name_with_numbers_and_what_they_mean(page: Page, home: Path) -> None:
    checks = {1.0: defended.honest(), inf: defended.masked()}
    app = page(study=defended.put(home, defended.asked(), checks))
    said = words(app)
    told = "The curve may flatter the model without privacy: 100 % of images have no gradient to climb."
    assert f":orange[:material/warning:] {told}" in said
    assert "passed their own checks" not in said
    warned = [block for block in said.split(":orange[:material/warning:] ") if block.startswith("**")]
    assert [block.partition("**")[2].partition("**")[0] for block in warned][:1] == ["There is a slope to climb"]
    assert all("no privacy: " in block and "ε 1" not in block.partition("\n:small")[0] for block in warned[:-1])
    assert labels.CHECKS["zero_gradients"][1] in said
    assert "Attacks without gradients find nothing more" in "".join(warned)


def test_results_without_checks_are_not_judged(page: Page, home: Path) -> None:
    app = page(study=defended.put(home, defended.asked()))
    assert "own checks" not in words(app)
    assert "may flatter" not in words(app)


@pytest.mark.parametrize("n", range(9))
def test_checks_that_are_under_way_are_not_judged_yet(page: Page, home: Path, n: int) -> None:
    """They come one by one; the model without privacy has so many of them."""
    app = page(study=defended.put(home, defended.asked(), {1.0: defended.honest(), inf: defended.masked()[:n]}))
    assert not app.exception
    assert "no sign that they flatter the model." in words(app), "that at the smaller budget alone"


# the map


def test_the_map_of_one_defence_says_how_to_get_another(page: Page, home: Path) -> None:
    app = page(study=defended.put(home, defended.asked()), view="map")
    assert not app.exception
    assert labels.ONE_DEFENCE in words(app)
    assert not [button for button in app.button if (button.key or "").startswith("open-")]
    assert [trace["type"] for trace in figures(app)[0]["data"]] == ["heatmap"]


def test_the_map_of_two_defences_holds_both_and_a_way_to_the_other(page: Page, home: Path) -> None:
    other = defended.put(home, defended.asked(defence=ADVERSARIAL))
    shown = defended.put(home, defended.asked())
    app = page(study=shown, view="map")
    assert not app.exception
    maps, worth = figures(app)
    assert [title["text"] for title in maps["layout"]["annotations"]] == ["No defence", "Adversarial training"]
    assert [{name for row in one["customdata"] for name in row} for one in maps["data"]] == [{shown}, {other}]
    study = defended.asked(defence=ADVERSARIAL)
    assert maps["data"][1]["text"][0][2] == f"{100 * defended.robust(study, 1.0, 0.1):.0f}"
    faint = {name for trace in worth["data"] if trace["opacity"] < 1 for name in trace["customdata"]}
    assert faint == {shown}, "as private and as accurate, and less robust"
    assert labels.READ_MAP in words(app)
    app.button(key=f"open-{other}").click().run()
    assert app.query_params["study"] == other
    assert "view" not in app.query_params, "its curves, not this map again"
    assert drawn(app)[0]["keep"] == other


def test_a_defence_keeps_its_place_whichever_is_shown(page: Page, home: Path) -> None:
    plain, other = (defended.put(home, defended.asked(defence=defence)) for defence in ({}, ADVERSARIAL))
    first, second = (figures(page(study=digest, view="map"))[0] for digest in (plain, other))
    assert first["data"] == second["data"]


def test_a_study_that_was_attacked_otherwise_does_not_stand_beside(page: Page, home: Path) -> None:
    weaker = {"eps": list(defended.RADII), "names": ["fgsm"]}
    defended.put(home, defended.asked(defence=ADVERSARIAL, attack=weaker))
    app = page(study=defended.put(home, defended.asked()), view="map")
    assert labels.ONE_DEFENCE in words(app)


def test_a_click_says_which_study_and_none_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The callback of the component: a trigger is None again in the run after."""
    from pages.parts import live

    heard: list[str] = []
    monkeypatch.setattr(st, "session_state", {"map-2": {"opened": "0123", "mark": None}})
    live._open("map-2", heard.append)
    monkeypatch.setattr(st, "session_state", {"map-2": {"opened": None, "mark": None}})
    live._open("map-2", heard.append)
    assert heard == ["0123"]


def test_training_time_of_a_defence_stands_beside_that_of_plain_training(page: Page, home: Path) -> None:
    defended.put(home, defended.asked(defence=ADVERSARIAL))
    app = page(study=defended.put(home, defended.asked()), view="cost")
    assert not app.exception
    assert "Training time beside plain training. Adversarial training: 10 times." in words(app)


def test_one_defence_has_no_time_to_stand_beside(page: Page, home: Path) -> None:
    app = page(study=defended.put(home, defended.asked()), view="cost")
    assert "beside plain training" not in words(app)


# besides


def test_nothing_besides_says_where_to_ask_for_it(page: Page, home: Path) -> None:
    app = page(study=defended.put(home, defended.asked()), view="besides")
    assert not app.exception
    assert labels.NOTHING_BESIDES in words(app)
    assert not drawn(app)


def test_damage_and_certificates_in_noise_are_drawn_where_they_were_measured(page: Page, home: Path) -> None:
    study = defended.asked(extras=["corruptions", "smoothing"])
    app = page(study=defended.put(home, study), view="besides")
    assert not app.exception
    assert labels.NOTHING_BESIDES not in words(app)
    by_severity, table, noise = figures(app)
    assert len(table["data"][0]["z"]) == 15
    first, last = by_severity["data"][-1]["y"][0], by_severity["data"][-1]["y"][-1]
    assert first == pytest.approx(100 * defended.clean(inf))
    assert last == pytest.approx(first - 100 * 5 * (0.04 + 0.005 * 7)), "the mean of fifteen, at severity 5"
    assert noise["data"][-1]["y"][1] == pytest.approx(first / 2)
    assert labels.SMOOTHED_HELP in words(app)


def test_a_floor_is_drawn_below_the_curve_of_its_budget(page: Page, home: Path) -> None:
    study = defended.asked(extras=["certificates"])
    app = page(study=defended.put(home, study))
    by_strength = figures(app)[1]
    floors = [trace for trace in by_strength["data"] if trace["uid"].startswith("floor-")]
    assert len(floors) == 2
    assert floors[-1]["y"] == pytest.approx([95, 47.5, 0])
    assert "thin dots" in str(by_strength["layout"]["annotations"])


# while it runs


def test_curves_that_still_fall_are_hollow_and_no_finding_is_drawn_from_them(home: Path, page: Page) -> None:
    """Of four images one is broken as it is, one at each strength up to the last but one."""
    study = defended.asked()
    digest = services.submit(study)
    store = Store(home)
    claim = store.queue.claim()
    assert claim is not None
    stands = defended.under_attack(study)
    store.measured.record(claim, Batch(progress=Progress("attack", 0, 1, 4, time.time()), standing=[stands]))
    store.close()
    app = page(study=digest)
    assert not app.exception
    (forming,) = [trace for trace in figures(app)[1]["data"] if trace["uid"].endswith("-forming")]
    assert forming["y"] == [75, 50, 25, 0]
    assert forming["marker"]["symbol"] == "circle-open"
    assert "points" not in words(app)
