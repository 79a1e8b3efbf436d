"""What may be asked: everything else is one sentence."""

from typing import Any

import pytest

from engine.errors import BadInput
from engine.lab import asked
from engine.lab.asked import Tamper, parse
from engine.registry import Entry
from engine.robustness import attacks

GOOD: dict[str, Any] = {"what": "tamper", "models": ["a"], "picture": {"index": 3}, "eps": 0.02}
BAD: dict[str, dict[str, Any]] = {
    "choose from: copy, hard, hold, images": {"what": "dance"},
    "attack 'magic' is unknown": {"attack": "magic"},
    "norm='l7'": {"norm": "l7"},
    "eps=0.4 is not in [0, 0.3]": {"eps": 0.4},
    "eps=-0.1": {"eps": -0.1},
    "eps=nan": {"eps": float("nan")},
    "steps=1000": {"steps": 1000},
    "steps='10'": {"steps": "10"},
    "seed=1.5": {"seed": 1.5},
    "picture.index=-1": {"picture": {"index": -1}},
    "name a test image by its index": {"picture": {}},
    "or send pixels": {"picture": {"index": 1, "pixels": "AAAA"}},
    "'path' is no setting": {"path": "/etc/passwd"},
    "'picture.path' is no setting": {"picture": {"index": 1, "path": "/etc/passwd"}},
    "models=[]": {"models": []},
    "models=['a', 'b', 'c']": {"models": ["a", "b", "c"]},
}


@pytest.mark.parametrize(("sentence", "changed"), BAD.items())
def test_what_is_wrong_is_said_in_one_sentence(sentence: str, changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        parse(GOOD | changed)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("values", [None, [], "tamper", {}, 3])
def test_what_is_no_question_is_none(values: Any) -> None:
    with pytest.raises(BadInput):
        parse(values)


def test_a_good_question_has_defaults() -> None:
    question = parse(GOOD)
    assert isinstance(question, Tamper)
    assert (question.attack, question.norm, question.steps, question.seed, question.refine) == (
        "pgd",
        "linf",
        10,
        0,
        False,
    )


def test_an_attack_that_needs_a_second_model_is_refused_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    transfer = Entry("transfer", 1, {"norms": ("linf",), "needs": "source"}, "", "", "")
    monkeypatch.setattr(asked, "offered", lambda: {"transfer": transfer})
    with pytest.raises(BadInput, match="choose two models"):
        parse(GOOD | {"attack": "transfer"})
    parse(GOOD | {"attack": "transfer", "models": ["a", "b"]})


def test_attacks_without_a_radius_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Entry("stuck", 1, {"norms": ("patch",)}, "", "", "")
    monkeypatch.setitem(attacks.entries, "stuck", stuck)
    assert "stuck" not in asked.offered()
    assert "pgd" in asked.offered()
