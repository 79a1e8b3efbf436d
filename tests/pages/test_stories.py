"""The stories: what each says in every state that it can be in."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import services, starter, stories
from engine.results import LEAKED
from engine.stories import Story
from pages.parts import labels, study_link
from tests.engine.report.rows import CLEAN, frame
from tests.pages.conftest import buttons, words
from tests.pages.test_states import shipped  # noqa: F401
from tests.pages.test_tradeoff import charts

STORIES = "explore/stories.py"
Page = Callable[..., AppTest]
Computed = Callable[..., str]
Opened = Callable[..., AppTest]
HANDWRITING, NETWORK = (stories.everything()[name] for name in ("handwriting", "small-network"))


@pytest.fixture
def opened(page: Page) -> Opened:
    """The page by its link."""

    def open_by(**link: str) -> AppTest:
        app = page(STORIES)
        app.query_params.clear()  # as a browser does
        for name, value in link.items():
            app.query_params[name] = value
        return app.run()

    return open_by


@pytest.fixture
def with_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has the images of all data sets."""
    monkeypatch.setattr("engine.data.images.locate", lambda name, root: Path())


@pytest.fixture
def without_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has digits alone."""
    monkeypatch.setattr("engine.data.images.locate", lambda name, root: Path() if name == "digits" else None)


def links(app: AppTest) -> list[str]:
    found: list[Any] = list(app.get("page_link"))
    return [link.proto.query_string for link in found]


def run_button(app: AppTest) -> str:
    return next((label for label in buttons(app) if "(about" in label), "")


@pytest.mark.usefixtures("without_images")
def test_a_fresh_server_tells_its_first_story_at_once(opened: Opened, shipped: None) -> None:  # noqa: F811
    app = opened()
    assert not app.exception
    said = words(app)
    assert app.title[0].value == "How well can a private model tell clothes apart?"
    assert "**Reproduced:** the published 89.7 % lies within what we measure at ε 3, 89.5 %" in said
    assert "89.7 %δ 1e-5" in said.replace("\n", "")
    assert re.search(r"5 repeats, spread 0\.\d\d", said)
    assert "https://arxiv.org/abs/2011.11660" in said
    assert "Its ε is optimistic" in said
    for told in ("PLD (dp-accounting, pessimistic)", "Poisson batches", "Epsilon excludes tuning", "Computed earlier"):
        assert told in said
    assert list(buttons(app)) == ["Present"]
    assert links(app) == [f"study={stories.everything()['fixed-features'].parts[0].digest}"]
    assert "Attack" not in said
    assert {status.state for status in services.statuses()} == {"done"}


@pytest.mark.usefixtures("without_images")
def test_a_story_without_a_paper_compares_what_is_measured(opened: Opened, shipped: None) -> None:  # noqa: F811
    app = opened(story="fewer-images")
    said = words(app)
    assert re.search(r"What privacy costs at ε 0.5: 1,437.digits, \*\*1\d points\*\*", said)
    assert "Nothing is published" in said
    assert "★" not in charts(app)["charts"][0]["figure"]["layout"]["title"]["text"]
    assert not run_button(app)


def test_images_that_are_missing_leave_the_published_value_and_the_remedy(opened: Opened, without_images: None) -> None:
    app = opened(story="handwriting")
    assert not app.exception
    said = words(app)
    assert "Not yet run here:" in said
    assert "98.7 %" in said
    assert [block.value for block in app.code] == ["python -m engine fetch mnist"]
    assert not run_button(app)
    assert links(app) == []
    (star,) = (line for line in charts(app)["charts"][0]["figure"]["data"] if line["uid"].endswith("-published"))
    assert star["y"] == [pytest.approx(98.7)]


@pytest.mark.usefixtures("with_images")
def test_one_press_runs_the_story_that_anybody_else_would_run(opened: Opened) -> None:
    app = opened(story="small-network")
    assert "Not yet run here." in words(app)
    assert run_button(app).startswith("Run this story here (about")
    app.button(key="run").click().run()
    assert not app.exception
    assert [status.digest for status in services.statuses()] == [NETWORK.parts[0].digest]
    assert not run_button(app)
    assert buttons(app) == {"Stop": True, "Present": True}
    app.button(key="stop").click().run()
    assert run_button(app).startswith("Resume (about")


@pytest.mark.usefixtures("with_images")
def test_a_study_that_several_parts_look_at_is_paid_for_once(opened: Opened) -> None:
    parts = stories.everything()["attack-training-leaks"].parts
    studies = {part.digest: part.study for part in parts}
    assert len(studies) < len(parts)
    once = sum(services.estimate(study).seconds for study in studies.values())
    said = labels.duration(once).replace(labels.NBSP, " ")
    assert run_button(opened(story="attack-training-leaks")) == f"Run this story here (about {said})"


@pytest.mark.usefixtures("with_images")
def test_a_story_that_nobody_published_names_no_star(opened: Opened) -> None:
    said = words(opened(story="less-leaks"))
    assert "Press Run to measure it." in said
    assert "star" not in said
    assert "star" in words(opened(story="attack-training-leaks"))


@pytest.mark.usefixtures("with_images")
def test_members_found_are_told_with_the_models_that_were_attacked(
    opened: Opened, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mean over them: whatever a study's own models recognise is not in the chart."""
    one = replace(CLEAN, eps=0.01, value=0.02, low=0.018, high=0.022, n=65)
    budgets = stories.everything()["less-leaks"].parts[0].study.privacy.epsilons
    rows = [replace(one, metric=LEAKED + name, epsilon=epsilon) for name in ("lira", "rmia") for epsilon in budgets]
    computed(stories.everything()["less-leaks"].parts[0].study)
    monkeypatch.setattr(services, "frame", lambda digest: frame(CLEAN, *rows))
    app = opened(story="less-leaks")
    assert not app.exception
    said = words(app)
    assert "Members found at 1 % false alarms, of which blind guessing finds 1 %:" in said
    assert "LiRA, **2.0 %** without privacy (1.8 to 2.2), more than chance at every budget." in said
    assert "65 attacked models" in said
    assert said.count("65 models to attack, each of a random half of 20,000 images") == 1
    assert "one repeat, spread unknown" not in said
    figure = charts(app)["charts"][0]["figure"]
    assert {y for line in figure["data"] for y in line["y"]} == {2.0}
    assert [shape["y0"] for shape in figure["layout"]["shapes"]] == [1.0]


