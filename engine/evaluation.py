"""What trained models are worth: recognised images, the curve under attack, and whether its attacks can be believed.

Every model is attacked by the first attack before the second one begins: the curve appears coarse and sharpens.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from engine.checkpoint import Checkpoint
from engine.events import Event, Stage, Stands
from engine.extras import DISTANCES, SIGMA, SMOOTHED, TIGHT
from engine.models.fixed import OnFeatures
from engine.results import CERTIFIED, CHECK, CORRUPTED, SMOOTHED_ABSTAINED, SMOOTHED_RIGHT
from engine.robustness import attacks, curve, extras, selfcheck, smoothing
from engine.robustness.curve import Standing, Tool
from engine.robustness.selfcheck import STEPS
from engine.rows import How, number, row, share
from engine.study import Job
from engine.training import Candidate, Key

NOBODY = 255  # in Stands.by
PARTS = ("broken", "by", "x_adv", "least")  # of a Standing, which a checkpoint keeps

Emit = Callable[[Event], None]
Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Bench:
    """A job's trained models, what they are tried on, and where it is told and kept."""

    job: Job
    models: dict[Candidate, nn.Module]
    test: Pair
    checkpoint: Checkpoint
    emit: Emit
    source: nn.Module | None = None

    @property
    def attacked(self) -> list[Candidate]:
        return [c for c in self.models if c.seed in self.job.seeds[: self.job.study.attack.seeds]]

    @property
    def images(self) -> Pair:
        """The images that are attacked."""
        x, y = (part[: self.job.study.attack.images] for part in self.test)
        return x, y


def evaluate(bench: Bench) -> None:
    """Accuracy of every model on all test images, then the curve of those to be attacked, then its self-check."""
    began = time.monotonic()
    predictions = _predict_all(bench.models, bench.test[0])
    each = (time.monotonic() - began) / len(bench.models)
    for candidate, found in predictions.items():
        right = int((found == bench.test[1]).sum())
        bench.emit(row(bench.job, candidate, "accuracy", share(right, len(found)), each))
    _check(bench, _attack(bench))
    measure = {"corruptions": _corruptions, "certificates": _certificates, "smoothing": _smoothing}
    wanted = [
        (measure[name], candidate) for name in bench.job.study.extras if name in measure for candidate in bench.attacked
    ]
    for done, (one, candidate) in enumerate(wanted):
        one(bench, candidate, partial(bench.emit, Stage("extras", done, len(wanted))))
    bench.emit(Stage("extras", len(wanted), len(wanted)))


@torch.no_grad()
def _predict_all(models: dict[Candidate, nn.Module], x: Tensor) -> dict[Candidate, Tensor]:
    """Classes of all models; models with fixed features share them, which is most of the work."""
    first = next(iter(models.values()))
    if not isinstance(first, OnFeatures):
        return {key: curve.predict(model, x) for key, model in models.items()}
    found: dict[Candidate, list[Tensor]] = {key: [] for key in models}
    for part in x.split(curve.BATCH):
        seen = first.features(part)
        for key, model in models.items():
            assert isinstance(model, OnFeatures)
            found[key].append(model.head(seen).argmax(1))
    return {key: torch.cat(parts) for key, parts in found.items()}


def _attack(bench: Bench) -> dict[Candidate, Standing]:
    """How the attacked images stand in the end; what is done of a model and an attack is checkpointed."""
    settings, (x, y) = bench.job.study.attack, bench.images
    standings = {c: _begun(bench, c) for c in bench.attacked}
    took = bench.checkpoint.values.setdefault("seconds", {})
    rounds = [(i, c) for i in range(len(settings.names)) for c in bench.attacked]
    for place, (i, candidate) in enumerate(rounds):
        say = partial(_progress, bench, place, len(rounds), candidate)
        say(standings[candidate])
        name = _name(candidate.key)
        if bench.checkpoint.values[name]["rounds"] <= i:
            began = time.monotonic()
            tool = _tool(bench, settings.names[i], candidate.seed)
            after = curve.advance(bench.models[candidate], x, y, standings[candidate], tool, i, on_batch=say)
            took[name] = took.get(name, 0.0) + time.monotonic() - began
            bench.checkpoint.save(name, _kept(after, i + 1))
            standings[candidate] = after
        if i + 1 == len(settings.names):
            _tell(bench, candidate, standings[candidate], took.get(name, 0.0))
    bench.emit(Stage("attack", len(rounds) * len(x), len(rounds) * len(x)))
    return standings


def _tool(bench: Bench, name: str, seed: int) -> Tool:
    settings, known = bench.job.study.attack, attacks[name]
    steps = settings.steps if known.facts["iterative"] else 1
    more = {"source": bench.source} if known.facts.get("needs") == "source" else {}
    return Tool.of(known, norm=settings.norm, steps=steps, seed=seed, **more)


def _begun(bench: Bench, candidate: Candidate) -> Standing:
    """Where the attacks on a model go on: at what was known before a restart, else at its own errors."""
    radii, name = bench.job.study.attack.eps or (), _name(candidate.key)
    if name in bench.checkpoint.values:
        kept = bench.checkpoint.values[name]
        return Standing(radii, **{part: kept[part] for part in PARTS})
    standing = curve.clean(bench.models[candidate], *bench.images, radii)
    bench.checkpoint.save(name, _kept(standing, 0))
    return standing


