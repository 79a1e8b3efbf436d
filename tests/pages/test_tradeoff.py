"""The Trade-off page: what it says, asks, offers and refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import planning, services
from engine.study import parse
from tests.pages.conftest import RUNS, TRADEOFF, buttons, small, words

Page = Callable[..., AppTest]
Computed = Callable[..., str]


def charts(app: AppTest) -> dict[str, Any]:
    """What the live component was told to draw."""
    components: Any = app.get("bidi_component")
    told: list[dict[str, Any]] = [json.loads(component.proto.json) for component in components]
    return next(data for data in told if "charts" in data)


def primary(app: AppTest) -> Any:
    return app.button(key="compute")


def test_an_empty_store_says_what_to_do(page: Page) -> None:
    app = page()
    assert not app.exception
    assert "press Compute" in words(app)
    assert any(label.startswith("Compute these curves (about") and on for label, on in buttons(app).items())
    assert charts(app)["charts"][0]["figure"]["layout"]["annotations"][0]["text"] == "Your curves will grow here"
    assert app.selectbox(key="form-data").value == "digits"
    assert not services.statuses()


def test_compute_launches_what_the_form_asks_and_links_to_it(page: Page) -> None:
    app = page()
    app.pills(key="form-budgets").set_value([3.0])
    app.pills(key="form-strengths-digits-linf").set_value([0.05])
    app.run()
    primary(app).click().run()
    (status,) = services.statuses()
    assert status.study.privacy.epsilons == (3.0,)
    assert status.study.attack.eps == (0.0, 0.05)
    assert app.query_params["study"] == status.digest
    assert "Stop" in buttons(app)


def test_a_link_shows_its_study_and_fills_the_form(page: Page, computed: Computed) -> None:
    digest = computed(small(seeds=2, attack={"eps": [0, 0.07], "steps": 7}))
    app = page(study=digest)
    assert not app.exception
    assert app.pills(key="form-budgets").value == [1.0, float("inf")]
    assert app.pills(key="form-strengths-digits-linf").value == [0.07]
    assert app.number_input(key="form-steps").value == 7
    assert app.number_input(key="form-seeds").value == 2
    assert buttons(app)["These curves are computed"] is False
    assert charts(app)["keep"] == digest
    assert "(ε 1)" in words(app)


def test_the_page_says_where_the_numbers_come_from(page: Page, computed: Computed) -> None:
    said = words(page(study=computed()))
    for part in (
        "1,437 training images",
        "one repeat, spread unknown",
        "360 test images",
        "one image added or removed",
    ):
        assert part in said
    assert "δ 1e-5" in said
    assert "reproducible: no guarantee once the seed is known" in said


def test_the_table_and_the_file_hold_the_results(page: Page, computed: Computed) -> None:
    digest = computed()
    app = page(study=digest)
    results, promise = (table.value for table in app.dataframe)
    assert list(results["Privacy budget"]) == ["ε\u00a01", "no privacy"]
    assert "Attacked by 10\u00a0%" in results.columns
    assert {"δ", "Noise multiplier", "Sample rate", "Steps", "Clipping norm"} <= set(promise.columns)
    said = [caption.value for caption in app.caption]
    assert any(text.startswith("Unit: one image added or removed. Accountant:") for text in said)
    assert any(text.startswith("Mode 'reproducible'") for text in said)
    assert app.get("download_button")


def test_an_opened_link_launches_nothing(page: Page, computed: Computed) -> None:
    digest = computed(state="stopped")
    page(study=digest)
    status = services.status(digest)
    assert status is not None
    assert status.state == "stopped"


@pytest.mark.parametrize("link", ["0123456789abcdef", "<b>../../x", "x" * 5000, "ε; DROP TABLE studies"])
def test_a_link_to_an_unknown_study_is_one_sentence_and_the_form(page: Page, link: str) -> None:
    app = page(study=link)
    assert not app.exception
    (warning,) = app.warning
    assert "is not on this server" in warning.value
    assert "<" not in warning.value
    assert len(warning.value) < 130
    assert primary(app).label.startswith("Compute these curves")


def test_without_a_link_the_newest_study_is_shown(page: Page, computed: Computed) -> None:
    computed(small(seeds=3))
    newest = computed()
    assert charts(page())["keep"] == newest


def test_models_in_training_are_hollow_and_no_finding_is_drawn_from_them(page: Page, computed: Computed) -> None:
    app = page(study=computed(state="running"))
    figure = charts(app)["charts"][0]["figure"]
    training = next(trace for trace in figure["data"] if trace["uid"] == "training")
    assert len(training["x"]) == 2
    assert training["marker"]["symbol"] == "circle-open"
    assert "points" not in words(app)
    progress: Any = app.get("progress")[0]
    assert "Training ε\u00a01, none: step 10 of 20" in progress.proto.text


def test_stop_stops(page: Page, computed: Computed) -> None:
    digest = computed(state="queued")
    app = page(study=digest)
    app.button(key="stop").click().run()
    status = services.status(digest)
    assert status is not None
    assert status.state == "stopped"
    assert buttons(app)["Resume"]


def test_a_study_that_was_stopped_shows_how_far_it_got_and_can_go_on(page: Page, computed: Computed) -> None:
    digest = computed(state="stopped")
    app = page(study=digest)
    assert "1 of 2 budgets are finished" in words(app)
    assert charts(app)["charts"][0]["figure"]["data"][0]["y"][1] is None
    app.button(key="again").click().run()
    status = services.status(digest)
    assert status is not None
    assert status.state == "queued"


def test_a_failure_is_told_in_its_own_words(page: Page, computed: Computed) -> None:
    app = page(study=computed(state="failed"))
    assert "This study failed: The pictures are gone: fetch them again" in words(app)
    assert buttons(app)["Try again"]


def test_other_settings_keep_the_chart_and_say_so(page: Page, computed: Computed) -> None:
    digest = computed()
    app = page(study=digest)
    app.pills(key="form-budgets").set_value([8.0]).run()
    assert "Showing earlier settings" in words(app)
    assert charts(app)["keep"] == digest
    assert primary(app).label.startswith("Compute these curves (about")


def test_settings_that_are_known_are_shown_without_computing(page: Page, computed: Computed) -> None:
    known, shown = computed(small(privacy={"epsilons": [8]})), computed()
    app = page(study=shown)
    app.pills(key="form-budgets").set_value([8.0]).run()
    assert primary(app).label == "Show these curves"
    primary(app).click().run()
    assert charts(app)["keep"] == known
    assert len(services.statuses()) == 2


@pytest.mark.parametrize(
    ("key", "typed", "said"),
    [
        ("form-more_epsilons", "0.01", "epsilon=0.01 is not in [0.05, 100] and not inf"),
        ("form-more_epsilons", "many", "epsilon='many' is not a number"),
        ("form-more_eps", "150", "attack strength 150 % is not in 0 to 100 %"),
        ("form-more_eps", "x", "attack strength='x' is not a number"),
        ("form-delta-digits", "0.5", "delta=0.5 is not in [1e-12, 1/N = 0.000696)"),
        ("form-delta-digits", "", "delta='' is not a number"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_stored(page: Page, key: str, typed: str, said: str) -> None:
    app = page()
    app.text_input(key=key).set_value(typed).run()
    assert not app.exception
    assert said in words(app)
    assert primary(app).disabled
    assert not services.statuses()


def test_an_empty_grid_is_refused(page: Page) -> None:
    app = page()
    app.pills(key="form-budgets").set_value([]).run()
    assert "Choose at least one privacy budget" in words(app)
    app.pills(key="form-strengths-digits-linf").set_value([]).run()
    assert "Choose at least one attack strength" in words(app)
    assert primary(app).disabled


def test_limits_hold_on_the_server_too(page: Page) -> None:
    """Each widget may be within its limits and the study out of bounds: the engine refuses it."""
    app = page()
    app.text_input(key="form-more_epsilons").set_value("2 4 5 6 7 9").run()
    app.number_input(key="form-seeds").set_value(1000).run()
    assert "the grid has 11,055 points; at most 10,000 are computed" in words(app)
    assert primary(app).disabled


def test_no_more_repeats_are_attacked_than_trained(page: Page) -> None:
    app = page()
    app.number_input(key="form-seeds").set_value(3).run()
    app.number_input(key="form-attack_seeds-3").set_value(3).run()
    app.number_input(key="form-seeds").set_value(2).run()
    assert app.number_input(key="form-attack_seeds-2").max == 2
    assert not primary(app).disabled


def test_typed_budgets_and_strengths_join_the_grid(page: Page) -> None:
    app = page()
    app.text_input(key="form-more_epsilons").set_value("0.25, 2; none").run()
    app.text_input(key="form-more_eps").set_value("7.5 %").run()
    app.pills(key="form-budgets").set_value([1.0]).run()
    primary(app).click().run()
    (status,) = services.statuses()
    assert status.study.privacy.epsilons == (0.25, 1.0, 2.0, float("inf"))
    assert 0.075 in (status.study.attack.eps or ())


def test_a_model_whose_weights_are_missing_says_so_before_anything_is_launched(page: Page) -> None:
    app = page()
    model = app.selectbox(key="form-model")
    assert model.options[0] == "Fast model"
    assert model.options[-1] == "Pretrained network - not here"
    model.select("pretrained-linear").run()
    assert "are not on this machine: run `python -m engine fetch pretrained-linear`" in words(app)
    assert "count as public" in app.selectbox(key="form-model").help
    assert primary(app).disabled
    app.selectbox(key="form-model").select("resnet").run()
    assert not primary(app).disabled


def test_missing_data_say_so_before_anything_is_launched(page: Page) -> None:
    app = page()
    app.selectbox(key="form-data").select("mnist").run()
    assert "MNIST is not on this machine: run `python -m engine fetch mnist`" in words(app)
    assert primary(app).disabled
    assert any(label.startswith("Quick try: Digits (about") for label in buttons(app))
    app.button(key="quick").click().run()
    (status,) = services.statuses()
    assert status.digest == planning.digest(planning.resolve(parse({"dataset": "digits"})))
    assert app.selectbox(key="form-data").value == "digits"


def test_what_is_known_is_shown_not_tried(page: Page, computed: Computed) -> None:
    computed(planning.resolve(parse({"dataset": "digits"})))
    app = page()
    app.selectbox(key="form-data").select("mnist").run()
    assert "Show the quick try: Digits" in buttons(app)


def test_strength_0_is_left_out_where_it_repeats_the_clean_column(page: Page, computed: Computed) -> None:
    """The stand-in attacks all images but says other numbers at strength 0, so it is shown; equal ones are not."""
    from pages.parts.tables import recognised

    study = planning.resolve(small())
    frame = services.frame(computed(study))
    assert "Clean, first 360" in recognised(frame, study).columns
    clean = frame[frame["metric"] == "accuracy"].set_index("epsilon")
    zero = (frame["metric"] == "robust_accuracy") & (frame["eps"] == 0)
    for name in ("value", "low", "high"):
        frame.loc[zero, name] = frame.loc[zero, "epsilon"].map(clean[name])
    assert "Clean, first 360" not in recognised(frame, study).columns


def test_another_norm_offers_its_own_strengths(page: Page) -> None:
    app = page()
    app.selectbox(key="form-norm").select("l2").run()
    assert app.pills(key="form-strengths-digits-l2").value == [0.1, 0.25, 0.5, 1.0]
    primary(app).click().run()
    assert services.statuses()[0].study.attack.norm == "l2"


def test_the_study_is_still_there_after_a_look_at_runs(page: Page, computed: Computed) -> None:
    digest = computed()
    app = page(study=digest)
    app.switch_page(RUNS).run()
    app.switch_page(TRADEOFF).run()
    assert charts(app)["keep"] == digest


def test_a_home_that_cannot_be_written_is_one_sentence(page: Page, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FRONTIER_HOME", str(tmp_path / "file" / "home"))
    app = page()
    assert not app.exception
    assert len(app.error) == 1
    assert str(tmp_path / "file") in app.error[0].value


def test_another_process_that_computes_is_named(page: Page, monkeypatch: Any) -> None:
    from engine.jobs.ownership import Owner

    monkeypatch.setattr(services, "owner", lambda: Owner(4711, 0.0, "http://127.0.0.1:9999"))
    assert "the server at http://127.0.0.1:9999 (process 4711)" in words(page())
    monkeypatch.setattr(services, "owner", lambda: Owner(4711, 0.0, None))
    assert "computed by a command line (process 4711)" in words(page())


def test_the_page_never_promises_too_much(page: Page, computed: Computed) -> None:
    said = words(page(study=computed())).lower()
    assert not [word for word in ("safe", "secure", "anonymous") if word in said]


def test_a_rounded_delta_in_the_form_is_still_the_exact_one(page: Page, computed: Computed) -> None:
    """1/(10 N) of 60,000 images is shown as 1.667e-6: the form has to mean what the study has."""
    digest = computed(parse({"dataset": "digits", "privacy": {"delta": 1 / 600_000}}))
    app = page(study=digest)
    assert app.text_input(key="form-delta-digits").value == "1.667e-6"
    assert "Showing earlier settings" not in words(app)
