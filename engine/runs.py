"""What one job does: load, make features, calibrate noise, train, attack. Knows no database and no page.

`execute` may be killed at any moment and called again with the same folder: it goes on from its checkpoint and
ends with the same numbers (same machine, versions and threads).
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isinf, nan
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from scipy.stats import binomtest
from torch import Tensor, nn

from engine import features, planning, training
from engine.checkpoint import Checkpoint
from engine.data import entry
from engine.data.images import load
from engine.events import Event, Provisional, Stage, Trained
from engine.models import models
from engine.models import weights as published
from engine.models.fixed import OnFeatures
from engine.privacy.accounting import ACCOUNTANT, UNIT, calibrated
from engine.recipes import recipe
from engine.results import NOT_APPLICABLE, Row
from engine.robustness import attacks, curve
from engine.settings import Settings
from engine.study import Attack, Job, Own, Study
from engine.version import VERSION

Emit = Callable[[Event], None]
Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Places:
    """Where a job finds data and leaves things; `folder` is its own: checkpoint and weights."""

    data: Path
    cache: Path
    folder: Path
    cache_gb: float = 10.0


def execute(job: Job, emit: Emit, *, places: Places, threads: int) -> None:
    """Do the job, saying what happens through `emit`, which may raise to end it."""
    torch.set_num_threads(threads)
    checkpoint = Checkpoint.open(places.folder)
    emit(Stage("data", 0, 2))
    asked = job.study
    train, test = (tensors(asked.dataset, places.data, train=split, own=asked.own) for split in (True, False))
    emit(Stage("data", 2, 2))
    candidates, spent = _calibrate(job, emit, places)
    if not _trained(places.folder, candidates):
        _train(job, candidates, spent, (train, test), checkpoint, emit, places)
    for done in candidates:
        emit(Trained(done.epsilon, done.seed, str(weights_file(places.folder, done.epsilon, done.seed))))
    _measure(job, candidates, test, checkpoint, emit, places)
    checkpoint.finish()


def tensors(dataset: str, root: Path, *, train: bool, own: Own | None = None) -> Pair:
    """Images (N, C, H, W) and labels (N,) of one split."""
    images = load(dataset, root, train=train, own=own)
    return torch.from_numpy(images.x), torch.from_numpy(images.y)


def _calibrate(job: Job, emit: Emit, places: Places) -> tuple[list[training.Candidate], dict[float, list[float]]]:
    """Every model with the noise its budget needs, and the epsilon each budget has spent at each progress mark."""
    n_train, delta = entry.of(job.study).facts["n_train"], _delta(job.study)
    candidates, spent = [], {}
    for i, epsilon in enumerate(job.epsilons):
        emit(Stage("noise", i, len(job.epsilons)))
        how = recipe(job.study.model, epsilon, n_train)
        sample_rate = how.batch / n_train
        sigma, spent[epsilon] = calibrated(
            places.cache, epsilon, delta, sample_rate, how.steps, training.marks(how.steps)
        )
        candidates += [training.Candidate(epsilon, seed, how, sample_rate, sigma) for seed in job.seeds]
    emit(Stage("noise", len(job.epsilons), len(job.epsilons)))
    return candidates, spent


def _delta(study: Study) -> float:
    assert study.privacy.delta is not None, "a job holds a resolved study"
    return study.privacy.delta


def _train(
    job: Job,
    candidates: list[training.Candidate],
    spent: dict[float, list[float]],
    data: tuple[Pair, Pair],
    checkpoint: Checkpoint,
    emit: Emit,
    places: Places,
) -> None:
    """Train what is missing and keep the weights; all budgets in one pass where the model allows it."""
    identity = training_identity(job.study, data[0])
    fresh = new_model(job.study, places.data)
    if isinstance(fresh, OnFeatures):
        found = features.of_splits(job.study, fresh, data, emit, places.cache, places.cache_gb)
    report = _reporter(candidates, spent, emit)
    if models[job.study.model].facts["one_pass"]:
        weights = training.train_linear(*found, candidates, identity, checkpoint.values, checkpoint.save, report)
        for (epsilon, seed), matrix in weights.items():
            tensors = {"linear.weight": matrix[:-1].T.contiguous(), "linear.bias": matrix[-1].contiguous()}
            _keep(job.study, places.folder, epsilon, seed, tensors)
        return
    seen, prefix = data, ""
    if isinstance(fresh, OnFeatures):
        seen, prefix = ((found[0].x[:, :-1], found[0].y), (found[1].x[:, :-1], found[1].y)), "head."
    for candidate in candidates:
        if not _trained(places.folder, [candidate]):
            make = partial(_to_train, job.study, places.data)
            model = training.train_network(make, *seen, candidate, identity, checkpoint.values, checkpoint.save, report)
            tensors = {f"{prefix}{name}": tensor for name, tensor in model.state_dict().items()}
            _keep(job.study, places.folder, candidate.epsilon, candidate.seed, tensors)


def _to_train(study: Study, root: Path) -> nn.Module:
    """What is trained of the study's model, untrained: all of it, or what sees its fixed features."""
    model = new_model(study, root)
    return model.head if isinstance(model, OnFeatures) else model


