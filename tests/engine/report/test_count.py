"""What is drawn and said of a count with noise."""

from math import exp

import pytest

from engine.privacy import mechanisms
from engine.privacy.mechanisms import GAUSSIAN, LAPLACE
from engine.report import count
from engine.report.count import Answer


def answered(*values: float, epsilon: float = 0.5) -> list[Answer]:
    return [Answer(LAPLACE, epsilon, 1 / epsilon, value) for value in values]


def line(figure: dict, name: str) -> dict:
    return next(one for one in figure["data"] if one["uid"] == name)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 8.0])
def test_the_curves_stand_one_image_apart_and_differ_by_exp_epsilon(epsilon: float) -> None:
    figure = count.draw(count.count(143, LAPLACE, epsilon, 1e-5))
    there, gone = line(figure, "with"), line(figure, "without")
    assert there["x"][there["y"].index(max(there["y"]))] == 143
    assert gone["x"][gone["y"].index(max(gone["y"]))] == 142
    at = dict(zip(gone["x"], gone["y"], strict=True))[143]
    assert max(there["y"]) / at == pytest.approx(exp(epsilon), rel=0.15 if epsilon == 8 else 0.002)


def test_answers_are_marked_and_far_ones_at_the_ends_of_the_axis() -> None:
    figure = count.draw(count.count(143, LAPLACE, 1.0, 1e-5, answered(141.2, 300.0)))
    marks = line(figure, "answers")
    assert marks["x"] == [141.2, 143 + count.REACH]
    assert "answered 300.0" in marks["hovertext"][1]
    assert "average 220.6" in [one["text"] for one in figure["layout"]["annotations"]]


def test_a_finding_names_the_factor_and_the_error() -> None:
    said = count.finding(count.count(143, LAPLACE, 2.0, 1e-5)).replace("\u00a0", " ")
    assert said == (
        "At **ε 2** no answer gets more than **7.39 times** as likely or unlikely when the image joins; "
        "an answer is off by **0.5 images** on average."
    )
    gaussian = count.finding(count.count(143, GAUSSIAN, 2.0, 1e-5))
    assert "but for a chance of 1e-5" in gaussian


def test_what_is_spent_is_said_with_what_it_gives_away() -> None:
    assert count.budget_spent([], 1e-5) == "Nobody has asked yet: nothing is spent."
    once = count.budget_spent(answered(141.0), 1e-5).replace("\u00a0", " ")
    assert once == "One answer, **141.0**: **ε 0.5** is spent."
    often = count.budget_spent(answered(*([142.0, 144.0] * 10)), 1e-5).replace("\u00a0", " ")
    assert "20 answers have spent **ε 10** together" in often
    assert "**143.0**, give or take 0.63 images" in often  # sqrt(2 * 2**2 / 20)


def test_exacter_answers_count_more() -> None:
    vague, exact = Answer(LAPLACE, 0.1, 10.0, 0.0), Answer(LAPLACE, 1.0, 1.0, 10.0)
    guess, off = count.best_guess([vague, exact])
    assert guess == pytest.approx(10 * 100 / 101)
    assert off**2 < mechanisms.variance(LAPLACE, 1.0)


def test_the_takeaway_follows_the_budget() -> None:
    told = [count.in_words(count.count(5, LAPLACE, epsilon, 1e-5)) for epsilon in (0.1, 1.0, 8.0)]
    assert ["nearly the same" in told[0], "overlapping" in told[1], "clearly apart" in told[2]] == [True] * 3
