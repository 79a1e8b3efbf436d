"""Mode 'private': nothing is kept that would give the noise away, and what is done again had told nobody anything."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
import torch

from engine import checkpoint, disk, planning, recipes, runs, training
from engine.events import Begins, Event, Provisional, Redone, Releases, Trained
from engine.mechanism import Mechanism
from engine.privacy.streams import Secret
from engine.results import Row
from engine.study import Study, parse
from engine.training import Candidate, at_risk, passes


def study(**more: object) -> Study:
    privacy = {"epsilons": [1, 3, "inf"], "mode": "private"}
    attack = {"eps": [0.05], "steps": 1, "images": 10}
    return planning.resolve(parse({"dataset": "digits", "privacy": privacy, "attack": attack, **more}))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features and noise, made once."""
    return tmp_path_factory.mktemp("cache")


Execute = Callable[[Study, Path, Callable[[Event], None]], None]


@pytest.fixture
def execute(cache: Path) -> Execute:
    def run(asked: Study, folder: Path, emit: Callable[[Event], None]) -> None:
        for i, job in enumerate(planning.plan(asked)):
            places = runs.Places(folder / "data", cache, folder / str(i))
            runs.execute(job, emit, places=places, threads=torch.get_num_threads())

    return run


def weights(events: list[Event]) -> dict[tuple[float, int], bytes]:
    return {(e.epsilon, e.seed): Path(e.path).read_bytes()[-2000:] for e in events if isinstance(e, Trained)}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    def linear(epsilon: float, n_train: int) -> recipes.Recipe:
        return replace(recipes._linear(epsilon, n_train), batch=300, steps=48)

    def network(epsilon: float, n_train: int) -> recipes.Recipe:
        return replace(recipes._network(epsilon, n_train), batch=60, steps=4)

    monkeypatch.setitem(recipes._RECIPES, "scattering-linear", linear)
    monkeypatch.setitem(recipes._RECIPES, "cnn", network)


@pytest.mark.parametrize("model", ["scattering-linear", "cnn"])
def test_no_two_runs_are_alike_and_rows_say_the_mode(execute: Execute, model: str, tmp_path: Path) -> None:
    asked = study(model=model)
    first: list[Event] = []
    second: list[Event] = []
    execute(asked, tmp_path / "first", first.append)
    execute(asked, tmp_path / "second", second.append)
    a, b = weights(first), weights(second)
    assert a.keys() == b.keys() == {(1.0, 0), (3.0, 0), (inf, 0)}
    assert all(a[key] != b[key] for key in a)
    assert {row.mode for row in first if isinstance(row, Row)} == {"private"}
    assert not [event for event in first if isinstance(event, Redone)]


@pytest.mark.parametrize("model", ["scattering-linear", "cnn"])
def test_everybody_hears_first_what_the_whole_study_releases(execute: Execute, model: str, tmp_path: Path) -> None:
    asked = study(model=model, seeds=2)
    said: list[Event] = []
    execute(asked, tmp_path, said.append)
    found = [event for event in said if isinstance(event, Releases)]
    assert len(found) == len(planning.plan(asked))
    assert len(set(found)) == 1, "every job says all of it"
    assert [(m.sample_rate, m.steps) for m in found[0].mechanisms] == [
        (300 / 1437, 48) if model == "scattering-linear" else (60 / 1437, 4)
    ] * 4
    rows = {row.noise_multiplier for row in said if isinstance(row, Row) and row.epsilon < inf}
    assert {m.noise_multiplier for m in found[0].mechanisms} == rows
    assert (found[0].shared, found[0].unprotected) == (model == "scattering-linear", True)
    heard = next(i for i, event in enumerate(said) if isinstance(event, Releases))
    assert heard < next(i for i, event in enumerate(said) if isinstance(event, Provisional))


def test_nothing_is_said_before_the_state_it_speaks_of_is_on_the_disk(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 1e9)
    seen: list[tuple[int, int]] = []

    def emit(event: Event) -> None:
        if isinstance(event, Provisional) and event.epsilon < inf:
            kept = torch.load(tmp_path / "0" / "checkpoint.pt", weights_only=True)
            seen.append((event.step, int(kept["pass-0"]["step"])))

    execute(study(), tmp_path, emit)
    assert len(seen) == 2 * 24
    assert all(told == kept for told, kept in seen)


class Killed(BaseException):
    """What a test takes for SIGKILL: nothing is written after it."""


