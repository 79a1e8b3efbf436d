"""A whole job on digits: what it says, what it keeps, and that a killed one ends with the same numbers."""

from dataclasses import replace
from math import inf, sqrt
from pathlib import Path

import pytest
import torch

from engine import checkpoint, planning, runs
from engine.data.images import load
from engine.events import Event, Provisional, Stage, Trained
from engine.results import Row
from engine.study import Study, parse


def small(**more: object) -> Study:
    asked = {
        "dataset": "digits",
        "seeds": 2,
        "privacy": {"epsilons": [1, "inf"]},
        "attack": {"eps": [0.02, 0.1], "steps": 5, "images": 100},
    }
    return planning.resolve(parse({**asked, **more}))


def executed(study: Study, folder: Path, stop_after: int | None = None) -> list[Event]:
    """The events of the study's jobs; with `stop_after` the process 'dies' at that event."""
    said: list[Event] = []

    def emit(event: Event) -> None:
        said.append(event)
        if stop_after is not None and len(said) > stop_after:
            raise KeyboardInterrupt

    for i, job in enumerate(planning.plan(study)):
        runs.execute(
            job,
            emit,
            places=runs.Places(folder / "data", folder / "cache", folder / str(i)),
            threads=torch.get_num_threads(),
        )
    return said


def numbers(events: list[Event]) -> dict[object, float]:
    return {row.key: row.value for row in events if isinstance(row, Row)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path, list[Event]]:
    folder = tmp_path_factory.mktemp("whole")
    study = small()
    return study, folder, executed(study, folder)


def test_every_point_of_the_plan_once(whole: tuple[Study, Path, list[Event]]) -> None:
    study, _, events = whole
    rows = [event for event in events if isinstance(event, Row)]
    assert len(rows) == len({row.key for row in rows}) == planning.n_points(study) == 4 + 2 * 3
    assert {row.study for row in rows} == {planning.digest(study)}


def test_stages_come_in_order_and_end_complete(whole: tuple[Study, Path, list[Event]]) -> None:
    stages = [event for event in whole[2] if isinstance(event, Stage)]
    assert list(dict.fromkeys(stage.name for stage in stages)) == ["data", "noise", "features", "train", "attack"]
    for name in ("data", "noise", "features", "train", "attack"):
        done = [stage.done for stage in stages if stage.name == name]
        assert done == sorted(done)
        assert done[-1] == next(stage.total for stage in stages if stage.name == name)


def test_robust_accuracy_falls_from_its_own_first_row(whole: tuple[Study, Path, list[Event]]) -> None:
    rows = [event for event in whole[2] if isinstance(event, Row) and event.metric == "robust_accuracy"]
    for epsilon in (1.0, inf):
        curve = [row.value for row in rows if row.epsilon == epsilon]
        assert curve == sorted(curve, reverse=True)
        assert curve[0] > 0.7 > curve[-1]
    assert {row.n for row in rows} == {100}


def test_rows_say_what_made_them(whole: tuple[Study, Path, list[Event]]) -> None:
    rows = [event for event in whole[2] if isinstance(event, Row)]
    private = next(row for row in rows if row.epsilon == 1)
    assert (private.unit, private.mode, private.delta) == ("one image added or removed", "reproducible", 1e-5)
    assert private.noise_multiplier > 1
    assert private.sample_rate == 718 / 1437
    baseline = next(row for row in rows if row.epsilon == inf)
    assert (baseline.noise_multiplier, baseline.max_grad_norm, baseline.accountant) == (0.0, inf, "none")
    for row in rows:  # Wilson, by hand
        z, n, p = 1.959964, row.n, row.value
        centre, half = (
            (p + z * z / (2 * n)) / (1 + z * z / n),
            z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n)),
        )
        assert row.low == pytest.approx(centre - half, abs=1e-6)
        assert row.high == pytest.approx(centre + half, abs=1e-6)


def test_progress_says_loss_for_the_baseline_only(whole: tuple[Study, Path, list[Event]]) -> None:
    seen = [event for event in whole[2] if isinstance(event, Provisional)]
    assert {event.loss is None for event in seen if event.epsilon == 1} == {True}
    assert {event.loss is None for event in seen if event.epsilon == inf} == {False}
    spent = [event.epsilon_spent for event in seen if event.epsilon == 1 and event.seed == 0]
    assert spent == sorted(spent)
    assert spent[0] < 0.5 < spent[-1] <= 1.0


def test_kept_weights_give_the_stated_accuracy(whole: tuple[Study, Path, list[Event]]) -> None:
    study, folder, events = whole
    test = load("digits", folder, train=False)
    for trained in (event for event in events if isinstance(event, Trained)):
        model = runs.load_model(study, Path(trained.path))
        hit = float((model(torch.from_numpy(test.x)).argmax(1) == torch.from_numpy(test.y)).float().mean())
        assert hit == pytest.approx(numbers(events)[trained.epsilon, trained.seed, "accuracy", -1.0], abs=1e-6)
    assert not list(folder.rglob("checkpoint*"))


def test_replicates_differ(whole: tuple[Study, Path, list[Event]]) -> None:
    _, _, events = whole
    files = [Path(event.path) for event in events if isinstance(event, Trained)]
    assert len({file.read_bytes()[-400:] for file in files}) == len(files) == 4


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_killed_job_ends_with_the_same_numbers(
    share: float, whole: tuple[Study, Path, list[Event]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, _, events = whole
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.05)
    with pytest.raises(KeyboardInterrupt):
        executed(study, tmp_path, stop_after=int(share * len(events)))
    assert numbers(executed(study, tmp_path)) == numbers(events)


def test_a_network_study_runs_resumes_and_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import recipes

    def short(epsilon: float, n_train: int) -> recipes.Recipe:
        return replace(recipes._network(epsilon, n_train), batch=100, steps=6)

    monkeypatch.setitem(recipes._RECIPES, "cnn", short)
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.05)
    study = small(model="cnn", seeds=1, attack={"eps": [0.05], "steps": 2, "images": 20})
    first = executed(study, tmp_path / "first")
    with pytest.raises(KeyboardInterrupt):
        executed(study, tmp_path / "second", stop_after=9)
    assert numbers(executed(study, tmp_path / "second")) == numbers(first)
    assert len(numbers(first)) == planning.n_points(study)
