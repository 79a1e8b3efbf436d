"""Leakage as a line: one attack over all budgets, and a sentence only where it is known which."""

from dataclasses import replace
from math import inf, isnan

import pytest

from engine.report import drawing, figures, membership
from engine.report.lines import CLIPPING
from engine.report.membership import Members
from engine.report.palette import LIGHT
from engine.results import LEAKED, Row
from tests.engine.report.leaks import THEORY, TPR, leaks
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame

GRID = (1.0, 3.0, inf)
CURVES = [replace(CLEAN, epsilon=1.0), CLEAN, OPEN, replace(ROBUST, value=0.5)]
ROWS = [*CURVES, *(row for epsilon in GRID for row in leaks(epsilon))]


def found(*rows: Row, epsilons: tuple[float, ...] = GRID) -> Members:
    return membership.members(frame(*rows), epsilons)


def info(*rows: Row) -> figures.TradeOff:
    return figures.trade_off(frame(*rows), epsilons=GRID, radii=(0.0, 0.1), norm="linf", strength=0.1)


def by(attack: str, epsilon: float, value: float, half: float = 0.001, **changes: float) -> Row:
    like = next(row for row in leaks(epsilon) if row.metric == LEAKED + "lira" and row.eps == 0.01)
    return replace(like, metric=LEAKED + attack, value=value, low=value - half, high=value + half, **changes)


def test_the_strongest_attack_without_privacy_is_shown_at_every_budget() -> None:
    """Where nothing leaks, one attack is above another by chance, and is not taken for it."""
    chance = [by("lira", 1.0, 0.010), by("rmia", 1.0, 0.013), by("lira", inf, 0.05), by("rmia", inf, 0.04)]
    known = found(*CURVES, *chance)
    assert (known.attack, known.title, known.tried) == ("lira", "LiRA", 2)
    assert {epsilon: point.mean for epsilon, point in known.found.items()} == {1.0: 0.010, inf: 0.05}


def test_leakage_is_read_at_one_percent_of_false_positives() -> None:
    known = found(*ROWS)
    assert {epsilon: point.mean for epsilon, point in known.found.items()} == pytest.approx(
        {epsilon: TPR[epsilon] for epsilon in GRID}
    )
    assert membership.allowed(frame(*ROWS)) == {1.0: THEORY[1.0], 3.0: THEORY[3.0]}


def test_before_the_least_private_budget_is_measured_nothing_is_settled() -> None:
    private = [*CURVES, *leaks(1.0), *leaks(3.0)]
    assert not found(*private).settled
    assert found(*ROWS).settled
    assert membership.sentence(found(*private)) == ""
    shown = info(*private)
    assert not shown.leaked.known
    assert [spot.y for spot in shown.leaking] == pytest.approx([1.1, 1.4])
    assert all("provisional" in spot.said for spot in shown.leaking)
    hollow = [trace for trace in drawing.draw_by_budget(shown)["data"] if trace["uid"] == "leaking"]
    assert hollow[0]["marker"]["symbol"] == "circle-open"


def test_the_line_stands_on_the_axis_of_shares_with_its_intervals() -> None:
    shown = info(*ROWS)
    assert not shown.leaking
    assert [spot and round(spot.y, 6) for spot in shown.leaked.spots] == [1.1, 1.4, 5.5]
    assert [spot and round(spot.high, 6) for spot in shown.leaked.spots] == [1.21, 1.54, 6.05]
    trace = next(trace for trace in drawing.draw_by_budget(shown)["data"] if trace["uid"] == "leakage")
    assert trace["line"]["color"] == LIGHT.meanings[2]
    said = trace["hovertext"][2].replace("\u00a0", " ")
    assert "5.5 % of training images found (5.0 % to 6.1 %)" in said
    assert "while 1 % of others are accused: guessing finds 1 %" in said
    assert "LiRA, strongest of 3 attacks tried, 24 models" in said


def test_an_interval_never_leaves_what_a_share_can_be() -> None:
    (spot,) = info(*CURVES, by("lira", inf, 0.01, half=0.05)).leaked.known
    assert (spot.low, round(spot.high, 6)) == (0.0, 6.0)


def test_nothing_changes_where_leakage_was_not_measured() -> None:
    shown = info(*CURVES)
    assert not shown.leaks
    assert membership.members(frame(*CURVES), GRID) == Members()
    drawn = drawing.draw_by_budget(shown)
    assert [trace["uid"] for trace in drawn["data"]] == ["clean", "attacked", "training"]
    assert drawn["layout"]["title"]["text"] == "Images recognised, by privacy budget"
    assert "found" not in figures.by_budget_in_words(shown)


def test_clipping_alone_decides_nothing() -> None:
    """It promises nothing and is no budget; a line through it is the same line."""
    alone = by("rmia", inf, 0.09, noise_multiplier=0.0, max_grad_norm=0.1)
    rows = [*CURVES, by("lira", 1.0, 0.01), by("rmia", 1.0, 0.01), alone]
    known = found(*rows, epsilons=(1.0, CLIPPING))
    assert known.settled
    assert known.attack == "lira"
    assert found(*rows, epsilons=(1.0, CLIPPING, inf)).settled is False


@pytest.mark.parametrize(
    ("private", "opened", "expected"),
    [
        (0.011, 0.055, "Leakage falls from **5.5 %** to **1.1 %** of training images found (chance: 1 %)."),
        (0.055, 0.011, "Leakage rises from **1.1 %** to **5.5 %** of training images found (chance: 1 %)."),
        (0.011, 0.012, "Leakage: no difference we can measure (**1.1 %** of training images are found, chance: 1 %)."),
    ],
)
def test_the_sentence_tells_a_difference_only_where_intervals_part(
    private: float, opened: float, expected: str
) -> None:
    known = found(*CURVES, by("lira", 1.0, private), by("lira", inf, opened))
    assert membership.sentence(known).replace("\u00a0", " ") == expected


def test_one_budget_alone_is_told_as_it_is() -> None:
    said = membership.sentence(found(OPEN, by("lira", inf, 0.055), epsilons=(inf,)))
    assert said.replace("\u00a0", " ") == "Leakage: **5.5 %** of training images are found (chance: 1 %)."


def test_the_made_up_rows_are_such_as_a_study_leaves() -> None:
    assert all(isnan(row.eps) or 0 < row.eps < 1 for row in leaks(inf))
    assert len({row.key for row in leaks(1.0)}) == len(list(leaks(1.0)))
