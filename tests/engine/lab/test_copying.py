"""A model copied in the lab's process: the numbers of the engine, and nobody waits for them."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from engine import ledgers, runs
from engine.errors import FrontierError
from engine.lab import catalogue, client, copying, process
from engine.lab.client import Lab
from engine.leakage import extraction
from engine.models import models
from engine.settings import Settings

PLAIN = "digits-cnn-no-privacy-seed-0"
COPY: dict[str, Any] = {"what": "copy", "models": [PLAIN], "queries": 50}
LOOK: dict[str, Any] = {"what": "images", "models": [PLAIN], "count": 2}
SLOW: dict[str, Any] = {"what": "smallest", "models": [PLAIN], "picture": {"index": 3}}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with client.kept(Settings(home=tmp_path_factory.mktemp("lab")), warm=0) as running:
        yield running


def answered(values: dict[str, Any], visitor: str = "a") -> dict[str, Any]:
    answer: dict[str, Any] = client.ask(values, visitor=visitor).result(90)["answer"]
    return answer


def expected(queries: int, answers: str) -> extraction.Copy:
    """By the engine alone: half of the test images to ask about, the others to measure with."""
    x, y = runs.tensors("digits", Settings().data_root, train=False)
    found = catalogue.find(PLAIN)
    held, measured = extraction.parted(len(x))
    asked = extraction.alike(x[held], queries)
    make = partial(models[copying.STUDENT].load(), (1, 8, 8), 10)
    test = (x[measured], y[measured])
    (copy,) = extraction.copies(
        runs.load_model(found.study, found.path), make, asked, (queries,), test, answers=answers
    )
    return copy


@pytest.mark.parametrize("answers", ["labels", "probabilities"])
def test_the_numbers_are_those_of_the_engine(lab: Lab, answers: str) -> None:
    answer, copy = answered(COPY | {"answers": answers}), expected(50, answers)
    for share, told in ((copy.agreement, answer["agreement"]), (copy.accuracy, answer["accuracy"])):
        assert told == pytest.approx([share.value, share.low, share.high], abs=1e-5)
    assert (answer["queries"], answer["answers"], answer["measured"], answer["held"]) == (50, answers, 180, 180)
    assert answer["original"][0] > 0.9


def test_more_questions_than_the_attacker_has_pictures(lab: Lab) -> None:
    few, many = answered(COPY | {"queries": 20}), answered(COPY | {"queries": 500})
    assert many["agreement"][0] > few["agreement"][0]
    assert answered(COPY | {"queries": 20}) == few, "what was asked before changes nothing"
    assert answered(COPY | {"pictures": "made-up"})["held"] == 0


def test_nobody_waits_for_a_copy(lab: Lab) -> None:
    answered(LOOK)
    copy = client.ask(COPY | {"queries": 2000}, visitor="patient")
    time.sleep(0.3)
    assert answered(LOOK, "quick")["images"]
    assert answered(SLOW, "slow")["smallest"][0] > 0
    assert not copy.done(), "both were answered while it was made"
    assert copy.result(90)["answer"]["queries"] == 2000


def test_what_nobody_wants_ends_at_once(lab: Lab) -> None:
    running, waiting = (client.ask(COPY | {"queries": 5000}, visitor=who) for who in ("a", "b"))
    time.sleep(0.5)
    began = time.monotonic()
    client.drop("b", "copy")
    assert waiting.result(10) == {process.NOT_NOW: True}
    client.drop("a", "strip")
    client.drop("a", "copy")
    assert running.result(10) == {process.NOT_NOW: True}
    assert time.monotonic() - began < 2
    assert answered(COPY)["queries"] == 50, "the process goes on"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"models": [PLAIN, PLAIN]}, "models"),
        ({"queries": 0}, "queries=0"),
        ({"queries": 10**6}, "queries=1000000"),
        ({"pictures": "stolen"}, "pictures='stolen'"),
        ({"answers": "logits"}, "answers='logits'"),
        ({"models": ["../../etc/passwd"]}, "did not come with Frontier"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(lab: Lab, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FrontierError) as refused:
        client.ask(COPY | changed, visitor="a")
    assert sentence in str(refused.value)


def test_images_marked_private_are_not_measured_on(lab: Lab) -> None:
    ledgers.mark("digits", private=True, settings=lab.settings)
    try:
        with pytest.raises(FrontierError, match="marked private"):
            client.ask(COPY | {"models": ["digits-cnn-epsilon-8-seed-0"]}, visitor="a")
    finally:
        ledgers.mark("digits", private=False, settings=lab.settings)
    assert answered(COPY)["queries"] == 50
