"""Leakage as a line: one attack over all budgets, and a sentence only where it is known which."""

from dataclasses import replace
from math import inf, isnan
from typing import Any

import pytest

from engine.report import drawing, figures, membership
from engine.report.lines import CLIPPING
from engine.report.membership import Members
from engine.report.palette import LIGHT
from engine.results import DEMONSTRATED, LEAKED, Row
from tests.engine.report.leaks import THEORY, TPR, leaks
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame

GRID = (1.0, 3.0, inf)
CURVES = [replace(CLEAN, epsilon=1.0), CLEAN, OPEN, replace(ROBUST, value=0.5)]
ROWS = [*CURVES, *(row for epsilon in GRID for row in leaks(epsilon))]


def found(*rows: Row, epsilons: tuple[float, ...] = GRID) -> Members:
    return membership.members(frame(*rows), epsilons)


def info(*rows: Row) -> figures.TradeOff:
    return figures.trade_off(frame(*rows), epsilons=GRID, radii=(0.0, 0.1), norm="linf", strength=0.1)


def by(attack: str, epsilon: float, value: float, half: float = 0.001, **changes: Any) -> Row:
    like = next(row for row in leaks(epsilon) if row.metric == LEAKED + "lira" and row.eps == 0.01)
    return replace(like, metric=LEAKED + attack, value=value, low=value - half, high=value + half, **changes)


def audit(epsilon: float) -> Row:
    return next(row for row in leaks(epsilon) if row.metric.startswith(DEMONSTRATED))


def test_the_strongest_attack_without_privacy_is_shown_at_every_budget() -> None:
    """Where nothing leaks, one attack is above another by chance, and is not taken for it."""
    chance = [by("lira", 1.0, 0.010), by("rmia", 1.0, 0.013), by("lira", inf, 0.05), by("rmia", inf, 0.04)]
    chance += [audit(1.0), audit(inf)]
    known = found(*CURVES, *chance, epsilons=(1.0, inf))
    assert (known.attack, known.title, known.tried) == ("lira", "LiRA", 2)
    assert {epsilon: point.mean for epsilon, point in known.found.items()} == {1.0: 0.010, inf: 0.05}


def test_leakage_is_read_at_one_percent_of_false_positives() -> None:
    known = found(*ROWS)
    assert {epsilon: point.mean for epsilon, point in known.found.items()} == pytest.approx(
        {epsilon: TPR[epsilon] for epsilon in GRID}
    )
    assert membership.allowed(frame(*ROWS)) == {1.0: THEORY[1.0], 3.0: THEORY[3.0]}


def test_while_models_are_still_to_be_attacked_marks_are_hollow_and_nothing_is_told() -> None:
    """An audit comes when all models of a budget were attacked; what is told before is told again of more."""
    early = [row for row in ROWS if not row.metric.startswith(DEMONSTRATED)]
    known = found(*early)
    assert (known.found, known.settled) == ({}, False)
    assert {epsilon: round(point.mean, 6) for epsilon, point in known.forming.items()} == {
        1.0: 0.011,
        3.0: 0.014,
        inf: 0.055,
    }
    assert membership.sentence(known) == ""
    shown = info(*early)
    assert not shown.leaked.known
    assert [spot.y for spot in shown.leaking] == pytest.approx([1.1, 1.4, 5.5])
    assert all("more are being attacked, provisional" in spot.said for spot in shown.leaking)
    hollow = [trace for trace in drawing.draw_by_budget(shown)["data"] if trace["uid"] == "leaking"]
    assert hollow[0]["marker"]["symbol"] == "circle-open"


def test_before_the_least_private_budget_is_measured_nothing_is_settled() -> None:
    """Which attack is the strongest is not known yet."""
    private = found(*CURVES, *leaks(1.0), *leaks(3.0))
    assert (private.found, private.settled) == ({}, False)
    assert found(*ROWS).settled


def test_a_budget_that_is_still_missing_keeps_the_sentence_back_but_not_the_marks() -> None:
    part = found(*CURVES, *leaks(3.0), *leaks(inf))
    assert set(part.found) == {3.0, inf}
    assert not part.settled
    assert membership.sentence(part) == ""


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
    (spot,) = info(*CURVES, by("lira", inf, 0.01, half=0.05), audit(inf)).leaked.known
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
    """It promises nothing and is no budget; without rows of the largest budget nothing is settled."""
    alone = by("rmia", inf, 0.09, noise_multiplier=0.0, max_grad_norm=0.1)
    rows = [*CURVES, by("lira", 1.0, 0.01), by("rmia", 1.0, 0.01), alone, audit(1.0)]
    known = found(*rows, epsilons=(1.0, CLIPPING))
    assert known.settled
    assert known.attack == "lira"
    assert not found(*rows, epsilons=(1.0, CLIPPING, inf)).settled


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
    rows = [by("lira", 1.0, private), by("lira", inf, opened), audit(1.0), audit(inf)]
    known = found(*CURVES, *rows, epsilons=(1.0, inf))
    assert membership.sentence(known).replace("\u00a0", " ") == expected


def test_one_budget_alone_is_told_as_it_is() -> None:
    said = membership.sentence(found(OPEN, by("lira", inf, 0.055), audit(inf), epsilons=(inf,)))
    assert said.replace("\u00a0", " ") == "Leakage: **5.5 %** of training images are found (chance: 1 %)."


def test_the_made_up_rows_are_such_as_a_study_leaves() -> None:
    assert all(isnan(row.eps) or 0 < row.eps < 1 for row in leaks(inf))
    assert len({row.key for row in leaks(1.0)}) == len(list(leaks(1.0)))
