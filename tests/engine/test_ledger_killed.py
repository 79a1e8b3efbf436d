"""The privacy ledger among real processes: killed while they write, and two that want the same room."""

import multiprocessing as mp
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadInput
from engine.privacy.ledger import Cap
from engine.store.store import Store
from tests.engine import bookkeeping as book
from tests.engine.bookkeeping import study

KILLS = 12


@pytest.fixture(scope="module")
def processes() -> Any:
    """Where a process starts in hundredths of a second, with everything imported."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])  # a forkserver looks nowhere else for what it preloads
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["tests.engine.bookkeeping"])
    return context


def spend_on(home: Path, first: int, said: Path, begun: Any) -> None:
    """One study after another, each noted in `said` once the ledger has it."""
    store = Store(home)
    store.ledger.books()
    begun.set()
    with said.open("a") as file:
        for number in range(first, 1000):
            book.compute(store, study(number, mode="reproducible"))
            file.write(f"{number}\n")
            file.flush()


def test_killed_at_any_moment_the_chain_is_whole_and_the_total_never_falls(processes: Any, tmp_path: Path) -> None:
    home, said, draws = tmp_path / "home", tmp_path / "said", random.Random(5)
    store, first, before, kills, patience = Store(home), 1, 0.0, 0, 0.1
    said.touch()
    while kills < KILLS or first < KILLS:
        kills += 1
        begun = processes.Event()
        process = processes.Process(target=spend_on, args=(home, first, said, begun))
        process.start()
        assert begun.wait(60)
        time.sleep(draws.random() * patience)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        books = store.ledger.books()
        assert books.broken("digits") == []
        rows = books.rows.get("digits", ())
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        first = 1 + sum(store.overview.counts().values())  # whoever was killed may have queued one and not charged it
        assert {int(word) for word in said.read_text().split()} <= {row.said["repeats"] for row in rows}
        after = book.spent(home)
        assert after >= before
        patience *= 1.0 if after > before else 1.2  # a busy machine: killed too early to tell
        before = after
    book.compute(store, study(first))
    assert store.ledger.books().broken("digits") == []


def ask_for_room(home: Path, number: int, gate: Any, said: Any) -> None:
    store = Store(home)
    store.ledger.books()
    gate.wait()
    try:
        book.queue(store, study(number))
        said.put("in")
    except BadInput:
        said.put("out")


def test_of_two_processes_that_ask_at_once_one_gets_the_room(processes: Any, tmp_path: Path) -> None:
    for turn in range(3):
        home = tmp_path / str(turn)
        store = Store(home)
        store.ledger.cap("digits", Cap(1.5, 1e-5))
        gate, said = processes.Barrier(2), processes.Queue()
        asking = [processes.Process(target=ask_for_room, args=(home, number, gate, said)) for number in (1, 2)]
        for process in asking:
            process.start()
        assert sorted(said.get(timeout=60) for _ in asking) == ["in", "out"]
        for process in asking:
            process.join()
        store.close()
