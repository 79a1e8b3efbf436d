"""The nine states that a page can be in, each told in its own words (tests/browser/screens.py photographs them)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from engine import planning, services, starter
from engine.results import POINTS
from engine.settings import Settings
from engine.store.store import Store
from engine.study import parse
from tests.pages.conftest import buttons, small, unescaped, words
from tests.pages.test_tradeoff import charts

Page = Callable[..., AppTest]
Computed = Callable[..., str]
SHIPPED = starter.SHIPPED


@pytest.fixture
def shipped(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Frontier that comes with its results, as it does."""
    monkeypatch.setattr(starter, "SHIPPED", SHIPPED)


def test_a_fresh_server_shows_the_starter_picture_and_computes_nothing(page: Page, shipped: None) -> None:
    app = page()
    said = words(app)
    assert "Fashion-MNIST, 60,000 training images" in said
    assert "Computed earlier, 20" in said
    assert "points" in said
    assert {status.state for status in services.statuses()} == {"done"}
    assert len(charts(app)["charts"][1]["figure"]["data"]) == 5
    assert any(label.startswith("Quick try: Digits (about") and on for label, on in buttons(app).items())


def test_data_that_are_missing_leave_the_starter_picture_and_preselect_digits(
    page: Page, shipped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State 9."""
    monkeypatch.setattr("engine.data.images.locate", lambda name, root: Path() if name == "digits" else None)
    app = page()
    assert "Fashion-MNIST, 60,000 training images" in words(app)
    assert app.selectbox(key="form-data").value == "digits"
    assert "Fashion-MNIST is not on this machine: run `apt-get install dataset-fashion-mnist`" in words(app)
    assert not app.button(key="compute").disabled


def test_a_queued_study_says_its_place(page: Page, computed: Computed) -> None:
    """State 4."""
    computed(small(seeds=2), state="queued")
    computed(small(seeds=3), state="queued")
    app = page(study=computed(state="queued"))
    progress: Any = app.get("progress")[0]
    assert progress.proto.text.replace("\u00a0", " ").startswith("3rd in line, starts in about")


def test_strengths_that_break_everything_say_what_to_choose(page: Page, computed: Computed, monkeypatch: Any) -> None:
    """State 5."""
    digest = computed()
    whole = services.frame(digest)
    broken = whole.assign(value=whole["value"].where(whole["eps"] != 0.1, 0.0))
    monkeypatch.setattr(services, "frame", lambda digest: broken)
    assert "Every strength here breaks every model: choose weaker ones, below 10 %." in words(page(study=digest))


def test_one_repeat_has_the_interval_of_the_test_set_and_says_so(page: Page, computed: Computed) -> None:
    """State 6."""
    app = page(study=computed())
    assert "one repeat, spread unknown" in words(app)
    bars = charts(app)["charts"][0]["figure"]["data"][0]["error_y"]
    assert all(up > 0 for up in bars["array"])


def test_more_than_six_lines_get_a_legend(page: Page, computed: Computed) -> None:
    """State 8."""
    app = page(study=computed(small(privacy={"epsilons": [0.25, 0.5, 1, 2, 4, 8, "inf"]})))
    assert charts(app)["charts"][1]["figure"]["layout"]["showlegend"]


def test_other_images_than_those_shown_are_named(page: Page, computed: Computed) -> None:
    app = page(study=computed())
    app.selectbox(key="form-data").select("fashion-mnist").run()
    said = [unescaped(info.value) for info in app.info]
    assert said == [
        "These curves are of **Handwritten digits**. The form asks for **Fashion-MNIST**: press Compute for those."
    ]


def test_targets_shade_what_is_acceptable_and_name_the_budget(page: Page, computed: Computed) -> None:
    app = page(study=computed(), clean="1", attacked="0")
    figure = charts(app)["charts"][0]["figure"]
    assert [shape["type"] for shape in figure["layout"]["shapes"]].count("rect") == 2
    assert "is the most private budget that gives at least 1 % clean and 0 %" in words(app)
    app.button(key="clear-targets").click().run()
    assert charts(app)["charts"][0]["figure"]["layout"]["shapes"] == []


def test_the_mark_moves_the_other_chart_without_the_server(page: Page, computed: Computed) -> None:
    """Every place of the mark has its figure in the browser already; the sentence follows."""
    app = page(study=computed(small(attack={"eps": [0, 0.05, 0.1]})))
    left, right = charts(app)["charts"]
    assert [stop["at"] for stop in right["stops"]] == [0.05, 0.1]
    shown = [figure["data"][1] for figure in left["at_mark"]]
    assert [line["name"].replace("\u00a0", " ") for line in shown] == ["attacked by 5 %", "attacked by 10 %"]
    by_strength = {line["name"]: line for line in right["figure"]["data"]}
    for i, line in enumerate(shown):
        assert line["y"] == [by_strength[name]["y"][1 + i] for name in ("ε\u00a01", "no privacy")]


@pytest.mark.parametrize("view", ["curves", "map", "cost"])
@pytest.mark.parametrize("state", ["done", "running", "failed", "stopped", "queued"])
def test_every_view_of_every_state_can_be_drawn(page: Page, computed: Computed, view: str, state: str) -> None:
    app = page(study=computed(state=state), view=view)
    assert not app.exception
    assert charts(app)["charts"][0]["alt"]


def test_a_single_budget_has_no_cost(page: Page, computed: Computed) -> None:
    app = page(study=computed(small(privacy={"epsilons": [1]})), view="cost")
    assert not app.exception
    assert "One budget costs nothing beside itself" in words(app)


def test_shipped_results_are_those_of_this_version(shipped: None, home: Path) -> None:
    """A raised version changes a digest: then `make starter` has to run again."""
    for name, study in starter.wanted().items():
        about = starter._about(SHIPPED / f"{name}.json")
        assert about["digest"] == planning.digest(planning.resolve(study)), name
        assert {"commit", "versions", "machine", "duration_seconds", "study"} <= set(about)
        assert not about["commit"].endswith("+"), "made by files that were not committed"
        points = [row for row in starter._rows(name) if row.metric in POINTS]
        assert len(points) == planning.n_points(planning.resolve(study))


def test_what_was_asked_for_here_comes_before_what_came_with_frontier(page: Page, shipped: None) -> None:
    """After an upgrade the shipped results are younger than one's own."""
    app = page()
    own = services.submit(small())
    with Store(Settings().home).database.write() as connection:
        connection.execute(text("UPDATE studies SET created = 1 WHERE digest = :own"), {"own": own})
    assert charts(page())["keep"] == own
    assert charts(app)["keep"] != own


def test_a_shipped_study_that_was_computed_here_and_deleted_stays_away(home: Path, shipped: None) -> None:
    (own, *_) = (services.submit(study) for study in starter.wanted().values())
    services.welcome()
    services.delete(own)
    starter.bring(Store(Settings().home))
    assert own not in {status.digest for status in services.statuses()}


def test_a_shipped_study_is_there_once_and_not_again_after_it_went(home: Path, shipped: None) -> None:
    services.welcome()
    known = {status.digest for status in services.statuses()}
    assert len(known) == len(list(starter.wanted()))
    for study in starter.wanted().values():
        assert services.submit(parse(study.model_dump())) in known
    assert {status.state for status in services.statuses()} == {"done"}
    assert all(services.origin(status) for status in services.statuses())
    here = replace(services.statuses()[0], created=1.0)
    assert services.origin(here) is None
