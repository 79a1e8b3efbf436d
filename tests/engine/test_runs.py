"""A whole job on digits: what it says, what it keeps, and that a killed one ends with the same numbers."""

import time
from collections.abc import Callable
from dataclasses import replace
from math import inf, sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine import checkpoint, features, planning, runs
from engine.data import datasets, own
from engine.data.folder import read
from engine.data.images import load
from engine.effort import Effort
from engine.errors import DataMissing
from engine.events import STAGES, Event, Provisional, Stage, Stands, Trained
from engine.models import models
from engine.models.scattering import ScatteringLinear
from engine.privacy import bank, dpsgd
from engine.privacy.accounting import epsilon_spent
from engine.results import MEMORY, POINTS, SECONDS, Row
from engine.robustness import curve
from engine.study import Study, parse
from engine.training import Candidate, Cost
from tests.engine.data.pictures import shapes, zipped


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


def points(events: list[Event]) -> list[Row]:
    """The accuracies among the rows."""
    return [event for event in events if isinstance(event, Row) and event.metric in POINTS]


def numbers(events: list[Event]) -> dict[object, float]:
    return {row.key: row.value for row in points(events)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path, list[Event]]:
    folder = tmp_path_factory.mktemp("whole")
    study = small()
    return study, folder, executed(study, folder)


def test_every_point_of_the_plan_once(whole: tuple[Study, Path, list[Event]]) -> None:
    study, _, events = whole
    rows = points(events)
    assert len(rows) == len({row.key for row in rows}) == planning.n_points(study) == 4 + 2 * 3
    assert {row.study for row in rows} == {planning.digest(study)}


def test_stages_come_in_order_and_end_complete(whole: tuple[Study, Path, list[Event]]) -> None:
    stages = [event for event in whole[2] if isinstance(event, Stage)]
    assert (*dict.fromkeys(stage.name for stage in stages), "leakage") == STAGES, "which was not asked for"
    for name in STAGES[:-1]:
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
    rows = points(whole[2])
    private = next(row for row in rows if row.epsilon == 1)
    assert (private.unit, private.mode, private.delta) == ("one image added or removed", "reproducible", 1e-5)
    assert private.noise_multiplier > 1
    robust = [row for row in rows if row.metric == "robust_accuracy"]
    assert {(row.attack, row.norm, row.attack_steps, row.restarts) for row in robust} == {
        ("fmn+apgd+apgd-t", "linf", 5, 1)
    }
    assert {(row.attack, row.norm, row.attack_steps) for row in rows if row not in robust} == {("none", "none", 0)}
    assert {row.train_steps for row in rows} == {60, 600}
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


