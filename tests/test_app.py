"""What a server does when it starts."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import app
from engine import ledgers, services
from engine.jobs import keeper


@contextmanager
def nobody(*_: object, **__: object) -> Iterator[None]:
    yield


def test_a_start_sweeps_drafts_that_nobody_decided_about(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, fresh = (home / "data" / "own" / f".new-{i:016x}" for i in range(2))
    for place in (old, fresh):
        place.mkdir(parents=True)
    os.utime(old, (0, 0))
    monkeypatch.setattr(keeper, "kept", nobody)
    with ExitStack() as jobs:
        app.supervise(jobs)
    assert not old.exists()
    assert fresh.exists()
    assert services.statuses(), "the results that come with Frontier are there before the first page"


def test_a_ledger_that_cannot_be_checked_keeps_nothing_from_running(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged() -> None:
        raise TypeError("bytes")

    monkeypatch.setattr(ledgers, "check", damaged)

    @contextmanager
    def begins(*_: object, **__: object) -> Iterator[None]:
        began.append(1)
        yield

    began: list[int] = []
    monkeypatch.setattr(keeper, "kept", begins)
    with ExitStack() as jobs:
        app.supervise(jobs)
    assert began == [1]
