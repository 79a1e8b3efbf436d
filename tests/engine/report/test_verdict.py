"""What a self-check says: each sign at its own bound, and which model it is about."""

from dataclasses import replace
from math import inf

import pytest

from engine.report import lines
from engine.report.verdict import Verdict, in_a_sentence, verdicts
from engine.results import Row
from engine.robustness.selfcheck import Shares
from tests.engine.report.rows import CLEAN, OPEN, checked, frame

FINE = {
    "zero_gradients": 0.0,
    "randomised": 0.0,
    "noise": 0.01,
    "one_step": 0.40,
    "many_steps": 0.50,
    "twice_the_steps": 0.50,
    "half_the_radius": 0.20,
    "every_picture": 1.0,
    "black_box": 0.0,
}


def rows(like: Row = CLEAN, **changed: float) -> list[Row]:
    """A self-check of 100 images with 20 steps at 0.1."""
    made = [checked(Shares(name, "pgd", 20, 0.1, value, 100)) for name, value in {**FINE, **changed}.items()]
    kept = ("epsilon", "seed", "noise_multiplier", "max_grad_norm")
    return [replace(row, **{name: getattr(like, name) for name in kept}) for row in made]


def found(**changed: float) -> Verdict:
    (one,) = verdicts(frame(CLEAN, *rows(CLEAN, **changed)))
    return one


def test_nothing_to_warn_of() -> None:
    one = found()
    assert (one.epsilon, one.seed, one.eps, one.n, one.warnings) == (3.0, 0, 0.1, 100, ())
    assert {sign.name for sign in one.signs} == set(FINE) - {"many_steps"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("zero_gradients", 0.0, 0.01),
        ("randomised", 0.0, 0.01),
        ("noise", 0.51, 0.52),  # one image more than the attack may be chance
        ("one_step", 0.52, 0.53),
        ("twice_the_steps", 0.54, 0.55),
        ("half_the_radius", 0.52, 0.53),
        ("every_picture", 0.98, 0.97),
        ("black_box", 0.02, 0.03),
        ("transfer", 0.02, 0.03),
    ],
)
def test_each_sign_has_its_bound_and_is_the_only_one_that_warns(name: str, good: float, bad: float) -> None:
    assert not found(**{name: good}).warnings
    (sign,) = found(**{name: bad}).warnings
    assert sign.name == name
    assert f"{bad:.0%}"[:-1] in sign.told


def test_a_warning_tells_the_numbers_that_make_it() -> None:
    (sign,) = found(one_step=0.7).warnings
    assert sign.told.replace("\u00a0", " ") == "one step breaks 70 %, 20 steps 50 %"


def test_models_are_told_apart_by_budget_repeat_and_clipping() -> None:
    clipped = replace(OPEN, max_grad_norm=0.1)
    all_rows = [*rows(), *rows(replace(CLEAN, seed=1), randomised=1.0), *rows(clipped, noise=0.9), *rows(OPEN)]
    told = {(one.epsilon, one.seed): [sign.name for sign in one.warnings] for one in verdicts(frame(*all_rows))}
    assert told == {(3.0, 0): [], (3.0, 1): ["randomised"], (lines.CLIPPING, 0): ["noise"], (inf, 0): []}


def test_the_sentence_names_the_models_in_doubt() -> None:
    clipped = replace(OPEN, max_grad_norm=0.1)
    doubted = verdicts(frame(*rows(), *rows(clipped, noise=0.9), *rows(OPEN, randomised=0.5)))
    sentence = in_a_sentence(doubted)
    assert "with clipping alone and without privacy" in sentence
    assert "random noise breaks" in sentence
    assert "3" not in sentence.partition(":")[0]
    assert in_a_sentence(verdicts(frame(*rows(), *rows(OPEN)))).endswith("any of the 2 models.")


def test_results_without_a_check_have_no_verdict() -> None:
    assert verdicts(frame(CLEAN, OPEN)) == []
    assert verdicts(frame()) == []
