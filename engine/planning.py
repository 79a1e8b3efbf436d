"""From a question to work: defaults filled in, names and bounds checked against the registries, digest, jobs.

Knows the registries but not what they register: no torch, so pages and the command line ask here.
"""

import hashlib
import json
from math import isinf, sqrt
from typing import Any

from engine.checks import known, short, within
from engine.corruptions import SEVERITIES, corruptions
from engine.data import entry
from engine.defences import defences
from engine.errors import BadInput
from engine.extras import (
    CANARIES,
    EXTRAS,
    FEWER_IMAGES,
    LEAST_POOL,
    NETWORKS,
    POOL,
    RUNS,
    SHADOWS,
    SMOOTHED,
    TAMPERED,
    TOGETHER,
)
from engine.models import models
from engine.recipes import SMALL, Recipe, recipe
from engine.robustness import attacks
from engine.study import MAX_POINTS, Attack, Defence, Job, Study

DELTA_LOW = 1e-12  # below, the accountant's own rounding is of the size of delta
NO_ATTACK: dict[str, Any] = {"names": ("pgd",), "steps": 40, "norm": "linf", "source": None}
MAX_RADII = 250  # Stands says in one byte which of them broke an image
SPATIAL = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of the largest rotation, shift and so on
FIXED = 10.0  # what a step of a one-pass training costs whatever it trains, in models (docs/decisions.md)
CHECKED, CHECKS = 100, 100  # images of the self-check, and what it costs an image besides four runs of PGD
# the self-check's own attacks, and the versions since which they count: what was computed before keeps its name
CHECKED_BY = {"noise": 1, "fgsm": 2, "pgd": 2, "square": 1}
# what costs as much as so many image-steps: a step of a repeated run, and an image that is attacked and asked about
A_RUNS_STEP, TAMPERED_COLUMN, TAMPERED_NETWORK = 70, 600, 3
LEAKAGE_VERSION = 2  # raised whenever what is measured of leakage changes
NUMBERS_VERSION = 1  # raised whenever a training recipe, sampler or measurement changes results


def resolve(study: Study) -> Study:
    """The study with every default filled in; BadInput in one sentence if it cannot be run as asked."""
    facts = entry.of(study).facts
    known("model", study.model, models.names)
    attack = _resolve_attack(study.attack, facts, study.seeds)
    extras = _resolve_extras(study)
    defence = _resolve_defence(study.defence, study.model, facts)
    independent = study.privacy.independent_batches and bool(models[study.model].facts["one_pass"])  # else they are
    clip_only = study.privacy.clip_only and not all(map(isinf, study.privacy.epsilons))  # as which budget, else?
    n_train = facts["n_train"]
    delta = usual_delta(n_train) if study.privacy.delta is None else study.privacy.delta
    if not DELTA_LOW <= delta < 1 / n_train:
        raise BadInput(
            f"delta={short(delta)} is not in [{DELTA_LOW:g}, 1/N = {1 / n_train:.3g}) "
            f"for the {n_train:,} images of {study.dataset}"
        )
    chosen = {"delta": delta, "independent_batches": independent, "clip_only": clip_only}
    privacy = study.privacy.model_copy(update=chosen)
    resolved = study.model_copy(update={"attack": attack, "defence": defence, "privacy": privacy, "extras": extras})
    if (points := n_points(resolved)) > MAX_POINTS:
        raise BadInput(f"the grid has {points:,} points; at most {MAX_POINTS:,} are computed in one study")
    return resolved


