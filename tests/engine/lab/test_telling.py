"""Sentences follow from the numbers, and claim no more."""

from engine.lab.attacking import How
from engine.lab.telling import Told, compared, finding, smallest
from engine.report.words import NBSP

STANDS = Told("no privacy", "coat", "coat", 0.9, True)
FLIPS = Told("ε 3", "coat", "bag", 0.6, True)
WRONG = Told("ε 1", "shirt", "shirt", 0.5, False)


def said(*told: Told, eps: float = 0.02, rough: bool = False) -> str:
    return finding(told, eps, "linf", rough=rough).replace(NBSP, " ").replace("**", "")


def test_who_is_flipped_who_stands_and_who_was_wrong_anyway() -> None:
    assert said(FLIPS, STANDS) == (
        "Tampering by 2 % flips ε 3: it now says bag (60 %); no privacy still says coat (90 %)."
    )
    assert said(STANDS, WRONG) == (
        "Tampering by 2 % with this attack does not flip no privacy (coat, 90 %); another attack may; "
        "misread even without tampering: ε 1 (shirt)."
    )
    assert said(WRONG) == "Misread even without tampering: ε 1 (shirt). Take another picture."
    assert said(STANDS, eps=0).startswith("Nothing is changed yet: no privacy says coat (90 %)")


def test_a_rough_answer_says_so() -> None:
    assert said(FLIPS, rough=True).startswith("A first, rough look: tampering by 2 %")


def test_what_was_not_flipped_is_no_praise() -> None:
    sentence = smallest("a", None, "linf", How("pgd", "linf", 10)).replace(NBSP, " ")
    assert sentence == "No attack we tried up to **30 %** flips it: Many gradient steps, 10 of them"
    assert smallest("a", 0.0, "linf", How("pgd", "linf")) == "Misread **without tampering**"


def test_two_are_compared_only_where_both_were_flipped_and_differ() -> None:
    assert compared(["a", "b"], [0.01, 0.03], "linf") == "On this picture **b** takes 3.0 times what flips **a**."
    assert compared(["a", "b"], [0.03, 0.0295], "linf") == "On this picture both take about the same."
    for found in ([0.01], [0.01, None], [0.0, 0.02]):
        assert compared(["a", "b"], found, "linf") == ""