@pytest.mark.usefixtures("with_images")
def test_several_studies_of_a_story_are_run_together(opened: Opened) -> None:
    app = opened(story="photographs")
    app.button(key="run").click().run()
    assert {status.digest for status in services.statuses()} == {
        part.digest for part in stories.everything()["photographs"].parts
    }
    app.button(key="stop").click().run()
    assert {status.state for status in services.statuses()} == {"stopped"}


@pytest.mark.usefixtures("with_images")
@pytest.mark.parametrize(
    ("state", "said", "offered"),
    [
        ("done", "measure", ""),
        ("failed", "This study failed: The pictures are gone: fetch them again (0 of 5 budgets are finished).", "Try"),
        ("stopped", "This study was stopped: 1 of 5 budgets are finished.", "Resume"),
        ("running", "", ""),
        ("queued", "", ""),
    ],
)
def test_a_story_says_how_its_study_stands(
    opened: Opened, computed: Computed, state: str, said: str, offered: str
) -> None:
    digest = computed(HANDWRITING.parts[0].study, state)
    app = opened(story="handwriting")
    assert not app.exception
    assert said in words(app)
    assert run_button(app).startswith(offered) if offered else not run_button(app)
    assert bool(app.get("progress")) == (state in ("running", "queued"))
    assert ("Stop" in buttons(app)) == (state in ("running", "queued"))
    assert links(app) == ([f"study={digest}"] if state in ("done", "stopped") else [])


