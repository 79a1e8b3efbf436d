"""What comes with Frontier of copied models: made by the code that is here, of the models that are here."""

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from engine.lab import catalogue, client, copying, work
from engine.lab.asked import parse
from engine.leakage import extraction
from engine.report.copied import ANSWERS, Copies, finding
from engine.settings import Settings
from engine.threats import copied

FASHION = ("fashion-mnist-cnn-epsilon-3-seed-0", "fashion-mnist-cnn-no-privacy-seed-0")
DIGITS = tuple(f"digits-cnn-{name}-seed-0" for name in ("epsilon-1", "epsilon-8", "no-privacy"))
ALL = [(name, pictures) for name in (*FASHION, *DIGITS) for pictures in copied.PICTURES]


def made(name: str, pictures: str) -> copied.Made:
    found = copied.shipped(catalogue.find(name), pictures)
    assert found is not None
    return found


def told(name: str, pictures: str = "alike") -> Copies:
    return made(name, pictures).copies(catalogue.find(name))


def test_it_says_the_numbers_of_the_engine_that_is_here() -> None:
    assert copied.NUMBERS == extraction.VERSION
    assert copied.STEPS == extraction.STEPS
    assert copied.STUDENT == copying.STUDENT
    assert set(copied.PICTURES) == set(extraction.PICTURES)
    assert set(ANSWERS) == set(extraction.ANSWERS)
    assert copied.SHIPPED.stat().st_size < 400_000


@pytest.mark.parametrize(("name", "pictures"), ALL)
def test_every_point_is_there(home: Path, name: str, pictures: str) -> None:
    found = made(name, pictures)
    asked = {(one["queries"], one["answers"]) for one in copied.questions([name], pictures, copied.COUNTS[-1])}
    assert {(one.queries, one.answers) for one in found.points} == asked
    for one in found.points:
        for value, low, high in (one.agreement, one.accuracy):
            assert 0 <= low <= value <= high <= 1
            again = extraction.Share.of(round(value * found.measured), found.measured)
            assert (low, high) == pytest.approx((again.low, again.high), abs=2e-4)
    assert (found.held > 0) == (pictures == "alike")


@pytest.mark.parametrize("name", [*FASHION, *DIGITS])
def test_it_is_as_accurate_as_its_study_says(home: Path, name: str) -> None:
    """Half of the test images, at most 2,000, and so within what so many leave open."""
    about = json.loads((catalogue.SHIPPED / f"{name.partition('-cnn-')[0]}-cnn.json").read_text())
    whole = {Path(one["file"]).stem: one["accuracy"] for one in about["models"]}[name]
    original = made(name, "alike").original
    assert original is not None
    assert original[1] - 0.02 <= whole <= original[2] + 0.02


def test_privacy_does_not_protect_the_model(home: Path) -> None:
    """The opening picture, and what a weaker attacker gets."""
    private, plain = (told(name) for name in FASHION)
    assert private.epsilon == 3
    assert plain.epsilon == inf
    best = [info.best for info in (private, plain)]
    assert all(one is not None and one.agreement[0] > 0.85 for one in best)
    assert best[0] is not None
    assert best[1] is not None
    assert best[0].agreement[2] >= best[1].agreement[1], "the private one is not copied less"
    assert "privacy does not keep ε\u00a03 from being copied" in finding([plain, private])


@pytest.mark.parametrize("name", FASHION)
def test_more_questions_copy_better_and_made_up_pictures_worse(home: Path, name: str) -> None:
    for answers in ANSWERS:
        alike, made_up = (told(name, pictures).of(answers) for pictures in ("alike", "made-up"))
        assert alike[-1].agreement[1] > alike[0].agreement[2]
        assert alike[-1].agreement[1] > made_up[-1].agreement[2]


def test_other_weights_or_another_version_have_nothing_shipped(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = catalogue.find(DIGITS[0])
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other weights")
    assert copied.shipped(catalogue.Model(model.name, model.study, model.digest, 1.0, 0, other), "alike") is None
    monkeypatch.setattr(copied, "NUMBERS", copied.NUMBERS + 1)
    assert copied.shipped(model, "alike") is None


def test_a_run_asks_few_questions_first_and_each_model_in_turn() -> None:
    asked = [(one["queries"], one["answers"], one["models"][0]) for one in copied.questions(["a", "b"], "alike", 100)]
    assert asked == [
        (queries, answers, model)
        for queries in (30, 100)
        for answers in ("labels", "probabilities")
        for model in ("a", "b")
    ]
    assert set(copied.BUDGETS) <= set(copied.COUNTS)
    for values in copied.questions(["a"], "made-up", copied.COUNTS[-1]):
        parse(values)


def test_images_marked_private_are_not_offered(home: Path) -> None:
    from engine import ledgers

    before = {one.study.dataset for one in copied.offered()}
    ledgers.mark("digits", private=True)
    assert {one.study.dataset for one in copied.offered()} == before - {"digits"}


@pytest.mark.slow
def test_the_code_that_is_here_makes_the_same_copies(home: Path) -> None:
    """On another machine or version of torch a copy differs by what its sums do: within a few images of 180."""
    model = catalogue.find(DIGITS[2])
    given = [work.given(client.plain(model, Settings()))]
    shipped = {(one.queries, one.answers): one for one in made(model.name, "alike").points}
    for queries, answers in ((100, "labels"), (300, "probabilities")):
        question: dict[str, Any] = {"what": "copy", "models": [model.name], "queries": queries, "answers": answers}
        again = work.answer(parse(question), given)
        assert again["agreement"][0] == pytest.approx(shipped[queries, answers].agreement[0], abs=0.03)
        assert again["accuracy"][0] == pytest.approx(shipped[queries, answers].accuracy[0], abs=0.03)
