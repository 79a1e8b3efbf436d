"""What pages and the command line may ask, without anybody running jobs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import planning, services
from engine.errors import BadInput, DataMissing, StoreError
from engine.results import COLUMNS, NOT_APPLICABLE
from engine.settings import Settings
from engine.store.measured import Batch
from engine.store.queue import Claim
from engine.store.store import Store
from engine.study import parse
from tests.engine.jobs.conftest import small
from tests.engine.jobs.fakes import row

pytestmark = pytest.mark.usefixtures("home")


def finish_next(home: Path) -> Claim:
    """Do the next job in line: one point."""
    store = Store(home)
    claim = store.queue.claim()
    assert claim is not None
    store.measured.record(claim, Batch(rows=[row(claim.job, 1.0, 0, "accuracy", NOT_APPLICABLE, 0.5)]))
    store.queue.finish(claim)
    return claim


def state(digest: str) -> str:
    status = services.status(digest)
    assert status is not None
    return status.state


def test_pages_do_not_pay_for_torch() -> None:
    asked = "services.choices(); services.statuses()"
    code = f"import sys; from engine import services; {asked}; print({{'torch', 'matplotlib'}} & set(sys.modules))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == ["set()"]


def test_a_study_is_resolved_queued_and_found_again() -> None:
    study = parse({"privacy": {"epsilons": [3]}})
    digest = services.submit(study)
    assert digest == planning.digest(planning.resolve(study))
    assert services.study(digest) == planning.resolve(study)
    status = services.status(digest)
    assert status is not None
    assert (status.state, status.place, status.starts_in, status.fraction) == ("queued", 1, 0.0, 0.0)
    assert status.seconds_left == pytest.approx(services.estimate(study).seconds)
    assert tuple(services.frame(digest).columns) == COLUMNS
    assert services.provisional(digest).empty
    assert services.runs(digest).empty


def test_the_same_question_is_one_study(home: Path) -> None:
    digest = services.submit(parse({}))
    finish_next(home)
    assert services.submit(parse({}), who="another") == digest
    assert [status.state for status in services.statuses()] == ["done"]


def test_what_cannot_be_run_is_refused_before_anything_is_stored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="attack 'telepathy' is unknown"):
        services.submit(parse({"attack": {"name": "telepathy"}}))
    with pytest.raises(DataMissing, match=r"MNIST is not on this machine: .*fetch mnist"):
        services.submit(parse({"dataset": "mnist"}))
    assert not home.exists()


def test_unknown_studies_are_none_and_unknown_runs_refused() -> None:
    assert services.status("0123456789abcdef") is None
    assert services.study("0123456789abcdef") is None
    for run in (7, "7", "seven", "-1"):
        with pytest.raises(BadInput, match=f"run '{run}' is unknown"):
            services.run_path(run)
    with pytest.raises(BadInput, match="study 'x' is unknown"):
        services.retry("x")
    services.cancel("x")
    services.touch("x", "me")


def test_studies_are_listed_newest_first_in_pages() -> None:
    digests = [services.submit(small(seeds=seeds)) for seeds in (1, 2, 3)]
    assert [status.digest for status in services.statuses()] == digests[::-1]
    assert [status.digest for status in services.statuses(limit=1, offset=1)] == [digests[1]]
    assert [status.place for status in services.statuses()] == [3, 2, 1]


def test_a_stop_and_a_retry(home: Path) -> None:
    digest = services.submit(small())
    services.cancel(digest)
    assert state(digest) == "stopped"
    services.retry(digest)
    assert state(digest) == "queued"
    services.cancel(digest)
    services.submit(small())
    assert state(digest) == "queued"


def test_a_study_of_another_version_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = services.submit(small())
    services.cancel(digest)
    monkeypatch.setattr(planning, "NUMBERS_VERSION", -1)
    with pytest.raises(BadInput, match="launch it anew"):
        services.retry(digest)


def test_ctrl_c_spares_a_study_that_a_page_asked_for() -> None:
    alone, shared = services.submit(small(), who="me"), services.submit(small(seeds=2), who="me")
    services.submit(small(seeds=2))
    services.touch(shared, "me")
    assert services.cancel_unless_wanted(alone, "me")
    assert not services.cancel_unless_wanted(shared, "me")
    assert (state(alone), state(shared)) == ("stopped", "queued")


def test_an_estimate_comes_from_what_this_machine_did(home: Path) -> None:
    study = small()
    rough = services.estimate(study)
    assert not rough.measured
    services.submit(study)
    store = Store(home)
    claim = store.queue.claim()
    assert claim is not None
    threads = Settings().cores
    speeds = {
        ("digits", "scattering-linear", stage, threads): 1 / units for stage, units in claim.units.items() if units
    }
    assert set(claim.units) - {stage for _, _, stage, _ in speeds} == {"extras", "leakage"}, "five stages"
    store.measured.record(claim, Batch(speeds=speeds))
    assert services.estimate(study).measured
    assert services.estimate(study).seconds == pytest.approx(5.0)
    (home / "cache").mkdir()
    (home / "cache" / "digits-scattering-linear-train-0.npy").touch()
    assert services.estimate(study).measured
    assert services.estimate(study).seconds == pytest.approx(4.0)


def test_choices_say_what_is_not_here_and_how_to_get_it() -> None:
    choices = services.choices()
    here = {choice.name: choice for choice in choices.datasets}
    assert here["digits"].available
    assert not here["mnist"].available
    assert "python -m engine fetch mnist" in here["mnist"].remedy
    assert {"scattering-linear", "cnn"} <= {choice.name for choice in choices.models}
    assert {"fgsm", "pgd"} <= {choice.name for choice in choices.attacks}


def test_nobody_owns_a_store_that_nobody_runs() -> None:
    assert services.owner() is None
    assert services.log("0123456789abcdef") == ""
    assert services.log("../../etc") == ""


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FRONTIER_HOME", str(tmp_path / "file" / "home"))
    asked: list[Callable[[], object]] = [services.statuses, lambda: services.submit(small())]
    for ask in asked:
        with pytest.raises(StoreError, match="FRONTIER_HOME"):
            ask()


def test_data_that_cannot_be_fetched_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(DataMissing, match="MNIST is not on this machine"):
        services.ensure_data("mnist")
    services.ensure_data("digits")
    assert os.environ["https_proxy"]