def test_a_resumed_job_draws_anew_and_says_how_much(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 1e9)
    asked, said = study(seeds=2), list[Event]()
    job = planning.plan(asked)[0]
    places = runs.Places(tmp_path / "data", cache, tmp_path / "0")

    def die(event: Event) -> None:
        said.append(event)
        if isinstance(event, Provisional) and event.step == 20:
            raise Killed

    with pytest.raises(Killed):
        runs.execute(job, die, places=places, threads=1)
    saved = torch.load(tmp_path / "0" / "checkpoint.pt", weights_only=True)
    again: list[Event] = []
    runs.execute(job, again.append, places=places, threads=1)
    redone = [event for event in again if isinstance(event, Redone)]
    assert redone == [Redone(e, seed, 2) for e in (1.0, 3.0) for seed in (0, 1)], "from 20 to the next mark, at 22"
    assert again.index(redone[0]) < next(i for i, e in enumerate(again) if isinstance(e, Provisional))
    assert next(e.step for e in again if isinstance(e, Provisional) and e.epsilon == 1.0) == 22
    assert int(saved["pass-0"]["step"]) == 20


@pytest.mark.parametrize("model", ["scattering-linear", "cnn"])
@pytest.mark.parametrize("lost", ["everything", "weights"])
def test_what_is_trained_once_more_is_said(execute: Execute, model: str, lost: str, tmp_path: Path) -> None:
    """Without weights and without a saved state a retry has fresh noise: whoever charges hears of it each time."""
    asked = study(model=model)
    first: list[Event] = []
    again: list[Event] = []
    execute(asked, tmp_path, first.append)
    steps = 48 if model == "scattering-linear" else 4
    passes = [((1.0, 0), (3.0, 0))] if steps == 48 else [((1.0, 0),), ((3.0, 0),)]
    assert [event for event in first if isinstance(event, Begins)] == [Begins(models, steps) for models in passes]
    for file in tmp_path.rglob("*.safetensors"):
        if lost == "everything" or "epsilon-3.0" in file.name:
            file.unlink()
    execute(asked, tmp_path, again.append)
    said = [event for event in again if isinstance(event, Begins)]
    assert said == [Begins(models, steps) for models in (passes if lost == "everything" else passes[-1:])]
    assert again.index(said[0]) < next(i for i, e in enumerate(again) if isinstance(e, Provisional))
    quiet: list[Event] = []
    execute(asked, tmp_path, quiet.append)
    assert not [event for event in quiet if isinstance(event, Begins | Redone)], "nothing is trained again"


