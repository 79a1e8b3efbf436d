"""What stories of leakage conclude, of frames made by hand."""

from dataclasses import replace
from math import inf

import pandas as pd
import pytest

from engine import stories
from engine.report import guessing, measures, reproduction, retelling
from engine.report.palette import DARK, LIGHT
from engine.report.points import Point
from engine.results import GUESSED, LEAKED
from tests.engine.report.rows import CLEAN, frame

TOLD = stories.everything()
LESS, TRAINED, MORE = (TOLD[name] for name in ("less-leaks", "attack-training-leaks", "more-data"))
FOUND = replace(CLEAN, metric=LEAKED + "lira", attack="lira", eps=0.01, interval_method="student-95", n=64)
NEAR, FAR = (0.009, 0.011), (0.02, 0.03)  # intervals that hold chance, and that do not
BUDGETS = (0.5, 1.0, 3.0, 8.0, inf)


def found(*intervals: tuple[float, float], name: str = "lira") -> pd.DataFrame:
    """Members found at 1 % false alarms, by budget; and at others, which nobody asks for."""
    rows = [
        replace(FOUND, metric=LEAKED + name, epsilon=epsilon, value=(low + high) / 2, low=low, high=high)
        for epsilon, (low, high) in zip(BUDGETS, intervals, strict=False)
    ]
    return frame(*rows, *(replace(row, eps=0.1, value=0.9, low=0.8, high=1.0) for row in rows))


def guesses(*values: float, kind: str = "threshold", half: float = 0.01) -> pd.DataFrame:
    metric = GUESSED + kind
    return frame(
        *(
            replace(CLEAN, metric=metric, epsilon=inf, seed=i, value=v, low=v - half, high=v + half, n=2000)
            for i, v in enumerate(values)
        )
    )


def said(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_members_found_are_those_of_one_attack_at_one_rate_of_false_alarms() -> None:
    lira, rmia = LESS.parts
    rows = pd.concat([found(NEAR, FAR), found(FAR, name="rmia")])
    measured = reproduction.measured_of(lira, rows)
    assert {epsilon: point.mean for epsilon, point in measured.items()} == pytest.approx({0.5: 0.01, 1.0: 0.025})
    assert list(reproduction.measured_of(rmia, rows)) == [0.5]


def test_the_models_that_are_attacked_are_the_repeats_and_their_interval_is_kept() -> None:
    point = reproduction.measured_of(LESS.parts[0], found(FAR))[0.5]
    assert (point.low, point.high, point.n_seeds) == (*FAR, 64)
    one = reproduction.Comparison("", 0.5, 0.025, point)
    assert one.verdict == "reproduced"
    assert reproduction.Comparison("", 0.5, 0.025, replace(point, n_seeds=1)).verdict == "one repeat"
    assert measures.repeated(LESS.parts[0], point) == "64 attacked models"


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ((NEAR, NEAR, NEAR, NEAR, FAR), 8.0),
        ((NEAR, NEAR, FAR, FAR, FAR), 1.0),
        ((NEAR, FAR, NEAR, NEAR, FAR), 0.5),  # one that is found hides what comes after
        ((NEAR, NEAR, (0.0101, 0.015), FAR, FAR), 3.0),  # within half a point
        ((NEAR, NEAR, (0.0101, 0.0151), FAR, FAR), 1.0),
        ((FAR, FAR, FAR, FAR, FAR), None),
        ((NEAR, NEAR, NEAR, NEAR, NEAR), 8.0),  # no privacy is no budget
    ],
)
def test_an_attacker_is_left_to_chance_up_to_a_budget(
    intervals: tuple[tuple[float, float], ...], expected: float | None
) -> None:
    measured = reproduction.measured_of(LESS.parts[0], found(*intervals))
    assert guessing.hidden_up_to(measured, 0.01) == expected


def test_a_story_says_what_is_found_without_privacy_and_up_to_where_nothing_is() -> None:
    frames = [found(NEAR, FAR, FAR, FAR, FAR), found(NEAR, NEAR, NEAR, NEAR, FAR)]
    head, _, digits, clothes = said(guessing.hidden_in_words(MORE, frames)).split("\n")
    assert head == "Members found at 1 % false alarms, of which blind guessing finds 1 %:"
    assert digits == "- 718 digits, **2.5 %** without privacy (2.0 to 3.0), hardly more than chance up to **ε 0.5**."
    assert clothes.endswith("hardly more than chance up to **ε 8**, the largest.")
    never = said(guessing.hidden_in_words(MORE, [found(*5 * [FAR]), found(*5 * [NEAR])]))
    assert "more than chance at every budget." in never
    assert "(0.9 to 1.1): hardly more than chance." in never
    assert guessing.hidden_in_words(MORE, [found(NEAR), found(NEAR)]) == ""


def rises(clean: float, attacked: float, n: int = 3) -> list[pd.DataFrame]:
    """From half right guesses each."""
    both = {"threshold": clean, "threshold-attacked": attacked}
    plain, trained = (
        pd.concat([guesses(*n * [0.5 + way * rise], kind=kind) for kind, rise in both.items()]) for way in (0, 1)
    )
    return [plain, trained, plain, trained]


