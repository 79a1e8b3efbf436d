"""The frontier: what is dominated is what the definition says, and it alone is dimmed."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly import graph_objects as go

from engine.report import frontier
from engine.report.frontier import DIMMED, Frontier, dominated
from engine.report.lines import CLIPPING
from engine.report.palette import DARK, LIGHT, LIVE, Palette
from engine.report.surface import Defended
from engine.results import Row
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame
from tests.engine.report.test_figures import colours

FEW = st.sampled_from([0.5, 1.0, 3.0, inf]), st.integers(0, 3), st.integers(0, 3)


@given(st.lists(st.tuples(*FEW), max_size=12))
def test_dominated_is_what_the_definition_says(points: list[tuple[float, int, int]]) -> None:
    def naive(i: int) -> bool:
        epsilon, clean, robust = points[i]
        for other_epsilon, other_clean, other_robust in points:
            private, accurate, strong = other_epsilon <= epsilon, other_clean >= clean, other_robust >= robust
            better = other_epsilon < epsilon or other_clean > clean or other_robust > robust
            if private and accurate and strong and better:
                return True
        return False

    found = dominated(points)
    assert found == [naive(i) for i in range(len(points))]
    assert not points or not all(found), "somebody is always best"


@given(st.lists(st.tuples(*FEW), min_size=1, max_size=12), st.integers(0, 11))
def test_without_the_dominated_ones_the_others_stay(points: list[tuple[float, int, int]], start: int) -> None:
    best = [point for point, beaten in zip(points, dominated(points), strict=True) if not beaten]
    assert not any(dominated(best))
    turned = points[start % len(points) :] + points[: start % len(points)]
    assert sorted(best) == sorted(p for p, beaten in zip(turned, dominated(turned), strict=True) if not beaten)


def study(label: str, digest: str, *measured: tuple[Row, float, float]) -> Defended:
    rows: list[Row] = []
    for row, clean, robust in measured:
        rows.append(replace(row, value=clean))
        attacked = replace(row, metric="robust_accuracy", attack="pgd", norm="linf", eps=ROBUST.eps, value=robust)
        rows.append(attacked)
    budgets = tuple(CLIPPING if row.clip_only else row.epsilon for row, _, _ in measured)
    return Defended(label, digest, budgets, frame(*rows))


ALONE = replace(OPEN, max_grad_norm=0.1)
PLAIN = study("plain", "aaaa", (CLEAN, 0.8, 0.1), (ALONE, 0.9, 0.2), (OPEN, 0.9, 0.2))
ADVERSARIAL = study("<adversarial>", "bbbb", (CLEAN, 0.7, 0.5), (OPEN, 0.85, 0.2))
WORSE = study("worse", "cccc", (CLEAN, 0.6, 0.1))


def info(*entries: Defended) -> Frontier:
    return frontier.frontier(entries or (PLAIN, ADVERSARIAL, WORSE), strength=0.1, norm="linf")


def test_marks_stand_at_their_budget_and_know_their_study() -> None:
    found = info()
    assert [(one.digest, one.epsilon, one.dominated) for one in found.candidates] == [
        ("aaaa", 3.0, False),
        ("aaaa", CLIPPING, False),
        ("aaaa", inf, False),
        ("bbbb", 3.0, False),
        ("bbbb", inf, True),
        ("cccc", 3.0, True),
    ]
    assert found.epsilons == (3.0, CLIPPING, inf)


def test_clipping_alone_promises_no_more_than_nothing() -> None:
    better = study("plain", "aaaa", (ALONE, 0.9, 0.2), (OPEN, 0.91, 0.2))
    assert [one.dominated for one in info(better).candidates] == [True, False]


def test_what_is_dominated_is_faint_and_every_mark_carries_its_digest() -> None:
    figure = go.Figure(frontier.draw(info()))
    assert len(figure.data) == 2 * 3 * 2
    for trace in figure.data:
        assert trace.opacity == (DIMMED if trace.uid.endswith("dominated") else 1)
        assert len(trace.customdata) == len(trace.x)
        assert set(trace.customdata) <= {trace_digest(trace.uid)}
    faint = {t.uid: t.customdata for t in figure.data if t.opacity == DIMMED and t.xaxis == "x"}
    assert faint == {"robust-0-dominated": (), "robust-1-dominated": ("bbbb",), "robust-2-dominated": ("cccc",)}
    robust, clean = (sorted(y for t in figure.data if t.xaxis == axis for y in t.y) for axis in ("x", "x2"))
    assert robust == pytest.approx([10, 10, 20, 20, 20, 50])
    assert clean == pytest.approx([60, 70, 80, 85, 90, 90])


def trace_digest(uid: str) -> str:
    return ("aaaa", "bbbb", "cccc")[int(uid.split("-")[1])]


def test_every_defence_is_named_once_also_one_that_is_beaten_everywhere() -> None:
    figure = go.Figure(frontier.draw(info()))
    named = [(trace.name, len(trace.x) > 0) for trace in figure.data if trace.showlegend]
    assert sorted(named) == [("&lt;adversarial&gt;", True), ("plain", True), ("worse", True)]
    assert "<adversarial>" not in str(figure.to_plotly_json())


def test_a_model_of_which_half_is_known_is_left_out() -> None:
    half = replace(PLAIN, frame=PLAIN.frame.iloc[[0, 2, 3]])
    assert [one.epsilon for one in info(half).candidates] == [CLIPPING]


@pytest.mark.parametrize("palette", [LIGHT, DARK, LIVE])
def test_every_colour_is_one_of_the_palette(palette: Palette) -> None:
    allowed = {palette.text, palette.background, palette.grid, palette.accent, *palette.meanings, *palette.ordered}
    assert set(colours(go.Figure(frontier.draw(info(), palette)).to_plotly_json())) <= allowed


def test_the_takeaway_is_said() -> None:
    said = frontier.in_words(info()).replace("\u00a0", " ")
    assert said.startswith("4 of 6 models are not beaten by another: plain at ε 3 with 80 % clean and 10 % attacked;")
    assert frontier.in_words(info(Defended("plain", "a", (3.0,), frame()))).endswith("no results yet.")