def _reporter(candidates: list[training.Candidate], spent: dict[float, list[float]], emit: Emit) -> training.Report:
    """Progress of some models as events: each model's point, and the stage in image-steps of all."""
    total = sum(c.recipe.batch * c.recipe.steps for c in candidates)
    done: dict[tuple[float, int], int] = {}

    def report(progress: training.Progress) -> None:
        for model, hit, lost in zip(progress.models, progress.accuracies, progress.losses, strict=True):
            done[model.epsilon, model.seed] = progress.step * model.recipe.batch
            so_far = spent[model.epsilon][training.marks(model.recipe.steps).index(progress.step)]
            emit(Provisional(model.epsilon, model.seed, progress.step, model.recipe.steps, hit, so_far, lost))
        emit(Stage("train", sum(done.values()), total))

    emit(Stage("train", 0, total))
    return report


def training_identity(study: Study, data: Pair) -> str:
    """Names the random streams of a study's training: what decides the models, not how they are attacked.

    The images themselves are part of it. Two models of data sets that differ in one image must never share their
    noise: it would cancel in the difference of the two, and leave that image's gradient.
    """
    versions = [planning.NUMBERS_VERSION, entry.of(study).version, models[study.model].version]
    images = [hashlib.blake2b(part.numpy().tobytes()).hexdigest() for part in data]
    chosen = [study.dataset, study.model, _delta(study), versions, images]
    return hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:32]


def new_model(study: Study, root: Path | None = None) -> nn.Module:
    """The study's model with untrained weights; those that it has from elsewhere are read from below `root`.

    `root` is the folder of data (default: that of Settings). DataMissing when they are not there.
    """
    facts, known = entry.of(study).facts, models[study.model]
    given = {}
    if "files" in known.facts:
        given["weights"] = published.read(study.model, root or Settings().data_root)
    model: nn.Module = known.load()(facts["shape"], len(facts["classes"]), **given)
    return model


def weights_file(folder: Path, epsilon: float, seed: int) -> Path:
    return folder / f"epsilon-{epsilon!r}-seed-{seed}.safetensors"


def _keep(study: Study, folder: Path, epsilon: float, seed: int, tensors: dict[str, Tensor]) -> None:
    file = weights_file(folder, epsilon, seed)
    part = file.with_suffix(".part")
    save_file(tensors, part, metadata={"study": study.model_dump_json(), "epsilon": repr(epsilon), "seed": str(seed)})
    part.replace(file)


def _trained(folder: Path, candidates: list[training.Candidate]) -> bool:
    return all(weights_file(folder, c.epsilon, c.seed).exists() for c in candidates)


def load_model(study: Study, file: Path, root: Path | None = None) -> nn.Module:
    """A trained classifier, pixels in [0, 1] to logits, in evaluation mode; `root` as for new_model."""
    model = new_model(study, root)
    model.load_state_dict(load_file(file), strict=True)
    return model.eval().requires_grad_(False)


def _measure(
    job: Job, candidates: list[training.Candidate], test: Pair, checkpoint: Checkpoint, emit: Emit, places: Places
) -> None:
    """Accuracy of every model on all test images, then robust accuracy radius by radius of those to be attacked."""
    loaded = {
        (c.epsilon, c.seed): load_model(job.study, weights_file(places.folder, c.epsilon, c.seed), places.data)
        for c in candidates
    }
    began = time.monotonic()
    predictions = _predict_all(loaded, test[0])
    each = (time.monotonic() - began) / len(candidates)
    for candidate in candidates:
        right = int((predictions[candidate.epsilon, candidate.seed] == test[1]).sum())
        emit(_row(job, candidate, "accuracy", NOT_APPLICABLE, right, len(test[1]), each))
    attacked = [c for c in candidates if c.seed in job.seeds[: job.study.attack.seeds]]
    _attack(job, attacked, loaded, test, checkpoint, emit)


