"""What is said and drawn of what attackers find: nothing is called more than chance that the interval does not bear."""

from dataclasses import replace
from math import inf, log10

import pandas as pd
import pytest

from engine.report import leakage, leakage_figures, lines
from engine.report.leakage import Leakage, Share
from engine.report.palette import LIGHT
from engine.results import ABOVE, LEAKED, Row
from tests.engine.report.membership import GRID, WIDE, everything, found, leaks
from tests.engine.report.rows import CLEAN, OPEN, frame

NBSP = "\u00a0"


def told(times: dict[float, float]) -> str | None:
    """The finding of LiRA at so many times chance by budget."""
    rows = [row for epsilon, many in times.items() for row in leaks(epsilon, many)]
    said = leakage.finding(leakage.leakage(frame(*rows), "lira", tuple(times)))
    return None if said is None else said.replace(NBSP, " ")


def info(*rows: Row) -> Leakage:
    return leakage.leakage(frame(*(rows or everything())), "lira", (1.0, 3.0, inf))


def test_the_strongest_attack_comes_first() -> None:
    assert leakage.attacks(frame(*everything())) == ("lira", "threshold")
    assert leakage.attacks(frame(*leaks(1.0, 1.2, "rmia"), *leaks(1.0, 1.1))) == ("rmia", "lira")
    by_luck = [*leaks(1.0, 1.2, "rmia"), *leaks(1.0, 1.1), *leaks(inf, 5.0, "rmia"), *leaks(inf, 8.0)]
    assert leakage.attacks(frame(*by_luck)) == ("lira", "rmia"), "where there is something to find"
    assert leakage.attacks(frame(CLEAN, OPEN)) == ()
    assert leakage.measured(frame(*everything()))
    assert not leakage.measured(frame(CLEAN, OPEN))


def test_rows_become_what_each_budget_gives_away() -> None:
    shown = info(*everything(), CLEAN, OPEN)
    assert [leak.epsilon for leak in shown.leaks] == [1.0, 3.0, inf]
    leak = shown.of(3.0)
    assert leak is not None
    assert tuple(leak.found) == GRID
    value = found(3.0, 0.01, 2.0)
    assert leak.found[0.01] == Share(value, value * (1 - WIDE), value * (1 + WIDE), tried=2)
    assert leak.allowed[0.1] == pytest.approx(0.27)
    assert leak.above == (0, len(GRID))
    assert leak.targets == 64
    last = shown.of(inf)
    assert last is not None
    assert not last.allowed
    assert last.above is None


def test_clipping_alone_is_a_line_of_its_own() -> None:
    clipped = [replace(row, max_grad_norm=0.1) for row in leaks(inf, 4.0)]
    shown = leakage.leakage(frame(*clipped, *leaks(inf, 8.0)), "lira", (lines.CLIPPING, inf))
    assert [round(leak.found[0.01].value, 3) for leak in shown.leaks] == [0.04, 0.08]
    assert "clipping alone it is **4.0" in str(leakage.finding(shown))


def test_the_finding_names_the_largest_budget_that_hides_who_was_in() -> None:
    said = told({inf: 8.0, 3.0: 2.0, 1.0: 1.1, 0.5: 1.05})
    assert said == (
        "Without privacy, an attacker who accuses 1 % of outsiders wrongly finds **8.0 %** (6.8 to 9.2) of those who "
        "were in; at ε 1 it is **1.1 %** (0.94 to 1.3), no difference from chance that we can measure."
    )


def test_one_budget_at_chance_above_one_that_is_not_hides_nothing() -> None:
    said = str(told({inf: 8.0, 3.0: 2.0, 1.0: 1.1, 0.5: 1.5}))
    assert "at ε 0.5 it is **1.5 %** (1.3 to 1.7), still more than chance" in said
    assert leakage.CHANCE not in said


@pytest.mark.parametrize(
    ("times", "ending"),
    [
        ({inf: 1.1}, f"of those who were in: {leakage.CHANCE}."),
        ({inf: 1.1, 1.0: 1.0}, f"of those who were in: {leakage.CHANCE}."),
        ({inf: 8.0}, "of those who were in."),
        ({inf: 8.0, 8.0: 7.0}, "which is no difference we can measure."),
        ({inf: 8.0, 8.0: 4.0}, "still more than chance."),
        ({8.0: 4.0, 1.0: 1.0}, f"at ε 1 it is **1.0 %** (0.85 to 1.1), {leakage.CHANCE}."),
    ],
)
def test_the_finding_says_no_more_than_intervals_bear(times: dict[float, float], ending: str) -> None:
    said = told(times)
    assert said is not None
    assert said.endswith(ending)
    assert said.startswith("Without privacy" if inf in times else "At ε 8")


