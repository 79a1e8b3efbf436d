"""What one job does: load, make features, calibrate noise, train, attack. Knows no database and no page.

`execute` may be killed at any moment and called again with the same folder: it goes on from its checkpoint and
ends with the same numbers (same machine, versions and threads). In mode 'private' it goes on with fresh noise, and
says nothing about a model before the state it speaks of is on the disk: what is done again had told nobody anything.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import inf, isinf
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine import features, guarantees, planning, training
from engine.checkpoint import Checkpoint, put
from engine.data import entry, images
from engine.defences import defences
from engine.defences.guarded import Guarded
from engine.defences.training import Defended
from engine.effort import Effort
from engine.evaluation import Bench, evaluate
from engine.events import Begins, Event, Provisional, Redone, Stage, Trained
from engine.leaking import leak
from engine.mechanism import Mechanism
from engine.models import models
from engine.models import weights as published
from engine.models.fixed import Linear, OnFeatures
from engine.privacy import accounting, streams
from engine.privacy.accounting import spending
from engine.results import MEMORY, SECONDS
from engine.rows import number, row
from engine.settings import Settings
from engine.shadowing import Ground, Split
from engine.study import Job, Own, Study
from engine.training import Candidate, Cost, Key

SHADOWS = "shadows"  # where a job keeps what models trained for its leakage have said
COST = "cost"  # in the metadata of a model's weights
Emit = Callable[[Event], None]
Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Places:
    """Where a job finds data and leaves things; `folder` is its own: checkpoint and weights.

    `source`: the weights of the model that lends its pictures to the attack 'transfer', if that was asked for.
    """

    data: Path
    cache: Path
    folder: Path
    cache_gb: float = 10.0
    source: Path | None = None


def execute(job: Job, emit: Emit, *, places: Places, threads: int) -> None:
    """Do the job, saying what happens through `emit`, which may raise to end it."""
    torch.set_num_threads(threads)
    checkpoint = Checkpoint.open(places.folder, careful=job.study.privacy.mode == "private")
    emit(Stage("data", 0, 2))
    asked = job.study
    train, test = (tensors(asked.dataset, places.data, train=split, own=asked.own) for split in (True, False))
    emit(Stage("data", 2, 2))
    candidates, spent = _calibrate(job, emit, places)
    emit(guarantees.releases(job.study, places.cache))
    if not _trained(places.folder, candidates):
        _train(job, candidates, spent, (train, test), checkpoint, emit, places)
    for done in candidates:
        file = weights_file(places.folder, done)
        emit(Trained(done.epsilon, done.seed, str(file), done.clip_only))
        _tell_cost(job, done, file, emit)
    kept = {c: load_model(job.study, weights_file(places.folder, c), places.data) for c in candidates}
    guards = {c: guarded(job.study, model) for c, model in kept.items()}
    source = None if places.source is None else load(places.source, places.data)
    bench = Bench(job, guards, test, checkpoint, emit, source)
    evaluate(bench)
    if "leakage" in job.study.extras:
        leak(bench, _ground(job, (train, test), emit, places))
        shutil.rmtree(places.folder / SHADOWS, ignore_errors=True)
    checkpoint.finish()


def _ground(job: Job, data: tuple[Pair, Pair], emit: Emit, places: Places) -> Ground:
    """What the job's models have learned from, for others that are trained alike."""
    study = job.study
    shell = new_model(study, places.data)
    splits = [Split(*pair, seen=pair[0]) for pair in data]
    if isinstance(shell, OnFeatures):
        found = features.of_splits(study, shell, data, partial(_as_leakage, emit), places.cache, places.cache_gb)
        one_pass = models[study.model].facts["one_pass"]
        splits = [
            Split(*pair, seen=own.x[:, :-1], features=own if one_pass else None)
            for pair, own in zip(data, found, strict=True)
        ]
    return Ground(
        job=job,
        train=splits[0],
        test=splits[1],
        shell=shell,
        make=partial(_to_train, study, places.data),
        defence=partial(_defence, study),
        identity=training_identity(study, data[0]),
        draws=streams.draws(study.privacy.mode),
        cache=places.cache,
        folder=places.folder / SHADOWS,
    )


def _as_leakage(emit: Emit, event: Event) -> None:
    """Features are at hand by then, or made again without going back a stage."""
    emit(Stage("leakage", 0, 1))


