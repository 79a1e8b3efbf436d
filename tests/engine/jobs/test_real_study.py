"""The real engine under the real supervisor: killed in mid-study, it ends with the numbers of an undisturbed run."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from engine import services
from engine.jobs import supervisor
from engine.results import POINTS
from engine.settings import Settings
from engine.store.store import Store
from tests.engine.jobs.conftest import assert_gone, family, small, wait_for, wait_for_end, workers_of

STUDY = small(
    privacy={"epsilons": [3, "inf"]},
    attack={"names": ["fmn", "apgd"], "steps": 8, "eps": [0, 0.05, 0.1, 0.15], "images": 60, "seeds": 2},
    seeds=2,
)


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Supervisors that end with the test."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        supervisor.stop(process)


def curves(digest: str) -> pd.DataFrame:
    """What was measured of the models: not what it took, which no two runs share."""
    found = services.frame(digest).drop(columns="seconds")
    return found[found["metric"].isin(POINTS)].reset_index(drop=True)


def run(started: list["subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
    started.append(supervisor.start(Settings(cores=2), address=None))
    return started[-1]


def test_a_study_killed_twice_ends_with_the_numbers_of_an_undisturbed_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list["subprocess.Popen[bytes]"]
) -> None:
    run(started)
    digest = services.submit(STUDY)
    assert wait_for_end(digest, timeout=90).error is None
    undisturbed, stood = curves(digest), services.standing(digest)
    assert len(stood) == 4
    supervisor.stop(started.pop())

    monkeypatch.setenv("FRONTIER_HOME", str(tmp_path / "other"))
    shutil.copytree(home / "cache", tmp_path / "other" / "cache")
    first = run(started)
    services.submit(STUDY)
    wait_for(digest, lambda status: status.stage == "train", timeout=60)
    workers_of(first.pid)[0].kill()
    in_the_second_attack = 60 * 4
    wait_for(digest, lambda status: status.stage == "attack" and status.stage_done >= in_the_second_attack, timeout=60)
    everyone = family(first.pid)
    first.kill()
    first.wait()
    assert_gone(everyone)
    run(started)
    status = wait_for_end(digest, timeout=90)
    assert (status.state, status.error) == ("done", None)
    pd.testing.assert_frame_equal(curves(digest), undisturbed)
    assert services.standing(digest) == stood
    for place in (home, tmp_path / "other"):
        rows = Store(place).ledger.books().rows["digits"]
        assert [row.kind for row in rows] == ["released", "no guarantee"], "charged once, however often it was killed"
        assert rows[0].said["study"] == digest


def test_a_supervisor_killed_while_torch_is_loading_leaves_nothing(
    home: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    process = run(started)
    while not any("forkserver" in " ".join(one.cmdline()) for one in family(process.pid)):
        time.sleep(0.01)
    time.sleep(0.5)
    everyone = family(process.pid)
    process.kill()
    process.wait()
    assert_gone(everyone, timeout=1)
