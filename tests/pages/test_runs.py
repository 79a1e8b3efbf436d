"""The Runs page: the queue, why something failed, what can be done, what is shown, and quick with many studies."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import services
from engine.jobs.progress import Status, summarize
from engine.store.store import Store
from tests.pages.conftest import RUNS, buttons, small, unescaped, words

Page = Callable[..., AppTest]
Computed = Callable[..., str]
NASTY = "<img src=x onerror=alert(1)> **bold** [go](javascript:alert(1)) :red[hm] $x$"


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that holds what a test puts there alone."""
    monkeypatch.setattr(services, "welcome", lambda: None)


@pytest.fixture
def runs(page: Page) -> Page:
    """The page by its link."""

    def opened(**link: str) -> AppTest:
        app = page(RUNS)
        app.query_params.clear()  # as a browser does
        for name, value in link.items():
            app.query_params[name] = value
        return app.run()

    return opened


def listed(app: AppTest) -> list[str]:
    """Digests in the table, as far as they are shown there."""
    return list(table(app)["Digest"])


def table(app: AppTest) -> pd.DataFrame:
    """The table of studies, which is not the only one when some are compared."""
    return next(one.value for one in app.dataframe if "State" in one.value)


def state(digest: str) -> str:
    status = services.status(digest)
    assert status is not None
    return status.state


def test_an_empty_queue_says_where_to_begin(runs: Page) -> None:
    app = runs()
    assert not app.exception
    assert "Nothing was computed here yet" in words(app)


def test_every_state_is_listed_with_its_link(runs: Page, computed: Computed) -> None:
    digests = [computed(small(seeds=n), state) for n, state in enumerate(("done", "failed", "stopped", "running"), 1)]
    digests.append(computed(small(seeds=9), "queued"))
    app = runs()
    assert not app.exception
    assert sorted(table(app)["State"]) == ["Done", "Failed", "Running", "Stopped", "Waiting"]
    assert sorted(table(app)["Study"]) == sorted(f"/?study={digest}" for digest in digests)
    assert "**1** running, **1** waiting, **1** failed, **1** stopped, **1** done" in words(app)
    assert r"The pictures are gone\: fetch them again\." in words(app)
    bars: list[Any] = list(app.get("progress"))
    texts = [bar.proto.text for bar in bars]
    assert any(text.startswith("Training: 50\u00a0% done") for text in texts)
    assert len(texts) == 2


def test_stop_and_retry(runs: Page, computed: Computed) -> None:
    digest = computed(state="queued")
    app = runs()
    app.button(key=f"stop-{digest}").click().run()
    assert state(digest) == "stopped"
    assert buttons(app)["Resume"]
    app.button(key=f"again-{digest}").click().run()
    assert state(digest) == "queued"


def test_a_stop_asks_first_when_somebody_else_waits(runs: Page, computed: Computed) -> None:
    digest = computed(state="queued")
    services.submit(small(), who="command line 4711-17")
    services.watch(digest, "page of another")
    app = runs()
    app.button(key=f"stop-{digest}").click().run()
    assert state(digest) == "queued"
    assert "A command line (process 4711) and 1 other page wait for it, too." in words(app)
    app.button(key="not-stop-for-all").click().run()
    assert state(digest) == "queued"
    assert "stop-for-all" not in [button.key for button in app.button]
    app.button(key=f"stop-{digest}").click().run()
    app.button(key="stop-for-all").click().run()
    assert state(digest) == "stopped"


def test_ones_own_looking_does_not_ask(runs: Page, computed: Computed) -> None:
    digest = computed(state="queued")
    app = runs()  # after Trade-off, which shows the study that was asked for last
    assert services.others(digest) == services.Others(1, ())
    app.button(key=f"stop-{digest}").click().run()
    assert state(digest) == "stopped"


def test_a_deletion_says_what_goes_and_asks(runs: Page, computed: Computed, home: Path) -> None:
    digest = computed()
    weights = home / "models" / digest / "0" / "weights"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(bytes(3_000_000))
    services.annotate(digest, note="for the talk")
    app = runs(compare=digest)
    app.button(key=f"details-delete-{digest}").click().run()
    assert "**6 results, 2 models, 3 MB** go. Its note and tags go, too." in words(app)
    app.button(key="not-delete-for-good").click().run()
    assert state(digest) == "done"
    app.button(key=f"details-delete-{digest}").click().run()
    app.button(key="delete-for-good").click().run()
    assert not app.exception
    assert services.status(digest) is None
    assert not weights.exists()
    assert "Nothing was computed here yet" in words(app)


