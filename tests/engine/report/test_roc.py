"""What is drawn and said of the line that no attack gets above."""

import pytest

from engine.report import roc

ALARMS = (0.001, 0.01, 0.1, 1.0)


@pytest.fixture
def info() -> roc.Roc:
    return roc.roc(1.0, 1e-5, ALARMS, (0.0024, 0.0197, 0.155, 1.0))


def test_the_finding_counts_members_in_a_hundred(info: roc.Roc) -> None:
    said = roc.finding(info).replace("\u00a0", " ")
    assert "At **ε 1**" in said
    assert "finds at most **2 in 100** members" in said
    assert "could only say 2.7" in said  # exp(1) * 0.01 + 1e-5


def test_neither_bound_is_above_the_promise() -> None:
    rounded = roc.roc(1.0, 1e-5, ALARMS, (0.9, 0.9, 0.9, 1.0))
    assert rounded.trained == rounded.promised


def test_curves_are_drawn_with_the_point_that_is_told(info: roc.Roc) -> None:
    by_name = {one["uid"]: one for one in roc.draw(info)["data"]}
    assert by_name["trained"]["y"] == list(info.trained)
    assert by_name["guessing"]["y"] == list(ALARMS)
    assert by_name["told"]["y"] == [0.0197]
    assert all(a <= b for a, b in zip(by_name["trained"]["y"], by_name["promised"]["y"], strict=True))


def test_the_takeaway_says_the_numbers(info: roc.Roc) -> None:
    assert "2.0\u00a0% at 1\u00a0% false alarms, 15.5\u00a0% at 10" in roc.in_words(info)
