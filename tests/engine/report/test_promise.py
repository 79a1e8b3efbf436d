"""Promised beside demonstrated: where marks stand, what is told, and that a broken promise is called one."""

from dataclasses import replace
from math import inf, log10
from typing import Any

import pandas as pd
import pytest
from plotly import graph_objects as go

from engine.report import promise, promise_drawing
from engine.report.palette import DARK, LIGHT, LIVE, Palette
from engine.report.promise import Promise, height
from engine.results import ABOVE, DEMONSTRABLE, DEMONSTRATED, LEAKED, Row
from tests.engine.report.leaks import AUDITED, CEILING, GUESSES, THEORY, TPR, leaks
from tests.engine.report.rows import CLEAN, frame
from tests.engine.report.test_figures import colours

GRID = (0.5, 1.0, 3.0, 8.0, inf)
ROWS = [row for epsilon in GRID for row in leaks(epsilon)]
NOTHING_ABOVE = "no measured point lies above what ε allows by more than chance explains"


def info(*rows: Row, epsilons: tuple[float, ...] = GRID) -> Promise:
    return promise.promise(frame(*rows), epsilons)


def changed(metric: str, epsilon: float, **changes: Any) -> list[Row]:
    return [replace(row, **changes) if (row.metric, row.epsilon) == (metric, epsilon) else row for row in ROWS]


def said(known: Promise) -> str:
    return promise.finding(known).replace("\u00a0", " ").replace("**", "")


def traces(figure: dict[str, Any]) -> dict[str, Any]:
    return {trace["uid"]: trace for trace in figure["data"]}


def test_bounds_are_read_with_their_ceilings_and_guesses() -> None:
    known = info(*ROWS)
    assert {kind: {e: b.demonstrated for e, b in found.items()} for kind, found in known.bounds.items()} == AUDITED
    assert {(b.ceiling, b.guesses) for found in known.bounds.values() for b in found.values()} == {(CEILING, GUESSES)}
    assert known.best(1.0) == 0.16
    assert known.above == (0, 4 * 72)


def test_a_bound_without_its_ceiling_is_not_shown() -> None:
    assert not info(*(row for row in ROWS if not row.metric.startswith(DEMONSTRABLE))).bounds


def test_the_upright_axis_is_logarithmic_and_has_a_place_for_nothing() -> None:
    assert height(0.0) == 0
    assert height(10.0) - height(1.0) == pytest.approx(1.0, abs=0.005)
    assert height(100.0) - height(10.0) == pytest.approx(1.0, abs=0.001)
    assert height(0.02) / height(0.01) == pytest.approx(2.0, abs=0.01)


def test_a_demonstration_as_large_as_the_promise_lies_on_the_line() -> None:
    kept = info(*changed(DEMONSTRATED + "orthogonal", 3.0, value=3.0))
    orthogonal = next(line for line in promise.demonstrated(kept) if line.name.endswith("orthogonal"))
    assert orthogonal.spots[2] is not None
    (line,) = [spot for spot in promise.promised(kept).known if spot.x == orthogonal.spots[2].x]
    assert line.y == orthogonal.spots[2].y
    assert len(promise.promised(kept).known) == 4  # nothing is promised without privacy
    below = next(spot for spot in promise.demonstrated(info(*ROWS))[1].spots[2:3])
    assert below is not None
    assert below.y < line.y


def test_kinds_with_one_ceiling_share_its_line() -> None:
    (ceiling,) = promise.ceilings(info(*ROWS))
    assert {spot.y for spot in ceiling.known} == {height(CEILING)}
    assert ceiling.label == "ceiling"
    two = promise.ceilings(info(*changed(DEMONSTRABLE + "orthogonal", 3.0, value=5.0)))
    assert [line.label for line in two] == ["ceiling, mislabelled", "ceiling, planted"]


def test_a_budget_that_was_not_measured_is_a_gap() -> None:
    known = info(*(row for row in ROWS if row.epsilon != 1.0))
    assert [spot is None for spot in promise.demonstrated(known)[0].spots] == [False, True, False, False, False]
    assert promise.found(known).spots[1] is None


def test_members_found_stand_beside_what_theory_allows() -> None:
    known = info(*ROWS)
    assert [spot and 10**spot.y for spot in promise.found(known).spots] == pytest.approx([TPR[e] for e in GRID])
    assert [10**spot.y for spot in promise.permitted(known).known] == pytest.approx(list(THEORY.values()))
    assert {spot.y for spot in promise.guessing(known).known} == {-2}
    first = promise.found(known).known[0]
    assert (10**first.low, 10**first.high) == pytest.approx((0.9 * TPR[0.5], 1.1 * TPR[0.5]))


def test_a_share_of_nothing_has_a_place_on_a_logarithmic_axis() -> None:
    known = info(*changed(LEAKED + "lira", 0.5, value=0.0, low=-0.01, high=0.01))
    spot = promise.found(known).known[0]
    assert (spot.y, spot.low) == (log10(promise.LEAST),) * 2
    low, high = promise_drawing.share_reach(known)
    assert low < spot.low
    assert high > log10(THEORY[8.0])
    assert "0.0 % of training images" in spot.said.replace("\u00a0", " ")


