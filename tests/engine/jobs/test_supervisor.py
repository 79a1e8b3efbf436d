"""Real processes: a study ends as it should, whatever is killed in the middle of it, and nothing is left running."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from engine import planning, services
from engine.jobs import keeper, supervisor
from engine.settings import Settings
from tests.engine.jobs.conftest import (
    Supervised,
    assert_gone,
    family,
    forkserver_of,
    small,
    wait_for,
    wait_for_end,
    workers_of,
)

STUDY = small(model="cnn")  # two jobs: two workers at work


def curves(digest: str) -> pd.DataFrame:
    """The numbers of a study without what a clock measured."""
    return services.frame(digest).drop(columns="seconds")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What STUDY finds when nothing happens to it."""
    settings = Settings(home=tmp_path_factory.mktemp("undisturbed"), cores=2)
    process = supervisor.start(settings, address=None, execute="tests.engine.jobs.fakes.execute")
    digest = services.submit(STUDY, settings=settings)
    while (status := services.status(digest, settings=settings)) is None or status.state != "done":
        time.sleep(0.05)
    supervisor.stop(process)
    return services.frame(digest, settings=settings).drop(columns="seconds")


def assert_whole(digest: str, undisturbed: pd.DataFrame) -> None:
    """Every point of a study once, and equal to that of an undisturbed run."""
    status = wait_for_end(digest)
    assert (status.state, status.error) == ("done", None)
    pd.testing.assert_frame_equal(curves(digest), undisturbed)
    assert status.n_points == planning.n_points(STUDY)


def in_the_middle(digest: str) -> None:
    wait_for(digest, lambda status: status.stage == "train" and status.stage_done > 3)


def test_a_study_is_done_and_its_models_are_kept(supervised: Supervised, undisturbed: pd.DataFrame) -> None:
    supervised("execute")
    digest = services.submit(STUDY)
    assert_whole(digest, undisturbed)
    runs = services.runs(digest)
    assert list(runs["epsilon"]) == [1.0, float("inf")]
    found = services.run_path(int(runs["run"][0]))
    assert found.path.read_bytes() == b"weights"
    assert (found.digest, found.epsilon, found.seed) == (digest, 1.0, 0)


def test_a_warm_supervisor_says_something_within_a_second(supervised: Supervised) -> None:
    supervised("execute")
    wait_for_end(services.submit(small()))
    began = time.monotonic()
    wait_for(services.submit(small(seeds=2)), lambda status: status.state != "queued" and status.n_points > 0)
    assert time.monotonic() - began < 1.0


def test_a_stop_takes_less_than_two_seconds_and_leaves_nothing(supervised: Supervised) -> None:
    process = supervised("stubborn")
    digest = services.submit(small())
    wait_for(digest, lambda status: status.stage == "train")
    workers = [one for worker in workers_of(process.pid) for one in family(worker.pid)]
    assert any("sleep" in one.name() for one in workers)
    began = time.monotonic()
    services.cancel(digest)
    status = wait_for_end(digest)
    assert time.monotonic() - began < 2.0
    assert (status.state, status.seconds_left) == ("stopped", None)
    assert_gone(workers)


def test_what_was_stopped_goes_on_from_its_checkpoint(
    home: Path, supervised: Supervised, undisturbed: pd.DataFrame
) -> None:
    supervised("slow")
    digest = services.submit(STUDY)
    in_the_middle(digest)
    services.cancel(digest)
    assert wait_for_end(digest).state == "stopped"
    steps = [json.loads(file.read_text())["step"] for file in (home / "models" / digest).glob("*/checkpoint.json")]
    services.retry(digest)
    again = wait_for(digest, lambda status: status.state == "running" and status.stage == "train")
    assert again.stage_done >= min(steps) > 0
    assert_whole(digest, undisturbed)


def kill_worker(process: "subprocess.Popen[bytes]") -> None:
    workers_of(process.pid)[0].kill()


def kill_forkserver(process: "subprocess.Popen[bytes]") -> None:
    forkserver_of(process.pid).kill()


@pytest.mark.parametrize("kill", [kill_worker, kill_forkserver])
def test_a_study_survives_the_death_of(
    kill: Callable[["subprocess.Popen[bytes]"], None], supervised: Supervised, undisturbed: pd.DataFrame
) -> None:
    process = supervised("slow")
    digest = services.submit(STUDY)
    in_the_middle(digest)
    workers = workers_of(process.pid)
    kill(process)
    assert_whole(digest, undisturbed)
    assert_gone(workers)


def test_a_killed_supervisor_leaves_nothing_and_the_next_goes_on(
    supervised: Supervised, undisturbed: pd.DataFrame
) -> None:
    process = supervised("slow")
    digest = services.submit(STUDY)
    in_the_middle(digest)
    everyone = family(process.pid)
    assert len(workers_of(process.pid)) == 2
    process.kill()
    process.wait()
    assert_gone(everyone)
    supervised("slow")
    assert_whole(digest, undisturbed)