def _resolve_attack(attack: Attack, facts: dict[str, Any], seeds: int) -> Attack:
    for name in attack.names:
        known(f"norm of '{name}'", attack.norm, attacks[name].facts["norms"])
    grid = usual_radii(facts, attack.norm) if attack.eps is None else attack.eps
    high = sqrt(_size(facts["shape"])) if attack.norm == "l2" else 1.0
    radii = tuple(within("eps", eps, 0.0, high) for eps in grid)
    if len(radii) > MAX_RADII:
        raise BadInput(f"attack.eps has {len(radii):,} strengths; at most {MAX_RADII} are tried in one study")
    if attack.source is not None and "transfer" not in attack.names:
        raise BadInput(f"attack.source='{attack.source[:60]}' is for the attack 'transfer' alone")
    if attack.source is None and "transfer" in attack.names:
        raise BadInput("attack 'transfer' needs attack.source: the study whose model lends its pictures")
    if attack.seeds > seeds:
        raise BadInput(f"attack.seeds={attack.seeds} is not in [1, {seeds}], the number of seeds trained")
    if not any(radii):  # nothing is attacked: whatever else is said of the attack, it is the same study
        return attack.model_copy(update=NO_ATTACK | {"eps": (0.0,), "images": min(attack.images, facts["n_test"])})
    return attack.model_copy(
        update={
            "eps": tuple(sorted({0.0, *radii})),
            "images": min(attack.images, facts["n_test"]),
            "steps": attack.steps if any(attacks[name].facts["iterative"] for name in attack.names) else 1,
        }
    )


def _resolve_extras(study: Study) -> tuple[str, ...]:
    """In their order; BadInput for bounds of a model whose layers are not known."""
    for name in study.extras:
        known("extra", name, EXTRAS)
    if "certificates" in study.extras and (study.defence.input != "none" or not bounded(study.model)):
        able = ", ".join(name for name in models.names if bounded(name))
        raise BadInput(f"certificates are computed of {able} without an input defence, not of '{study.model}' as asked")
    if "leakage" in study.extras and pool(study) < LEAST_POOL:
        raise BadInput(
            f"leakage is measured with models of random halves of the training images, and {study.dataset} has "
            f"{entry.of(study).facts['n_train']}: {LEAST_POOL} are the least"
        )
    return tuple(name for name in EXTRAS if name in study.extras)


def pool(study: Study) -> int:
    """How many training images are in the pool that shadow models train on halves of."""
    most = POOL if models[study.model].facts["one_pass"] else FEWER_IMAGES
    return min(most, int(entry.of(study).facts["n_train"]))


def shadows(study: Study) -> int:
    """How many models train on halves of the pool at each budget: each is a target of those of other banks."""
    return together(study) + (SHADOWS if models[study.model].facts["one_pass"] else NETWORKS)


def together(study: Study) -> int:
    """How many shadows draw the same batches: none is attacked with another of those.

    One, where rows that no model of a bank has are worth leaving out of its products; on small data steps cost most.
    """
    return TOGETHER if models[study.model].facts["one_pass"] and pool(study) < SMALL else 1


def exposes(study: Study) -> bool:
    """Whether there are so many shadows that single images are told apart by more than luck."""
    return shadows(study) >= SHADOWS


def canary_kinds(study: Study) -> tuple[str, ...]:
    """Which kinds of canaries are put into a training run: a feature of its own is for models on fixed ones.

    "repeated" is one canary in every second of many runs, which cost little where a model is one of many columns.
    """
    pictures = ("mislabelled", "out-of-distribution")
    return (*pictures, "orthogonal", "repeated") if models[study.model].facts["one_pass"] else pictures


