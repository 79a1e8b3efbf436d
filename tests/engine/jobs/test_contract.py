"""What whoever runs a job owes the store: events in time, points that are never lost, one verdict."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from engine import planning, services
from engine.errors import Cancelled, FrontierError, StaleAttempt, StoreError
from engine.events import Provisional, Stage, Trained
from engine.jobs import contract
from engine.jobs.contract import Recorder, perform
from engine.privacy.ledger import Cap
from engine.results import MEMORY, NOT_APPLICABLE, SECONDS
from engine.store import queue as queue_module
from engine.store.measured import Batch
from engine.store.overview import JobView
from engine.store.queue import Claim
from engine.store.store import Store
from tests.engine.bookkeeping import releases
from tests.engine.jobs.conftest import small
from tests.engine.jobs.fakes import row

Queued = Callable[..., str]


@pytest.fixture
def claim(store: Store, queue_study: Queued) -> Claim:
    queue_study()
    found = store.queue.claim()
    assert found is not None
    return found


@pytest.fixture
def recorder(store: Store, claim: Claim, tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(store, claim, tmp_path, cores=2) as opened:
        yield opened


def job_of(store: Store, claim: Claim) -> JobView:
    view = store.overview.study(claim.study)
    assert view is not None
    return view.jobs[claim.number]


def point(claim: Claim, value: float = 0.5) -> Any:
    return row(claim.job, 1.0, 0, "accuracy", NOT_APPLICABLE, value)


def test_a_point_is_in_the_store_before_the_job_goes_on(store: Store, claim: Claim, recorder: Recorder) -> None:
    recorder.emit(point(claim))
    assert list(store.measured.frame(claim.study)["value"]) == [0.5]


def test_progress_is_in_the_store_within_half_a_second(store: Store, claim: Claim, recorder: Recorder) -> None:
    recorder.emit(Stage("train", 0, 10))
    recorder.emit(Stage("train", 3, 10))
    recorder.emit(Provisional(1.0, 0, 3, 10, 0.6, 0.2))
    recorder.emit(Provisional(1.0, 0, 4, 10, 0.7, 0.3))
    time.sleep(0.5)
    job = job_of(store, claim)
    assert (job.stage, job.stage_from, job.stage_done, job.stage_total) == ("train", 0, 3, 10)
    training = store.measured.provisional(claim.study)
    assert training[["step", "accuracy"]].to_numpy().tolist() == [[4.0, 0.7]]
    assert training["loss"].isna().all()


def test_a_job_that_ends_leaves_nothing_unwritten(store: Store, claim: Claim, tmp_path: Path) -> None:
    with Recorder(store, claim, tmp_path, cores=2) as recorder:
        recorder.emit(Stage("attack", 2, 2))
    assert job_of(store, claim).stage == "attack"


def test_weights_are_remembered_relative_to_their_folder(
    store: Store, claim: Claim, recorder: Recorder, tmp_path: Path
) -> None:
    recorder.emit(Trained(1.0, 0, str(tmp_path / "study" / "model.safetensors")))
    assert list(store.measured.runs(claim.study)["path"]) == ["study/model.safetensors"]


def test_a_quiet_job_gives_signs_of_life(
    store: Store, claim: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "BEAT", 0.1)
    monkeypatch.setattr(queue_module, "LEASE", 0.8)
    with Recorder(store, claim, tmp_path, cores=2):
        for _ in range(4):
            time.sleep(0.4)
            assert store.queue.claim() is None
    time.sleep(0.9)
    assert store.queue.claim() is not None


def test_an_overtaken_job_is_told(store: Store, claim: Claim, tmp_path: Path) -> None:
    with Recorder(store, claim, tmp_path, cores=2) as recorder:
        store.queue.give_back(claim)
        store.queue.claim()
        with pytest.raises(StaleAttempt):
            recorder.emit(point(claim))
    assert store.measured.frame(claim.study).empty


def test_a_stopped_job_is_told_though_it_says_little(
    store: Store, claim: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "BEAT", 0.1)
    with Recorder(store, claim, tmp_path, cores=2) as recorder:
        store.queue.cancel(claim.study)
        time.sleep(0.8)
        with pytest.raises(Cancelled):
            recorder.emit(Stage("train", 1, 2))


def test_a_stage_that_does_not_exist_is_refused(recorder: Recorder) -> None:
    with pytest.raises(FrontierError, match="stage 'tea' is unknown"):
        recorder.emit(Stage("tea", 0, 1))


def speeds_after(store: Store, claim: Claim, folder: Path, *dones: int, pause: float) -> list[float]:
    with Recorder(store, claim, folder, cores=2) as recorder:
        for done in dones:
            recorder.emit(Stage("train", done, dones[-1]))
            time.sleep(pause)
    return list(store.measured.speeds().values())


def test_a_stage_that_ends_says_what_a_unit_takes_here(store: Store, claim: Claim, tmp_path: Path) -> None:
    (seconds,) = speeds_after(store, claim, tmp_path, 0, 5, 10, pause=0.2)
    assert seconds * claim.units["train"] == pytest.approx(0.4, abs=0.15)
    assert list(store.measured.speeds()) == [("digits", "scattering-linear", "train", 2)]


def test_what_came_from_a_cache_says_nothing_about_speed(store: Store, claim: Claim, tmp_path: Path) -> None:
    assert speeds_after(store, claim, tmp_path, 0, 10, pause=0.0) == []


def test_a_stage_whose_cores_others_used_too_says_nothing_about_speed(
    store: Store, claim: Claim, tmp_path: Path, queue_study: Callable[..., str]
) -> None:
    queue_study(small(seeds=2))
    assert store.queue.claim() is not None
    assert speeds_after(store, claim, tmp_path, 0, 5, 10, pause=0.1) == []


def test_a_resumed_stage_says_nothing_about_speed(store: Store, claim: Claim, tmp_path: Path) -> None:
    store.queue.give_back(claim)
    again = store.queue.claim()
    assert again is not None
    assert speeds_after(store, again, tmp_path, 0, 9, 10, pause=0.2) == []
    assert job_of(store, again).stage_from == 9


def carry_out(store: Store, claim: Claim, folder: Path, work: Callable[[Callable[..., None]], None]) -> None:
    def execute(job: Any, emit: Callable[..., None], *, places: Any, threads: int) -> None:
        assert threads == claim.threads
        work(emit)

    perform(store, claim, execute, places=None, artifacts=folder, cores=2)


def test_done_is_done(store: Store, claim: Claim, tmp_path: Path) -> None:
    carry_out(store, claim, tmp_path, lambda emit: emit(point(claim)))
    assert job_of(store, claim).state == "done"


def disk_full(emit: Callable[..., None]) -> None:
    raise OSError(28, "No space left on device", "/data/checkpoint.pt")


def two_lines(emit: Callable[..., None]) -> None:
    raise RuntimeError("first\n  second")


def refused(emit: Callable[..., None]) -> None:
    raise FrontierError("Not like this.")


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (disk_full, "The disk is full (No space left on device) /data/checkpoint.pt: free space and try again."),
        (two_lines, "RuntimeError: first second"),
        (refused, "Not like this."),
    ],
)
def test_a_failure_is_one_sentence(
    work: Callable[..., None], sentence: str, store: Store, claim: Claim, tmp_path: Path
) -> None:
    carry_out(store, claim, tmp_path, work)
    assert (job_of(store, claim).state, job_of(store, claim).error) == ("failed", sentence)


def test_what_is_released_is_in_the_ledger_before_the_job_goes_on(store: Store, claim: Claim, tmp_path: Path) -> None:
    def work(emit: Callable[..., None]) -> None:
        for _ in range(2):
            emit(releases(claim.job.study))
            assert [row.kind for row in store.ledger.books().rows["digits"]] == ["released", "no guarantee"]

    carry_out(store, claim, tmp_path, work)
    assert job_of(store, claim).state == "done"


def test_a_cap_fails_the_job_before_it_trains(store: Store, claim: Claim, tmp_path: Path) -> None:
    trained: list[bool] = []

    def work(emit: Callable[..., None]) -> None:
        emit(releases(claim.job.study))
        trained.append(True)

    store.ledger.cap("digits", Cap(3.0, 1e-5))
    carry_out(store, claim, tmp_path, work)
    assert job_of(store, claim).error == (
        "models without privacy (epsilon inf) would be trained without any guarantee, and digits has a cap of 3: leave "
        "that out."
    )
    assert not trained


def test_points_found_before_a_failure_are_kept(store: Store, claim: Claim, tmp_path: Path) -> None:
    def work(emit: Callable[..., None]) -> None:
        emit(point(claim))
        emit(Stage("attack", 1, 2))
        refused(emit)

    carry_out(store, claim, tmp_path, work)
    assert len(store.measured.frame(claim.study)) == 1
    assert job_of(store, claim).stage == "attack"


def test_a_stop_leaves_the_verdict_to_the_launcher(store: Store, claim: Claim, tmp_path: Path) -> None:
    store.queue.cancel(claim.study)
    with pytest.raises(Cancelled):
        carry_out(store, claim, tmp_path, lambda emit: emit(point(claim)))
    assert job_of(store, claim).state == "stopping"


def test_a_store_that_cannot_be_written_once_fails_the_job(
    store: Store, claim: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> str:
        raise StoreError("The store is full: free space.")

    def work(emit: Callable[..., None]) -> None:
        monkeypatch.setattr(store.measured, "record", fail)
        emit(point(claim))

    carry_out(store, claim, tmp_path, work)
    assert job_of(store, claim).error == "The store is full: free space."


def test_a_study_of_another_version_is_not_run(
    store: Store, claim: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "NUMBERS_VERSION", -1)
    carry_out(store, claim, tmp_path, lambda emit: emit(point(claim)))
    assert "another version" in str(job_of(store, claim).error)
    assert store.measured.frame(claim.study).empty


def test_jobs_of_one_study_do_not_disturb_each_other(store: Store, queue_study: Queued, tmp_path: Path) -> None:
    digest = queue_study(small(model="cnn"))
    for _ in range(2):
        claim = store.queue.claim()
        assert claim is not None
        store.measured.record(
            claim, Batch(rows=[row(claim.job, claim.job.epsilons[0], 0, "accuracy", NOT_APPLICABLE, 0.5)])
        )
        store.queue.finish(claim)
    assert len(store.measured.frame(digest)) == 2


def test_clipping_alone_and_no_privacy_are_two_models_each(store: Store, claim: Claim, recorder: Recorder) -> None:
    for clip_only, value in ((False, 0.9), (True, 0.8), (True, 0.85)):
        recorder.emit(row(claim.job, inf, 0, "accuracy", NOT_APPLICABLE, value, clip_only=clip_only))
        recorder.emit(Trained(inf, 0, f"weights-{clip_only}", clip_only))
        recorder.emit(Provisional(inf, 0, 1, 2, value, inf, None, clip_only))
    recorder.emit(Stage("train", 1, 1))
    assert list(store.measured.frame(claim.study)["value"]) == [0.85, 0.9], "said again, a point is replaced"
    runs = store.measured.runs(claim.study)
    assert list(runs["clip_only"]) == [True, False]
    assert [Path(path).name for path in runs["path"]] == ["weights-True", "weights-False"]
    found = store.measured.run(int(runs["run"].iloc[0]))
    assert found is not None
    assert found.clip_only


def test_what_training_cost_is_kept_but_is_no_point(store: Store, claim: Claim, recorder: Recorder) -> None:
    recorder.emit(point(claim))
    cost = replace(point(claim), metric=SECONDS, value=12.5, low=nan, high=nan)
    recorder.emit(cost)
    recorder.emit(replace(cost, metric=MEMORY, value=3e8))
    view = store.overview.study(claim.study)
    assert view is not None
    assert view.n_points == 1
    frame = store.measured.frame(claim.study)
    assert dict(zip(frame["metric"], frame["value"], strict=True)) == {"accuracy": 0.5, MEMORY: 3e8, SECONDS: 12.5}
    assert frame["low"].isna().tolist() == [False, True, True]


def test_who_claims_first_is_noted(store: Store, queue_study: Queued) -> None:
    digest = queue_study()
    first = store.queue.claim(made_by='{"versions": {"torch": "1"}}')
    assert first is not None
    store.queue.give_back(first)
    assert store.queue.claim(made_by='{"versions": {"torch": "2"}}') is not None
    assert job_of(store, first).made_by == {"versions": {"torch": "1"}}
    assert services.made_by(digest)["versions"] == {"torch": "1"}
    assert services.made_by(digest)["versions_and_machine"] == "of the computer that computed it"
    assert services.made_by("unknown") == {}