def test_the_finding_names_both_ends_and_the_theory() -> None:
    expected = f"At ε 0.5 we could demonstrate nothing, and 1.5 at ε 8; {NOTHING_ABOVE}."
    assert said(info(*ROWS)) == expected
    assert said(info(*leaks(3.0), epsilons=(3.0,))) == f"At ε 3 we could demonstrate 0.47; {NOTHING_ABOVE}."


def test_nothing_is_said_of_theory_where_nobody_looked() -> None:
    assert "allows" not in said(info(*(row for row in ROWS if row.metric != ABOVE)))


def test_points_above_theory_are_counted() -> None:
    assert "1 of 288 measured points lies above what ε allows" in said(info(*changed(ABOVE, 1.0, value=1.0)))
    assert "2 of 288 measured points lie above what ε allows" in said(info(*changed(ABOVE, 1.0, value=2.0)))


def test_a_bound_above_the_promise_is_called_a_broken_promise_or_chance() -> None:
    broken = said(info(*changed(DEMONSTRATED + "mislabelled", 1.0, value=1.01)))
    assert broken.startswith("At ε 1 we could demonstrate 1.01, more than was promised")
    assert "does not keep its promise" in broken
    assert "at one budget in 20" in broken
    assert "more than was promised" not in said(info(*changed(DEMONSTRATED + "mislabelled", 1.0, value=0.99)))


def test_without_privacy_nothing_is_promised_so_nothing_is_broken() -> None:
    assert said(info(*leaks(inf), epsilons=(inf,))) == ""


def test_a_study_that_did_not_measure_it_is_empty() -> None:
    nothing = info(CLEAN)
    assert nothing.empty
    assert not promise.measured(frame(CLEAN))
    assert promise.measured(frame(*ROWS))
    assert promise.in_words(nothing)[0].endswith("No results yet.")
    for draw in (promise_drawing.draw_epsilons, promise_drawing.draw_members):
        assert go.Figure(draw(nothing, note="None yet")).layout.annotations[0].text == "None yet"


@pytest.mark.parametrize("palette", [LIGHT, DARK, LIVE])
def test_every_colour_is_one_of_the_palette(palette: Palette) -> None:
    allowed = {palette.text, palette.background, palette.grid, palette.accent, *palette.meanings, *palette.ordered}
    for draw in (promise_drawing.draw_epsilons, promise_drawing.draw_members):
        assert set(colours(draw(info(*ROWS), palette))) <= allowed


def test_kinds_of_canaries_differ_by_more_than_colour_and_all_is_inside() -> None:
    figure = promise_drawing.draw_epsilons(info(*ROWS))
    go.Figure(figure)
    drawn = traces(figure)
    looks = {(drawn[f"demonstrated-{kind}"]["line"]["dash"], drawn[f"demonstrated-{kind}"]["marker"]["symbol"])
             for kind in AUDITED}  # fmt: skip
    assert len(looks) == 2
    low, high = figure["layout"]["yaxis"]["range"]
    assert all(low < y < high for trace in figure["data"] for y in trace["y"] if y is not None)
    assert figure["layout"]["yaxis"]["ticktext"] == ["0", "0.1", "0.3", "1", "3", "10"]


def test_what_is_told_of_a_mark() -> None:
    orthogonal = promise.demonstrated(info(*ROWS))[1].spots[2]
    assert orthogonal is not None
    told = orthogonal.said.replace("\u00a0", " ")
    assert "ε 3, planted gradients" in told
    assert "ε of at least 0.47 demonstrated" in told
    assert "from 200 guesses,<br>which could show 4.2 at most" in told
    nothing = promise.demonstrated(info(*ROWS))[0].spots[0]
    assert nothing is not None
    assert "nothing demonstrated" in nothing.said


def test_the_table_holds_every_number_once() -> None:
    table = promise.table(info(*ROWS))
    assert list(table.columns) == ["budget", "measured", "value", "low", "high", "most", "of"]
    assert len(table) == 3 * len(GRID)
    bound = table[(table["budget"] == "3") & (table["measured"] == DEMONSTRATED + "orthogonal")].iloc[0]
    assert (bound["value"], bound["most"], bound["of"]) == (0.47, CEILING, GUESSES)
    members = table[(table["budget"] == "8") & (table["measured"] == LEAKED + "lira")].iloc[0]
    assert members["value"] == pytest.approx(TPR[8.0])
    assert members["most"] == THEORY[8.0]
    last = table[(table["budget"] == "none") & table["measured"].str.startswith(LEAKED)].iloc[0]
    assert pd.isna(last["most"])


def test_the_takeaway_is_said_for_those_who_do_not_see() -> None:
    epsilons, members = (told.replace("\u00a0", " ") for told in promise.in_words(info(*ROWS)))
    assert "ε 3: 0.47 demonstrated." in epsilons
    assert "ε 3: 1.4 % found, 5.2 % allowed." in members
    assert members.endswith("no privacy: 5.5 % found.")