def canaries(study: Study) -> int:
    """How many of them, each in or out by a coin of its own, go into one training run."""
    return min(CANARIES, pool(study) // 3)


def audited_images(study: Study, kind: str) -> int:
    """How many images a model has that is trained for an audit: canaries take the place of some, or come on top."""
    return pool(study) + (0 if kind == "mislabelled" else canaries(study))


def leakage_images(job: Job) -> int:
    """Image-steps of all models that are trained for a job's leakage, and what else costs as much as some."""
    study, kinds = job.study, canary_kinds(job.study)

    def how(n_train: int) -> list[Recipe]:
        return [recipe(study.model, epsilon, n_train, study.defence.training) for epsilon in job.epsilons]

    def of(n_train: int) -> int:
        return sum(one.batch * one.steps for one in how(n_train))

    each = of(pool(study) // 2) + len(job.epsilons) * tampered_work(study)
    found = shadows(study) * each + sum(of(audited_images(study, kind)) for kind in kinds if kind != "repeated")
    return found + ("repeated" in kinds) * RUNS * A_RUNS_STEP * sum(one.steps for one in how(pool(study)))


def tampered(study: Study) -> int:
    """About how many images of the pool each shadow is asked as an attack on it leaves them."""
    return min(TAMPERED, pool(study))


def tampered_work(study: Study) -> int:
    """What that costs for one model, in image-steps."""
    return tampered(study) * (TAMPERED_COLUMN if models[study.model].facts["one_pass"] else TAMPERED_NETWORK)


def bounded(model: str) -> bool:
    """Whether interval bounds of a model can be computed: its layers say what they do."""
    return bool(models[model].facts.get("layered"))


def _gradients(attack: Attack) -> int:
    """Roughly the gradients that an image costs, whatever the number of radii (robustness/curve.py)."""
    facts = [attacks[name].facts for name in attack.names]
    return sum((attack.steps if each["iterative"] else 1) * each.get("weight", 1) for each in facts)


def _looks(study: Study) -> int:
    """Roughly the gradients' worth of work that extras cost a model: a look at a picture is a third of a gradient."""
    looks = {
        "corruptions": study.attack.images * len(corruptions.names) * len(SEVERITIES) // 3,
        "certificates": 10 * study.attack.images,
        "smoothing": 370 * min(SMOOTHED, study.attack.images),
    }
    return sum(looks.get(name, 0) for name in study.extras)


def usual_radii(facts: dict[str, Any], norm: str) -> tuple[float, ...]:
    """The attack strengths of a data set where nobody says others; those of image transforms are the same for all."""
    radii: tuple[float, ...] = SPATIAL if norm == "spatial" else facts[norm]
    return radii


def _resolve_defence(defence: Defence, model: str, facts: dict[str, Any]) -> Defence:
    """With the radius that training uses; BadInput where it would be ignored, or cannot be used by this model."""
    for kind in ("training", "input"):
        known(f"{kind} defence", getattr(defence, kind), ("none", *of_kind(kind)))
    if defence.training == "none":
        if defence.eps is not None:
            raise BadInput(f"defence.eps={short(defence.eps)} is the radius of a training defence, and there is none")
        return defence
    if not defendable(model):
        able = ", ".join(name for name in models.names if defendable(name))
        raise BadInput(
            f"model '{model}' learns from features made once, so '{defence.training}' cannot change what it sees: "
            f"use one of {able}"
        )
    return defence.model_copy(update={"eps": facts["trained_eps"] if defence.eps is None else defence.eps})


def of_kind(kind: str) -> tuple[str, ...]:
    """Names of the defences of a kind, 'training' or 'input'."""
    return tuple(name for name in defences.names if defences[name].facts["kind"] == kind)


def defendable(model: str) -> bool:
    """Whether a model sees pictures while it trains, so that a training defence can change them."""
    return not models[model].facts["features"]


def usual_delta(n_train: int) -> float:
    """Delta where nobody says another one: well below one in so many images.

    >>> usual_delta(1_000), usual_delta(1_000_000)
    (1e-05, 1e-07)
    """
    return min(1e-5, 1 / (10 * n_train))


def shares_batches(study: Study) -> bool:
    """Whether the private models of a resolved study draw the same Poisson batches, each with noise of its own."""
    return bool(models[study.model].facts["one_pass"]) and not study.privacy.independent_batches


def _size(shape: tuple[int, ...]) -> int:
    channels, height, width = shape
    return channels * height * width


def n_points(study: Study) -> int:
    """Accuracies that a resolved study asks for: clean and robust ones."""
    return n_lines(study) * points_of_one(study)


def n_lines(study: Study) -> int:
    """Curves of a study: its budgets, and clipping alone where that is asked for."""
    return len(study.privacy.epsilons) + study.privacy.clip_only


def points_of_one(study: Study) -> int:
    """Accuracies that a resolved study asks for at each of its budgets."""
    return study.seeds + study.attack.seeds * len(study.attack.eps or ())


def digest(study: Study) -> str:
    """16 hex digits that name a resolved study: equal numbers, equal digest; a raised component version changes it."""
    attacked = any(study.attack.eps or ())
    identity = {
        "study": study.model_dump(mode="json"),
        "versions": [
            NUMBERS_VERSION,
            entry.of(study).version,
            models[study.model].version,
            *((attacks[name].version for name in study.attack.names) if attacked else (1,)),
            *(defences[name].version for name in (study.defence.training, study.defence.input) if name != "none"),
            *(known.version for known in corruptions.entries.values() if "corruptions" in study.extras),
            *(
                attacks[name].version
                for name, known in CHECKED_BY.items()
                if attacked and attacks[name].version > known
            ),
            *((LEAKAGE_VERSION,) if "leakage" in study.extras else ()),
        ],
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def plan(study: Study) -> tuple[Job, ...]:
    """The jobs of a resolved study: one for a model that trains all budgets in one pass, else one a budget."""
    seeds = tuple(range(study.seeds))
    epsilons, clip_only = study.privacy.epsilons, study.privacy.clip_only
    if models[study.model].facts["one_pass"]:
        return (Job(study=study, epsilons=epsilons, seeds=seeds, clip_only=clip_only),)
    jobs = [Job(study=study, epsilons=(epsilon,), seeds=seeds) for epsilon in epsilons]
    return (*jobs, *([Job(study=study, epsilons=(), seeds=seeds, clip_only=True)] if clip_only else []))


def clip_only_recipe(study: Study) -> Recipe:
    """How the clip-only baseline is trained: as the largest private budget is, which it differs from by the noise."""
    largest = max(epsilon for epsilon in study.privacy.epsilons if not isinf(epsilon))
    return recipe_of(study, largest)


def recipe_of(study: Study, epsilon: float) -> Recipe:
    """How a model of the study is trained at a budget, with the study's training defence."""
    return recipe(study.model, epsilon, entry.of(study).facts["n_train"], study.defence.training)


def _dearer(job: Job) -> float:
    """How many times longer training takes because every model draws its own batches, and so has a pass of its own.

    A step of a pass costs as much as FIXED models, and one model more for each that it trains.
    """
    private = len(job.seeds) * sum(not isinf(epsilon) for epsilon in job.epsilons)
    if not job.study.privacy.independent_batches or not private:
        return 1.0
    return private * (FIXED + 1) / (FIXED + private)


def _dear(defence: str) -> float:
    """How many times dearer a step is for a defence: for its gradients, or for the draws that an attack averages."""
    return 1.0 if defence == "none" else float(defences[defence].facts["dearer"])


def work(job: Job) -> dict[str, float]:
    """Units of work by stage, so that seconds a unit, measured here before, give the time a job will take.

    A unit is one image-step: an image's features, an image in a batch of training, or one attacked image's step.
    """
    facts = entry.of(job.study).facts
    attack = job.study.attack
    recipes = [recipe_of(job.study, epsilon) for epsilon in job.epsilons]
    recipes += [clip_only_recipe(job.study)] if job.clip_only else []
    trained = float(sum(how.batch * how.steps for how in recipes) * len(job.seeds))
    guard = _dear(job.study.defence.input)
    attacked = len(recipes) * min(attack.seeds, len(job.seeds)) * any(attack.eps or ())
    return {
        "features": float(facts["n_train"] + facts["n_test"]) if models[job.study.model].facts["features"] else 0.0,
        "noise": float(len(job.epsilons)),
        "train": trained * _dearer(job) * _dear(job.study.defence.training),
        "attack": float(attacked * attack.images * _gradients(attack)) * guard,
        "check": float(attacked * min(attack.images, CHECKED) * (4 * max(40, attack.steps) + CHECKS)) * guard,
        "extras": float(attacked * _looks(job.study)) * guard,
        "leakage": leakage_images(job) * _dear(job.study.defence.training) if "leakage" in job.study.extras else 0.0,
    }