def test_chance_is_not_claimed_for_attacks_that_find_more() -> None:
    epsilons = (1.0, inf)
    rows = frame(*leaks(inf, 8.0), *leaks(1.0, 1.1), *leaks(inf, 4.0, "rmia"), *leaks(1.0, 1.5, "rmia"))
    lira, rmia = (leakage.leakage(rows, name, epsilons) for name in ("lira", "rmia"))
    said = str(leakage.finding(lira, {"RMIA": rmia})).replace(NBSP, " ")
    ending = f"{leakage.CHANCE} by this attack, but RMIA **1.5 %** (1.3 to 1.7)."
    assert said.endswith(ending)
    assert ending in leakage.at_budget(lira.of(1.0), 1.0, {"RMIA": rmia}).replace(NBSP, " ")
    weak = leakage.leakage(frame(*leaks(1.0, 1.0, "rmia")), "rmia", epsilons)
    assert str(leakage.finding(lira, {"RMIA": weak})).endswith(f"{leakage.CHANCE}.")


def test_before_anything_is_measured_there_is_no_finding() -> None:
    assert told({}) is None
    assert leakage.finding(info(CLEAN)) is None
    assert leakage.guesses(info(CLEAN)) is None
    assert "not measured yet" in leakage.at_budget(None, 1.0)


def test_a_budget_is_told_with_what_theory_allows() -> None:
    said = leakage.at_budget(info().of(1.0), 1.0).replace(NBSP, " ")
    assert said.startswith("**ε 1:** **1.1 %** (0.94 to 1.3) found at 1 % false alarms, **0.12 %**")
    assert leakage.CHANCE in said
    assert "Theory allows at most 2.7 % at 1 %, and none of 9 measured points lies above its line" in said
    assert said.rstrip().endswith("by more than chance explains.")
    without = leakage.at_budget(info().of(inf), inf)
    assert "8.0 times chance" in without
    assert "no theory limits" in without


def test_a_point_above_what_theory_allows_is_not_passed_over() -> None:
    broken = [replace(row, value=2.0) if row.metric == ABOVE else row for row in everything()]
    said = leakage.at_budget(info(*broken).of(3.0), 3.0)
    assert "**2 of 9 measured points lie above its line** by more than chance explains: unless" in said


def test_guesses_are_told_at_both_ends() -> None:
    said = str(leakage.guesses(info())).replace(NBSP, " ")
    assert "without privacy **57.0 %**" in said
    assert "at ε 1 **57.0 %**" in said
    assert "**64.0 %** (62.7 to 65.3) by one on tampered images" in said
    assert "and **71.0 %** (69.6 to 72.4) compared with models that never had the image (LiRA, offline)" in said


def test_the_chosen_budget_stands_out_beside_what_theory_allows_it() -> None:
    drawn = {one["name"]: one for one in leakage_figures.draw_roc(info(), 3.0)["data"]}
    assert list(drawn) == [f"ε{NBSP}1", f"ε{NBSP}3", "no privacy", "chance", "theory"]
    leak = LIGHT.meanings[2]
    assert [name for name, one in drawn.items() if one["line"]["color"] == leak] == [f"ε{NBSP}3", "theory"]
    assert [name for name, one in drawn.items() if one.get("error_y", {}).get("array")] == [f"ε{NBSP}3"]
    assert drawn["theory"]["y"] == pytest.approx([100 * min(1.0, 2.7 * x) for x in GRID])
    assert drawn["no privacy"]["y"] == pytest.approx([100 * found(inf, x, 8.0) for x in GRID])
    assert "theory" not in {one["name"] for one in leakage_figures.draw_roc(info(), inf)["data"]}


