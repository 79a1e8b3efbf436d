"""What a study promises: each budget alone, all its models together, and the best of several tries. No torch."""

from math import isinf
from pathlib import Path

from engine import planning
from engine.data import entry
from engine.events import Releases
from engine.mechanism import Mechanism
from engine.privacy import joint
from engine.privacy.accounting import MADE_BY, UNIT, Calibration, accountant, calibrated
from engine.privacy.remembered import remembered
from engine.promise import Guarantees, Promise
from engine.recipes import Recipe
from engine.study import Study

__all__ = ["TRIES", "Guarantees", "Promise", "calibration", "delta_of", "guarantees", "releases"]

TRIES = 10  # about so many models are trained before one is chosen


def guarantees(study: Study, cache: Path) -> Guarantees:
    """The promises of a resolved study. The first time takes seconds, later ones milliseconds."""
    each, shared = _each(study, cache), planning.shares_batches(study)
    every = [model for _, model, _ in each for _ in range(study.seeds)]
    delta, one_pass = delta_of(study), shared or study.privacy.independent_batches
    used, other = (joint.released(every, shared=how) for how in (shared, not shared))
    return Guarantees(
        delta=delta,
        unit=UNIT,
        separate=tuple(_promise(*one, delta, cache) for one in each),
        n_models=len(every),
        shared=shared,
        joint=joint.joint_epsilon(used, delta, cache),
        other=joint.joint_epsilon(other, delta, cache) if one_pass else None,
        accountant=accountant(joint.interval(used)),
        tries=TRIES,
        unprotected=_unprotected(study),
    )


def releases(study: Study, cache: Path) -> Releases:
    """What all jobs of a resolved study together lay open of its training images."""
    models = tuple(model for _, model, _ in _each(study, cache) for _ in range(study.seeds))
    return Releases(models, planning.shares_batches(study), _unprotected(study))


def calibration(study: Study, epsilon: float, how: Recipe, cache: Path) -> Calibration:
    """The noise of one budget of a resolved study, trained as `how` says."""
    n_train = entry.of(study).facts["n_train"]
    return calibrated(cache, epsilon, delta_of(study), how.batch / n_train, how.steps)


def delta_of(study: Study) -> float:
    """The delta of a resolved study."""
    assert study.privacy.delta is not None, "the study is resolved"
    return study.privacy.delta


def _each(study: Study, cache: Path) -> list[tuple[float, Mechanism, str]]:
    """Budget, one of its models, and who answers for it, of every private budget."""
    n_train = entry.of(study).facts["n_train"]
    found = []
    for epsilon in study.privacy.epsilons:
        if not isinf(epsilon):
            how = planning.recipe_of(study, epsilon)
            by = calibration(study, epsilon, how, cache)
            found.append((epsilon, Mechanism(how.batch / n_train, by.noise_multiplier, how.steps), by.accountant))
    return found


def _promise(epsilon: float, model: Mechanism, by: str, delta: float, cache: Path) -> Promise:
    question = ["best of", *MADE_BY, joint.ORDERS, TRIES, delta, *vars(model).values()]
    best = remembered(cache, question, lambda: joint.best_of(model, TRIES, delta))
    return Promise(epsilon, model.noise_multiplier, model.sample_rate, model.steps, by, best)


def _unprotected(study: Study) -> bool:
    """Whether something is released that no noise hides: a model without, or how single images are told apart."""
    return study.privacy.clip_only or "leakage" in study.extras or any(map(isinf, study.privacy.epsilons))
