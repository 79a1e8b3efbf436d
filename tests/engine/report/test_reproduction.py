"""The verdict on frames made by hand, and what the chart of a story shows."""

from dataclasses import replace
from math import inf, isnan

import numpy as np
import pandas as pd
import pytest

from engine import stories
from engine.report import reproduction, retelling
from engine.report.palette import DARK, LIGHT
from tests.engine.report.rows import CLEAN, frame

STORY = stories.everything()["fixed-features"]  # 89.7 % at epsilon 3
FEWER = stories.everything()["fewer-images"]
PHOTOGRAPHS = stories.everything()["photographs"]


def measured(*values: float, epsilon: float = 3.0, half: float = 0.006) -> pd.DataFrame:
    """A repeat each, with intervals of `half` to both sides."""
    rows = (
        replace(CLEAN, seed=seed, epsilon=epsilon, value=value, low=value - half, high=value + half, n=10_000)
        for seed, value in enumerate(values)
    )
    return frame(*rows)


def verdict(*values: float, half: float = 0.006) -> str:
    (one,) = reproduction.comparisons(STORY, [measured(*values, half=half)])
    return one.verdict


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.897, 0.897), "reproduced"),
        ((0.8915, 0.8915), "reproduced"),  # the interval ends at 89.75
        ((0.8906, 0.8906), "reproduced"),  # at 89.66, which rounds to 89.7
        ((0.8904, 0.8904), "below"),  # at 89.64, which does not
        ((0.9034, 0.9034), "reproduced"),
        ((0.9036, 0.9036), "above"),
        ((0.860, 0.862, 0.861), "below"),
        ((0.92, 0.921), "above"),
        ((0.88, 0.897), "reproduced"),  # one of the repeats reaches it: the interval is widened to it
        ((0.897,), "one repeat"),
        ((0.5,), "one repeat"),
        ((), "missing"),
    ],
)
def test_the_verdict_follows_its_rule(values: tuple[float, ...], expected: str) -> None:
    assert verdict(*values) == expected


def test_another_budget_is_no_measurement_of_this_one() -> None:
    (one,) = reproduction.comparisons(STORY, [measured(0.897, 0.897, epsilon=8)])
    assert one.verdict == "missing"
    assert isnan(one.gap)
    assert "Not measured yet" in reproduction.verdict_in_words(one)


def test_robust_accuracies_are_no_measurement() -> None:
    rows = measured(0.897, 0.897).assign(metric="robust_accuracy", eps=0.0)
    (one,) = reproduction.comparisons(STORY, [rows])
    assert one.measured is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.86, 0.862), "**Not reproduced:** we measure 3.6 points less than the published 89.7 % at ε 3"),
        ((0.92, 0.92), "**More than published:** we measure 2.3 points more than the published 89.7 % at ε 3"),
        ((0.895, 0.896), "**Reproduced:** the published 89.7 % lies within what we measure at ε 3, 89.5 %"),
        ((0.895,), "**Too early to say:** one repeat measures 89.5 %"),
    ],
)
def test_the_verdict_is_said_with_both_numbers(values: tuple[float, ...], said: str) -> None:
    (one,) = reproduction.comparisons(STORY, [measured(*values)])
    assert reproduction.verdict_in_words(one).replace("\u00a0", " ").startswith(said)


def test_both_deltas_are_told_and_ours_is_no_larger() -> None:
    (one,) = reproduction.comparisons(STORY, [measured()])
    assert list(one.deltas) == pytest.approx([1e-5, 1 / 600_000])


def costly(cheap: float, dear: float) -> list[pd.DataFrame]:
    """Digits that lose `dear`, clothes that lose `cheap`, from 95 % each."""
    return [
        pd.concat([measured(0.95 - lost, 0.95 - lost, epsilon=0.5), measured(0.95, 0.95, epsilon=inf)])
        for lost in (dear, cheap)
    ]


