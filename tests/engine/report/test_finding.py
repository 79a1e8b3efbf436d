"""The sentence: what is told, what is not told apart, and nothing that was not measured."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import pytest

from engine.events import Stands
from engine.report import paired
from engine.report.finding import finding
from engine.report.words import NBSP
from engine.results import Row
from engine.rows import share
from tests.engine.report.leaks import leaks
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame


def at(row: Row, epsilon: float, value: float, half: float = 0.01, seed: int = 0) -> Row:
    return replace(row, epsilon=epsilon, value=value, low=value - half, high=value + half, seed=seed)


def said(*rows: Row, eps: float | None = 0.1, standing: Sequence[Stands] = ()) -> str | None:
    sentence = finding(frame(*rows), eps, standing)
    return sentence and sentence.replace(NBSP, " ")


def test_clean_and_attacked_costs_are_told_with_their_intervals() -> None:
    rows = [at(CLEAN, 0.5, 0.87), at(OPEN, inf, 0.9), at(ROBUST, 0.5, 0.40), at(ROBUST, inf, 0.70)]
    assert said(*rows) == (
        "Strong privacy (ε 0.5) costs **3 points** (1.6 to 4.4) on clean images, "
        "but **30 points** (29 to 31) once someone tampers with them by 10 %."
    )


def test_overlapping_intervals_are_no_difference() -> None:
    rows = [at(CLEAN, 0.5, 0.89), at(OPEN, inf, 0.9), at(ROBUST, 0.5, 0.40), at(ROBUST, inf, 0.70)]
    sentence = said(*rows)
    assert sentence is not None
    assert "makes no difference we can measure on clean images, but costs **30 points**" in sentence
    nothing = said(*rows[:2], at(ROBUST, 0.5, 0.69), at(ROBUST, inf, 0.70))
    assert nothing is not None
    assert "no difference we can measure, on clean images or once someone tampers" in nothing
    assert "points" not in nothing


def test_a_gain_is_called_a_gain() -> None:
    sentence = said(at(CLEAN, 3.0, 0.80), at(OPEN, inf, 0.90), at(ROBUST, 3.0, 0.50), at(ROBUST, inf, 0.30))
    assert sentence is not None
    assert "Privacy (ε 3) costs **10 points** (8.6 to 11) on clean images, and gains **20 points**" in sentence


def test_without_an_open_model_the_baseline_is_named() -> None:
    sentence = said(at(CLEAN, 1.0, 0.80), at(CLEAN, 8.0, 0.90), eps=None)
    assert sentence == "Strong privacy (ε 1) costs **10 points** (8.6 to 11) on clean images, compared with ε 8."


def test_repeats_widen_the_interval() -> None:
    """Two repeats that disagree by more than the difference of two budgets tell nothing."""
    rows = [
        at(CLEAN, 1.0, 0.80, seed=0),
        at(CLEAN, 1.0, 0.92, seed=1),
        at(OPEN, inf, 0.90),
        at(OPEN, inf, 0.91, seed=1),
    ]
    sentence = said(*rows)
    assert sentence is not None
    assert "no difference we can measure" in sentence


@pytest.mark.parametrize("eps", [None, 0.2])
def test_an_attack_that_was_not_measured_is_not_told(eps: float | None) -> None:
    sentence = said(at(CLEAN, 0.5, 0.6), at(OPEN, inf, 0.9), at(ROBUST, 0.5, 0.2), eps=eps)
    assert sentence == "Strong privacy (ε 0.5) costs **30 points** (29 to 31) on clean images."


def test_a_budget_whose_attack_is_not_through_is_not_compared() -> None:
    sentence = said(at(CLEAN, 0.5, 0.6), at(OPEN, inf, 0.9), at(ROBUST, 0.5, 0.2))
    assert sentence == "Strong privacy (ε 0.5) costs **30 points** (29 to 31) on clean images."


def test_a_strength_that_breaks_everything_says_nothing_about_privacy() -> None:
    rows = [at(CLEAN, 0.5, 0.6), at(OPEN, inf, 0.9), at(ROBUST, 0.5, 0.0), at(ROBUST, inf, 0.01)]
    assert said(*rows) == "Every strength here breaks every model: choose weaker ones, below 10 %."
    rows += [replace(at(ROBUST, epsilon, 0.5), eps=0.05) for epsilon in (0.5, inf)]
    assert said(*rows) == "Every model breaks once someone tampers with them by 10 %: look at a weaker attack."


def test_strengths_that_change_nothing_are_too_weak() -> None:
    rows = [at(CLEAN, 0.5, 0.6), at(OPEN, inf, 0.9)]
    unharmed = [replace(at(ROBUST, e, v), eps=eps) for e, v in ((0.5, 0.6), (inf, 0.9)) for eps in (0.0, 0.1)]
    assert said(*rows, *unharmed) == "No strength here changes what is recognised: choose stronger ones, above 10 %."
    harmed = [*unharmed[:-1], at(ROBUST, inf, 0.8)]
    assert "and **20 points**" in (said(*rows, *harmed) or "")


def test_one_budget_is_told_by_itself() -> None:
    assert said(at(OPEN, inf, 0.9), eps=None) == "Without privacy, **90 %** of images are recognised."


def test_l2_strengths_are_distances() -> None:
    rows = [at(CLEAN, 0.5, 0.6), at(OPEN, inf, 0.9)]
    attacked = [replace(at(ROBUST, e, v), norm="l2", eps=0.5) for e, v in ((0.5, 0.2), (inf, 0.6))]
    sentence = said(*rows, *attacked, eps=0.5)
    assert sentence is not None
    assert sentence.endswith("but **40 points** (39 to 41) under an attack of strength 0.5.")


def test_nothing_measured_is_no_sentence() -> None:
    assert said() is None
    assert said(at(ROBUST, 0.5, 0.2)) is None


def test_equal_costs_are_joined_without_a_but() -> None:
    rows = [at(CLEAN, 0.5, 0.7), at(OPEN, inf, 0.9), at(ROBUST, 0.5, 0.4), at(ROBUST, inf, 0.6)]
    assert "on clean images, and **20 points**" in (said(*rows) or "")


def under_attack(both: int, plain: int, private: int, neither: int) -> tuple[list[Row], list[Stands]]:
    """Two models on the same images at 0.1: rows with Wilson intervals, and how each image stands."""
    broken, whole = 1, 2
    rows, stands = [at(CLEAN, 0.5, 0.89), at(OPEN, inf, 0.9)], []
    for epsilon, one, other in ((inf, whole, broken), (0.5, broken, whole)):
        kept = [whole] * both + [one] * plain + [other] * private + [broken] * neither
        found = share(kept.count(whole), len(kept))
        rows.append(replace(ROBUST, epsilon=epsilon, value=found.value, low=found.low, high=found.high, n=len(kept)))
        stands.append(Stands(epsilon, 0, ("pgd",), (0.0, 0.1), bytes(kept), bytes([255] * len(kept)), done=True))
    return rows, stands


def test_pairing_by_image_finds_a_difference_that_overlapping_intervals_hide() -> None:
    """20 of 200 images are recognised by one model alone: all by the same one."""
    rows, standing = under_attack(100, 20, 0, 80)
    assert "no difference we can measure, on clean images or" in (said(*rows) or "")
    sentence = said(*rows, standing=standing)
    assert sentence is not None
    _, low, high = (100 * part for part in paired.difference(100, 20, 0, 80))
    costs = f"**10 points** ({low:.2g} to {high:.2g})"
    assert f"no difference we can measure on clean images, but costs {costs} once someone tampers" in sentence


def test_a_difference_that_pairing_does_not_find_is_not_told() -> None:
    """The same curves, from models that recognise other images; and intervals apart, where pairs say otherwise."""
    rows, standing = under_attack(20, 100, 80, 0)
    assert said(*rows, standing=standing) == said(*rows)
    apart = [*rows[:2], *(replace(row, low=row.value - 0.01, high=row.value + 0.01) for row in rows[2:])]
    assert "**10 points**" in (said(*apart) or "")
    assert "no difference we can measure, on clean images or" in (said(*apart, standing=standing) or "")


def test_pairs_of_attacks_that_go_on_are_not_used() -> None:
    rows, standing = under_attack(100, 20, 0, 80)
    assert said(*rows, standing=[replace(one, done=False) for one in standing]) == said(*rows)


def test_leakage_is_told_behind_what_is_recognised_and_only_where_it_was_measured() -> None:
    rows = [at(CLEAN, 1.0, 0.87), at(OPEN, inf, 0.9)]
    alone = said(*rows)
    told = said(*rows, *leaks(1.0), *leaks(inf))
    assert told == f"{alone} Leakage falls from **5.5 %** to **1.1 %** of training images found (chance: 1 %)."
    assert said(*rows, *leaks(1.0)) == alone, "half of the study says nothing"
