"""A run of the lab: what is rebuilt, how it is looked at meanwhile, and how it ends early."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.errors import BadInput
from engine.lab import catalogue, client, rebuilding, turns, work
from engine.lab.asked import Look, parse
from engine.lab.cases import Given, given
from engine.settings import Settings
from engine.threats.rebuilding import STEPS

NAME = "digits-cnn-no-privacy-seed-0"
ASKED: dict[str, Any] = {"what": "rebuild", "models": [NAME], "run": "r1", "images": [0]}
LINEAR = {"network": "linear", "attack": "analytic"}
BAD: dict[str, dict[str, Any]] = {
    "set max_grad_norm too": {"noise_multiplier": 0.1},
    "name each image once": {"images": [1, 1]},
    "images=[]": {"images": []},
    "network 'linear'": {"attack": "analytic"},
    "noise_multiplier=-1": {"noise_multiplier": -1, "max_grad_norm": 1},
    "max_grad_norm=nan": {"max_grad_norm": float("nan")},
    "'steps' is no setting": {"steps": 3},
}


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is busy is slow, not wrong; and whoever takes a turn in a test has none afterwards."""
    monkeypatch.setattr(rebuilding, "LONGEST", 1000.0)
    yield
    turns.give(lambda: None)


@pytest.fixture
def one(home: object) -> Given:
    return given(client.plain(catalogue.find(NAME), Settings()))


def answered(one: Given, **more: Any) -> dict[str, Any]:
    return work.answer(parse(ASKED | more), [one])


def turned(take: Callable[[], Any]) -> None:
    """From now on this is done at each turn."""

    def done() -> None:
        take()

    turns.give(done)


def looked(run: str = "r1", **more: Any) -> dict[str, Any]:
    return work.answer(Look(what="look", run=run, **more), [])


@pytest.mark.parametrize(("sentence", "changed"), BAD.items())
def test_what_cannot_be_rebuilt_is_said_in_one_sentence(sentence: str, changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        parse(ASKED | changed)
    assert sentence in str(refused.value)


def test_a_linear_layer_gives_the_image_away_and_noise_covers_it(one: Given) -> None:
    clear = answered(one, **LINEAR, max_grad_norm=1.0)
    assert clear["cell"]["ssim"] == (1.0,)
    assert "redraws it" in clear["finding"]
    noisy = answered(one, **LINEAR, max_grad_norm=1.0, noise_multiplier=1.0)
    assert noisy["cell"]["ssim"][0] < 0.5
    assert clear["originals"] == noisy["originals"] != noisy["cell"]["pictures"]


def test_a_run_is_looked_at_while_it_sharpens(one: Given) -> None:
    seen: list[dict[str, Any]] = []
    turned(lambda: seen.append(looked()))
    answer = answered(one)
    assert answer["ended"] == ""
    assert [at["step"] for at in seen] == list(range(1, 301))
    assert seen[-1]["ssim"][0] > seen[0]["ssim"][0]
    assert seen[150]["left"] > 0
    assert looked("another")["running"] is False
    assert looked()["running"] is False, "it is over"


def test_stop_ends_it_with_the_nearest_pictures_so_far(one: Given) -> None:
    turned(lambda: looked(stop=looked()["step"] == 20))
    answer = answered(one)
    assert (answer["ended"], answer["step"]) == ("stopped", 20)
    assert len(answer["cell"]["pictures"]) == 1


def test_a_run_that_was_stopped_while_it_waited_does_one_step(one: Given) -> None:
    assert looked("r9", stop=True) == {"running": False}
    assert answered(one, run="r9")["step"] == 1
    assert answered(one, run="r10", attack="dlg")["step"] > 1


def test_a_run_ends_when_its_time_is_up(one: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "LONGEST", 0.0)
    assert answered(one)["ended"] == "late"


def test_an_image_that_there_is_not_is_refused(one: Given) -> None:
    with pytest.raises(BadInput, match=r"images: 99999 is not in \[0, "):
        answered(one, images=[99999])


def test_a_trained_network_is_attacked_by_its_own_weights(one: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "cosine", 3)
    before = answered(one, images=[0, 1])["cell"]["pictures"]
    assert answered(one, images=[0, 1], network="trained")["cell"]["pictures"] != before


def test_class_pictures_are_drawn_and_judged(one: Given) -> None:
    judge = given(client.plain(catalogue.find("digits-cnn-adversarial-no-privacy-seed-0"), Settings()))
    question = parse({"what": "hold", "models": [NAME, judge.name], "run": "h1"})
    held = work.answer(question, [one, judge])["held"]
    assert len(held["pictures"]) == len(held["sure"]) == len(held["right"]) == 10
    assert work.answer(question, [one])["held"]["right"] == ()
    turned(lambda: looked("h1", stop=True))
    assert work.answer(question, [one, judge])["ended"] == "stopped"


def test_images_marked_private_are_not_rebuilt(home: object) -> None:
    from engine import ledgers

    ledgers.mark("digits", private=True)
    name = "digits-cnn-epsilon-8-seed-0"
    for network in ("initial", "trained"):
        with pytest.raises(BadInput):
            client.checked(parse(ASKED | {"models": [name], "network": network}), Settings())
