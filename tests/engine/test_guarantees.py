"""What a study promises, as pages and files say it."""

import json
from math import inf
from pathlib import Path

import pytest

from engine import guarantees, planning, services
from engine.mechanism import Mechanism
from engine.privacy.accounting import epsilon_spent
from engine.promise import Guarantees
from engine.report.caption import Part, caption
from engine.report.document import described, joint_promise
from engine.settings import Settings
from engine.study import Study, parse
from tests.engine.report.rows import CLEAN, OPEN, frame

DIGITS = {"dataset": "digits", "seeds": 2, "privacy": {"epsilons": [1, 3, "inf"]}}


def resolved(**more: object) -> Study:
    return planning.resolve(parse({**DIGITS, **more}))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def found(cache: Path) -> Guarantees:
    return guarantees.guarantees(resolved(), cache)


def test_each_budget_alone_and_all_models_together(found: Guarantees) -> None:
    assert [one.epsilon for one in found.separate] == [1.0, 3.0]
    for one in found.separate:
        spent = epsilon_spent(one.noise_multiplier, one.sample_rate, one.steps, found.delta)
        assert 0.99 * one.epsilon < spent <= one.epsilon
        assert 1.7 * one.epsilon < one.best_of < 2.5 * one.epsilon
    assert (found.n_models, found.shared, found.unprotected, found.tries) == (4, True, True, 10)
    assert found.other is not None
    assert 3.0 < min(found.joint, found.other) < max(found.joint, found.other) < 2 * (1 + 3)


def test_the_other_sharing_is_what_the_other_study_uses(found: Guarantees, cache: Path) -> None:
    alone = guarantees.guarantees(resolved(privacy={"epsilons": [1, 3], "independent_batches": True}), cache)
    assert (alone.joint, alone.other, alone.shared, alone.unprotected) == (found.other, found.joint, False, False)


def test_networks_know_no_other_sharing(cache: Path) -> None:
    network = guarantees.guarantees(resolved(model="cnn", seeds=1), cache)
    assert (network.shared, network.other) == (False, None)
    assert network.joint > 3.0


def test_without_a_private_model_there_is_nothing_to_promise(cache: Path) -> None:
    nothing = guarantees.guarantees(resolved(privacy={"epsilons": ["inf"]}), cache)
    assert (nothing.separate, nothing.n_models, nothing.joint, nothing.unprotected) == ((), 0, 0.0, True)
    assert joint_promise(nothing) is None


def test_what_is_released_are_all_models_of_all_jobs(cache: Path) -> None:
    said = guarantees.releases(resolved(model="cnn"), cache)
    assert len(said.mechanisms) == 4
    assert len(set(said.mechanisms)) == 2
    assert all(isinstance(one, Mechanism) for one in said.mechanisms)
    assert (said.shared, said.unprotected) == (False, True)
    assert guarantees.releases(resolved(privacy={"epsilons": [1, 3], "clip_only": True}), cache).unprotected


def test_services_answer_as_the_engine_does(found: Guarantees, cache: Path, tmp_path: Path) -> None:
    assert services.guarantees(parse(DIGITS), settings=Settings(home=tmp_path)) == found


def test_study_json_says_it(found: Guarantees) -> None:
    study = resolved()
    said = described(study, "0", frame(CLEAN, OPEN), state="done", seconds=1.0, together=found)["released_together"]
    assert json.loads(json.dumps(said)) == said
    assert (said["epsilon"], said["epsilon_under_the_other_sharing"]) == (found.joint, found.other)
    assert (said["models"], said["batches"], said["released_without_protection_besides"]) == (4, "the same", True)
    assert said["best_of_tries"]["epsilon_by_budget"].keys() == {"1", "3"}
    assert described(study, "0", frame(CLEAN), state="done", seconds=1.0)["released_together"] is None


def test_the_caption_says_it_and_what_the_mode_does_not_promise(found: Guarantees) -> None:
    parts = (Part("digits", "Digits", {}), Part("m", "M", {}), Part("pgd", "PGD", {}))

    def said(mode: str) -> str:
        study = resolved(privacy={"epsilons": [1, 3, inf], "mode": mode})
        return caption(study, "0", frame(CLEAN, OPEN), parts, None, found)

    together = f"All 4 private models, trained on the same batches and released together: ε = {found.joint:.3g}."
    assert together in said("reproducible")
    assert "no guarantee once the seed is known" in said("reproducible")
    assert "not hardened against floating-point attacks" in said("private")
    assert "seed is known" not in said("private")


def test_other_orders_are_another_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Mechanism(0.5, 4.0, 10)
    fine = guarantees._promise(1.0, trained, "PLD", 1e-5, tmp_path).best_of
    monkeypatch.setattr("engine.privacy.joint.ORDERS", (2, 3))
    assert guarantees._promise(1.0, trained, "PLD", 1e-5, tmp_path).best_of > fine