@pytest.mark.parametrize("mode", ["private", "reproducible"])
def test_weights_that_would_be_charged_again_outlast_a_power_cut(
    execute: Execute, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(disk, "settle", lambda place: synced.append(place.name))
    execute(study(model="cnn", privacy={"epsilons": [1], "mode": mode}), tmp_path, lambda event: None)
    kept = "epsilon-1.0-seed-0.part"
    assert synced[synced.index(kept) :] == [kept, "0"] if mode == "private" else synced == []


def test_a_resumed_job_does_not_begin_again(execute: Execute, tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Provisional) and event.step == 20:
            raise Killed

    with pytest.raises(Killed):
        execute(study(), tmp_path, die)
    again: list[Event] = []
    execute(study(), tmp_path, again.append)
    assert not [event for event in again if isinstance(event, Begins)]
    assert [event for event in again if isinstance(event, Redone)]


def test_a_job_resumed_on_other_coordinates_begins_anew_and_says_how_much(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights on features of another machine's coordinates are no weights here; what was told of them is told."""
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 1e9)
    job = planning.plan(study())[0]
    places = runs.Places(tmp_path / "data", cache, tmp_path / "0")

    def die(event: Event) -> None:
        if isinstance(event, Provisional) and event.step == 20:
            raise Killed

    with pytest.raises(Killed):
        runs.execute(job, die, places=places, threads=1)
    saved = torch.load(tmp_path / "0" / "checkpoint.pt", weights_only=True)
    saved["pass-0"]["basis"] = "another"
    torch.save(saved, tmp_path / "0" / "checkpoint.pt")
    again: list[Event] = []
    runs.execute(job, again.append, places=places, threads=1)
    assert [e for e in again if isinstance(e, Redone)] == [Redone(e, 0, 22) for e in (1.0, 3.0)]
    assert next(e.step for e in again if isinstance(e, Provisional) and e.epsilon == 1.0) == 2


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from engine import checkpoint, planning, recipes, runs
from engine.events import Provisional
from engine.privacy import streams
from engine.study import parse

home, at = Path(sys.argv[1]), int(sys.argv[2])
checkpoint.SAVE_EVERY = 1e9
recipes._RECIPES["scattering-linear"] = lambda e, n: replace(recipes._linear(e, n), batch=300, steps=48)
made, begin = [], streams.Secret.__init__

def noted(self):
    begin(self)
    print("key", self._key.hex(), flush=True)

streams.Secret.__init__ = noted

def emit(event):
    if isinstance(event, Provisional) and event.epsilon == 1:
        print("said", event.step, event.accuracy, flush=True)
        if event.step == at:
            os.kill(os.getpid(), signal.SIGKILL)

asked = parse({"dataset": "digits", "privacy": {"epsilons": [1], "mode": "private"},
               "attack": {"eps": [0.05], "steps": 1, "images": 10}})
job = planning.plan(planning.resolve(asked))[0]
runs.execute(job, emit, places=runs.Places(home / "data", home / "cache", home / "job"), threads=1)
"""


def killed(home: Path, at: int) -> tuple[int, list[list[str]]]:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(at)], capture_output=True, text=True, check=False, env=os.environ
    )
    return done.returncode, [line.split() for line in done.stdout.splitlines()]


def test_after_sigkill_nothing_that_was_said_is_lost_and_no_file_holds_the_key(tmp_path: Path) -> None:
    code, first = killed(tmp_path, 20)
    assert code == -signal.SIGKILL
    files = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    keys = [bytes.fromhex(line[1]) for line in first if line[0] == "key"]
    assert len(keys) == 1
    assert not [file for file, content in files.items() if keys[0] in content or keys[0].hex().encode() in content]
    kept = torch.load(tmp_path / "job" / "checkpoint.pt", weights_only=True)
    assert int(kept["pass-0"]["step"]) == 20 == int(first[-1][1])
    code, second = killed(tmp_path, -1)
    assert code == 0
    assert next(line[1] for line in second if line[0] == "key") != keys[0].hex()
    steps = [int(line[1]) for line in first + second if line[0] == "said"]
    assert steps == [2 * (i + 1) for i in range(24)], "every mark is told once"


@pytest.mark.parametrize("same_key", [True, False])
def test_later_noise_differs_after_a_restart_unless_the_key_were_kept(
    execute: Execute, same_key: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: with the old key the resumed job would end with the weights of the undisturbed one."""
    key = bytes(range(32))
    asked = study(privacy={"epsilons": [1], "mode": "private"})
    with monkeypatch.context() as patch:
        patch.setattr("engine.privacy.streams.secrets.token_bytes", lambda n: key)
        whole: list[Event] = []
        execute(asked, tmp_path / "whole", whole.append)

        def die(event: Event) -> None:
            if isinstance(event, Provisional) and event.step == 20:
                raise Killed

        with pytest.raises(Killed):
            execute(asked, tmp_path / "killed", die)
        if same_key:
            again: list[Event] = []
            execute(asked, tmp_path / "killed", again.append)
    if not same_key:
        again = []
        execute(asked, tmp_path / "killed", again.append)
    assert (weights(again) == weights(whole)) == same_key


def candidates(**how: object) -> list[Candidate]:
    recipe = recipes.Recipe(batch=10, steps=5, learning_rate=1.0, max_grad_norm=0.1)
    made = [Candidate(e, s, recipe, 0.1, 2.0) for e in (1.0, 3.0) for s in (0, 1)]
    return [*made, Candidate(inf, 0, replace(recipe, max_grad_norm=inf), 0.1, 0.0)]


def test_who_shares_batches() -> None:
    models = candidates()
    assert [len(group) for group in passes(models)] == [4, 1]
    assert [len(group) for group in passes(models, independent=True)] == [1] * 5
    longer = replace(models[0], recipe=replace(models[0].recipe, steps=9))
    assert [len(group) for group in passes([longer, *models[1:]])] == [1, 3, 1]


def test_models_with_batches_of_their_own_draw_each_its_own(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[tuple[object, ...]] = []
    batch = Secret.batch

    def noted(self: Secret, n: int, rate: float, *words: str | int | float) -> object:
        names.append(words)
        return batch(self, n, rate, *words)

    monkeypatch.setattr(Secret, "batch", noted)
    own = {"epsilons": [1, 3], "mode": "private", "independent_batches": True}
    said: list[Event] = []
    execute(study(privacy=own, seeds=2), tmp_path, said.append)
    assert len(names) == len(set(names)) == 4 * 48
    released = next(event for event in said if isinstance(event, Releases))
    assert (released.shared, len(released.mechanisms)) == (False, 4)
    assert isinstance(released.mechanisms[0], Mechanism)


def test_batches_of_their_own_have_noise_of_their_own_and_cost_time() -> None:
    """Seeded noise of the same study under the other sharing would bare the difference of the batches."""
    data = runs.tensors("digits", Path("data"), train=True)
    alone = study(privacy={"epsilons": [1, 3], "independent_batches": True}, seeds=2)
    shared = study(privacy={"epsilons": [1, 3]}, seeds=2)
    assert runs.training_identity(alone, data) != runs.training_identity(shared, data)
    units = [planning.work(planning.plan(one)[0])["train"] for one in (alone, shared)]
    assert units[0] / units[1] == pytest.approx(4 * (planning.FIXED + 1) / (planning.FIXED + 4))


def test_what_may_be_done_twice_ends_at_the_next_mark() -> None:
    for steps in (1, 5, 24, 48, 219):
        marks = training.marks(steps)
        for step in range(steps + 1):
            assert step + at_risk(step, steps) in (*marks, steps)
            assert at_risk(step, steps) <= -(-steps // 24) + 1
        assert at_risk(steps, steps) == 0
