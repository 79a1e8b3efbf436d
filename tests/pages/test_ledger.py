"""The Privacy ledger page: what was spent, under which cap, what has no guarantee, and what does not add up."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import ledgers, services
from engine.events import Redone
from engine.settings import Settings
from engine.store.database import FILE
from engine.store.store import Store
from tests.engine import bookkeeping as book
from tests.engine.bookkeeping import study
from tests.pages.conftest import words

Page = Callable[..., AppTest]
LEDGER = "workspace/ledger.py"


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "welcome", lambda: None)


@pytest.fixture
def ledger(page: Page) -> Page:
    """The page by its link."""

    def opened(**link: str) -> AppTest:
        app = page(LEDGER)
        app.query_params.clear()
        for name, value in link.items():
            app.query_params[name] = value
        return app.run()

    return opened


def tables(app: AppTest) -> list[pd.DataFrame]:
    return [one.value for one in app.dataframe]


def drawn(app: AppTest) -> dict[str, Any]:
    """The figure of the chart."""
    import json

    component: Any = next(one for one in app.get("bidi_component"))
    data = json.loads(component.proto.json or component.proto.mixed.json)
    return dict(data["charts"][0]["figure"])


def test_an_empty_ledger_says_what_to_do(ledger: Page) -> None:
    app = ledger(dataset="digits")
    assert not app.exception
    said = words(app)
    assert "Studies computed before there was a ledger, and results that came with Frontier, are not in it" in said
    assert "0.00 spent" in said.replace("*", "")
    assert "demonstration" in said
    assert "python -m engine ledger cap digits 8" in [code.value for code in app.code]


def test_releases_are_listed_newest_first_with_their_total(ledger: Page, store: Store) -> None:
    first = book.compute(store, study(1, mode="reproducible", epsilons=(1, "inf")))
    book.compute(store, study(2))
    book.delete(store, first.study)
    app = ledger(dataset="digits")
    assert not app.exception
    released, without = tables(app)
    assert list(released["What"]) == ["fast model: 2 models", "fast model: 1 model"]
    assert list(released["Noise"]) == ["private", "reproducible"]
    assert [isinstance(link, str) for link in released["Study"]] == [True, False], (
        "the first study was deleted; its row stays"
    )
    totals = [float(total) for total in released["Total"]]
    assert totals[0] > totals[1] == pytest.approx(float(released["Alone"][1]))
    assert totals[0] < sum(float(alone) for alone in released["Alone"]), "curves are added, not epsilons"
    assert list(without["What"]) == ["fast model: models without privacy (epsilon inf)"]
    assert "no cap is set: this total is information" in words(app)


def test_steps_made_again_say_nothing_of_batches(ledger: Page, store: Store) -> None:
    one = study(1)
    claim = book.begin(store, one)
    store.ledger.release(claim, book.asked(one))
    store.ledger.redo(claim, book.asked(one), Redone(1.0, 0, 20))
    (released,) = tables(ledger(dataset="digits"))
    assert list(released["Batches"].fillna("")) == ["", "shared"]


def test_a_cap_is_said_and_drawn(ledger: Page, store: Store) -> None:
    book.compute(store, study(1))
    ledgers.set_cap("digits", 3)
    app = ledger(dataset="digits")
    assert "of a cap of **3** spent" in words(app)
    assert "a cap of 3 at δ 1e\\-5" in words(app)
    shapes = drawn(app)["layout"]["shapes"]
    assert [shape["y0"] for shape in shapes] == [3.0]


def test_the_page_offers_no_way_to_change_anything(ledger: Page, store: Store) -> None:
    book.compute(store, study(1))
    app = ledger(dataset="digits")
    assert [button.label for button in app.button] == []
    assert not app.text_input
    assert not app.number_input


@pytest.mark.parametrize(
    "change", ["written = 0", "body = '{}'", "body = 'no JSON'", "body = '[1]'", 'body = \'{"mechanisms": [1, "x"]}\'']
)
def test_what_does_not_add_up_is_told_with_the_remedy(ledger: Page, store: Store, home: Path, change: str) -> None:
    book.compute(store, study(1))
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.execute("DROP TRIGGER ledger_keeps_what_it_has_update")
        connection.execute(f"UPDATE ledger SET {change}")
        connection.commit()
    app = ledger(dataset="digits")
    assert not app.exception
    said = words(app)
    assert "does not add up: row 1 was changed after it was written" in said
    assert "`python -m engine ledger accept digits`" in said
    assert "nothing was changed" not in said


def test_the_link_names_the_data_set(ledger: Page, store: Store) -> None:
    app = ledger(dataset="mnist")
    assert app.selectbox[0].value == "mnist"
    app.selectbox[0].set_value("digits").run()
    assert app.query_params["dataset"] == "digits"


def test_private_images_are_said_to_be(ledger: Page) -> None:
    ledgers.mark("digits", private=True)
    assert "Marked private" in words(ledger(dataset="digits"))


def test_a_study_past_the_cap_is_refused_on_the_page_before_it_is_queued(page: Page, store: Store) -> None:
    ledgers.set_cap("digits", 0.5)
    app = page()
    app.button(key="compute").click().run()
    assert "digits has a cap of 0.5" in words(app).replace("\\", "")
    assert services.counts() == {}


# --- results that stay with the owner of the images


@pytest.fixture
def mixed(computed: Callable[..., str]) -> str:
    """A finished study in mode private with a model without noise, on images that are then marked private."""
    digest = computed(study(1, epsilons=(1, "inf")))
    ledgers.mark("digits", private=True)
    return digest


def test_a_study_without_a_guarantee_on_private_images_is_shown_but_not_linked(page: Page, mixed: str) -> None:
    app = page(study=mixed)
    assert not app.exception
    said = words(app)
    assert "There is no link" in said or "there is no link to them" in said
    assert not [code.value for code in app.code if mixed in code.value]
    assert "study" not in app.query_params
    assert "The numbers" in said, "its owner sees it"
    app.run()
    assert "The numbers" in words(app), "also at the next run, without the address"


def test_its_numbers_have_no_button_that_downloads_them(page: Page, computed: Callable[..., str]) -> None:
    digest = computed(study(1, epsilons=(1, "inf")))
    shown: list[list[str]] = []
    for private in (False, True):
        ledgers.mark("digits", private=private)
        app = page(study=digest, view="cost")
        assert not app.exception
        results = [one for one in app.dataframe if "Privacy budget" in one.value.columns]
        assert bool(results) == (not private)
        shown.append(next(list(one.value["Privacy budget"]) for one in [*results, *app.table]))
        assert len(results) + len(app.table) >= 2
    assert shown[0] == shown[1]


def test_neither_runs_nor_the_ledger_has_a_link_to_it(page: Page, ledger: Page, mixed: str) -> None:
    book.compute(Store(Settings().home), study(2, epsilons=(1, "inf")))
    ledgers.mark("digits", private=False)
    linked = [tables(page("workspace/runs.py"))[0], *tables(ledger(dataset="digits"))]
    assert all(frame["Study"].map(lambda link: isinstance(link, str)).any() for frame in linked)
    ledgers.mark("digits", private=True)
    hidden = [tables(page("workspace/runs.py"))[0], *tables(ledger(dataset="digits"))]
    assert [len(frame) for frame in hidden] == [len(frame) for frame in linked]
    assert not any(frame["Study"].map(lambda link: isinstance(link, str)).any() for frame in hidden)


def test_a_button_in_runs_opens_it(page: Page, mixed: str) -> None:
    app = page("workspace/runs.py")
    app.query_params["compare"] = mixed
    app.run()
    assert not app.get("page_link"), "no link names it"
    app.button(key=f"details-open-{mixed}").click().run()
    assert not app.exception
    assert "study" not in app.query_params


def test_runs_leaves_it_out_of_its_link(page: Page, mixed: str) -> None:
    app = page("workspace/runs.py")
    app.query_params["compare"] = mixed
    app.run()
    assert not app.exception
    assert mixed not in str(dict(app.query_params))


def test_exports_leave_those_rows_out_and_say_so(mixed: str) -> None:
    import json

    from engine import exports

    files = exports.export(mixed, "csv", "study", "caption", "parquet", "png")
    lines = files["curves.csv"].decode().splitlines()
    assert len(lines) > 1
    assert not [line for line in lines if ",inf," in line]
    about = json.loads(files["study.json"])
    assert about["withheld"].startswith("These images are marked private, and models without noise guarantee nothing.")
    assert [one["epsilon"] for one in about["privacy"]] == [1.0]
    assert "they stay with the owner of the images" in files["caption.txt"].decode()


def test_of_a_seeded_study_on_private_images_nothing_is_exported(page: Page, computed: Callable[..., str]) -> None:
    from engine import exports
    from engine.errors import BadInput

    digest = computed(study(1, mode="reproducible"))
    assert exports.export(digest, "csv")
    ledgers.mark("digits", private=True)
    with pytest.raises(BadInput, match="marked private, and noise that follows from a seed guarantees nothing"):
        exports.export(digest, "csv")
    app = page(study=digest)
    assert not app.exception
    assert "Those results are left out" in words(app)
    assert not app.get("download_button")
    ledgers.mark("digits", private=False)
    assert exports.export(digest, "csv")