def test_a_question_about_a_study_that_is_gone_goes_too(runs: Page, computed: Computed) -> None:
    digest = computed()
    app = runs(compare=digest)
    app.button(key=f"details-delete-{digest}").click().run()
    services.delete(digest)
    app.run()
    assert not app.exception
    assert "delete-for-good" not in [button.key for button in app.button]


def test_filters_apply_to_everything_and_stand_in_the_link(runs: Page, computed: Computed) -> None:
    done, failed, waits = computed(), computed(small(seeds=2), "failed"), computed(small(seeds=3), "queued")
    services.annotate(done, tags=["talk"])
    services.annotate(failed, note="ran out of memory")
    app = runs(state="failed", compare=f"{done},{failed}")
    assert listed(app) == [failed[:8]]
    assert "**1** failed: 1 of 3 studies." in words(app)
    assert "Running and waiting" not in words(app)
    assert "1 study ticked, but not among those found here." in words(app)
    app.selectbox(key="runs-state").set_value("queued").run()
    assert listed(app) == [waits[:8]]
    assert app.query_params["state"] == "queued"
    app.selectbox(key="runs-state").set_value("").run()
    assert "state" not in app.query_params
    app.text_input(key="runs-search").set_value("MEMORY").run()
    assert listed(app) == [failed[:8]]
    assert app.query_params["search"] == "MEMORY"
    app.selectbox(key="runs-tag").set_value("talk").run()
    assert "None of 3 studies passes these filters." in words(app)
    buttons_of = {button.label: button for button in app.button}
    buttons_of["Clear"].click().run()
    assert listed(app) == [waits[:8], failed[:8], done[:8]]


def test_a_link_brings_filters_back_and_nonsense_in_it_is_shown_as_nothing_found(
    runs: Page, computed: Computed
) -> None:
    digest = computed()
    services.annotate(digest, tags=["talk"])
    assert listed(runs(tag="talk", model="scattering-linear", images="digits")) == [digest[:8]]
    app = runs(state="<b>", tag=NASTY, compare="../..,x y,")
    assert not app.exception
    assert "None of 1 study passes these filters." in words(app)
    assert NASTY not in words(app)


def test_one_ticked_study_is_shown_in_full(runs: Page, computed: Computed, home: Path) -> None:
    digest = computed(small(seeds=2))
    (home / "logs").mkdir()
    (home / "logs" / f"{digest}-0.log").write_text("attempt 1 on 2 threads")
    app = runs(compare=digest)
    said = words(app).replace("\\", "")
    for part in (
        "Images: **Handwritten digits**",
        "Privacy budgets ε: **1, none**",
        "δ: **1e-5**",
        "Norm: **Every pixel, a little (Linf)**",
        "Attack steps: **20**",
        "Attack strengths: **10 %**",
        f"`{digest}`",
        "12 results, 4 models, 1 kB of files.",
    ):
        assert part in said
    assert [block.value for block in app.code] == ["attempt 1 on 2 threads", f"/?compare={digest}"]


def test_a_note_and_tags_are_edited_in_place(runs: Page, computed: Computed) -> None:
    digest = computed()
    app = runs(compare=digest)
    app.text_area(key=f"details-note-{digest}").set_value("  seen on Tuesday ").run()
    app.multiselect(key=f"details-tags-{digest}").set_value(["draft", "for the talk"]).run()
    status = services.status(digest)
    assert status is not None
    assert (status.note, status.tags) == ("seen on Tuesday", ("draft", "for the talk"))
    assert list(table(app)["Note"]) == ["seen on Tuesday"]
    assert [list(tags) for tags in table(app)["Tags"]] == [["draft", "for the talk"]]
    app.multiselect(key=f"details-tags-{digest}").set_value(["x" * 41]).run()
    assert any("has 41 characters: shorten it to 40" in unescaped(error.value) for error in app.error)
    assert services.status(digest) == status


def test_a_tab_changes_only_what_was_changed_in_it(runs: Page, computed: Computed) -> None:
    digest = computed()
    app = runs(compare=digest)
    services.annotate(digest, note="written in another tab")
    app.multiselect(key=f"details-tags-{digest}").set_value(["draft"]).run()
    status = services.status(digest)
    assert status is not None
    assert (status.note, status.tags) == ("written in another tab", ("draft",))


