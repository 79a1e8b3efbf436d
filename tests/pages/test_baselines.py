"""Clipping alone on the Trade-off page, the two prices of privacy side by side, and what the form asks of privacy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from engine import services
from tests.pages import baselines
from tests.pages.conftest import words

Page = Callable[..., AppTest]
Computed = Callable[..., str]


def components(app: AppTest) -> list[dict[str, Any]]:
    told: Any = app.get("bidi_component")
    return [data for data in (json.loads(one.proto.json) for one in told) if "charts" in data]


def tables(app: AppTest) -> list[list[dict[Any, Any]]]:
    return [frame.value.to_dict("records") for frame in app.dataframe]


def test_clipping_alone_stands_between_the_budgets_and_no_privacy(page: Page, home: Path) -> None:
    app = page(study=baselines.put(home))
    assert not app.exception
    by_budget, by_strength = (chart["figure"] for chart in components(app)[0]["charts"])
    assert by_budget["layout"]["xaxis"]["ticktext"] == ["1", "clip", "none"]
    assert by_budget["data"][0]["y"] == [70, 80, 90]
    assert [line["name"] for line in by_strength["data"]][1:] == ["clipping alone", "no privacy"]
    assert [row["Privacy budget"] for row in tables(app)[0]] == ["ε\u00a01", "clipping alone", "no privacy"]
    assert [row["Privacy budget"] for row in tables(app)[1]] == ["ε\u00a01", "clipping alone", "no privacy"]
    assert app.checkbox(key="form-clip_only").value is True


def test_the_cost_view_shows_both_prices(page: Page, home: Path) -> None:
    app = page(study=baselines.put(home), view="cost")
    assert not app.exception
    assert "took 3 times (2.7 to 3.3) the training time and 1.2 times (1.1 to 1.3) the memory" in words(app)
    assert len(components(app)) == 2
    (prices, *_) = (rows for rows in tables(app) if "Training time" in rows[0])
    said = [[str(cell).replace("\u00a0", " ") for cell in row.values()] for row in prices]
    assert said == [
        ["ε 1", "20", "6.3 s (3 ×)", "126 MB (1.2 ×)"],
        ["clipping alone", "10", "4.2 s (2 ×)", "116 MB (1.1 ×)"],
        ["no privacy", "", "2.1 s", "105 MB"],
    ]


def test_older_results_say_that_nothing_was_measured(page: Page, home: Path) -> None:
    app = page(study=baselines.put(home, measured=False), view="cost")
    assert not app.exception
    assert "Time and memory of training were not measured when this study was computed." in words(app)
    assert len(components(app)) == 1


def test_the_form_asks_for_noise_batches_and_clipping_alone(page: Page) -> None:
    app = page()
    app.selectbox(key="form-mode").select("private")
    app.checkbox(key="form-independent_batches").check()
    app.checkbox(key="form-clip_only").check().run()
    app.button(key="compute").click().run()
    (status,) = services.statuses()
    privacy = status.study.privacy
    assert (privacy.mode, privacy.independent_batches, privacy.clip_only) == ("private", True, True)
    without = status.study.model_copy(update={"privacy": privacy.model_copy(update={"clip_only": False})})
    assert services.estimate(status.study).seconds > services.estimate(without).seconds
    again = page(study=status.digest)
    assert again.selectbox(key="form-mode").value == "private"
    assert again.checkbox(key="form-independent_batches").value is True


def test_networks_draw_batches_of_their_own_anyway(page: Page) -> None:
    app = page()
    app.selectbox(key="form-model").select("cnn").run()
    assert app.checkbox(key="form-independent_batches").disabled
    assert "anyway" in app.checkbox(key="form-independent_batches").help


def test_the_files_hold_clipping_alone_and_what_training_cost(page: Page, home: Path) -> None:
    from engine import exports

    (csv,) = exports.export(baselines.put(home), "csv").values()
    lines = csv.decode().splitlines()
    assert sum(",train_seconds," in line for line in lines) == 6
    (caption,) = exports.export(baselines.put(home), "caption").values()
    assert "with clipping alone (no noise, no guarantee) and without privacy" in caption.decode()
    assert "Not finished" not in caption.decode()
    assert len(exports.export(baselines.put(home), "svg").popitem()[1]) > 10_000


def test_what_a_whole_study_costs_is_worked_out_when_it_is_opened(page: Page, home: Path, monkeypatch: Any) -> None:
    asked: list[Any] = []

    def guarantees(study: Any) -> Any:
        asked.append(study)
        return FOUND

    monkeypatch.setattr(services, "guarantees", guarantees, raising=False)
    app = page(study=baselines.put(home))
    assert "each ε for one model alone" in words(app)
    assert not asked
    app.session_state["sweep"] = True
    app.run()
    assert "Releasing all 2 private models of this study, which drew the same batches: **ε 1.45**." in words(app)
    assert "With batches of their own it would be ε 1.43." in words(app)
    assert len(asked) == 1


class FOUND:
    """As engine.guarantees says it."""

    class One:
        epsilon, best_of = 1.0, 2.3

    separate = (One,)
    n_models, shared, joint, other = 2, True, 1.4401, 1.43
    unprotected, delta, accountant = True, 1e-5, "PLD"
