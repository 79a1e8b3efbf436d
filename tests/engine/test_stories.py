"""Every story that is there can be told, and what cannot is refused with the file's name."""

from math import inf
from pathlib import Path

import pytest

from engine import planning, starter, stories
from engine.data import datasets
from engine.errors import BadInput
from engine.leakage import membership
from engine.models import models
from engine.results import GUESSED, LEAKED
from engine.stories import Story

GOOD = """
short = "Short"
question = "A question?"
said = "What is said."
caveat = "What to keep in mind."
paper = "Somebody"
link = "https://arxiv.org/abs/2011.11660"
epsilon = 3

[[parts]]
label = "ours"
published = [{ epsilon = 3, accuracy = 0.9, delta = 1e-5 }]
study = { dataset = "digits", seeds = 5 }
"""
LEAKS = 'extras = ["leakage"]'
ABOUT_ONE, GUESSES = (f'measure = "{metric}"\n' for metric in (LEAKED + "lira", GUESSED + "threshold"))
CLEAN = '[[parts]]\nlabel = "clean"\nstudy = { dataset = "digits" }'
LEAKAGE = "less-leaks", "attack-training-leaks", "more-data"
TOLD = stories.everything()


@pytest.mark.parametrize("story", TOLD.values(), ids=list(TOLD))
def test_a_story_asks_for_what_can_be_computed_with_its_spread(story: Story) -> None:
    assert story.question.endswith("?")
    for part in story.parts:
        assert part.study.dataset in datasets.names
        assert part.study.model in models.names
        assert part.study.seeds >= 3 or part.measure.startswith(LEAKED)  # its models are attacked, not the study's
        assert part.digest == planning.digest(planning.resolve(part.study))
        assert all(part.study.privacy.delta <= one.delta for one in part.published if part.study.privacy.delta)


def test_the_stories_are_those_of_the_papers_in_their_order() -> None:
    published = {
        (name, one.epsilon): one.accuracy for name, story in TOLD.items() for part in story.parts[:1]
        for one in part.published
    }  # fmt: skip
    assert published == {
        ("fixed-features", 3): 0.897,
        ("small-network", 2.7): 0.861,
        ("handwriting", 3): 0.987,
        ("photographs", 3): 0.670,
        ("training-on-attacks", inf): 0.922,
        ("attack-training-leaks", inf): 0.571,
    }
    told = ["fewer-images", "training-on-attacks", "private-and-robust", "weak-attacks"]
    assert list(TOLD)[-7:] == [*told, "less-leaks", "attack-training-leaks", "more-data"]  # by number, not by letter
    assert not TOLD["fewer-images"].is_published


def test_what_training_on_attacks_buys_is_said_clean_and_attacked() -> None:
    """Ours attacks at the radius that each published number is about."""
    told = {
        (part.study.defence.name, part.eps): part.published[0].accuracy for part in TOLD["training-on-attacks"].parts
    }
    assert told == {
        ("none", 0.0): 0.922,
        ("none", 0.1): 0.041,
        ("adversarial", 0.0): 0.909,
        ("adversarial", 0.1): 0.681,
    }
    assert {part.study.attack.eps for part in TOLD["training-on-attacks"].parts} == {(0.0, 0.1)}


def test_what_training_on_attacks_gives_away_is_published_of_clean_and_of_attacked_pictures() -> None:
    parts = TOLD["attack-training-leaks"].parts
    told = {(part.study.defence.name, part.measure): part.published[0].accuracy for part in parts}
    assert told == {
        ("none", GUESSED + "threshold"): 0.571,
        ("adversarial", GUESSED + "threshold"): 0.583,
        ("none", GUESSED + "threshold-attacked"): 0.509,
        ("adversarial", GUESSED + "threshold-attacked"): 0.645,
    }
    assert len({part.digest for part in parts}) == 2
    assert {part.study.attack.seeds for part in parts} == {3}  # as often as is guessed


