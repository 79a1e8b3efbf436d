"""Studies side by side: what differs, what can share an axis, and curves that stay those of their own study."""

from dataclasses import replace
from math import inf
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

from engine.report import comparing, figures, overlay
from engine.report.comparing import Comparison, Entry, compare, differences, shared_budgets, shared_strengths
from engine.report.palette import LIGHT
from engine.results import Row
from engine.study import Defence, Study, parse
from tests.engine.report.rows import CLEAN, ROBUST, frame


def study(**changes: Any) -> Study:
    return parse({"privacy": {"epsilons": [1, 3, "inf"]}, "attack": {"eps": [0, 0.1, 0.2]}, **changes})


def clean(epsilon: float, value: float) -> Row:
    return replace(CLEAN, epsilon=epsilon, value=value, low=value, high=value)


def robust(epsilon: float, value: float, eps: float, norm: str = "linf") -> Row:
    return replace(ROBUST, epsilon=epsilon, value=value, low=value, high=value, eps=eps, norm=norm)


def entry(label: str, level: float, of: Study | None = None) -> Entry:
    """A study whose every accuracy is `level`, and half of it under attack."""
    of = of or study()
    rows = [clean(epsilon, level) for epsilon in of.privacy.epsilons]
    rows += [
        robust(epsilon, level / 2, eps, of.attack.norm)
        for epsilon in of.privacy.epsilons
        for eps in of.attack.eps or ()
    ]
    return Entry(label, of, frame(*rows))


def heights(lines: tuple[figures.Line, ...]) -> list[list[float | None]]:
    return [[spot.y if spot else None for spot in line.spots] for line in lines]


def test_only_what_differs_is_named() -> None:
    assert differences([study(), study()]) == {}
    assert differences([study(), study(model="cnn"), study()]) == {
        "model": ("scattering-linear", "cnn", "scattering-linear")
    }
    both = differences([study(), study(seeds=2, attack={"eps": [0, 0.1, 0.2], "steps": 10})])
    assert both == {"seeds": (1, 2), "steps": (20, 10)}


def test_every_setting_of_a_study_is_compared() -> None:
    """A setting that is added to Study and forgotten here would be a difference that nobody is told of."""

    def leaves(model: BaseModel) -> int:
        values = (getattr(model, name) for name in type(model).model_fields if name != "own")
        return sum(leaves(value) if isinstance(value, BaseModel) else 1 for value in values)

    of_a_defence, one = len(Defence.model_fields), 1
    assert len(comparing.SETTINGS) == leaves(study()) - of_a_defence + one
    for changed in ({"training": "trades"}, {"input": "jpeg"}, {"eps": 0.07}):
        assert set(changed) <= set(Defence.model_fields)
        assert set(differences([study(), study(defence=changed)])) == {"defence"}


def test_what_all_share() -> None:
    other = study(privacy={"epsilons": [0.5, 3, "inf"]}, attack={"eps": [0.2, 0.3]})
    assert shared_budgets([study(), other]) == (3.0, inf)
    assert shared_strengths([study(), other]) == (0.2,)
    assert shared_strengths([study(), study(attack={"norm": "l2", "eps": [0.1]})]) == ()
    assert shared_budgets([study(), study(privacy={"epsilons": [2]})]) == ()


def test_lines_are_those_of_their_own_study() -> None:
    info = compare([entry("low", 0.4), entry("high", 0.8)], strength=0.1, budget=3.0)
    assert heights(info.clean) == [[40.0] * 3, [80.0] * 3]
    assert heights(info.attacked) == [[20.0] * 3, [40.0] * 3]
    assert heights(info.by_strength) == [[20.0] * 3, [40.0] * 3]
    assert [line.label for line in info.clean] == ["low", "high"]
    said = info.attacked[1].known[0].said
    assert said.startswith("<b>high</b><br><b>ε\u00a01, attacked by 10\u00a0% (eps 0.1")


def test_budgets_of_all_share_one_axis_and_strengths_another() -> None:
    wide = study(privacy={"epsilons": [0.5, 8]}, attack={"eps": [0, 0.3]})
    info = compare([entry("a", 0.4), entry("b", 0.8, wide)], strength=None, budget=None)
    assert info.epsilons == (0.5, 1.0, 3.0, 8.0, inf)
    at = figures.places(info.epsilons)
    assert [spot.x for spot in info.clean[1].known] == [at[0.5], at[8.0]]
    assert [spot.x for spot in info.clean[0].known] == [at[1.0], at[3.0], at[inf]]
    assert info.radii == (0.0, 0.1, 0.2, 0.3)
    assert info.attacked == ()
    assert heights(info.by_strength) == [[], []]


def test_a_point_that_is_missing_is_a_gap() -> None:
    whole, partly = entry("a", 0.4), entry("b", 0.8)
    partly = Entry("b", partly.study, partly.frame[partly.frame["epsilon"] != 3.0])
    info = compare([whole, partly], strength=0.1, budget=3.0)
    assert heights(info.clean)[1] == [80.0, None, 80.0]
    assert heights(info.by_strength)[1] == [None, None, None]


