"""The caption names all that a reader has to know, and no more than was measured."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from engine.planning import resolve
from engine.report.caption import Part, caption
from engine.study import parse
from tests.engine.report.leaks import leaks
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame
from tests.engine.report.test_export import PARTS, ROWS

PLAIN: dict[str, Any] = {"privacy": {"epsilons": [3, "inf"]}, "attack": {"eps": [0, 0.1]}}


def said(*rows: Any, strength: float | None = 0.1, parts: tuple[Part, Part, Part] = PARTS, **changes: Any) -> str:
    study = resolve(parse({**PLAIN, **changes}))
    return caption(study, "0123456789abcdef", frame(*(rows or ROWS)), parts, strength).replace("\u00a0", " ")


@pytest.mark.parametrize(
    "words",
    [
        "Data: Handwritten digits (digits; UCI), 1,437 training images, 360 test images.",
        "Model: fast model (scattering-linear), trained differentially private at ε = 3 and without privacy, 1 model",
        "δ = 1e-5, unit of privacy: one image added or removed, accountant: PLD, mode: reproducible",
        "each ε holds for one model alone",
        "Attack: Many gradient steps (pgd; arXiv:1706.06083), norm Linf, eps 0, 0.1 in pixel units of [0, 1], 20 steps",
        "the first 360 test images, 1 model a budget",
        "clean and attacked by 10 % (eps 0.1, the dashed vertical line)",
        "Bars: 95 % Wilson intervals over the test images; one model a budget, so the spread of repeats is unknown.",
        "no guarantee once the seed is known",
        "upper bounds: a stronger attack than the one we tried may find more",
        "Frontier 0.1.0, study 0123456789abcdef.",
    ],
)
def test_it_names(words: str) -> None:
    assert words in said()


def test_it_is_one_paragraph_with_the_finding_in_plain_text() -> None:
    rows = [replace(CLEAN, value=0.9, low=0.89, high=0.91), replace(OPEN, value=0.98, low=0.97, high=0.99)]
    rows += [replace(ROBUST, epsilon=row.epsilon, eps=eps, value=0.5 - eps) for row in rows for eps in (0.0, 0.1)]
    assert "Privacy (ε 3) costs 8 points (6.6 to 9.4) on clean images" in said(*rows)
    assert "points (" not in said(*rows[:-1]), "a finding from half a study"
    assert "\n" not in said()
    assert "*" not in said()


def test_a_study_that_is_not_finished_says_so_first() -> None:
    assert said(CLEAN, ROBUST).startswith("Not finished: 0 of 2 budgets, 2 of 6 results. ")
    assert "Not finished" not in said()


def test_without_attacked_results_no_attack_is_described() -> None:
    words = said(CLEAN, OPEN)
    assert "No result under attack." in words
    assert "steps" not in words


def test_a_defence_is_named_with_the_radius_that_training_used() -> None:
    assert "Defence:" not in said()
    assert "Defence: trades+jpeg, trained within eps 0.1." in said(
        model="cnn", defence={"training": "trades", "input": "jpeg", "eps": 0.1}
    )
    assert "Defence: jpeg. " in said(defence={"input": "jpeg"})


def test_without_privacy_nothing_is_promised() -> None:
    words = said(OPEN, privacy={"epsilons": ["inf"]})
    assert "trained without privacy, 1 model a budget." in words
    assert "δ" not in words


def test_repeats_widen_the_intervals() -> None:
    rows = [replace(row, seed=seed) for row in (CLEAN, OPEN) for seed in range(3)]
    words = said(*rows, seeds=3)
    assert "3 models a budget" in words
    assert "widened to the smallest and largest; attacked points are of one model." in words
    both = said(*rows, seeds=3, attack={"eps": [0, 0.1], "seeds": 3})
    assert "widened to the smallest and largest. " in both


def test_other_attacks_and_parts_that_are_gone() -> None:
    gone = tuple(Part(name, name, {}) for name in ("folder:cats", "old", "fgsm"))
    attack = {"name": "fgsm", "norm": "l2", "eps": [0, 0.5]}
    rows = [replace(CLEAN, epsilon=inf), replace(ROBUST, attack="fgsm", norm="l2", eps=0.5, attack_steps=1)]
    words = said(*rows, strength=0.5, parts=(gone[0], gone[1], gone[2]), attack=attack)
    assert "Data: folder:cats (folder:cats), 360 test images." in words
    assert "norm L2, eps 0, 0.5 in pixel units of [0, 1], 1 step," in words
    assert "attacked by 0.5 (eps 0.5, the dashed" in words


def test_leakage_is_described_where_it_was_measured() -> None:
    told = said(*ROWS, *leaks(3.0), *leaks(inf))
    assert "Leakage: members found at 1 % false positives by LiRA, the strongest of 3 membership attacks" in told
    assert "mean of 24 models a budget trained alike on random halves of a pool, 95 % Student intervals" in told
    assert "Leakage" not in said()