def test_what_came_with_frontier_is_told_and_has_no_models(
    runs: Page, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = computed()
    monkeypatch.setattr(services, "origin", lambda status: status)
    app = runs(compare=digest)
    assert list(table(app)["State"]) == ["Done, computed earlier"]
    assert "6 results, computed earlier; models are not kept." in words(app)


def test_an_endless_search_is_cut(runs: Page, computed: Computed) -> None:
    computed()
    app = runs(search="x" * 60_000)
    assert not app.error
    assert "None of 1 study passes these filters." in words(app)


def test_what_people_write_is_shown_as_text(runs: Page, computed: Computed, home: Path) -> None:
    digest = computed(state="queued")
    store = Store(home)
    claim = store.queue.claim()
    assert claim is not None
    store.queue.fail(claim, NASTY)
    services.annotate(digest, note=NASTY, tags=[NASTY[:28]])
    app = runs(compare=digest)
    assert not app.exception
    said = words(app)
    assert NASTY not in said  # every sign that means something in Markdown is escaped
    assert r"\<img src\=x onerror\=alert\(1\)\> \*\*bold\*\* \[go\]\(javascript\:alert\(1\)\)" in said
    assert list(table(app)["Note"]) == [NASTY[:59] + "…"]


def test_a_study_that_is_not_here_leaves_the_page_whole(runs: Page, computed: Computed) -> None:
    digest = computed()
    app = runs(compare=f"0123456789abcdef,{digest}")
    assert not app.exception
    assert "1 study ticked, but not among those found here." in words(app)
    assert app.text_area(key=f"details-note-{digest}").value == ""


def charts(app: AppTest) -> list[dict[str, Any]]:
    component = next(iter(app.get("bidi_component")))
    found: list[dict[str, Any]] = json.loads(component.proto.json)["charts"]
    return found


def test_up_to_four_are_laid_over_one_another_with_what_differs(runs: Page, computed: Computed) -> None:
    fast, cnn = computed(), computed(small(model="cnn"))  # of the network one budget of two
    app = runs(compare=f"{fast},{cnn}")
    assert not app.exception
    assert "1 study of these is not finished." in words(app)
    assert "2 studies over one another" in words(app)
    differing = next(one.value for one in app.dataframe if "State" not in one.value)
    assert list(differing.columns) == ["", "Model", "Digest"]
    assert list(differing["Model"]) == ["Fast model", "Small neural network"]
    left, right = charts(app)
    names = [line["name"] for line in left["figure"]["data"]]
    assert names == ["fast model", "small neural network"] * 2
    assert [line["name"] for line in right["figure"]["data"]] == ["fast model", "small neural network"]
    assert app.query_params["compare"] == f"{fast},{cnn}"
    assert app.query_params["budget"] == "1"


def test_a_link_brings_back_the_budget_and_the_strength_that_are_compared(runs: Page, computed: Computed) -> None:
    wide = {"attack": {"eps": [0, 0.1, 0.2, 0.3]}}
    both = f"{computed(small(**wide))},{computed(small(seeds=2, **wide))}"
    app = runs(compare=both, budget="inf", mark="0.3")
    left, right = charts(app)
    assert right["figure"]["layout"]["title"]["text"].endswith("no privacy")
    assert left["figure"]["layout"]["title"]["text"].endswith("attacked by 30\u00a0% (dashed)")
    app.button_group(key="compared-budget").set_value(1.0).run()
    assert app.query_params["budget"] == "1"
    assert app.query_params["mark"] == "0.3"
    assert charts(runs(compare=both, budget="2", mark="0.25"))[1]["figure"]["layout"]["title"]["text"].endswith(
        "ε\u00a01"
    )


def test_different_norms_do_not_share_an_axis(runs: Page, computed: Computed) -> None:
    linf, l2 = computed(), computed(small(attack={"norm": "l2", "eps": [0, 0.5]}))
    app = runs(compare=f"{linf},{l2}")
    assert "different norms (Linf, L2) here: they cannot share an axis" in words(app)
    assert len(charts(app)) == 1


def test_more_than_four_are_too_many(runs: Page, computed: Computed) -> None:
    digests = [computed(small(seeds=seeds)) for seeds in range(1, 6)]
    app = runs(compare=",".join(digests))
    assert [info.value for info in app.info] == [
        "5 studies are ticked: tick up to 4 to lay their curves over one another."
    ]
    untick = next(button for button in app.button if button.label == "Untick all")
    untick.click().run()
    assert "compare" not in app.query_params
    assert not app.info


def test_a_page_reads_no_more_studies_than_it_shows(runs: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are; `benchmarks page` measures how quick that is with 10,000 jobs."""
    digests = [services.submit(small(attack={"eps": [0, 0.1], "steps": n})) for n in range(1, 121)]
    app, read = runs(), list[int]()

    def counted(views: list[Any], *rest: Any) -> list[Status]:
        read.append(len(views))
        return summarize(views, *rest)

    monkeypatch.setattr(services, "summarize", counted)
    app.run()
    assert listed(app) == [digest[:8] for digest in digests[:69:-1]]
    assert "**120** waiting" in words(app)
    assert "112 more in line." in words(app)
    assert read == [8, 50, 8]  # the cards, the table, the first look at how far the cards are