def _name(key: Key) -> str:
    return "attack-" + "-".join(map(repr, key))


def _kept(standing: Standing, rounds: int) -> dict[str, object]:
    return {part: getattr(standing, part) for part in PARTS} | {"rounds": rounds}


def _progress(bench: Bench, place: int, rounds: int, candidate: Candidate, standing: Standing) -> None:
    """Where the attacks are, and how the images of the model under attack stand."""
    n = len(standing.broken)
    bench.emit(Stage("attack", place * n, rounds * n))
    bench.emit(_stands(bench.job, candidate, standing, done=False))


def _stands(job: Job, model: Candidate, standing: Standing, *, done: bool) -> Stands:
    by = torch.where(standing.by < 0, NOBODY, standing.by)
    return Stands(
        epsilon=model.epsilon,
        seed=model.seed,
        attacks=job.study.attack.names,
        radii=standing.radii,
        broken=standing.broken.to(torch.uint8).numpy().tobytes(),
        by=by.to(torch.uint8).numpy().tobytes(),
        done=done,
        clip_only=model.clip_only,
    )


def _tell(bench: Bench, candidate: Candidate, standing: Standing, seconds: float) -> None:
    """The curve of a model, point by point."""
    job, settings = bench.job, bench.job.study.attack
    bench.emit(_stands(job, candidate, standing, done=True))
    for eps in standing.radii:
        right = int(standing.correct(eps).sum())
        how = How(settings.name, settings.norm, eps, settings.steps)
        found = share(right, len(standing.broken))
        bench.emit(row(job, candidate, "robust_accuracy", found, seconds / len(standing.radii), how))


def _check(bench: Bench, standings: dict[Candidate, Standing]) -> None:
    """Measure of every attacked model what tells whether its attacks can be believed."""
    bench.emit(Stage("check", 0, len(standings)))
    for done, (candidate, standing) in enumerate(standings.items(), 1):
        others = [other.x_adv for key, other in standings.items() if key != candidate]
        _check_one(bench, candidate, standing, others)
        bench.emit(Stage("check", done, len(standings)))


def _check_one(bench: Bench, candidate: Candidate, standing: Standing, others: list[Tensor]) -> None:
    settings, began = bench.job.study.attack, time.monotonic()
    checks = partial(
        selfcheck.check, norm=settings.norm, steps=max(settings.steps, STEPS), seed=candidate.seed, others=others
    )
    for one in checks(bench.models[candidate], *bench.images, standing):
        done, seconds = How(one.attack, settings.norm, one.eps, one.steps), time.monotonic() - began
        bench.emit(row(bench.job, candidate, CHECK + one.name, number(one.value, one.n), seconds, done))
        began = time.monotonic()


Alive = Callable[[], None]  # raises when the job is to end


def _corruptions(bench: Bench, candidate: Candidate, alive: Alive) -> None:
    """Right answers to the attacked images under each natural corruption; `eps` is the severity."""
    x, y = bench.images
    began = time.monotonic()
    for name, severity, right in extras.corrupted_counts(bench.models[candidate], x, y, on_batch=alive):
        how, seconds = How(name, eps=severity), time.monotonic() - began
        bench.emit(row(bench.job, candidate, CORRUPTED + name, share(right, len(x)), seconds, how))
        began = time.monotonic()


def _certificates(bench: Bench, candidate: Candidate, alive: Alive) -> None:
    """Right answers that no attack within linf radii can change, by interval bounds."""
    alive()
    x, y = bench.images
    study, began = bench.job.study.attack, time.monotonic()
    radii = sorted({0.0, *TIGHT, *(study.eps or () if study.norm == "linf" else ())})
    counts = extras.certified_counts(bench.models[candidate], x, y, radii)
    each = (time.monotonic() - began) / len(radii)
    for eps, right in zip(radii, counts, strict=True):
        how = How("interval bounds", "linf", eps)
        bench.emit(row(bench.job, candidate, CERTIFIED, share(right, len(x)), each, how))


def _smoothing(bench: Bench, candidate: Candidate, alive: Alive) -> None:
    """Right answers of the model in noise that no attack within L2 distances can change, and where it says nothing."""
    x, y = (part[:SMOOTHED] for part in bench.images)
    began, parts = time.monotonic(), []
    for part in x.split(20):
        alive()
        parts.append(smoothing.certify(bench.models[candidate], part, sigma=SIGMA, seed=candidate.seed))
    found, noise = extras.joined(parts), f"noise {SIGMA:g}"
    each = (time.monotonic() - began) / (len(DISTANCES) + 1)
    for eps, right in zip(DISTANCES, extras.smoothed_counts(found, y, DISTANCES), strict=True):
        bench.emit(row(bench.job, candidate, SMOOTHED_RIGHT, share(right, len(x)), each, How(noise, "l2", eps)))
    silent = share(int(found.abstained.sum()), len(x))
    bench.emit(row(bench.job, candidate, SMOOTHED_ABSTAINED, silent, each, How(noise, "l2")))
