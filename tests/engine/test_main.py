"""The command line: exit codes, one sentence on stderr, files written whole, and Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from engine import __main__ as cli
from engine import ledgers, services, starter, stories
from engine import options as options_of
from engine.defences import denoiser
from engine.jobs import supervisor
from engine.jobs.progress import Status
from engine.results import COLUMNS
from engine.store.store import Store
from engine.study import Study, parse, read
from tests.engine.data.pictures import shapes, zipped
from tests.engine.jobs.conftest import Supervised, supervised, wait_for  # noqa: F401

SMALL = ["--dataset", "digits", "--epsilon", "1,inf", "--eps", "0,0.1"]
Engine = Callable[..., int]


@pytest.fixture
def engine(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The command line in this process, in an empty folder, without a network: arguments to exit code."""
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["engine", *arguments])
        return cli.main()

    return call


@pytest.fixture
def at_work(supervised: Supervised) -> Callable[[str], None]:  # noqa: F811
    """Someone who runs this store's jobs, with a stand-in of fakes.py."""

    def start(fake: str) -> None:
        supervised(fake)
        until = time.monotonic() + 20
        while services.owner() is None:
            assert time.monotonic() < until
            time.sleep(0.02)

    return start


BAD = [
    (["run"], "no data set was named: add --dataset digits, or a study file"),
    (
        ["run", "--dataset", "digit"],
        "dataset 'digit' is unknown (did you mean 'digits'?); choose from: cifar10, digits",
    ),
    (["run", *SMALL, "--model", "x"], "model 'x' is unknown; choose from: autoencoder, cnn, "),
    (["run", *SMALL, "--attack", "x"], "attack 'x' is unknown; choose from: apgd, "),
    (["run", *SMALL, "--norm", "x"], "norm 'x' is unknown; choose from: l2, linf"),
    (["run", *SMALL, "--epsilon", "0.01"], "epsilon=0.01 is not in [0.05, 100] and not inf"),
    (["run", *SMALL, "--epsilon", "1,200"], "epsilon=200 is not in [0.05, 100] and not inf"),
    (["run", "--dataset", "digits", "--epsilon", "1", "--epsilon", "200"], "epsilon=200 is not in [0.05, 100] and not"),
    (["run", *SMALL, "--epsilon", "1;3"], "epsilon='1;3' is not a number"),
    (["run", "--dataset", "digits", "--epsilon", ""], "epsilon is an empty list: name at least one value"),
    (["run", "--dataset", "digits", "--eps", ","], "eps is an empty list: name at least one value"),
    (["run", *SMALL, "--eps", "1.5"], "eps=1.5 is not in [0, 1]"),
    (["run", *SMALL, "--eps", "9", "--norm", "l2"], "eps=9 is not in [0, 8]"),
    (["run", *SMALL, "--delta", "0"], "delta=0 is not in (0, 1)"),
    (
        ["run", *SMALL, "--delta", "1e-3"],
        "delta=0.001 is not in [1e-12, 1/N = 0.000696) for the 1,437 images of digits",
    ),
    (["run", *SMALL, "--seeds", "0"], "seeds=0 is not in [1, 1000]"),
    (["run", *SMALL, "--seeds", "two"], "seeds='two' is not a whole number in [1, 1000]"),
    (["run", *SMALL, "--steps", "-1"], "attack.steps=-1 is not in [1, 1000]"),
    (["run", *SMALL, "--attack-seeds", "2"], "attack.seeds=2 is not in [1, 1], the number of seeds trained"),
    (
        ["run", *SMALL, "--seeds", "1000", "--attack-seeds", "1000", "--eps", ".1,.2,.3,.4"],
        "the grid has 12,000 points; at",
    ),
    (["run", "--dataset", "mnist"], "MNIST is not on this machine: run `python -m engine fetch mnist`, or put"),
    (["run", *SMALL, "--speed", "9"], "No such option: --speed"),
    (["run", "none.toml"], "none.toml cannot be read (No such file or directory)"),
    (["run", *SMALL, "--out", "{file}/out"], "--out {file}/out cannot be written (Not a directory): choose another"),
    (["show", "abc"], "study 'abc' is not in this store: see `list`"),
    (["export", "abc", "--out", "x"], "study 'abc' is not in this store: see `list`"),
    (["export", "abc", "--out", "x", "--format", "csv,pgn"], "format 'pgn' is unknown (did you mean 'png'?); choose"),
    (["export", "abc", "--out", ""], "--out is empty: name a folder, for example --out results"),
    (["run", *SMALL, "--out", " "], "--out is empty: name a folder, for example --out results"),
    (["export-model", "7", "--out", "x"], "run '7' is unknown; `python -m engine show STUDY` lists the runs"),
    (["fetch", "imagenet"], "dataset 'imagenet' is unknown; choose from: cifar10, digits, fashion-mnist, mnist"),
    (["paint"], "No such command 'paint'."),
    (["run", "--dataset", "folder:nowhere"], "dataset 'folder:nowhere' is not kept on this machine: run `python -m"),
    (["run", "--dataset", "folder:{file}"], "this is not a zip, or it is damaged: its list of entries cannot be read"),
    (["data", "add", "nowhere"], "nowhere does not exist: name a folder or a zip with one folder of pictures for each"),
    (["data", "add", "{file}", "--side", "30"], "side=30 is not a multiple of 4 in [8, 48]"),
    (
        ["data", "delete", "folder:x-0123456789abcdef"],
        "dataset 'folder:x-0123456789abcdef' is not among your own: see `python -m",
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD)
def test_bad_input_is_one_sentence_and_nothing_is_stored(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    assert engine(*(argument.format(file=file) for argument in arguments)) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"Error: {sentence.format(file=file)}")
    assert len(err.splitlines()) == 1
    assert out == ""
    assert services.statuses() == []
    assert file.read_text() == "kept"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "dataset = 'digits'\nseed = 3\n",
            "setting 'seed' is unknown (did you mean 'seeds'?); choose from: attack, dataset",
        ),
        ("dataset = 'digits'\nseeds = 'many'\n", "seeds='many' is not a whole number in [1, 1000]"),
        ("dataset = 'digits'\n[privacy]\nepsilons = []\n", "epsilon is an empty list: name at least one value"),
        ("dataset = 'digits'\nprivacy = 3\n", "privacy=3 is not a table of settings"),
        ("dataset = digits\n", "study.toml is not valid TOML: Invalid value (at line 1, column 11)"),
    ],
)
def test_a_study_edited_by_hand(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    (tmp_path / "study.toml").write_text(text)
    assert engine("run", "study.toml") == 2
    assert capsys.readouterr().err.startswith(f"Error: {sentence}")


def test_a_home_that_cannot_be_written(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FRONTIER_HOME", str(tmp_path / "file" / "home"))
    assert engine("run", *SMALL) == 2
    assert "file/home cannot be used (Not a directory): set FRONTIER_HOME" in capsys.readouterr().err


def test_a_setting_that_is_wrong(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FRONTIER_WORKERS", "0")
    assert engine("run", *SMALL) == 2
    assert capsys.readouterr().err == "Error: FRONTIER_WORKERS='0' should be greater than or equal to 1\n"


def test_without_arguments_it_helps(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine() == 0
    assert "export-model" in capsys.readouterr().out


def test_of_an_option_that_is_named_twice_nothing_is_dropped() -> None:
    asked = options_of.asked({"epsilon": ["1", "3,inf"], "eps": None, "attack": ["pgd", "square"]})
    assert asked == {"privacy": {"epsilons": ["1", "3", "inf"]}, "attack": {"name": "pgd,square"}}


def test_options_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("dataset = 'digits'\nseeds = 4\n[attack]\nsteps = 7\neps = [0.3]\n")
    options = dict.fromkeys(options_of.OPTIONS) | {"seeds": "2", "eps": "0, .1", "epsilon": "3,inf", "delta": "1e-6"}
    study = parse(options_of.asked(options, read(file)))
    assert (study.seeds, study.attack.steps, study.attack.eps) == (2, 7, (0.0, 0.1))
    assert (study.privacy.epsilons, study.privacy.delta) == ((3.0, float("inf")), 1e-6)


def test_run_writes_files_and_is_answered_from_the_store_afterwards(
    engine: Engine, tmp_path: Path, at_work: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work("execute")
    assert engine("run", *SMALL, "--seeds", "2", "--out", "first") == 0
    written = pd.read_csv(tmp_path / "first" / "curves.csv")
    assert tuple(written.columns) == COLUMNS
    assert len(written) == len(services.frame(written["study"][0]))
    about = json.loads((tmp_path / "first" / "study.json").read_text())
    assert (about["digest"], about["state"]) == (written["study"][0], "done")
    monkeypatch.setattr(supervisor, "start", lambda *args, **kwargs: pytest.fail("computed again"))
    assert engine("run", str(tmp_path / "first" / "study.json"), "--out", "second") == 0
    assert (tmp_path / "second" / "curves.csv").read_bytes() == (tmp_path / "first" / "curves.csv").read_bytes()


def test_list_show_and_export_name_what_is_there(
    engine: Engine, tmp_path: Path, at_work: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    at_work("execute")
    engine("run", *SMALL)
    digest = services.statuses()[0].digest
    capsys.readouterr()
    for command in (["list"], ["show", digest[:6]], ["doctor"], ["export", digest[:6], "--out", "out"]):
        assert engine(*command) == 0
    out = capsys.readouterr().out
    for words in (
        f"{digest}  done",
        f"Study {digest}: done",
        "eps 0.1",
        "run  epsilon  seed",
        "comes with scikit-learn",
    ):
        assert words in out
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["curves.csv", "study.json"]


def test_stories_are_a_table_of_published_and_measured(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine("stories") == 0
    out = capsys.readouterr().out
    measured = r"89\.\d % \(.*\) \| 5, 0\.\d\d \| reproduced \|"
    assert re.search(r"\| Fixed features \| fixed features \| 3 \| 89\.7 % \| " + measured, out)
    assert "| Handwriting | fixed features | 3 | 98.7 % | not yet run here |" in out
    assert len({line.count("|") for line in out.splitlines()}) == 1


def test_stories_leave_out_what_stays_with_the_owner(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    services.welcome()
    ledgers.mark("fashion-mnist", private=True)
    assert engine("stories") == 0
    assert "| Fixed features | fixed features | 3 | 89.7 % | not yet run here |" in capsys.readouterr().out


def test_starter_ships_nothing_that_was_marked_while_it_was_computed(
    engine: Engine,
    tmp_path: Path,
    at_work: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def compute(study: Study) -> Status:
        status = computed(study)
        ledgers.mark(study.dataset, private=True)
        return status

    computed = cli._compute
    monkeypatch.setattr("engine.data.images.locate", lambda name, root: tmp_path)
    monkeypatch.setattr(cli, "_compute", compute)
    at_work("execute")
    (tmp_path / "shipped").mkdir()
    assert engine("starter", "small-network", "--out", "shipped") == 2
    assert "the study small-network is not shipped: These images are marked private" in capsys.readouterr().err
    assert not list((tmp_path / "shipped").iterdir())


def test_starter_refuses_a_name_that_nobody_knows(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine("starter", "small-networks") == 2
    assert "did you mean 'small-network'?" in capsys.readouterr().err


def test_starter_makes_the_denoiser(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoiser.make, "__defaults__", (2,))
    assert engine("starter", "denoiser", "--models", "--out", str(tmp_path / "out")) == 0
    written = load_file(tmp_path / "out" / "denoiser.safetensors")
    assert all(torch.equal(written[name], value) for name, value in denoiser.make(2).state_dict().items())


def test_starter_ships_what_a_story_asks_for(
    engine: Engine, tmp_path: Path, at_work: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.data.images.locate", lambda name, root: tmp_path)
    at_work("execute")
    (tmp_path / "shipped").mkdir()
    assert engine("starter", "small-network", "--out", "shipped") == 0
    assert sorted(file.name for file in (tmp_path / "shipped").iterdir()) == [
        "small-network.json",
        "small-network.parquet",
    ]
    monkeypatch.setattr(starter, "SHIPPED", tmp_path / "shipped")
    store = Store(tmp_path / "elsewhere")
    starter.bring(store)
    (view,) = store.overview.studies(limit=9)
    store.close()
    assert view.digest == stories.everything()["small-network"].parts[0].digest


def test_export_writes_what_is_asked_for(
    engine: Engine, tmp_path: Path, at_work: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    at_work("execute")
    engine("run", *SMALL)
    digest = services.statuses()[0].digest
    assert engine("export", digest, "--format", "csv, svg,parquet", "--width", "90", "--out", "a") == 0
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == [
        "curves.csv",
        "curves.parquet",
        "figure-90mm.svg",
    ]
    assert engine("export", digest, "--format", "zip", "--out", "a/b") == 0
    assert [file.name for file in (tmp_path / "a" / "b").iterdir()] == ["everything.zip"]
    capsys.readouterr()
    for wrong, sentence in (
        (["--format", "png", "--width", "91"], "width=91 mm is not one of 90, 180"),
        (["--strength", "0.2"], "strength=0.2 is not one of this study: 0, 0.1"),
    ):
        assert engine("export", digest, "--out", "c", *wrong) == 2
        assert capsys.readouterr().err == f"Error: {sentence}\n"
    assert not (tmp_path / "c").exists()


def test_a_study_without_results_leaves_no_files(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = services.submit(parse({"dataset": "digits"}))
    assert engine("export", digest, "--out", "out") == 2
    assert (
        capsys.readouterr().err
        == f"Error: study '{digest}' has no results yet: export it when its first points are there\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_failed_study_says_why(
    engine: Engine, tmp_path: Path, at_work: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    at_work("missing")
    assert engine("run", *SMALL, "--out", "out") == 1
    assert capsys.readouterr().err.splitlines()[-1] == "Error: The pictures are gone: fetch them again."
    assert list((tmp_path / "out").iterdir()) == []


def interrupted() -> tuple[int, str]:
    """Exit code and last words of a `run` that gets Ctrl-C once it is at work."""
    command = [sys.executable, "-m", "engine", "run", *SMALL]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=supervisor.environment())
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Study ")
    os.kill(process.pid, signal.SIGINT)
    return process.wait(20), process.stderr.read().splitlines()[-1]


@pytest.mark.usefixtures("home")
def test_ctrl_c_stops_the_study(at_work: Callable[[str], None]) -> None:
    at_work("slow")
    assert interrupted() == (130, "Stopped.")
    digest = services.statuses()[0].digest
    wait_for(digest, lambda status: status.state == "stopped", timeout=3)


@pytest.mark.usefixtures("home")
def test_ctrl_c_leaves_the_study_to_whoever_else_waits(at_work: Callable[[str], None]) -> None:
    at_work("slow")
    digest = services.submit(
        parse({"dataset": "digits", "privacy": {"epsilons": [1, "inf"]}, "attack": {"eps": [0, 0.1]}})
    )
    assert interrupted() == (130, f"Study {digest} goes on: someone else waits for it.")
    wait_for(digest, lambda status: status.state == "done")


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_a_supervisor_that_dies_under_the_command_line_is_followed_by_another() -> None:
    process = subprocess.Popen([sys.executable, "-m", "engine", "run", *SMALL], env=supervisor.environment())
    until = time.monotonic() + 20
    while (owner := services.owner()) is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(owner.pid, signal.SIGKILL)
    assert process.wait(60) == 0
    assert services.statuses()[0].state == "done"


@pytest.mark.slow
def test_the_whole_way_on_digits(home: Path, tmp_path: Path) -> None:
    """Without a server, from nothing, in under 60 s: robust accuracy falls from its own start; a model can be taken."""
    command = "run --dataset digits --model scattering-linear --epsilon 1,3,8,inf --seeds 2 --attack pgd --norm linf"
    grid = ["--eps", "0,0.05,0.1,0.2", "--out", str(tmp_path / "out")]
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "engine", *command.split(), *grid], check=True, env=supervisor.environment(), timeout=110
    )
    assert time.monotonic() - began < 60
    rows = pd.read_csv(tmp_path / "out" / "curves.csv")
    robust = rows[rows["metric"] == "robust_accuracy"].pivot_table(
        index=["epsilon", "seed"], columns="eps", values="value"
    )
    assert robust.shape == (4, 4)
    assert (robust.sub(robust[0.0], axis=0) <= 0).all(axis=None)
    assert (robust.diff(axis=1).iloc[:, 1:] <= 0).all(axis=None)
    assert robust[0.0].min() > 0.7
    assert (rows[rows["metric"] == "accuracy"].groupby("epsilon")["seed"].nunique() == 2).all()
    subprocess.run(
        [sys.executable, "-m", "engine", "export-model", "1", "--out", str(tmp_path / "model.pt2")],
        check=True,
        env=supervisor.environment(),
        timeout=60,
    )
    assert (tmp_path / "model.pt2").stat().st_size > 100_000
    assert services.owner() is None


def test_pictures_are_kept_and_run_by_their_place(
    engine: Engine, at_work: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder or a zip, by `run` or by `data add`: one data set, which `run` knows by its name as well."""
    for name, whole in shapes().items():
        (tmp_path / "My shapes" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "My shapes" / name).write_bytes(whole)
    (tmp_path / "shapes.zip").write_bytes(zipped(shapes()))
    assert engine("data", "list") == 0
    assert "No data sets of your own yet" in capsys.readouterr().out
    assert engine("data", "add", "My shapes") == 0
    name = capsys.readouterr().out.strip()
    assert name.startswith("folder:disc-square-")
    at_work("execute")
    for place in ("folder:My shapes", f"folder:{tmp_path / 'shapes.zip'}", name):
        assert engine("run", *SMALL[2:], "--dataset", place) == 0
        assert f"Kept as {name}" in capsys.readouterr().err or place == name
    assert [status.study.dataset for status in services.statuses()] == [name]
    assert engine("data", "list") == 0
    assert "My shapes" in capsys.readouterr().out
    assert engine("doctor") == 0
    assert name in capsys.readouterr().out
    study = services.statuses()[0]
    assert engine("export", study.digest, "--out", "out") == 0
    assert engine("run", "out/study.json") == 0
    assert engine("run", "out/study.json", "--dataset", "digits") == 0
    lying = json.loads((tmp_path / "out" / "study.json").read_text())
    lying["study"]["own"]["n_train"] = 12_000
    (tmp_path / "lying.json").write_text(json.dumps(lying))
    capsys.readouterr()
    assert engine("run", "lying.json") == 2
    assert f"own.n_train=12000 is not what {name} holds: 24" in capsys.readouterr().err
    assert engine("data", "delete", name) == 0
    assert engine("run", "out/study.json") == 2
    assert f"dataset '{name}' is not kept on this machine" in capsys.readouterr().err