def in_training(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each private model was really trained with: noted where batches, clipping and noise are made."""
    seen: list[dict[str, Any]] = []
    bank_train, network_train = bank.train, dpsgd.Trainer.train

    def noted_bank(features: Any, columns: Any, state: Any, draws: Any, **how: Any) -> Any:
        drawn = how["sample_rate"], how["steps"]
        seen.extend(_noted(c.key, c.noise_multiplier, c.max_grad_norm, *drawn) for c in columns if c.noise_multiplier)
        return bank_train(features, columns, state, draws, **how)

    def noted_network(self: dpsgd.Trainer, x: Any, y: Any, draws: Any, *, batch_key: Any, on_step: Any) -> None:
        if (sigma := self.column.noise_multiplier) > 0:
            seen.append(_noted(self.column.key, sigma, self.column.max_grad_norm, self.sample_rate, self.recipe.steps))
        network_train(self, x, y, draws, batch_key=batch_key, on_step=on_step)

    monkeypatch.setattr(bank, "train", noted_bank)
    monkeypatch.setattr(dpsgd.Trainer, "train", noted_network)
    return seen


def _noted(key: Any, sigma: float, norm: float, sample_rate: float, steps: int) -> dict[str, Any]:
    used = {"noise_multiplier": sigma, "max_grad_norm": norm, "sample_rate": sample_rate, "train_steps": steps}
    return {"key": key, **used}


@pytest.mark.parametrize("model", ["scattering-linear", "cnn", "scattering-cnn"])
def test_what_is_stated_is_what_was_trained_and_it_keeps_the_budget(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import recipes

    def short(epsilon: float, n_train: int) -> recipes.Recipe:
        return recipes.Recipe(batch=100, steps=5, learning_rate=0.1, max_grad_norm=0.1)

    monkeypatch.setitem(recipes._RECIPES, model, short)
    seen = in_training(monkeypatch)
    study = small(model=model, seeds=2, privacy={"epsilons": [1, 3]}, attack={"eps": [0.1], "steps": 1, "images": 10})
    rows = [event for event in executed(study, tmp_path) if isinstance(event, Row) and event.metric == "accuracy"]
    assert len(rows) == len(seen) == 4
    for row in rows:
        used = next(one for one in seen if one["key"][1:] == (row.epsilon, row.seed))
        stated = {name: getattr(row, name) for name in ("noise_multiplier", "max_grad_norm", "sample_rate")}
        assert stated == pytest.approx({name: used[name] for name in stated})
        assert row.train_steps == used["train_steps"] == 5
        spent = epsilon_spent(used["noise_multiplier"], used["sample_rate"], used["train_steps"], row.delta)
        assert 0.95 * row.epsilon < spent <= row.epsilon
        assert used["sample_rate"] == 100 / 1437
    assert len({one["key"] for one in seen}) == 4, "two models would draw the same noise"


def test_streams_depend_on_the_images_and_on_what_made_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of data sets that differ in one image must not share their noise: their difference would bare it."""
    study, (x, y) = small(), runs.tensors("digits", Path("data"), train=True)
    known = {runs.training_identity(study, (x, y)), runs.training_identity(study, (x[1:], y[1:]))}
    known.add(runs.training_identity(study, (x, y.roll(1))))
    known.add(runs.training_identity(small(model="cnn"), (x, y)))
    known.add(runs.training_identity(small(privacy={"delta": 1e-6}), (x, y)))
    for registry, name in ((datasets, "digits"), (models, "scattering-linear")):
        with monkeypatch.context() as patch:
            patch.setitem(registry.entries, name, replace(registry[name], version=99))
            known.add(runs.training_identity(study, (x, y)))
    assert len(known) == 7
    assert runs.training_identity(small(seeds=5, attack={"eps": [0.3]}), (x, y)) in known


def test_budgets_that_differ_in_the_last_digit_are_different_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small(privacy={"epsilons": [1.0, 1.0000001]}, seeds=1)
    events = executed(study, tmp_path)
    files = {event.path: event.epsilon for event in events if isinstance(event, Trained)}
    assert set(files.values()) == {1.0, 1.0000001}
    assert len({Path(file).read_bytes()[-400:] for file in files}) == 2


def test_other_images_of_the_same_name_get_features_of_their_own(tmp_path: Path) -> None:
    study = small()
    train, test = (runs.tensors("digits", tmp_path, train=part) for part in (True, False))
    extractor = ScatteringLinear((1, 8, 8), 10)
    made = [
        features.of_splits(study, extractor, (part, test), lambda event: None, tmp_path, 1.0)[0]
        for part in (train, (train[0].flip(0), train[1]), train)
    ]
    assert not torch.equal(made[0].x, made[1].x)
    assert torch.equal(made[0].x, made[2].x)


def test_a_class_that_no_training_image_has_is_still_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of a model is public: it must not tell whether the last image of a class was there."""
    whole = runs.tensors

    def without_nines(name: str, root: Path, *, train: bool, own: object = None) -> runs.Pair:
        x, y = whole(name, root, train=train)
        return x, y.clamp(max=8) if train else y

    monkeypatch.setattr(runs, "tensors", without_nines)
    study = small(privacy={"epsilons": [1]}, seeds=1)
    trained = next(event for event in executed(study, tmp_path) if isinstance(event, Trained))
    assert load_file(trained.path)["linear.bias"].shape == (10,)


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
        assert hit == pytest.approx(numbers(events)[trained.epsilon, trained.seed, "accuracy", -1.0, False], abs=1e-6)
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


def noted_attacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of each attack that is really made, in the order in which it is."""
    made: list[int] = []
    advance = curve.advance

    def noted(*arguments: Any, **how: Any) -> curve.Standing:
        made.append(arguments[5])
        return advance(*arguments, **how)

    monkeypatch.setattr(curve, "advance", noted)
    return made


def killed_at(study: Study, folder: Path, last: Callable[[list[Event]], bool]) -> list[Event]:
    """What the study's only job says until `last` of all that it has said is true; there it dies."""
    said: list[Event] = []

    def emit(event: Event) -> None:
        said.append(event)
        if last(said):
            raise KeyboardInterrupt

    (job,) = planning.plan(study)
    places = runs.Places(folder / "data", folder / "cache", folder / "0")
    with pytest.raises(KeyboardInterrupt):
        runs.execute(job, emit, places=places, threads=torch.get_num_threads())
    return said


def robust(events: list[Event]) -> list[Row]:
    return [event for event in events if isinstance(event, Row) and event.metric == "robust_accuracy"]


def test_a_job_killed_between_checkpoint_and_row_repeats_neither_the_attack_nor_its_time(
    whole: tuple[Study, Path, list[Event]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, _, events = whole
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    first = killed_at(study, tmp_path, lambda said: len(robust(said)) == 5 and isinstance(said[-1], Row))
    attacked = noted_attacks(monkeypatch)
    again = executed(study, tmp_path)
    assert attacked == []
    after = {row.key: row.seconds for row in again if isinstance(row, Row)}
    assert {row.key: row.seconds for row in robust(first)}.items() <= after.items()
    assert numbers(again) == numbers(events)


@pytest.mark.parametrize(("killed_in", "left"), [(2, [1, 1, 2, 2]), (3, [1, 2, 2]), (5, [2])])
def test_a_job_killed_between_two_attacks_goes_on_with_the_next_one(
    killed_in: int,
    left: list[int],
    whole: tuple[Study, Path, list[Event]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of three attacks is made of two models; the job dies when the one with this number is about to begin."""
    study, _, events = whole
    n = study.attack.images
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    killed_at(study, tmp_path, lambda said: said[-1] == Stage("attack", killed_in * n, 6 * n))
    attacked = noted_attacks(monkeypatch)
    again = executed(study, tmp_path)
    assert attacked == left
    assert numbers(again) == numbers(events)
    last = {(s.epsilon, s.seed): s for s in events if isinstance(s, Stands)}
    assert {(s.epsilon, s.seed): s for s in again if isinstance(s, Stands)} == last


@pytest.mark.parametrize("model", ["cnn", "scattering-cnn"])
def test_a_network_study_runs_resumes_and_repeats(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import recipes

    def short(epsilon: float, n_train: int) -> recipes.Recipe:
        return replace(recipes._network(epsilon, n_train), batch=100, steps=6)

    monkeypatch.setitem(recipes._RECIPES, model, short)
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.05)
    study = small(model=model, seeds=1, attack={"eps": [0.05], "steps": 2, "images": 20})
    first = executed(study, tmp_path / "first")
    with pytest.raises(KeyboardInterrupt):
        executed(study, tmp_path / "second", stop_after=9)
    assert numbers(executed(study, tmp_path / "second")) == numbers(first)
    assert len(numbers(first)) == planning.n_points(study)


def test_models_of_the_same_features_make_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import recipes

    monkeypatch.setitem(recipes._RECIPES, "scattering-cnn", lambda epsilon, n: recipes.Recipe(100, 2, 0.1, 0.1))
    short = {"seeds": 1, "privacy": {"epsilons": [1]}, "attack": {"eps": [0.1], "steps": 1, "images": 10}}
    executed(small(**short), tmp_path)
    made = set((tmp_path / "cache").glob("*.npy"))
    (tmp_path / "0").rename(tmp_path / "linear")
    with monkeypatch.context() as patch:
        patch.setattr(features, "BATCH", None)  # to make any would fail
        executed(small(model="scattering-cnn", **short), tmp_path)
    assert set((tmp_path / "cache").glob("*.npy")) == made
    assert len(made) == 2


@pytest.fixture(scope="module")
def shapes_kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study]:
    """A folder whose `data` holds own images, and a study about them."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "shapes.zip").write_bytes(zipped(shapes(60, colour=True)))
    pictures = read(folder / "shapes.zip", side=8)
    drafted = own.draft(pictures, folder / "data", called="Shapes", file="shapes.zip", cap_gb=1)
    about = own.find(own.keep(drafted, folder / "data"), folder / "data")
    assert about is not None
    return folder, small(dataset=about.name, own=about.own.model_dump(), seeds=1)


def test_own_images_are_trained_on_and_attacked_like_any_others(shapes_kept: tuple[Path, Study]) -> None:
    folder, study = shapes_kept
    rows = points(executed(study, folder))
    assert len(rows) == planning.n_points(study)
    clean = {row.epsilon: row for row in rows if row.metric == "accuracy"}
    assert clean[inf].value > 0.8
    assert clean[1].n == 24
    assert clean[1].sample_rate == pytest.approx(48 / 96)


@pytest.mark.parametrize("mode", ["private", "reproducible"])
def test_weights_made_in_mode_private_do_not_name_all_images(
    mode: str, shapes_kept: tuple[Path, Study], tmp_path: Path
) -> None:
    """The name is a hash of all of them, by which whoever knows all but one can check a guess of that one."""
    study = shapes_kept[1]
    assert study.own is not None
    asked = study.model_copy(update={"privacy": study.privacy.model_copy(update={"mode": mode})})
    model = Candidate(1.0, 0, planning.clip_only_recipe(small(privacy={"epsilons": [1], "clip_only": True})), 0.5, 2.0)
    runs._keep(asked, tmp_path, model, {"weight": torch.zeros(1)}, Cost(Effort()))
    kept = runs.weights_file(tmp_path, model).read_bytes()
    assert (study.own.content[:16].encode() in kept) == (mode == "reproducible")
    assert b"private" in kept or mode == "reproducible"


def test_a_job_whose_study_lies_about_own_images_trains_nothing(shapes_kept: tuple[Path, Study]) -> None:
    """More images than there are would mean less noise than the promise needs."""
    folder, study = shapes_kept
    assert study.own is not None
    lying = study.model_copy(update={"own": study.own.model_copy(update={"n_train": 960})})
    with pytest.raises(DataMissing, match=r"its training images have the shape \(96, 3, 8, 8\), not \(960, 3, 8, 8\)"):
        executed(lying, folder)


def with_clip_only(**more: object) -> Study:
    return small(privacy={"epsilons": [1, 3, "inf"], "clip_only": True}, **more)


@pytest.fixture(scope="module")
def clipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, list[Event]]:
    study = with_clip_only()
    return study, executed(study, tmp_path_factory.mktemp("clipped"))


def test_clipping_alone_is_one_more_line_trained_as_the_largest_budget_is(clipped: tuple[Study, list[Event]]) -> None:
    study, events = clipped
    rows = points(events)
    assert len(rows) == len({row.key for row in rows}) == planning.n_points(study) == 4 * (2 + 3)
    alone = [row for row in rows if row.clip_only]
    assert len(alone) == 2 + 3
    largest = next(row for row in rows if row.epsilon == 3)
    for row in alone:
        assert (row.epsilon, row.noise_multiplier, row.accountant) == (inf, 0.0, "none")
        for name in ("sample_rate", "train_steps", "max_grad_norm"):
            assert getattr(row, name) == getattr(largest, name)


def test_repeats_of_clipping_alone_draw_batches_of_their_own(clipped: tuple[Study, list[Event]]) -> None:
    """On shared batches, without noise and from zero weights, they would be one model and their spread a lie."""
    files = [Path(event.path) for event in clipped[1] if isinstance(event, Trained) and event.clip_only]
    first, second = (load_file(file)["linear.weight"] for file in files)
    assert not torch.equal(first, second)


def test_the_other_models_do_not_notice_the_clip_only_baseline(
    clipped: tuple[Study, list[Event]], tmp_path: Path
) -> None:
    _, events = clipped
    plain = executed(small(privacy={"epsilons": [1, 3, "inf"]}), tmp_path)
    others = {row.key: row.value for row in points(events) if not row.clip_only}
    assert others == numbers(plain)
    said = [event for event in events if isinstance(event, Provisional) and event.clip_only]
    assert said
    assert all(event.epsilon_spent == inf and event.loss is not None for event in said)


def test_a_killed_job_with_clipping_alone_ends_with_the_same_numbers(
    clipped: tuple[Study, list[Event]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, events = clipped
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.05)
    with pytest.raises(KeyboardInterrupt):
        executed(study, tmp_path, stop_after=int(0.4 * len(events)))
    assert numbers(executed(study, tmp_path)) == numbers(events)


def test_a_network_clips_without_noise_in_a_job_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import recipes

    def short(epsilon: float, n_train: int) -> recipes.Recipe:
        return replace(recipes._network(epsilon, n_train), batch=100, steps=3)

    monkeypatch.setitem(recipes._RECIPES, "cnn", short)
    study = with_clip_only(model="cnn", seeds=1, attack={"eps": [0.05], "steps": 1, "images": 10})
    jobs = planning.plan(study)
    assert [(job.epsilons, job.clip_only) for job in jobs] == [
        ((1,), False),
        ((3,), False),
        ((inf,), False),
        ((), True),
    ]
    noted: list[tuple[float, float]] = []
    train = dpsgd.Trainer.train

    def noting(self: dpsgd.Trainer, *data: Any, **how: Any) -> None:
        noted.append((self.column.noise_multiplier, self.column.max_grad_norm))
        train(self, *data, **how)

    monkeypatch.setattr(dpsgd.Trainer, "train", noting)
    events = executed(study, tmp_path)
    assert noted[-1] == (0.0, 0.1)
    assert len(points(events)) == planning.n_points(study)


def costs(events: list[Event]) -> dict[str, dict[tuple[float, int], Row]]:
    rows = [event for event in events if isinstance(event, Row)]
    return {m: {(row.epsilon, row.seed): row for row in rows if row.metric == m} for m in (SECONDS, MEMORY)}


def test_what_training_cost_stands_beside_the_accuracies(whole: tuple[Study, Path, list[Event]]) -> None:
    """Models of one pass share its seconds evenly, and say how many they were; memory is that of the whole pass."""
    found = costs(whole[2])
    private, plain = (1.0, 0), (inf, 0)
    assert set(found[SECONDS]) == set(found[MEMORY]) == {(epsilon, seed) for epsilon in (1.0, inf) for seed in (0, 1)}
    for by_model in found.values():
        assert by_model[private].n == 2
        assert by_model[plain].n == 1
        assert by_model[private].value == by_model[1.0, 1].value > 0
        assert by_model[private].interval_method == "none"
        assert by_model[private].low != by_model[private].low


def test_the_seconds_of_all_attempts_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step takes 10 ms longer; half of them are made by an attempt that dies."""
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    gradient = bank.summed_gradient

    def slow(*arguments: Any) -> torch.Tensor:
        time.sleep(0.01)
        return gradient(*arguments)

    monkeypatch.setattr(bank, "summed_gradient", slow)
    study = small(seeds=1, privacy={"epsilons": [1]})
    dies = {"at": 30}

    def dying(self: checkpoint.Checkpoint, name: str, state: dict[str, Any], due: bool = False) -> None:
        save(self, name, state, due)
        if state.get("step") == dies["at"]:
            raise KeyboardInterrupt

    save = checkpoint.Checkpoint.save
    monkeypatch.setattr(checkpoint.Checkpoint, "save", dying)
    with pytest.raises(KeyboardInterrupt):
        executed(study, tmp_path)
    dies["at"] = -1
    (row,) = costs(executed(study, tmp_path))[SECONDS].values()
    assert row.value >= 60 * 0.01


def test_weights_of_an_earlier_version_say_no_cost(tmp_path: Path) -> None:
    study = small(seeds=1)
    executed(study, tmp_path)
    for file in tmp_path.rglob("*.safetensors"):
        save_file(load_file(file), file, metadata={"study": "", "epsilon": "1.0", "seed": "0"})
    again = executed(study, tmp_path)
    assert costs(again) == {SECONDS: {}, MEMORY: {}}
    assert len(points(again)) == planning.n_points(study)