SERVER = """
import sys, time
from engine.jobs import keeper, supervisor
from engine.settings import Settings
from tests.engine.jobs import fakes
process = supervisor.start(Settings(cores=2), address="http://127.0.0.1:1", execute="tests.engine.jobs.fakes.slow")
time.sleep(600)
"""


def test_a_killed_server_takes_its_supervisor_along_and_the_next_goes_on(
    home: Path, supervised: Supervised, undisturbed: pd.DataFrame
) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], env=supervisor.environment())
    digest = services.submit(STUDY)
    in_the_middle(digest)
    everyone = family(server.pid)
    assert len(everyone) >= 5  # server, supervisor, forkserver, two workers
    server.kill()
    server.wait()
    assert_gone(everyone)
    assert services.owner() is None
    status = services.status(digest)
    assert status is not None
    assert status.state == "queued"
    supervised("slow")
    assert_whole(digest, undisturbed)


def test_a_server_starts_a_supervisor_anew_that_was_killed(home: Path, undisturbed: pd.DataFrame) -> None:
    with keeper.kept(Settings(cores=2), address=None, execute="tests.engine.jobs.fakes.slow"):
        digest = services.submit(STUDY)
        in_the_middle(digest)
        owner = services.owner()
        assert owner is not None
        psutil.Process(owner.pid).kill()
        assert_whole(digest, undisturbed)
        second = services.owner()
        assert second is not None
        assert second.pid != owner.pid
        everyone = family(second.pid)
    assert_gone(everyone)


def test_a_clean_stop_puts_jobs_back_in_line(supervised: Supervised) -> None:
    process = supervised("slow")
    digest = services.submit(small())
    in_the_middle(digest)
    everyone = family(process.pid)
    began = time.monotonic()
    supervisor.stop(process)
    assert time.monotonic() - began < 2.0
    assert_gone(everyone)
    status = services.status(digest)
    assert status is not None
    assert (status.state, status.place, status.error) == ("queued", 1, None)


def test_the_second_supervisor_waits_and_takes_over(supervised: Supervised, undisturbed: pd.DataFrame) -> None:
    first = supervised("slow")
    digest = services.submit(STUDY)
    in_the_middle(digest)
    second = supervised("slow")
    owner = services.owner()
    assert owner is not None
    assert (owner.pid, owner.address) == (first.pid, "http://127.0.0.1:1")
    time.sleep(0.7)
    assert psutil.Process(second.pid).children() == []
    first.kill()
    assert_whole(digest, undisturbed)
    owner = services.owner()
    assert owner is not None
    assert owner.pid == second.pid


@pytest.mark.parametrize(
    ("fake", "sentence"),
    [
        ("missing", "The pictures are gone: fetch them again."),
        ("broken", "ZeroDivisionError: division by zero"),
        ("deadly", "The job's process was killed, which happens when memory runs out; tried 3 times."),
        ("filling", "The disk is full (File too large): free space and try again."),
        ("choking", "What the job found could not be written to {home}: free space on its disk and try again."),
    ],
)
def test_a_failure_is_told_in_one_sentence_and_the_next_study_is_served(
    fake: str, sentence: str, supervised: Supervised, home: Path
) -> None:
    process = supervised(fake)
    digests = [services.submit(small(seeds=seeds)) for seeds in (1, 2)]
    for digest in digests:
        status = wait_for_end(digest)
        assert (status.state, status.error) == ("failed", sentence.format(home=home))
    assert process.poll() is None
    if fake == "broken":
        assert "Traceback (most recent call last)" in services.log(digests[0])


def test_a_job_alone_gets_all_cores_with_patient_threads_and_pages_go_first(supervised: Supervised, home: Path) -> None:
    supervised("curious", workers=1)
    digest = services.submit(small())
    wait_for_end(digest)
    state = json.loads((home / "models" / digest / "0" / "state.json").read_text())
    session = state.pop("session")
    assert state == {"threads": Settings().cores, "omp": "PASSIVE", "nice": os.nice(0) + 10}
    assert session in (None, 10), "0 where Linux weighs sessions and the worker's own did not step back"


def test_a_supervisor_waits_for_a_store_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FRONTIER_HOME", str(tmp_path / "file" / "home"))
    process = supervisor.start(Settings(), address=None, execute="tests.engine.jobs.fakes.execute")
    time.sleep(1.5)
    assert process.poll() is None
    (tmp_path / "file").unlink()
    assert wait_for_end(services.submit(small())).state == "done"
    supervisor.stop(process)


def test_a_polite_end_is_a_clean_end(supervised: Supervised) -> None:
    process = supervised("slow")
    digest = services.submit(small())
    in_the_middle(digest)
    everyone = family(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert_gone(everyone)
    status = services.status(digest)
    assert status is not None
    assert status.state == "queued"