def tensors(dataset: str, root: Path, *, train: bool, own: Own | None = None) -> Pair:
    """Images (N, C, H, W) and labels (N,) of one split."""
    found = images.load(dataset, root, train=train, own=own)
    return torch.from_numpy(found.x), torch.from_numpy(found.y)


def _calibrate(job: Job, emit: Emit, places: Places) -> tuple[list[Candidate], dict[float, list[float]]]:
    """Every model with the noise its budget needs, and the epsilon each budget has spent at each progress mark."""
    n_train, delta = entry.of(job.study).facts["n_train"], guarantees.delta_of(job.study)
    candidates, spent = [], {}
    for i, epsilon in enumerate(job.epsilons):
        emit(Stage("noise", i, len(job.epsilons)))
        how = planning.recipe_of(job.study, epsilon)
        by = guarantees.calibration(job.study, epsilon, how, places.cache)
        one = Mechanism(how.batch / n_train, by.noise_multiplier, how.steps)
        spent[epsilon] = spending(places.cache, epsilon, delta, one, training.marks(how.steps))
        candidates += [
            Candidate(epsilon, seed, how, one.sample_rate, by.noise_multiplier, by.accountant) for seed in job.seeds
        ]
    if job.clip_only:
        how = planning.clip_only_recipe(job.study)
        candidates += [Candidate(inf, seed, how, how.batch / n_train, 0.0) for seed in job.seeds]
    emit(Stage("noise", len(job.epsilons), len(job.epsilons)))
    return candidates, spent


