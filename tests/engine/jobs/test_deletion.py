"""Deleting a study stops it first, forgets all of it, frees its files, and leaves its name free for another."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import services
from engine.errors import FrontierError, StaleAttempt, StoreError
from engine.events import Trained
from engine.jobs import deletion
from engine.settings import Settings
from engine.store.measured import Batch
from engine.store.store import Store
from engine.store.tables import metadata
from tests.engine.jobs.conftest import Supervised, assert_gone, family, small, wait_for, wait_for_end, workers_of
from tests.engine.jobs.fakes import row

Queue = Callable[..., str]


def rows_about(store: Store, digest: str) -> int:
    """Rows of any table that name the study."""
    tables = [table for table in metadata.sorted_tables if "study" in table.c]
    with store.database.read() as connection:
        return sum(len(connection.execute(table.select().where(table.c.study == digest)).all()) for table in tables)


def files_of(digest: str, home: Path) -> list[Path]:
    return [file for file in home.rglob("*") if digest in str(file.relative_to(home))]


@pytest.mark.parametrize("fake", ["slow", "stubborn"])
def test_a_study_that_runs_is_stopped_and_leaves_nothing(
    fake: str, supervised: Supervised, home: Path, store: Store
) -> None:
    process = supervised(fake)
    digest = services.submit(small(model="cnn"))
    wait_for(digest, lambda status: status.stage == "train" and (fake == "stubborn" or status.stage_done > 3))
    workers = [one for worker in workers_of(process.pid) for one in family(worker.pid)]
    assert files_of(digest, home)
    assert services.delete(digest)
    assert services.status(digest) is None
    assert rows_about(store, digest) == 0
    assert files_of(digest, home) == []
    assert_gone(workers)
    assert files_of(digest, home) == []
    assert not services.delete(digest)


def test_what_was_deleted_can_be_asked_for_again_and_is_computed_anew(supervised: Supervised, home: Path) -> None:
    supervised("slow")
    kept = services.submit(small(seeds=2))
    wait_for_end(kept)
    digest = services.submit(small())
    wait_for(digest, lambda status: status.stage == "train" and status.stage_done > 3)
    numbers = services.runs(kept)["run"]
    services.delete(digest)
    assert services.submit(small()) == digest
    again = wait_for_end(digest)
    assert (again.state, again.error, again.revision < 100) == ("done", None, True)
    assert "attempt 1 " in services.log(digest)
    assert set(services.runs(digest)["run"]).isdisjoint(numbers)
    assert len(services.frame(kept)) == services_points(kept)
    assert files_of(kept, home)


def services_points(digest: str) -> int:
    status = services.status(digest)
    assert status is not None
    return status.n_points


def test_a_worker_that_still_writes_is_refused_also_when_its_study_is_back(store: Store, queue_study: Queue) -> None:
    digest = queue_study()
    stale = store.queue.claim()
    assert stale is not None
    assert services.delete(digest)  # nobody holds the store's lock: the worker counts as dead
    news = Batch(rows=[row(stale.job, 1.0, 0, "accuracy", float("nan"), 0.5)])
    with pytest.raises(StaleAttempt):
        store.measured.record(stale, news)
    assert rows_about(store, digest) == 0
    queue_study()
    fresh = store.queue.claim()
    assert fresh is not None
    assert fresh.attempt == stale.attempt  # only its number tells it from the one of before
    with pytest.raises(StaleAttempt):
        store.measured.record(stale, news)
    store.measured.record(fresh, news)


def test_the_number_of_a_deleted_model_is_not_given_to_another(store: Store, queue_study: Queue) -> None:
    numbers = []
    for seeds in (1, 2):
        digest = queue_study(small(seeds=seeds))
        claim = store.queue.claim()
        assert claim is not None
        store.measured.record(claim, Batch(trained=[Trained(1.0, 0, "weights")]))
        store.queue.finish(claim)
        numbers += list(store.measured.runs(digest)["run"])
        services.delete(digest)
    assert numbers == [1, 2]


def test_two_may_delete_at_once(store: Store, queue_study: Queue, home: Path) -> None:
    digest = queue_study()
    (home / "models" / digest / "0").mkdir(parents=True)
    gone: list[bool] = []
    threads = [threading.Thread(target=lambda: gone.append(services.delete(digest))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gone) == 4
    assert any(gone)
    assert files_of(digest, home) == []


def test_unknown_studies_and_paths_are_not_deleted(home: Path) -> None:
    (home / "models").mkdir(parents=True)
    for name in ("0123456789abcdef", "", "..", "../models", "*"):
        assert not services.delete(name)
    assert (home / "models").is_dir()


def test_what_goes_is_counted_before(store: Store, queue_study: Queue, home: Path) -> None:
    digest = queue_study()
    assert services.belongings(digest) == deletion.Belongings(0, 0, 0)
    claim = store.queue.claim()
    assert claim is not None
    store.measured.record(claim, Batch(rows=[row(claim.job, 1.0, 0, "accuracy", float("nan"), 0.5)]))
    folder = home / "models" / digest / "0"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(bytes(1000))
    (home / "logs").mkdir()
    (home / "logs" / f"{digest}-0.log").write_bytes(bytes(20))
    (home / "logs" / f"{digest}-0.log.1").write_bytes(bytes(3))
    (home / "logs" / "f00-0.log").write_bytes(bytes(500))
    assert services.belongings(digest) == deletion.Belongings(1, 0, 1023)
    services.delete(digest)
    assert [file.name for file in (home / "logs").iterdir()] == ["f00-0.log"]


def test_a_study_whose_files_cannot_be_moved_stays_whole(
    store: Store, queue_study: Queue, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = queue_study()
    weights, said = home / "models" / digest / "0" / "weights", home / "logs" / f"{digest}-0.log"
    for file in (weights, said):
        file.parent.mkdir(parents=True)
        file.touch()
    real = shutil.move

    def refuse_logs(source: Path, target: Path) -> object:
        if source.suffix == ".log":
            raise PermissionError(13, "Permission denied", str(source))
        return real(source, target)

    monkeypatch.setattr(shutil, "move", refuse_logs)
    with pytest.raises(StoreError, match=rf"{digest}.* could not be deleted .*{digest}-0\.log \(Permission denied\)"):
        services.delete(digest)
    assert services.status(digest) is not None
    assert weights.exists()
    assert said.exists()
    assert [folder.name for folder in (home / "models").iterdir()] == [digest]


def test_what_a_dead_process_left_set_aside_is_freed_by_the_next(store: Store, queue_study: Queue, home: Path) -> None:
    left = home / "models" / f"{deletion.ASIDE}f00-1"
    left.mkdir(parents=True)
    (left / "weights").touch()
    services.delete(queue_study())
    assert list((home / "models").iterdir()) == [left], "a living process may have to put it back"
    long_ago = time.time() - 2 * deletion.LEFT_BEHIND
    os.utime(left, (long_ago, long_ago))
    services.delete(queue_study())
    assert list((home / "models").iterdir()) == []


def test_a_study_that_does_not_stop_is_not_deleted(
    store: Store, queue_study: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = queue_study()
    assert store.queue.claim() is not None
    monkeypatch.setattr(deletion, "PATIENCE", 0.2)
    monkeypatch.setattr(deletion, "owner", lambda home: "somebody")
    with pytest.raises(FrontierError, match=r"did not stop within 0\.2 s"):
        services.delete(digest)
    assert services.status(digest) is not None


def test_settings_name_the_home(home: Path, queue_study: Queue) -> None:
    digest = queue_study()
    other = Settings(home=home.parent / "other")
    assert not services.delete(digest, settings=other)
    assert services.status(digest) is not None