@pytest.mark.usefixtures("with_images")
def test_what_is_half_done_has_no_verdict(opened: Opened, computed: Computed) -> None:
    computed(HANDWRITING.parts[0].study, "stopped")
    said = words(opened(story="handwriting"))
    assert not any(word in said for word in ("Reproduced", "reproduced", "Too early", "More than published"))


def test_a_result_is_shown_where_its_images_are_gone(
    opened: Opened, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("engine.data.images.locate", lambda name, root: Path())
        computed(HANDWRITING.parts[0].study)
    monkeypatch.setattr("engine.data.images.locate", lambda name, root: Path() if name == "digits" else None)
    app = opened(story="handwriting")
    assert "not on this machine" not in words(app)
    assert links(app)


def test_a_story_is_chosen_with_one_click_and_its_link_brings_it_back(opened: Opened, without_images: None) -> None:
    app = opened()
    app.segmented_control(key="story").set_value("photographs").run()
    assert app.title[0].value == stories.everything()["photographs"].question
    assert app.query_params["story"] in ("photographs", ["photographs"])
    app.switch_page("workspace/runs.py").run()
    app.switch_page(STORIES).run()
    assert app.title[0].value == stories.everything()["photographs"].question
    assert opened(story="nobody-told-it").title[0].value == stories.everything()["fixed-features"].question


@pytest.mark.usefixtures("without_images")
def test_a_story_is_presented_without_what_can_be_pressed(opened: Opened, shipped: None) -> None:  # noqa: F811
    app = opened()
    app.button(key="present-button").click().run()
    assert app.query_params["present"] in ("1", ["1"])
    assert charts(app)["large"]
    assert list(buttons(app)) == ["Leave presentation"]
    assert links(app) == []
    app.button(key="leave").click().run()
    assert not charts(app)["large"]
    assert charts(opened(story="fewer-images", present="1"))["large"]


@pytest.mark.usefixtures("with_images")
def test_models_in_training_are_hollow_and_decide_nothing(opened: Opened, computed: Computed) -> None:
    computed(HANDWRITING.parts[0].study, "running")
    app = opened(story="handwriting")
    lines = {line["uid"]: line for line in charts(app)["charts"][0]["figure"]["data"]}
    assert len(lines["fixed-features-training"]["x"]) == 5
    assert lines["fixed-features-repeats"]["x"] == []
    assert "not measured yet" in words(app)
    assert "step 10 of 20" in app.get("progress")[0].proto.text


def test_refused_by_the_engine_is_said_in_its_words(
    opened: Opened, with_images: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(story="handwriting")
    monkeypatch.setattr("engine.data.images.locate", lambda name, root: Path() if name == "digits" else None)
    app.button(key="run").click().run()  # its images went meanwhile
    assert "MNIST is not on this machine" in words(app)
    assert not services.statuses()


def test_what_came_for_a_story_is_no_first_picture(
    page: Page, computed: Computed, with_images: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was computed last, and a server without results of its own opens on a starter study all the same."""
    first = computed()
    shown = computed(HANDWRITING.parts[0].study)
    assert charts(page())["keep"] == shown  # asked for here, it is shown
    monkeypatch.setattr(services, "origin", lambda status: status)
    assert study_link._newest() == shown
    monkeypatch.setattr(services, "openings", lambda: ["not here", first])
    assert study_link._newest() == first


def test_every_text_is_whole(opened: Opened, without_images: None) -> None:
    """Each story that is there can be drawn."""
    for name in stories.everything():
        app = opened(story=name)
        assert not app.exception, name
        story: Story = stories.everything()[name]
        assert app.title[0].value == story.question
        assert len(charts(app)["charts"][0]["alt"]) > 40
    assert starter.wanted() == {}
