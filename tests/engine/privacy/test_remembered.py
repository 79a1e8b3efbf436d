"""What was asked before answers at once, whoever else asks and writes at the same time."""

import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from engine.privacy.remembered import FOLDER, remembered


def asked(cache: Path, question: object) -> object:
    def never() -> None:
        raise AssertionError("asked again")

    return remembered(cache, [question], never)


def test_an_answer_is_computed_once_for_each_question(tmp_path: Path) -> None:
    assert remembered(tmp_path, ["a", 1, 0.1], lambda: [1.5, "x"]) == [1.5, "x"]
    assert remembered(tmp_path, ["a", 1, 0.1], lambda: None) == [1.5, "x"]
    assert remembered(tmp_path, ["a", 1, 0.1 + 1e-16 * 2], lambda: 2) == 2


@pytest.mark.parametrize("damage", [b"{ damaged", b"[]", b"null", b"\xff", b"{}", b'{"asked": "[]", "answer": 7}'])
def test_a_damaged_file_is_asked_for_again(damage: bytes, tmp_path: Path) -> None:
    remembered(tmp_path, ["a"], lambda: 1)
    file = next((tmp_path / FOLDER).iterdir())
    file.write_bytes(damage)
    assert remembered(tmp_path, ["a"], lambda: 2) == 2
    assert asked(tmp_path, "a") == 2


def test_without_room_there_is_an_answer_all_the_same(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    assert remembered(tmp_path, ["a"], lambda: 1) == 1


def _write(folder: Path, writer: int) -> int:
    for i in range(200):
        remembered(folder, [i % 100], partial(list, [i % 100] * 500))
        remembered(folder, [f"{writer}-{i}"], lambda: writer)
    return writer


def test_processes_that_write_at_once_lose_and_tear_nothing(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        assert sorted(pool.map(_write, [tmp_path] * 4, range(4))) == [0, 1, 2, 3]
    assert all(asked(tmp_path, i) == [i] * 500 for i in range(100))
    assert all(asked(tmp_path, f"{writer}-{i}") == writer for writer in range(4) for i in range(200))
    files = list((tmp_path / FOLDER).iterdir())
    assert len(files) == 100 + 4 * 200
    assert all(json.loads(file.read_text()) for file in files)


def test_ten_thousand_answers_do_not_slow_one_down(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    for i in range(10_000):
        (tmp_path / FOLDER / f"{i}.json").write_text("{}")
    remembered(tmp_path, ["a"], lambda: [1.0] * 30)
    fastest = min(_seconds(tmp_path) for _ in range(20))
    assert fastest < 0.02


def _seconds(cache: Path) -> float:
    began = time.perf_counter()
    asked(cache, "a")
    return time.perf_counter() - began