@torch.no_grad()
def _predict_all(loaded: dict[tuple[float, int], nn.Module], x: Tensor) -> dict[tuple[float, int], Tensor]:
    """Classes of all models; models with fixed features share them, which is most of the work."""
    first = next(iter(loaded.values()))
    if not isinstance(first, OnFeatures):
        return {key: curve.predict(model, x) for key, model in loaded.items()}
    found: dict[tuple[float, int], list[Tensor]] = {key: [] for key in loaded}
    for part in x.split(curve.BATCH):
        seen = first.features(part)
        for key, model in loaded.items():
            assert isinstance(model, OnFeatures)
            found[key].append(model.head(seen).argmax(1))
    return {key: torch.cat(parts) for key, parts in found.items()}


def _attack(
    job: Job,
    candidates: list[training.Candidate],
    loaded: dict[tuple[float, int], nn.Module],
    test: Pair,
    checkpoint: Checkpoint,
    emit: Emit,
) -> None:
    """The curve of every candidate, all of them at one radius before the next; each radius done is checkpointed."""
    settings = job.study.attack
    x, y = (part[: settings.images] for part in test)
    points = [(eps, c) for eps in settings.eps or () for c in candidates]
    free = len(candidates)  # radius 0 comes first and costs nothing
    total = (len(points) - free) * len(x)
    took = checkpoint.values.setdefault("seconds", {})  # of each point, so that a resumed job states the same
    for i, (eps, candidate) in enumerate(points):
        began, name = time.monotonic(), f"attack-{candidate.epsilon!r}-{candidate.seed}"
        say = partial(emit, Stage("attack", max(0, i - free) * len(x), total))
        say()
        before = curve.Standing(**checkpoint.values[name]) if name in checkpoint.values else None
        model = loaded[candidate.epsilon, candidate.seed]
        after = _up_to(eps, before, model, x, y, settings, candidate.seed, say)
        seconds = took.setdefault(f"{name}-{eps!r}", time.monotonic() - began)
        checkpoint.save(name, vars(after))
        right = int(after.correct(eps).sum())
        emit(_row(job, candidate, "robust_accuracy", eps, right, len(x), seconds))
    emit(Stage("attack", total, total))


def _up_to(
    eps: float,
    before: curve.Standing | None,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    settings: Attack,
    seed: int,
    alive: Callable[[], None],
) -> curve.Standing:
    """What stands at `eps`, given what stood at a smaller radius, or was known already before a restart."""
    if before is None:
        return curve.clean(model, x, y)
    if before.eps >= eps:
        return before
    attack = partial(attacks[settings.name].load(), norm=settings.norm, eps=eps, steps=settings.steps, seed=seed)
    return curve.advance(model, x, y, before, attack, norm=settings.norm, eps=eps, on_batch=alive)


def _row(job: Job, model: training.Candidate, metric: str, eps: float, right: int, n: int, seconds: float) -> Row:
    """One result with its 95 % Wilson interval and everything a reader needs to trust it."""
    study, private, robust = job.study, not isinf(model.epsilon), metric == "robust_accuracy"
    interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
    return Row(
        study=planning.digest(study),
        dataset=study.dataset,
        model=study.model,
        defence="none",
        epsilon=model.epsilon,
        delta=_delta(study) if private else nan,
        noise_multiplier=model.noise_multiplier,
        sample_rate=model.sample_rate,
        train_steps=model.recipe.steps,
        max_grad_norm=model.recipe.max_grad_norm,
        accountant=ACCOUNTANT if private else "none",
        mode="reproducible",
        unit=UNIT,
        seed=model.seed,
        metric=metric,
        attack=study.attack.name if robust else "none",
        norm=study.attack.norm if robust else "none",
        eps=eps,
        attack_steps=study.attack.steps if robust else 0,
        restarts=1 if robust else 0,
        value=right / n,
        low=float(interval.low),
        high=float(interval.high),
        interval_method="wilson-95",
        n=n,
        seconds=seconds,
        engine_version=VERSION,
    )