def test_a_story_without_a_paper_says_what_privacy_costs_each() -> None:
    said = reproduction.cost_in_words(FEWER, costly(0.03, 0.2)).replace("\u00a0", " ")
    assert said.startswith("What privacy costs at ε 0.5: 1,437 digits, **20 points** (")
    assert "; 60,000 clothes, **3 points** (" in said
    assert "60,000 clothes, nothing we can measure" in reproduction.cost_in_words(FEWER, costly(0.001, 0.2)).replace(
        "\u00a0", " "
    )
    assert reproduction.cost_in_words(FEWER, [measured(0.9), measured(0.9)]) == ""


def test_the_chart_shows_means_repeats_and_stars_beside_one_another() -> None:
    info = reproduction.side_by_side(STORY, [measured(0.89, 0.90)])
    (told,) = info.parts
    (ours,), (star,) = told.line.known, told.published
    assert [ours.y, star.y] == pytest.approx([89.5, 89.7])
    assert [dot.y for dot in told.repeats] == [89.0, 90.0]
    assert star.x < ours.x < told.repeats[0].x
    assert len(told.line.spots) == 5  # what is not measured is a gap
    assert "published: 89.7" in star.said.replace("\u00a0", " ")
    assert "published 89.7 %, measured 89.5 %" in reproduction.in_words(info).replace("\u00a0", " ")


def test_a_line_has_no_gap_where_another_part_has_a_budget_of_its_own() -> None:
    info = reproduction.side_by_side(
        PHOTOGRAPHS, [measured(0.6, epsilon=8), *(measured() for _ in PHOTOGRAPHS.parts[1:])]
    )
    assert list(info.epsilons) == [1, 3, 8, inf]
    assert [len(told.line.spots) for told in info.parts][:2] == [4, 2]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("values", [(), (0.895, 0.896), (0.2, 0.9)])
def test_everything_lies_within_the_axes(values: tuple[float, ...], palette: object) -> None:
    info = reproduction.side_by_side(STORY, [measured(*values)])
    figure = retelling.draw(info, palette)  # type: ignore[arg-type]
    low, high = figure["layout"]["yaxis"]["range"]
    left, right = figure["layout"]["xaxis"]["range"]
    assert all(low < spot.low <= spot.high < high for spot in info.spots)
    assert all(left < spot.x < right for spot in info.spots)
    assert high - low >= retelling.LEAST
    assert 2 <= len(figure["layout"]["yaxis"]["tickvals"]) <= 7


def test_several_parts_are_named_and_coloured_apart() -> None:
    figure = retelling.draw(reproduction.side_by_side(FEWER, costly(0.03, 0.2)))
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["1,437 digits", "60,000 clothes"]
    lines = [line for line in figure["data"] if line["mode"] == "lines+markers"]
    assert len({line["line"]["color"] for line in lines}) == 2
    assert len({line["marker"]["symbol"] for line in lines}) == 2


def test_stars_are_named_while_no_line_is() -> None:
    nothing = [measured() for _ in PHOTOGRAPHS.parts]
    said = [
        note["text"]
        for note in retelling.draw(reproduction.side_by_side(PHOTOGRAPHS, nothing))["layout"]["annotations"]
    ]
    assert {part.label for part in PHOTOGRAPHS.parts} <= set(said)
    one = retelling.draw(reproduction.side_by_side(STORY, [measured()]))["layout"]["annotations"]
    assert [note["text"].replace("\u00a0", " ") for note in one] == ["89.7 %"]


def test_shares_of_stars_that_are_near_one_another_can_be_read() -> None:
    near = [part.model_copy(update={"published": (stories.Published(epsilon=3, delta=1e-5, accuracy=a),)})
            for part, a in zip([STORY.parts[0]] * 3, (0.90, 0.902, 0.5), strict=True)]  # fmt: skip
    info = reproduction.side_by_side(STORY.model_copy(update={"parts": tuple(near)}), [measured(0.9)] * 3)
    figure = retelling.draw(info)
    low, high = figure["layout"]["yaxis"]["range"]
    shares = sorted(note["y"] for note in figure["layout"]["annotations"] if note.get("xanchor") == "right")
    assert len(shares) == 3
    assert min(np.diff(shares)) >= 0.069 * (high - low)
    assert shares[0] == pytest.approx(50)
