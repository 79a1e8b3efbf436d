"""What the Learn page shows of a data set: made once by a process of its own, and gone with its images."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from engine import exhibit, holdings, ledgers, lessons
from engine.data.images import load
from engine.errors import BadInput, DataMissing, FrontierError
from engine.privacy import mechanisms
from engine.recipes import Recipe
from engine.settings import Settings
from tests.engine.data.pictures import shapes, zipped

T = TypeVar("T")


def worked_out(ask: Callable[[], T | None]) -> T:
    until = time.monotonic() + 100
    while (found := ask()) is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


@pytest.fixture
def own(home: Path) -> str:
    home.mkdir(parents=True)
    (home / "x.zip").write_bytes(zipped(shapes()))
    return holdings.add(home / "x.zip", side=16, called="Shapes")


def test_counts_are_those_of_the_training_images(home: Path) -> None:
    assert lessons.counted("digits") is None
    held = worked_out(lambda: lessons.counted("digits"))
    images = load("digits", home, train=True)
    assert held.counts == tuple(int((images.y == label).sum()) for label in range(10))
    seven = held.pictures[7]
    assert seven.shape == (1, 8, 8)
    assert any((np.rint(x * 255) == seven).all() for x in images.x[images.y == 7])
    seen = lessons.step("digits")
    assert seen is not None
    assert seen.plain.shape == (10, 65)
    assert lessons.counted("digits") is held, "read once"


def test_own_images_are_never_looked_at(own: str) -> None:
    assert lessons.shown(own) == "digits"
    for ask in (lessons.counted, lessons.step):
        with pytest.raises(BadInput, match=f"the training images of {own} are under a privacy ledger"):
            ask(own)
    assert not list(Settings().cache.glob(f"{own}-images-*"))


def test_images_with_a_cap_or_a_mark_are_not_looked_at(home: Path) -> None:
    assert (lessons.shown("mnist"), lessons.shown("digits")) == ("mnist", "digits")
    ledgers.set_cap("mnist", 8)
    assert lessons.shown("mnist") == "digits"
    with pytest.raises(BadInput, match="choose others"):
        lessons.step("mnist")
    ledgers.mark("digits", private=True)
    assert lessons.shown("digits") is lessons.shown("mnist") is None
    ledgers.set_cap("mnist", float("inf"))
    assert lessons.shown("mnist") == "mnist"


def test_images_that_are_gone_are_said_to_be(own: str) -> None:
    holdings.delete(own)
    with pytest.raises(DataMissing, match="not kept on this machine"):
        lessons.attacked(own)


def test_the_attacker_is_of_the_default_training(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "BUDGETS", (1.0,))
    file = lessons.place("attacker", "digits", Settings())
    lessons.write("attacker", "digits", file, Settings())
    (one,) = lessons.attacked("digits") or ()
    assert (one.epsilon, one.steps, one.delta) == (1.0, 60, 1e-5)
    assert one.sample_rate == 718 / 1437
    assert one.found[int(np.argmin(np.abs(lessons.FALSE_ALARMS - 0.01)))] < mechanisms.members_found(
        1.0, 1e-5, np.array([0.01])
    )


def test_what_cannot_be_worked_out_is_said_once_and_not_tried_for_ever(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    class Failed:
        def poll(self) -> int:
            return 1

    def start(what: str, *_: object) -> Failed:
        started.append(what)
        return Failed()

    monkeypatch.setattr(lessons, "_start", start)
    lessons.counted("digits")
    for _ in range(3):
        with pytest.raises(FrontierError, match="could not be worked out: the server's log says why"):
            lessons.counted("digits")
    assert started == ["images"]


def test_a_file_that_was_swept_away_is_made_again(home: Path) -> None:
    worked_out(lambda: lessons.counted("digits"))
    (file,) = Settings().cache.glob("digits-images-*.npz")
    file.unlink()
    worked_out(lambda: lessons.counted("digits"))
    assert file.exists()


@pytest.mark.slow
def test_the_exhibit_of_an_attack_is_made_by_a_process_with_the_numbers_that_are_made_here(home: Path) -> None:
    assert lessons.exhibited() is None
    found = worked_out(lessons.exhibited)
    assert lessons.exhibited() is found, "read once"
    assert exhibit.written(found) == exhibit.written(exhibit.make())


def test_an_exhibit_of_other_code_is_another_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "robustness").mkdir()
    for name in ("exhibit.py", "robustness/toy.py", "robustness/gradient.py"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(exhibit, "__file__", str(tmp_path / "exhibit.py"))
    before = exhibit.file_name()
    (tmp_path / "robustness" / "gradient.py").write_text("another step")
    assert exhibit.file_name() != before


def test_another_recipe_is_another_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lessons.place("attacker", "digits", Settings())
    assert lessons.place("attacker", "digits", Settings()) == before
    monkeypatch.setattr(lessons, "recipe", lambda *_: Recipe(batch=100, steps=7, learning_rate=1.0))
    assert lessons.place("attacker", "digits", Settings()) != before