@pytest.mark.parametrize(
    ("frames", "clean", "attacked"),
    [
        (rises(0.015, 0.136), "Reproduced:** 1.5 points", "Reproduced:** 14 points"),  # published: 1.2 and 13.6
        (rises(0.0, 0.05), "No difference we can measure:** 0 points", "Less than published:** 5 points"),
        (rises(-0.05, 0.01), "Not reproduced:** -5 points", "No difference we can measure:** 1 point"),
        (rises(0.1, 0.3), "More than published:** 10 points", "More than published:** 30 points"),
        (rises(0.012, 0.136, n=1), "Too early to say:**", "Too early to say:**"),
    ],
)
def test_a_rise_is_held_against_the_published_one(frames: list[pd.DataFrame], clean: str, attacked: str) -> None:
    first, second = said(guessing.changes_in_words(TRAINED, frames)).split("\n")
    assert first.startswith(f"- robust, clean: **{clean}")
    assert second.startswith(f"- robust, attacked: **{attacked}")
    assert first.endswith("above plain, clean; published, 1.2 points.")
    assert second.endswith("above plain, attacked; published, 14 points.")


def test_nothing_is_concluded_before_all_is_measured() -> None:
    assert guessing.changes_in_words(TRAINED, [*rises(0.1, 0.1)[:3], guesses()]) == ""


def test_every_repeat_of_guesses_is_a_dot_and_no_model_in_training_is_one() -> None:
    trains = pd.DataFrame({"epsilon": [inf], "seed": [0], "step": [1], "steps": [2], "accuracy": [0.5], "loss": [1.0]})
    info = reproduction.side_by_side(TRAINED, rises(0.01, 0.1), [trains] * 4)
    assert [len(told.repeats) for told in info.parts] == [3, 3, 3, 3]
    assert not any(told.training for told in info.parts)
    (spot,) = info.parts[0].line.known
    assert "50.0 % of guesses are right (49.0 % to 51.0 %)" in said(spot.said)
    assert "2,000 guesses, mean of 3 repeats" in spot.said


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("name", ["less-leaks", "attack-training-leaks", "more-data"])
def test_chance_is_drawn_and_named_whether_or_not_anything_is_measured(name: str, palette: object) -> None:
    story = TOLD[name]
    chance = 50 if name == "attack-training-leaks" else 1
    for frames in ([guesses() for _ in story.parts], [found(*5 * [(0.3, 0.4)]) for _ in story.parts]):
        info = reproduction.side_by_side(story, frames)
        layout = retelling.draw(info, palette)["layout"]  # type: ignore[arg-type]
        (line,) = layout["shapes"]
        assert line["y0"] == line["y1"] == chance
        assert any(said(note["text"]) in ("chance", f"chance, {chance} %") for note in layout["annotations"])
        low, high = layout["yaxis"]["range"]
        assert low < chance < high
        assert "Recognised" not in layout["title"]["text"]
        assert layout["title"]["text"].startswith(("Members found", "Right guesses"))
        assert not reproduction.in_words(info).startswith("Images")


def test_leakage_has_a_colour_of_its_own_and_recognised_images_keep_theirs() -> None:
    def first(name: str) -> str:
        rows = [found(FAR) for _ in TOLD[name].parts]
        figure = retelling.draw(reproduction.side_by_side(TOLD[name], rows))
        colour: str = next(one for one in figure["data"] if one["mode"] == "lines+markers")["line"]["color"]
        return colour

    assert first("less-leaks") == LIGHT.meanings[retelling.LEAKAGE]
    assert first("fewer-images") == LIGHT.meanings[0]
    assert not retelling.draw(reproduction.side_by_side(TOLD["fewer-images"], [found(), found()]))["layout"]["shapes"]


def test_a_table_counts_the_models_that_were_attacked() -> None:
    rows = reproduction.table(LESS, [found(*5 * [FAR])] * 2)
    assert (said(rows[0][0]), rows[0][1]) == ("LiRA: members found at 1 % false alarms", "8")
    assert said(rows[0][3]) == "2.5 % (2.0 to 3.0)"
    assert rows[0][4:] == ("64", "measured here alone")
    assert reproduction.table(TRAINED, rises(0.1, 0.1))[0][0] == "plain, clean: right guesses"
    assert reproduction.table(TOLD["fewer-images"], [found(), found()])[0][0] == "1,437 digits"


def test_the_images_behind_a_label_are_those_that_a_model_learns_from() -> None:
    """Half of the pool: not all that the data set has."""
    labels = {part.label for part in MORE.parts}
    assert labels == {"718 digits", "10,000 clothes"}
    told = [measures.learned_from(part.study) for part in MORE.parts]
    assert [text.split("half of ")[1] for text in told] == ["1,437 images", "20,000 images"]


def test_few_false_alarms_are_said_as_they_are() -> None:
    part = LESS.parts[0].model_copy(update={"eps": 0.001})
    assert said(measures.measure_of(part).name) == "Members found at 0.1 % false alarms"
    assert measures.measure_of(part).chance == 0.001
    assert "mean of 64" in measures.counted(part, Point(0.1, 0, 1, 64, 64))


def test_parts_at_one_budget_stand_side_by_side_and_a_phone_has_room_for_their_labels() -> None:
    info = reproduction.side_by_side(TRAINED, rises(0.015, 0.136))
    assert [label for _, label in info.columns] == [part.label for part in TRAINED.parts]
    assert len({told.line.known[0].x for told in info.parts}) == 4
    assert all(abs(told.published[0].x - told.line.known[0].x) < 0.2 for told in info.parts)
    layout = retelling.draw(info)["layout"]
    assert layout["xaxis"]["ticktext"] == [
        "plain,<br>clean",
        "robust,<br>clean",
        "plain,<br>attacked",
        "robust,<br>attacked",
    ]
    assert layout["xaxis"]["title"]["text"] == "no privacy"
    left, right = layout["xaxis"]["range"]
    assert all(left < spot.x < right for spot in info.spots)
    assert layout["margin"]["r"] < retelling.ROOM
    assert not reproduction.side_by_side(LESS, [found(FAR)] * 2).columns
