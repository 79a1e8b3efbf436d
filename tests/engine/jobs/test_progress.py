"""How far, how long, and who is next: from what was planned, measured and seen."""

from dataclasses import replace

import pytest

from engine.jobs.progress import Status, summarize
from engine.jobs.timing import Machine, done, left, makespan, reference, stages
from engine.store.overview import JobView, StudyView, Waiting
from tests.engine.jobs.conftest import small

MACHINE = Machine(cores=1, workers=2, speeds={})
UNITS = {"features": 0.0, "noise": 2.0, "train": 100.0, "attack": 50.0}
MEASURED = {("digits", "scattering-linear", "noise", 1): 2.0, ("digits", "scattering-linear", "train", 1): 0.1}
JOB = JobView(
    number=0,
    dataset="digits",
    model="scattering-linear",
    state="queued",
    units=UNITS,
    planned={"noise": 2.0, "train": 6.0, "attack": 2.0},
    threads=1,
    started=None,
    finished=None,
    stage="",
    stage_from=0,
    stage_done=0,
    stage_total=1,
    stage_since=None,
    error=None,
)
VIEW = StudyView("d", small(), created=1.0, revision=1, n_points=0, jobs=(JOB,), note="", tags=())


def in_stage(stage: str, at: int, total: int, *, start: int = 0) -> JobView:
    job = replace(JOB, state="running", stage=stage, stage_since=0.0)
    return replace(job, stage_from=start, stage_done=at, stage_total=total)


def test_seconds_come_from_this_machine_where_it_measured_them() -> None:
    seconds, measured = stages(small(), UNITS, MEASURED, 1)
    assert not measured
    assert seconds == {"noise": 4.0, "train": 10.0, "attack": 50 * reference(small(), "attack")}
    everything = MEASURED | {("digits", "scattering-linear", "attack", 1): 0.2}
    assert stages(small(), UNITS, everything, 1) == (
        {"noise": 4.0, "train": 10.0, "attack": 10.0},
        True,
    )


def test_speeds_of_another_number_of_threads_do_not_count() -> None:
    assert stages(small(), UNITS, MEASURED, 1)[1] is False
    everything = MEASURED | {("digits", "scattering-linear", "attack", 1): 0.2}
    assert not stages(small(), UNITS, everything, 2)[1]


def test_a_job_alone_in_its_study_takes_all_cores_and_the_load_decides_nothing() -> None:
    machine = Machine(cores=4, workers=2, speeds={})
    assert (machine.threads(1), machine.threads(5)) == (4, 2)
    assert Machine(cores=1, workers=2, speeds={}).threads(5) == 1


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (JOB, 0.0),
        (in_stage("data", 1, 2), 0.0),
        (in_stage("noise", 1, 2), 1.0),
        (in_stage("features", 1, 2), 2.0),
        (in_stage("train", 0, 10), 2.0),
        (in_stage("train", 5, 10), 5.0),
        (in_stage("attack", 1, 4), 8.5),
        (replace(JOB, state="done"), 10.0),
    ],
)
def test_what_is_done_is_counted_in_planned_seconds(job: JobView, expected: float) -> None:
    assert done(job) == (expected, 10.0)


def test_time_left_trusts_the_pace_of_a_stage_more_the_further_it_is() -> None:
    machine = replace(MACHINE, speeds=MEASURED | {("digits", "scattering-linear", "attack", 1): 1.0})
    begun, halfway, ending = (in_stage("attack", at, 100) for at in (0, 50, 99))
    assert left(begun, machine, now=7.0) == 50.0
    assert left(halfway, machine, now=100.0) == pytest.approx(0.5 * 100 + 0.5 * 25)
    assert left(ending, machine, now=99.0) == pytest.approx(0.99 * 1.0 + 0.01 * 0.5)


def test_a_resumed_stage_is_paced_by_what_this_attempt_did() -> None:
    machine = replace(MACHINE, speeds={("digits", "scattering-linear", "attack", 1): 1.0})
    resumed = in_stage("attack", 80, 100, start=60)
    assert left(resumed, machine, now=40.0) == pytest.approx(0.8 * 2 * 20 + 0.2 * 10)


def test_workers_share_the_jobs_in_order() -> None:
    assert makespan([5, 1, 1, 1], workers=2) == 5.0
    assert makespan([1, 1, 5], workers=2) == 6.0
    assert makespan([], workers=2) == 0.0


def status_of(*jobs: JobView, waiting: tuple[Waiting, ...] = (), running: tuple[JobView, ...] = ()) -> Status:
    return summarize([replace(VIEW, jobs=jobs)], waiting, running, MACHINE)[0]


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("queued", "queued"), "queued"),
        (("queued", "running"), "running"),
        (("queued", "done"), "running"),
        (("stopping", "stopped"), "running"),
        (("done", "done"), "done"),
        (("done", "failed"), "failed"),
        (("stopped", "failed"), "failed"),
        (("done", "stopped"), "stopped"),
        (("failed", "queued"), "queued"),
    ],
)
def test_a_study_stands_as_its_jobs_do(states: tuple[str, ...], state: str) -> None:
    assert status_of(*(replace(JOB, state=one) for one in states)).state == state


def test_a_failed_study_says_why_and_has_no_time_left() -> None:
    status = status_of(replace(JOB, state="done"), replace(JOB, state="failed", error="No.", finished=3.0))
    assert (status.error, status.seconds_left, status.finished) == ("No.", None, 3.0)


def test_a_waiting_study_knows_its_place_and_when_its_turn_comes() -> None:
    line = (Waiting("other", 30.0), Waiting("d", 10.0))
    busy = tuple(in_stage("attack", 0, 4) for _ in range(2))
    status = status_of(JOB, waiting=line, running=busy)
    assert (status.state, status.place) == ("queued", 2)
    assert status.starts_in == pytest.approx(30.0 + left(busy[0], MACHINE))
    assert status_of(JOB, waiting=line[1:], running=busy[:1]).starts_in == 0.0


def test_the_first_running_job_stands_for_the_study() -> None:
    status = status_of(replace(JOB, state="done"), in_stage("train", 3, 10), in_stage("attack", 1, 2))
    assert (status.stage, status.stage_done, status.stage_total) == ("train", 3, 10)
    assert 0 < status.fraction < 1


def test_a_finished_study_is_whole() -> None:
    status = status_of(replace(JOB, state="done", finished=9.0, started=2.0))
    assert (status.fraction, status.place, status.started, status.finished) == (1.0, None, 2.0, 9.0)
