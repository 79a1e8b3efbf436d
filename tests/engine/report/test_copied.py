"""What is said of copies is said of the numbers that are drawn."""

from math import inf, log10

import pytest

from engine.report.copied import Copies, Interval, Point, draw, finding, in_words
from engine.report.palette import LIVE

RIGHT: Interval = (0.9, 0.88, 0.92)


def point(queries: int, agreement: float, answers: str = "labels", right: float | None = None) -> Point:
    right = agreement - 0.05 if right is None else right
    return Point(queries, answers, around(agreement), around(right))


def around(value: float) -> Interval:
    return value, value - 0.01, value + 0.01


def copies(*points: Point, epsilon: float = inf) -> Copies:
    return Copies("no privacy" if epsilon == inf else f"ε {epsilon:g}", epsilon, RIGHT, points, (20, 200, 2000))


def said(*infos: Copies) -> str:
    return finding(infos).replace("\u00a0", " ")


def test_one_model_by_the_most_questions_and_labels_alone() -> None:
    told = said(copies(point(20, 0.4), point(200, 0.8), point(200, 0.85, "probabilities")))
    assert told == (
        "After **200 questions** answered by a label alone, a copy of the model (no privacy) says the same as it on "
        "**80 %** of new images and is right on 75 %; the model itself is right on 90 %."
    )


@pytest.mark.parametrize(
    ("private", "end"),
    [
        (0.805, "no difference between them that we can measure."),
        (0.88, "**ε 1** is copied more closely."),
        (0.70, "**ε 1** is copied less closely, by 10 points."),
    ],
)
def test_two_models_differ_only_where_their_intervals_are_apart(private: float, end: str) -> None:
    plain, other = copies(point(200, 0.8)), copies(point(200, private, right=0.5), epsilon=1)
    assert said(plain, other).endswith(end)
    assert said(other, plain) == said(plain, other), "whichever stands first"
    assert f"**80 %** (no privacy) and **{round(100 * private)} %** (ε 1) of new images" in said(plain, other)
    assert "is right on 75 % and 50 %, where the models themselves are on 90 % and 90 %" in said(plain, other)


def test_less_agreement_is_no_protection_where_the_copy_is_as_good_as_the_model() -> None:
    """A noisy model errs in its own way; a copy learns what is right from its answers, and not its errors."""
    plain, noisy = copies(point(200, 0.9)), copies(point(200, 0.6, right=0.885), epsilon=1)
    assert said(plain, noisy).endswith("**privacy does not keep ε 1 from being copied**, its copy is as good as it is.")
    assert "less closely" in said(plain, copies(point(200, 0.6, right=0.86), epsilon=1))
    assert "keep" not in said(noisy, noisy), "nobody is the more private one"


def test_two_models_are_compared_at_the_same_questions() -> None:
    ahead = copies(point(20, 0.4), point(200, 0.8), point(2000, 0.9))
    assert "After **200 questions**" in said(ahead, copies(point(20, 0.4), point(200, 0.8), epsilon=1))
    only = said(ahead, copies(point(20, 0.3, "probabilities"), epsilon=1))
    assert "After **2,000 questions**" in only, "nothing was asked of both alike: the first one"
    assert "ε 1" not in only


def test_nothing_is_said_of_nothing() -> None:
    assert said(copies()) == ""
    assert "yet" in in_words(copies())
    assert said(copies(), copies(point(20, 0.3), epsilon=1)).startswith("After **20 questions**")


def test_the_drawing_holds_the_numbers_and_their_intervals() -> None:
    figure = draw(copies(point(200, 0.8), point(20, 0.4), point(20, 0.5, "probabilities")), LIVE)
    lines = {one["uid"]: one for one in figure["data"]}
    agree = lines["agree-labels"]
    assert agree["x"] == [log10(20), log10(200)]
    assert agree["y"] == pytest.approx([40, 80])
    assert agree["error_y"]["array"] == pytest.approx([1, 1])
    assert lines["agree-probabilities"]["y"] == pytest.approx([50])
    assert lines["right-labels"]["y"] == pytest.approx([35, 75])
    assert lines["original"]["y"] == [90, 90]
    assert agree["line"]["color"] == LIVE.meanings[2], "leakage has the third colour"
    assert figure["layout"]["xaxis"]["tickvals"] == [log10(n) for n in (20, 200, 2000)], "room for what is to come"


def test_a_chart_without_points_says_why() -> None:
    figure = draw(Copies("ε 1", 1.0, None, (), (20, 200)), note="Not asked yet")
    assert figure["layout"]["annotations"][0]["text"] == "Not asked yet"
    assert "original" not in {one["uid"] for one in figure["data"]}