def _train(
    job: Job,
    candidates: list[Candidate],
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
    session = _session(job.study, checkpoint, _reporter(candidates, spent, emit), emit)
    if models[job.study.model].facts["one_pass"]:
        assert isinstance(fresh, Linear)
        independent, n_classes = job.study.privacy.independent_batches, len(entry.of(job.study).facts["classes"])
        trained = training.train_linear(
            *found, candidates, identity, session, n_classes=n_classes, independent=independent
        )
        for candidate in candidates:
            matrix, cost = trained[candidate.key]
            _keep(job.study, places.folder, candidate, fresh.kept(matrix), cost)
        return
    seen, prefix = data, ""
    if isinstance(fresh, OnFeatures):
        seen, prefix = ((found[0].x[:, :-1], found[0].y), (found[1].x[:, :-1], found[1].y)), "head."
    for candidate in candidates:
        if not _trained(places.folder, [candidate]):
            make = partial(_to_train, job.study, places.data)
            defence = _defence(job.study)  # one each: it may keep what it has seen of the weights
            model, cost = training.train_network(make, *seen, candidate, identity, session, defence)
            tensors = {f"{prefix}{name}": tensor for name, tensor in model.state_dict().items()}
            _keep(job.study, places.folder, candidate, tensors, cost)


def _to_train(study: Study, root: Path) -> nn.Module:
    """What is trained of the study's model, untrained: all of it, or what sees its fixed features."""
    model = new_model(study, root)
    return model.head if isinstance(model, OnFeatures) else model


def _defence(study: Study) -> Defended | None:
    """The loss that the study trains with, where that is not the model's own."""
    name, eps, facts = study.defence.training, study.defence.eps, entry.of(study).facts
    if name == "none" or eps is None:
        return None
    settings = {"mirror": facts["mirror"]} if name == "transforms" else {}
    return Defended(name, eps, facts["shape"], **settings)


def _session(study: Study, checkpoint: Checkpoint, report: training.Report, emit: Emit) -> training.Session:
    """Random bits of the study's mode: secret ones have a new key here, and never had another in this process."""
    draws = streams.draws(study.privacy.mode)
    return training.Session(
        checkpoint.values, checkpoint.save, report, _beginner(study, emit), _redoer(study, emit), draws
    )


def _reporter(candidates: list[Candidate], spent: dict[float, list[float]], emit: Emit) -> training.Report:
    """Progress of some models as events: each model's point, and the stage in image-steps of all."""
    total = sum(c.recipe.batch * c.recipe.steps for c in candidates)
    done: dict[Key, int] = {}

    def report(progress: training.Progress) -> None:
        step = progress.step
        for model, hit, lost in zip(progress.models, progress.accuracies, progress.losses, strict=True):
            steps, clip_only = model.recipe.steps, model.clip_only
            done[model.key] = step * model.recipe.batch
            so_far = inf if clip_only else spent[model.epsilon][training.marks(steps).index(step)]
            emit(Provisional(model.epsilon, model.seed, step, steps, hit, so_far, lost, clip_only))
        emit(Stage("train", sum(done.values()), total))

    emit(Stage("train", 0, total))
    return report


def _beginner(study: Study, emit: Emit) -> training.Begin:
    """Says which private models make their first step: twice, if what an earlier attempt trained is gone."""

    def begin(models: Sequence[Candidate]) -> None:
        private = [model for model in models if not isinf(model.epsilon)]
        if private and study.privacy.mode == "private":
            emit(Begins(tuple((model.epsilon, model.seed) for model in private), private[0].recipe.steps))

    return begin


def _redoer(study: Study, emit: Emit) -> training.Redo:
    """Says which private models may do steps a second time; with seeded noise they are the same steps."""

    def redo(models: Sequence[Candidate], steps: int) -> None:
        for model in models:
            if steps and study.privacy.mode == "private" and not isinf(model.epsilon):
                emit(Redone(model.epsilon, model.seed, steps))

    return redo


def training_identity(study: Study, data: Pair) -> str:
    """Names the random streams of a study's training: what decides the models, not how they are attacked.

    The images themselves are part of it. Two models of data sets that differ in one image must never share their
    noise: it would cancel in the difference of the two, and leave that image's gradient.
    """
    versions = [planning.NUMBERS_VERSION, entry.of(study).version, models[study.model].version]
    pixels = [hashlib.blake2b(part.numpy().tobytes()).hexdigest() for part in data]
    chosen = [study.dataset, study.model, guarantees.delta_of(study), versions, pixels]
    if study.privacy.independent_batches:  # the same noise on other batches would bare their difference
        chosen.append("independent batches")
    if study.defence.training != "none":
        name = study.defence.training
        chosen.append(["defence", name, study.defence.eps, defences[name].version])
    chosen += accounting.NAMED
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


def weights_file(folder: Path, model: Candidate) -> Path:
    what = "clip-only" if model.clip_only else f"epsilon-{model.epsilon!r}"
    return folder / f"{what}-seed-{model.seed}.safetensors"


def _keep(study: Study, folder: Path, model: Candidate, tensors: dict[str, Tensor], cost: Cost) -> None:
    """Weights, and beside them what they are and what they have cost: a job killed before it told so tells it then."""
    file = weights_file(folder, model)
    part = file.with_suffix(".part")
    unsaid = {"dataset", "own"} if study.own and study.privacy.mode == "private" else set()  # they name all images
    about = {"study": study.model_dump_json(exclude=unsaid), "epsilon": repr(model.epsilon), "seed": str(model.seed)}
    about |= {"clip_only": str(model.clip_only).lower(), COST: json.dumps(asdict(cost))}
    save_file(tensors, part, metadata=about)
    put(part, file, lasting=study.privacy.mode == "private")  # lost, they would be trained and charged again


def _tell_cost(job: Job, model: Candidate, file: Path, emit: Emit) -> None:
    """What training a model took, by what was kept with its weights; nothing of one that an earlier version trained."""
    with safe_open(file, framework="pt") as kept:
        told = (kept.metadata() or {}).get(COST)
    if told is None:
        return
    values = json.loads(told)
    cost = Cost(Effort(**values["effort"]), values["together"])
    each = cost.effort.seconds / cost.together
    for metric, value in ((SECONDS, each), (MEMORY, float(cost.effort.memory))):
        emit(row(job, model, metric, number(value, cost.together), each))


def _trained(folder: Path, candidates: list[Candidate]) -> bool:
    return all(weights_file(folder, c).exists() for c in candidates)


def load(file: Path, root: Path | None = None) -> nn.Module:
    """A trained classifier from its weights alone: the study it was trained for is kept with them."""
    with safe_open(file, framework="pt") as kept:
        about = kept.metadata() or {}
    return load_model(Study.model_validate_json(about["study"]), file, root)


def load_model(study: Study, file: Path, root: Path | None = None) -> nn.Module:
    """A trained classifier, pixels in [0, 1] to logits, in evaluation mode; `root` as for new_model."""
    model = new_model(study, root)
    model.load_state_dict(load_file(file), strict=True)
    return model.eval().requires_grad_(False)


def guarded(study: Study, model: nn.Module) -> nn.Module:
    """The model behind the study's input defence, if it has one: what is measured and attacked."""
    return model if study.defence.input == "none" else Guarded(model, study.defence.input).eval()
