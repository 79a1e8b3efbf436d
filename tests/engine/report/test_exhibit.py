"""Sentences of the exhibit follow its numbers, whichever way they point."""

from dataclasses import replace

import pytest

from engine.exhibit import Exhibit, Model
from engine.report import exhibit as report


def with_standing(shown: Exhibit, plain: int, private: int) -> Exhibit:
    """The same, where after every attack so many images are still read right."""

    def changed(model: Model) -> Model:
        count = {"plain": plain, "private": private}.get(model.name, plain)
        standing = tuple(count for _ in shown.strengths)
        return replace(model, attacked={norm: replace(one, standing=standing) for norm, one in model.attacked.items()})

    return replace(shown, n_test=500, models=tuple(changed(model) for model in shown.models))


@pytest.mark.parametrize(
    ("plain", "private", "said"),
    [
        (250, 400, "the private model is 30 points better than plain"),
        (400, 250, "the private model is 30 points worse than plain"),
        (250, 255, "no difference to plain can be told from chance"),
        (255, 250, "no difference to plain can be told from chance"),
    ],
)
def test_the_finding_says_who_is_weaker_or_that_nobody_is(
    small_exhibit: Exhibit, plain: int, private: int, said: str
) -> None:
    sentence = report.finding(with_standing(small_exhibit, plain, private), "linf", 4).replace("\u00a0", " ")
    assert said in sentence
    assert f"of strength 10 % leaves **{plain / 5:.0f} %** to the plain model" in sentence
    assert f"**{private / 5:.0f} %** to the private one (ε 1)" in sentence


def test_what_privacy_costs_without_an_attack_has_its_sign(small_exhibit: Exhibit) -> None:
    def with_clean(count: int) -> Exhibit:
        models = [replace(one, clean=count if one.name == "private" else 450) for one in small_exhibit.models]
        return replace(small_exhibit, n_test=500, models=tuple(models))

    assert "privacy costs 10\u00a0points" in report.finding(with_clean(400), "l2", 0)
    assert "privacy gains 10\u00a0points" in report.finding(with_clean(500), "l2", 0)


def test_places_of_questions_are_there(small_exhibit: Exhibit) -> None:
    for question in report.questions(small_exhibit):
        if place := question.place:
            at = small_exhibit.strengths.index(place.strength)
            path = report.by_name(small_exhibit, place.model).attacked[place.norm].paths[at][place.image]
            assert place.step < len(report.steps_of(path))
    first = report.first(small_exhibit)
    assert first.strength == report.USUAL


def test_a_question_that_nothing_answers_has_no_place(small_exhibit: Exhibit) -> None:
    """Where no image is misread, none can show a boundary that was crossed."""

    def unbroken(model: Model) -> Model:
        paths = {
            norm: tuple(tuple((0, *path[1:]) for path in row) for row in one.paths)
            for norm, one in model.attacked.items()
        }
        return replace(model, attacked={n: replace(one, paths=paths[n]) for n, one in model.attacked.items()})

    calm = replace(small_exhibit, models=tuple(unbroken(model) for model in small_exhibit.models))
    _, _, steps, farther, _ = report.questions(calm)
    assert steps.place is None
    assert farther.place is None
