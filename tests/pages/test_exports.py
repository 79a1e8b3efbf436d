"""What the page offers to take home is what the command line writes."""

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine import __main__ as cli
from engine.report.export import FORMATS, file_name
from pages.parts import exports
from tests.pages import leaked
from tests.pages.conftest import small

Page = Callable[..., AppTest]
Computed = Callable[..., str]
Offered = dict[str, dict[str, Any]]


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Offered:
    """What each button for a file was told, by the name of the file."""
    told: Offered = {}
    draw = st.download_button

    def noted(label: str, **how: Any) -> bool:
        told[how["file_name"]] = how
        return bool(draw(label, **how))

    monkeypatch.setattr(st, "download_button", noted)
    return told


def test_every_format_is_offered_and_none_is_made_before_it_is_clicked(
    page: Page, computed: Computed, offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.exports.export", lambda *args, **kwargs: pytest.fail("made too early"))
    digest = computed()
    assert not page(study=digest).exception
    start = f"frontier-digits-{digest}"
    kinds = {name: kind for name, kind in FORMATS.items() if name != "zip" and not name.startswith("promise")}
    wanted = {f"{start}-{file_name(name, w)}" for name, kind in kinds.items() for w in kind.widths}
    assert set(offered) == wanted | {f"{start}.zip"}
    assert all(how["on_click"] == "ignore" for how in offered.values())


def test_the_command_line_gives_the_same_bytes(
    page: Page, computed: Computed, offered: Offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = computed()
    page(study=digest)
    arguments = ["engine", "export", digest, "--format", "zip,csv,caption,pdf", "--width", "90", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert cli.main() == 0
    start = f"frontier-digits-{digest}"
    for written, name in (
        ("everything.zip", f"{start}.zip"),
        ("curves.csv", f"{start}-curves.csv"),
        ("caption.txt", f"{start}-caption.txt"),
        ("figure-90mm.pdf", f"{start}-figure-90mm.pdf"),
    ):
        assert (tmp_path / written).read_bytes() == offered[name]["data"]()


def test_the_mark_of_the_charts_is_that_of_the_files(page: Page, computed: Computed, offered: Offered) -> None:
    digest = computed(small(attack={"eps": [0, 0.1, 0.2]}))
    app = page(study=digest)
    caption = offered[f"frontier-digits-{digest}-caption.txt"]["data"]
    assert "attacked by 10\u00a0% (eps 0.1" in caption().decode()
    app.session_state[exports.MARKS][digest] = 0.2  # as the charts leave it, whose mark redraws nothing else
    assert "attacked by 20\u00a0% (eps 0.2" in caption().decode()


def test_a_study_that_is_not_finished_says_so_in_every_file(page: Page, computed: Computed, offered: Offered) -> None:
    digest = computed(state="stopped")
    page(study=digest)
    with zipfile.ZipFile(io.BytesIO(offered[f"frontier-digits-{digest}.zip"]["data"]())) as archive:
        files = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    said = "Not finished: 1 of 2 budgets, 3 of 6 results"
    assert files["caption.txt"].decode().startswith(said)
    assert json.loads(files["study.json"])["finished"] == {"results": 3, "of_results": 6, "budgets": 1, "of_budgets": 2}
    assert said in files["figure-90mm.svg"].decode()


def test_models_in_training_are_nothing_to_take_home(page: Page, computed: Computed, offered: Offered) -> None:
    page(study=computed(state="running"))
    assert not offered


def test_a_study_that_measured_leakage_offers_its_promise_too(page: Page, home: Path, offered: Offered) -> None:
    digest = leaked.put(home, leaked.asked())
    assert not page(study=digest, view="promise").exception
    start = f"frontier-digits-{digest}"
    wanted = {f"{start}-{file_name(name, w)}" for name, kind in FORMATS.items() if name != "zip" for w in kind.widths}
    assert set(offered) == wanted | {f"{start}.zip"}
    assert offered[f"{start}-promise.csv"]["data"]().startswith(b"budget,measured,value")
