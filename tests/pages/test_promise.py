"""Promise vs measured, on a store that says what was measured: its sentence, its table, the way to what is missing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.planning import digest as digest_of
from engine.study import Study
from pages.parts import labels
from tests.pages import leaked
from tests.pages.conftest import buttons, words

Page = Callable[..., AppTest]


@pytest.fixture
def measured(home: Path) -> str:
    return leaked.put(home, leaked.asked(extras=["leakage"]))


@pytest.fixture
def plain(home: Path) -> str:
    return leaked.put(home, leaked.asked(), leak=False)


def test_the_finding_is_that_of_the_view(page: Page, measured: str) -> None:
    said = words(page(study=measured, view="promise")).replace("**", "")
    finding = "At ε 0.5 we could demonstrate nothing, and 1.5 at ε 8; no measured point lies above what ε allows"
    assert f"{finding} by more than chance explains." in said
    assert "it does not prove that no more leaks" in said
    assert "by LiRA, the strongest of 3 attacks we tried, on 24 models" in said
    curves = words(page(study=measured)).replace("**", "")
    assert "Leakage falls from 5.5 % to 1.0 % of training images found (chance: 1 %)." in curves


def test_the_tables_hold_what_the_charts_show(page: Page, measured: str) -> None:
    app = page(study=measured, view="promise")
    promise, recognised = (table.value for table in app.dataframe[:2])
    row = promise[promise[labels.BUDGET].str.replace("\u00a0", " ") == "ε 3"].iloc[0]
    assert row["Demonstrated, planted gradients"] == "0.47 (at most 4.2)"
    assert row[labels.MEMBERS_FOUND].replace("\u00a0", " ") == "1.4 % (1.3 to 1.5)"
    assert row[labels.MEMBERS_ALLOWED].replace("\u00a0", " ") == "5.2 %"
    assert recognised[labels.LEAKAGE_COLUMN].iloc[-1].replace("\u00a0", " ") == "5.5 % (5.0 to 6.1)"


def test_nothing_of_it_is_in_a_study_that_did_not_measure_it(page: Page, plain: str) -> None:
    app = page(study=plain)
    assert labels.LEAKAGE_COLUMN not in app.dataframe[0].value
    assert "Leakage" not in words(app)


def test_what_is_missing_is_a_click_away(page: Page, plain: str) -> None:
    """The study stays; the form asks for the same with leakage measured, and its button says what that costs."""
    app = page(study=plain, view="promise")
    assert "was not measured" in words(app)
    app.button(key="measure-leakage").click().run()
    assert not app.exception
    assert app.session_state["form-extras"] == ["leakage"]
    assert any(label.startswith("Compute these curves (about") and enabled for label, enabled in buttons(app).items())
    assert "was not measured" in words(app), "another study or view is shown"
    wanted: Study = leaked.asked(extras=["leakage"])
    app.button(key="compute").click().run()
    assert app.query_params["study"] in (digest_of(wanted), [digest_of(wanted)])


def test_a_link_keeps_the_view(page: Page, measured: str) -> None:
    app = page(study=measured, view="promise")
    assert app.query_params["view"] in ("promise", ["promise"])
    assert app.session_state["view"] == "promise"


def test_a_study_that_ended_before_says_so(page: Page, home: Path) -> None:
    digest = leaked.put(home, leaked.asked(extras=["leakage"]), leak=False)
    assert labels.PROMISE_MISSED in words(page(study=digest, view="promise"))
