"""A study that asks for a defence: how it is written, what is refused, what a job does with it."""

from dataclasses import replace
from math import isinf
from pathlib import Path
from typing import Any

import pytest

from engine import guarantees, planning, runs
from engine.data import datasets, entry
from engine.defences import defences
from engine.errors import BadInput
from engine.models import models
from engine.planning import digest, plan, resolve, work
from engine.robustness import attacks
from engine.study import Study, parse
from tests.engine.test_runs import executed, numbers, points

BEFORE = "63d7f6f0f170113d"
NETWORK: dict[str, Any] = {"model": "fast-cnn", "defence": {"training": "n-fgsm"}}


def test_a_study_without_a_defence_is_written_and_named_as_before_there_were_any() -> None:
    for study in (parse({}), resolve(parse({})), resolve(parse({"defence": {"training": "none", "input": "none"}}))):
        assert "defence" not in study.model_dump()
        assert "defence" not in study.model_dump_json()


def test_a_study_of_one_attack_is_named_as_before_there_were_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither defences, nor extras, nor several attacks, nor a source are in what names a study without them."""
    monkeypatch.setitem(attacks.entries, "pgd", replace(attacks["pgd"], version=1))
    assert digest(resolve(parse({"attack": {"name": "pgd", "steps": 40}}))) == BEFORE
    assert digest(resolve(parse({"attack": {"names": ["pgd"], "steps": 40}, "extras": [], "defence": {}}))) == BEFORE


def test_a_defence_is_written_and_read_again() -> None:
    study = resolve(parse({**NETWORK, "defence": {"training": "trades", "input": "jpeg", "eps": 0.07}}))
    assert Study.model_validate_json(study.model_dump_json()) == study
    assert study.defence.name == "trades+jpeg"
    assert resolve(study) == study


@pytest.mark.parametrize("dataset", datasets.names)
def test_the_usual_radius_is_that_of_the_data_set(dataset: str) -> None:
    study = resolve(parse({**NETWORK, "dataset": dataset}))
    assert study.defence.eps == datasets[dataset].facts["trained_eps"]
    assert 0 < datasets[dataset].facts["trained_eps"] <= max(0.1, *datasets[dataset].facts["linf"])


def test_the_facts_of_own_images_hold_a_radius_too() -> None:
    assert entry.TRAINED_EPS in entry.LINF


def test_what_a_defence_is_decides_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [{}, {"training": "trades"}, {"training": "trades", "eps": 0.05}, {"input": "jpeg"}]
    studies = [resolve(parse({"model": "fast-cnn", "defence": defence})) for defence in asked]
    before = [digest(study) for study in studies]
    assert len(set(before)) == len(asked)
    raised = defences["jpeg"].__class__(**{**vars(defences["jpeg"]), "version": 99})
    monkeypatch.setitem(defences.entries, "jpeg", raised)
    assert [digest(study) == old for study, old in zip(studies, before, strict=True)] == [True, True, True, False]


REFUSED = [
    ({"training": "adversaria"}, "training defence 'adversaria' is unknown (did you mean 'adversarial'?); choose from"),
    ({"training": "jpeg"}, "training defence 'jpeg' is unknown"),
    ({"input": "trades"}, "input defence 'trades' is unknown"),
    ({"eps": 0.1}, "defence.eps=0.1 is the radius of a training defence, and there is none"),
    ({"input": "jpeg", "eps": 0.1}, "defence.eps=0.1 is the radius of a training defence, and there is none"),
    ({"training": "trades", "eps": 0.0}, "defence.eps=0.0 is not in (0, 1]"),
    ({"training": "trades", "eps": 1.5}, "defence.eps=1.5 is not in (0, 1]"),
    ({"training": "trades", "eps": "much"}, "defence.eps='much' is not a number in (0, 1]"),
    ({"strength": 1}, "setting 'defence.strength' is unknown"),
]


@pytest.mark.parametrize(("defence", "sentence"), REFUSED)
def test_refuses_in_one_sentence(defence: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        resolve(parse({"model": "fast-cnn", "defence": defence}))
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("model", [name for name in models.names if not planning.defendable(name)])
@pytest.mark.parametrize("training", planning.of_kind("training"))
def test_models_on_features_made_once_refuse_what_changes_pictures_in_training(model: str, training: str) -> None:
    sentence = f"model '{model}' learns from features made once, so '{training}' cannot change what it sees: use one of"
    with pytest.raises(BadInput, match=f"^{sentence} .*cnn.*fast-cnn") as refused:
        resolve(parse({"model": model, "defence": {"training": training}}))
    named = str(refused.value).split("use one of ")[1].split(", ")
    assert named == [name for name in models.names if planning.defendable(name)]
    resolve(parse({"model": model, "defence": {"input": "jpeg"}}))  # a guard stands before any model


def test_a_defended_study_is_expected_to_take_longer_for_its_gradients() -> None:
    jobs = [plan(resolve(parse({"model": "resnet", "defence": d})))[0] for d in ({}, {"training": "adversarial"})]
    plain, defended = (work(job)["train"] for job in jobs)
    assert defended == plain * defences["adversarial"].facts["dearer"] > 2 * plain
    guarded = plan(resolve(parse({"model": "resnet", "defence": {"input": "random-noise"}})))[0]
    assert work(guarded)["attack"] > 20 * work(jobs[0])["attack"]


def small(defence: dict[str, Any], epsilon: float | str) -> Study:
    asked = {"model": "fast-cnn", "privacy": {"epsilons": [epsilon]}, "defence": defence}
    return resolve(parse({**asked, "attack": {"eps": [0.1], "steps": 10, "images": 100}}))


@pytest.mark.parametrize("epsilon", [8, "inf"])
def test_what_is_promised_is_the_same_with_a_defence_and_random_numbers_are_others(
    epsilon: float | str, tmp_path: Path
) -> None:
    """The perturbation of an image uses that image alone, so a step of the same recipe costs what it did."""
    plain, defended = small({}, epsilon), small({"training": "transforms"}, epsilon)
    how = [planning.recipe_of(study, 8.0) for study in (plain, defended)]
    if how[0] == how[1]:
        assert guarantees.releases(plain, tmp_path) == guarantees.releases(defended, tmp_path)
    data = runs.tensors("digits", tmp_path, train=True)
    assert runs.training_identity(plain, data) != runs.training_identity(defended, data)
    guarded = small({"input": "jpeg"}, epsilon)
    assert runs.training_identity(plain, data) == runs.training_identity(guarded, data)  # the same models


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [8, "inf"])
def test_adversarial_training_withstands_what_plain_training_does_not(epsilon: float | str, tmp_path: Path) -> None:
    plain = points(executed(small({}, epsilon), tmp_path / "plain"))
    defended = points(executed(small({"training": "n-fgsm"}, epsilon), tmp_path / "defended"))
    assert {row.defence for row in plain} == {"none"}
    assert {row.defence for row in defended} == {"n-fgsm"}
    value = {(row.defence, row.metric, row.eps): row.value for row in (*plain, *defended)}
    gain = value["n-fgsm", "robust_accuracy", 0.1] - value["none", "robust_accuracy", 0.1]
    assert gain > 0.2
    assert all(isinf(row.epsilon) == (epsilon == "inf") for row in defended)


@pytest.mark.slow
def test_a_guard_is_measured_in_front_of_the_same_models(tmp_path: Path) -> None:
    bare, guarded = (executed(small(d, "inf"), tmp_path / str(d)) for d in ({}, {"input": "squeeze"}))
    assert {row.defence for row in points(guarded)} == {"squeeze"}
    assert numbers(bare).keys() == numbers(guarded).keys()
    assert numbers(bare) != numbers(guarded)
    seconds = [row.seconds for row in points(guarded)]
    assert all(took >= 0 for took in seconds)
