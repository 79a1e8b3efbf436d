"""study.json says what was asked, how far the answer got, and what made it."""

import json
from dataclasses import replace
from math import inf
from typing import Any

from engine.machine import machine, versions
from engine.planning import n_points, resolve
from engine.report.document import GUARANTEE, promises, study_json, unfinished, whole_budgets
from engine.results import MEMORY, SECONDS
from engine.study import Study, parse
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame

STUDY = resolve(parse({"privacy": {"epsilons": [3, "inf"]}}))


def document() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(study_json(STUDY, "0123", frame(CLEAN, ROBUST, OPEN), seconds=12.34))
    return content


def test_configuration_digest_and_duration_are_there() -> None:
    assert (document()["digest"], document()["state"], document()["duration_seconds"]) == ("0123", "done", 12.34)
    assert parse(document()["study"]) == STUDY


def test_every_budget_states_its_promise() -> None:
    private, without = document()["privacy"]
    assert list(private) == GUARANTEE
    assert (private["epsilon"], private["delta"], private["noise_multiplier"]) == (3.0, 1e-5, 5.5)
    assert (without["epsilon"], without["delta"], without["max_grad_norm"]) == ("inf", None, "inf")
    assert private["unit"] == "one image added or removed"
    assert any("no guarantee once the seed is known" in caveat for caveat in document()["caveats"])


def test_versions_and_machine_say_where_it_ran() -> None:
    assert versions()["torch"].startswith("2.")
    assert "missing" not in versions().values()
    assert machine()["cores"] >= 1
    assert document()["machine"]["processor"]


def test_no_results_yet_is_a_document_too() -> None:
    assert promises(frame()) == []
    assert json.loads(study_json(Study(), "0", frame(), state="stopped"))["n_results"] == 0


def test_json_holds_no_infinity() -> None:
    text = study_json(STUDY, "0", frame(OPEN)).decode()
    assert "Infinity" not in text
    assert "NaN" not in text
    assert inf in parse(json.loads(text)["study"]).privacy.epsilons


def test_how_far_a_study_got_is_said() -> None:
    rows = frame(CLEAN, ROBUST, OPEN)
    assert n_points(STUDY) == 12
    assert document()["versions_and_machine"] == "of the computer that wrote this file, when it did"
    assert document()["finished"] == {"results": 3, "of_results": 12, "budgets": 0, "of_budgets": 2}
    assert unfinished(STUDY, rows) == "Not finished: 0 of 2 budgets, 3 of 12 results"


def test_a_budget_is_whole_when_all_its_results_are_there() -> None:
    radii = STUDY.attack.eps or ()
    rows = [CLEAN, *(replace(ROBUST, eps=eps) for eps in radii)]
    assert whole_budgets(STUDY, frame(*rows)) == 1
    assert whole_budgets(STUDY, frame(*rows[1:])) == 0
    assert unfinished(STUDY, frame(*rows)) == "Not finished: 1 of 2 budgets, 6 of 12 results"
    assert unfinished(STUDY, frame(*rows, *(replace(row, epsilon=inf) for row in rows))) == ""


def test_what_training_cost_is_in_the_files_and_no_result_that_was_asked_for() -> None:
    cost = replace(CLEAN, metric=SECONDS, value=3.2, n=5)
    rows = frame(CLEAN, ROBUST, OPEN, cost, replace(cost, metric=MEMORY), replace(cost, epsilon=inf))
    assert unfinished(STUDY, rows) == "Not finished: 0 of 2 budgets, 3 of 12 results"
    assert json.loads(study_json(STUDY, "0123", rows))["finished"]["results"] == 3


def test_clipping_alone_is_a_budget_to_be_finished_too() -> None:
    study = resolve(parse({"privacy": {"epsilons": [3, "inf"], "clip_only": True}}))
    of_one = [CLEAN, *(replace(ROBUST, eps=eps) for eps in study.attack.eps or ())]
    open_ = [replace(row, **NO_NOISE) for row in of_one]
    alone = [replace(row, max_grad_norm=0.1) for row in open_]
    assert whole_budgets(study, frame(*of_one, *open_)) == 2
    assert unfinished(study, frame(*of_one, *open_)) == "Not finished: 2 of 3 budgets, 12 of 18 results"
    assert unfinished(study, frame(*of_one, *open_, *alone)) == ""
    assert [entry["max_grad_norm"] for entry in promises(frame(*of_one, *open_, *alone))] == [0.1, 0.1, "inf"]


NO_NOISE: dict[str, Any] = {"epsilon": inf, "noise_multiplier": 0.0, "max_grad_norm": inf}
