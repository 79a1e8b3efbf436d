"""The line of jobs: each is claimed once, writes end with a claim, and what dies comes back."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.errors import StaleAttempt
from engine.results import COLUMNS, NOT_APPLICABLE
from engine.store import queue as queue_module
from engine.store.measured import Batch
from engine.store.queue import CRASHES, Claim
from engine.store.store import Store
from tests.engine.jobs.conftest import small
from tests.engine.jobs.fakes import row

Queued = Callable[..., str]


def claim(store: Store) -> Claim:
    found = store.queue.claim()
    assert found is not None
    return found


def states(store: Store, digest: str) -> list[str]:
    view = store.overview.study(digest)
    assert view is not None
    return [job.state for job in view.jobs]


def test_a_claim_holds_the_job_as_it_was_planned(store: Store, queue_study: Queued) -> None:
    digest = queue_study()
    taken = claim(store)
    assert (taken.study, taken.attempt, taken.job.study) == (digest, 1, small())
    assert taken.job.epsilons == (1.0, float("inf"))
    assert store.queue.claim() is None


def test_first_come_first_served(store: Store, queue_study: Queued) -> None:
    digests = [queue_study(small(seeds=n)) for n in (3, 1, 2)]
    assert [claim(store).study for _ in digests] == digests


def test_many_claim_at_once_and_each_job_is_given_once(home: Path, store: Store, queue_study: Queued) -> None:
    for seeds in range(1, 7):
        queue_study(small(model="cnn", seeds=seeds))
    taken: list[int] = []

    def take() -> None:
        mine = Store(home)
        while (found := mine.queue.claim()) is not None:
            mine.measured.record(found, Batch(rows=[row(found.job, 1.0, 0, "accuracy", NOT_APPLICABLE, 0.5)]))
            taken.append(found.id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 13))


def test_every_attempt_uses_the_threads_that_were_planned(store: Store, queue_study: Queued) -> None:
    queue_study()
    store.queue.give_back(claim(store))
    again = claim(store)
    assert (again.attempt, again.threads) == (2, 2)


def test_writes_of_an_overtaken_attempt_are_refused(
    store: Store, queue_study: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = queue_study()
    monkeypatch.setattr(queue_module, "LEASE", -1.0)
    old, new = claim(store), claim(store)
    assert (old.id, old.attempt + 1) == (new.id, new.attempt)
    late = Batch(rows=[row(old.job, 1.0, 0, "accuracy", NOT_APPLICABLE, 0.1)])
    for write in (lambda: store.measured.record(old, late), lambda: store.queue.finish(old)):
        with pytest.raises(StaleAttempt):
            write()
    store.queue.give_back(old, crash="died")
    assert store.measured.frame(digest).empty
    assert states(store, digest) == ["running"]


def test_an_expired_lease_of_our_own_is_not_claimed(
    store: Store, queue_study: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_study()
    monkeypatch.setattr(queue_module, "LEASE", -1.0)
    mine = claim(store)
    assert store.queue.claim(own=[mine.id]) is None


def test_a_point_said_twice_is_one_point_with_the_last_value(store: Store, queue_study: Queued) -> None:
    digest = queue_study()
    taken = claim(store)
    for value in (0.1, 0.2):
        for eps, metric in ((NOT_APPLICABLE, "accuracy"), (0.0, "robust_accuracy"), (0.1, "robust_accuracy")):
            store.measured.record(taken, Batch(rows=[row(taken.job, float("inf"), 0, metric, eps, value)]))
    frame = store.measured.frame(digest)
    assert list(frame["metric"]) == ["accuracy", "robust_accuracy", "robust_accuracy"]
    assert list(frame["value"]) == [0.2, 0.2, 0.2]
    assert frame["eps"].isna().tolist() == [True, False, False]
    assert frame["epsilon"].tolist() == [float("inf")] * 3


def test_an_empty_table_has_its_columns_and_types(store: Store) -> None:
    frame = store.measured.frame("none")
    assert tuple(frame.columns) == COLUMNS
    assert [str(frame[name].dtype) for name in ("epsilon", "seed")] == ["float64", "int64"]


def test_the_third_death_fails_the_job_and_says_why(store: Store, queue_study: Queued) -> None:
    digest = queue_study()
    for _ in range(CRASHES):
        assert states(store, digest) == ["queued"]
        store.queue.give_back(claim(store), crash="The job's process died (SIGSEGV)")
    view = store.overview.study(digest)
    assert view is not None
    assert (view.jobs[0].state, view.jobs[0].error) == ("failed", "The job's process died (SIGSEGV); tried 3 times.")


def test_a_stop_reaches_what_waits_at_once_and_what_runs_through_its_owner(store: Store, queue_study: Queued) -> None:
    digest = queue_study(small(model="cnn"))
    running = claim(store)
    store.queue.cancel(digest)
    assert states(store, digest) == ["stopping", "stopped"]
    assert store.queue.peek() == (False, [running.id])
    assert store.measured.record(running, Batch()) == "stopping"
    store.queue.give_back(running)
    assert states(store, digest) == ["stopped", "stopped"]
    assert queue_study(small(model="cnn")) == digest
    assert states(store, digest) == ["queued", "queued"]


def test_a_retry_while_a_job_is_being_stopped_counts(store: Store, queue_study: Queued) -> None:
    digest = queue_study()
    running = claim(store)
    store.queue.cancel(digest)
    queue_study()
    store.queue.give_back(running)
    assert states(store, digest) == ["queued"]


def test_a_new_owner_takes_back_what_dead_ones_held(store: Store, queue_study: Queued) -> None:
    stopped, running = queue_study(small(seeds=1)), queue_study(small(seeds=2))
    old = [claim(store), claim(store)]
    store.queue.cancel(stopped)
    assert store.queue.reclaim() == 1
    assert (states(store, stopped), states(store, running)) == (["stopped"], ["queued"])
    with pytest.raises(StaleAttempt):
        store.measured.record(old[1], Batch())


def test_a_study_that_is_there_is_not_queued_twice(store: Store, queue_study: Queued) -> None:
    digest = queue_study()
    store.queue.finish(claim(store))
    assert queue_study() == digest
    assert states(store, digest) == ["done"]
    assert store.queue.claim() is None


def test_who_goes_away_stops_only_what_nobody_else_waits_for(store: Store, queue_study: Queued) -> None:
    digest = queue_study(who="one", lasting=False)
    queue_study(who="two", lasting=False)
    assert not store.queue.leave(digest, "one")
    assert states(store, digest) == ["queued"]
    assert store.queue.leave(digest, "two")
    assert states(store, digest) == ["stopped"]


def test_a_page_waits_for_good_and_others_only_while_they_say_so(
    store: Store, queue_study: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "PATIENCE", -1.0)
    digest = queue_study(who="one", lasting=False)
    queue_study(who="silent", lasting=False)
    assert store.queue.leave(digest, "one")
    paged = queue_study(small(seeds=2), who="one", lasting=False)
    queue_study(small(seeds=2), who="page", lasting=True)
    assert not store.queue.leave(paged, "one")


def test_every_change_raises_the_revision_and_a_heartbeat_does_not(store: Store, queue_study: Queued) -> None:
    digest = queue_study()

    def revision() -> int:
        view = store.overview.study(digest)
        assert view is not None
        return view.revision

    seen = [revision()]
    taken = claim(store)
    seen.append(revision())
    store.measured.record(taken, Batch(rows=[row(taken.job, 1.0, 0, "accuracy", NOT_APPLICABLE, 0.5)]))
    seen.append(revision())
    store.queue.finish(taken)
    seen.append(revision())
    assert seen == sorted(set(seen))
    queue_study(small(seeds=2))
    other = claim(store)
    before = store.overview.study(other.study)
    store.measured.record(other, Batch())
    assert store.overview.study(other.study) == before


def test_lists_are_read_by_index(store: Store, queue_study: Queued) -> None:
    queue_study()
    with store.database.read() as connection:
        plan = connection.execute(text("EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE state = 'queued' LIMIT 1")).all()
    assert "jobs_state" in str(plan)