def test_what_a_log_axis_has_no_place_for_is_a_gap_and_no_bar_ends_there() -> None:
    rows = [
        replace(row, value=0.0, low=0.0, high=0.0) if row.eps == 0.001 and row.metric.startswith(LEAKED) else row
        for row in leaks(inf, 8.0)
    ]
    rows = [replace(row, low=-0.01) if row.eps == 0.01 else row for row in rows]
    (line, _) = leakage_figures.draw_roc(info(*rows), inf)["data"]
    assert line["y"][0] is None
    reached = [y - down for y, down in zip(line["y"][1:], line["error_y"]["arrayminus"][1:], strict=True)]
    assert min(reached) == pytest.approx(leakage_figures.FLOOR)
    low, _ = leakage_figures.draw_roc(info(*rows), inf)["layout"]["yaxis"]["range"]
    assert low == pytest.approx(log10(leakage_figures.FLOOR))


def test_by_budget_chance_stands_beside_both_lines() -> None:
    drawn = leakage_figures.draw_by_budget(info(), 3.0)
    few, fewer, *chance = drawn["data"]
    assert few["y"] == pytest.approx([100 * found(epsilon, 0.01, t) for epsilon, t in ((1, 1.1), (3, 2), (inf, 8))])
    assert fewer["y"] == pytest.approx([100 * found(epsilon, 0.001, t) for epsilon, t in ((1, 1.1), (3, 2), (inf, 8))])
    assert [one["y"] for one in chance] == [[1.0, 1.0], [0.1, 0.1]]
    assert [one.get("showlegend") for one in chance] == [True, False]
    assert drawn["layout"]["shapes"][0]["x0"] == few["x"][1], "the chosen budget is marked"


def test_what_is_not_measured_yet_is_not_drawn() -> None:
    some = info(*leaks(inf, 8.0))
    assert [one["name"] for one in leakage_figures.draw_roc(some, 1.0)["data"]] == ["no privacy", "chance"]
    assert leakage_figures.draw_by_budget(some, 1.0)["data"][0]["y"][:2] == [None, None]
    assert "not measured yet" in leakage_figures.roc_in_words(some, 1.0)
    nothing = leakage.leakage(pd.DataFrame(columns=frame().columns), "", (1.0, inf))
    assert "no results yet" in leakage_figures.by_budget_in_words(nothing)
    assert leakage_figures.draw_roc(nothing, 1.0, note="soon")["layout"]["annotations"][0]["text"] == "soon"


def test_charts_are_told_to_those_who_do_not_see_them() -> None:
    said = leakage_figures.roc_in_words(info(), inf).replace(NBSP, " ")
    assert "8.0 % at 1 %" in said
    assert "1.1 % at ε 1, 2.0 % at ε 3 and 8.0 % at no privacy" in leakage_figures.by_budget_in_words(info()).replace(
        NBSP, " "
    )


def test_an_attack_on_tampered_images_opens_only_where_it_surely_finds_more() -> None:
    """Of few images numbers are rough, and the roughest is often the largest."""
    rough = [row for row in leaks(inf, 9.0, "rmia-attacked") if row.metric.endswith("rmia-attacked")]
    strong = [row for row in leaks(inf, 20.0, "lira-attacked") if row.metric.endswith("lira-attacked")]
    assert leakage.attacks(frame(*everything(), *rough))[0] == "lira"
    assert leakage.attacks(frame(*everything(), *strong))[0] == "lira-attacked"


def test_what_is_the_best_of_several_has_to_beat_chance_by_more() -> None:
    """At 1 %, 1.2 % (1.05 to 1.35) is more than chance for one attack that was chosen beforehand."""
    row = replace(leaks(1.0, 1.2)[3], eps=0.01, value=0.012, low=0.0105, high=0.0135)
    others = [replace(row, metric=f"{LEAKED}{name}", value=0.011, low=0.009, high=0.013) for name in "abcdefg"]
    alone, among = (leakage.leakage(frame(*rows), "lira", (1.0,)) for rows in ([row], [row, *others]))
    assert "no difference from chance" not in str(leakage.finding(alone))
    assert "no difference from chance" in str(leakage.finding(among))


def test_where_rare_false_alarms_cannot_be_told_they_have_no_line() -> None:
    rows = [row for row in everything() if not (row.metric.startswith(LEAKED) and row.eps < 0.01)]
    drawn = leakage_figures.draw_by_budget(info(*rows), 3.0)["data"]
    assert [one["name"].replace(NBSP, " ") for one in drawn] == ["at 1 % false alarms", "chance"]
    assert len(leakage_figures.draw_by_budget(info(), 3.0)["data"]) == 4