def test_members_are_found_by_attacks_that_there_are_and_one_study_answers_two_stories() -> None:
    parts = [*TOLD["less-leaks"].parts, *TOLD["more-data"].parts]
    assert {part.measure.removeprefix(LEAKED) for part in parts} <= set(membership.ATTACKS)
    assert {part.eps for part in parts} == {0.01}
    assert len({part.digest for part in parts}) == 2


def test_stories_are_answered_by_what_comes_with_frontier() -> None:
    shipped = {about["digest"] for about in starter._shipped().values()}
    for name in ("fixed-features", "fewer-images"):
        assert {part.digest for part in TOLD[name].parts} <= shipped
    assert TOLD["more-data"].parts[0].digest in shipped
    assert not {part.digest for name in LEAKAGE for part in TOLD[name].parts} & set(starter.openings())


def test_a_story_that_is_no_starter_can_be_shipped_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (study,) = starter.wanted(["small-network"]).values()
    assert study == TOLD["small-network"].parts[0].study
    with pytest.raises(BadInput, match="starter 'fixed-features' is unknown; choose from"):
        starter.wanted(["fixed-features"])  # that of fashion-mnist
    monkeypatch.setattr(starter, "SHIPPED", tmp_path)
    assert starter.wanted() == {}
    (tmp_path / "small-network.json").write_text("{}")
    assert list(starter.wanted()) == ["small-network"]  # once it is there, it is made anew with the others


def test_the_name_is_that_of_the_file_without_its_number(tmp_path: Path) -> None:
    file = tmp_path / "7-well-told.toml"
    file.write_text(GOOD)
    story = stories.read(file)
    assert (story.name, story.parts[0].study.privacy.epsilons[0]) == ("well-told", 0.5)


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("accuracy = 0.9", "accuracy = 90", "parts.0.published.0.accuracy: Input should be less than 1"),
        ("{ epsilon = 3, a", "{ epsilon = 2, a", "published at epsilon=2, which its study does not measure"),
        ("delta = 1e-5", "delta = 1e-6", "published at delta=1e-06, and its study has a larger one"),
        ('label = "ours"', 'label = "ours"\neps = 0.07', "about eps=0.07, which its study does not attack with"),
        ('label = "ours"', 'label = "ours"\nmeasure = "membership_tpr:lira"', "it needs the extra 'leakage'"),
        ('label = "ours"', 'label = "ours"\nmeasure = "train_seconds"', "measure: String should match pattern"),
        ('"digits", seeds = 5 }', f'"digits", {LEAKS} }}\n{ABOUT_ONE}eps = 0.03', "none of the false-alarm rates"),
        ('"digits", seeds = 5 }', f'"digits", {LEAKS} }}\n{ABOUT_ONE}', "about eps=0, which is none of"),
        ('"digits", seeds = 5 }', f'"digits", {LEAKS} }}\n{GUESSES}eps = 0.1', "about eps=0.1, and guesses have none"),
        ('"digits", seeds = 5 }', f'"digits", {LEAKS} }}\n{GUESSES}{CLEAN}', "what cannot stand on one axis"),
        ('"digits"', '"nothing"', "dataset 'nothing' is unknown"),
        ("seeds = 5", "seeds = 0", "seeds=0 is not in"),
        ("\nepsilon = 3", "\nepsilon = 7", "it is about epsilon=7, which 'ours' does not measure"),
        ('link = "https://arxiv.org/abs/2011.11660"', "", "what is published has a link, and nothing else has"),
        ('"https://', '"javascript:', "link: String should match pattern"),
        ('short = "Short"', "", "short: Field required"),
        ('short = "Short"', "long = 1", "short: Field required"),
        ("[[parts]]", "[[parts", "7-bad.toml is no story"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, written: str, instead: str, told: str) -> None:
    assert written in GOOD
    file = tmp_path / "7-bad.toml"
    file.write_text(GOOD.replace(written, instead))
    with pytest.raises(BadInput) as refused:
        stories.read(file)
    assert str(refused.value).startswith("7-bad.toml is no story: ")
    assert told in str(refused.value)