def test_different_norms_share_no_strength() -> None:
    l2 = study(attack={"norm": "l2", "eps": [0, 0.1]})
    info = compare([entry("a", 0.4), entry("b", 0.8, l2)], strength=0.1, budget=3.0)
    assert (info.norm, info.strength, info.radii, info.attacked) == (None, None, (), ())
    assert heights(info.by_strength) == [[], []]
    assert heights(info.clean) == [[40.0] * 3, [80.0] * 3]


def test_another_strength_moves_the_attacked_lines_alone() -> None:
    rows = [robust(3.0, 0.9 - eps, eps) for eps in (0.0, 0.1, 0.2)]
    one = Entry("a", study(privacy={"epsilons": [3]}), frame(*rows))
    info = compare([one, one], strength=0.1, budget=3.0)
    moved = comparing.at_strength(info, 0.2)
    assert heights(moved.attacked) == [[pytest.approx(70.0)]] * 2
    assert (moved.clean, moved.by_strength) == (info.clean, info.by_strength)
    assert heights(comparing.at_strength(moved, 0.1).attacked) == heights(info.attacked)


def drawn(info: Comparison) -> tuple[dict[str, Any], dict[str, Any]]:
    return overlay.draw_by_budget(info, LIGHT), overlay.draw_by_strength(info, LIGHT)


def test_a_colour_and_a_marker_are_one_study_in_both_charts() -> None:
    entries = [entry(f"study {n}", 0.2 * n) for n in range(1, 5)]
    left, right = drawn(compare(entries, strength=0.1, budget=3.0))
    clean, attacked = left["data"][:4], left["data"][4:]
    styles = [[(one["line"]["color"], one["marker"]["symbol"]) for one in group] for group in (clean, attacked)]
    assert styles[0] == styles[1] == [(one["line"]["color"], one["marker"]["symbol"]) for one in right["data"]]
    assert len({colour for colour, _ in styles[0]}) == len({marker for _, marker in styles[0]}) == comparing.MOST
    assert {one["line"]["dash"] for one in clean} == {"solid"}
    assert {one["line"]["dash"] for one in attacked} == {"dash"}
    assert [one["showlegend"] for one in left["data"]] == [True] * 4 + [False] * 4
    assert len({one["uid"] for one in left["data"]}) == 8
    assert not any("." in one["uid"] for one in left["data"])  # plotly makes them CSS classes


def test_titles_say_what_is_compared() -> None:
    left, right = drawn(compare([entry("a", 0.4), entry("b", 0.8)], strength=0.1, budget=inf))
    assert left["layout"]["title"]["text"] == "Recognised: clean (solid), attacked by 10\u00a0% (dashed)"
    assert right["layout"]["title"]["text"] == "Recognised by attack strength, no privacy"


def test_a_name_is_text_and_not_too_long_for_a_phone() -> None:
    name = "<img src=x> " + "long " * 20
    left, _ = drawn(compare([entry(name, 0.4), entry("b", 0.8)], strength=0.1, budget=3.0))
    rows = left["data"][0]["name"].split("<br>")
    assert rows[0].startswith("&lt;img src=x&gt; long")
    assert not any("<" in row for row in rows)
    assert len(rows) > 1
    assert " ".join(rows).count("long") == 20, "nothing is cut: what is cut may be the difference"
    assert (
        left["layout"]["height"]
        > drawn(compare([entry("a", 0.4), entry("b", 0.8)], strength=0.1, budget=3.0))[0]["layout"]["height"]
    )
    assert left["data"][0]["hovertext"][0].startswith("<b>&lt;img src=x&gt; long")


def test_takeaways_name_each_study() -> None:
    by_budget, by_strength = comparing.in_words(compare([entry("a", 0.4), entry("b", 0.8)], strength=0.1, budget=3.0))
    assert by_budget.endswith("a: 40\u00a0% to 40\u00a0%. b: 80\u00a0% to 80\u00a0%.")
    assert "at ε\u00a03" in by_strength
    nothing = Entry("a", study(), frame())
    assert comparing.in_words(compare([nothing, nothing], strength=None, budget=None))[0].endswith("No results yet.")


def test_clipping_alone_is_compared_where_it_was_trained() -> None:
    with_it = study(privacy={"epsilons": [1, 3, "inf"], "clip_only": True})
    one = entry("with", 0.9, with_it)
    alone = frame(replace(clean(inf, 0.7), noise_multiplier=0.0))
    both = replace(one, frame=pd.concat([one.frame, alone], ignore_index=True))
    info = compare([both, entry("without", 0.5)], strength=0.1, budget=3)
    assert heights(info.clean) == [[90, 90, 70, 90], [50, 50, 50]]
    assert 3.0 in shared_budgets([with_it, study()])
    assert set(differences([with_it, study()])) == {"clip_only"}
