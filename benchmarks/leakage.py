"""Membership inference: LiRA with 64 shadow models of each of 6 budgets, and what it finds, against theory."""

import time
import warnings
from functools import lru_cache, partial
from math import inf
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks import training
from benchmarks.timing import seconds
from engine.leakage import curve, membership, shadows
from engine.leakage.membership import Masks
from engine.leakage.shadows import Bank, Budget
from engine.leakage.statistics import of_columns
from engine.mechanism import Mechanism
from engine.privacy.bank import Features, as_features
from engine.privacy.streams import Seeded
from engine.recipes import Recipe

POOL, SHADOWS, DELTA = 20_000, 64, 1e-5
MODELS = SHADOWS + 1  # each is the target of the 64 others
BY_HEART = Recipe(batch=256, steps=2000, learning_rate=0.1)  # without privacy, and until it knows its images by heart
TOGETHER = 8  # of those: one budget alone is too narrow a product


@lru_cache
def pool() -> Features:
    """The first training images of Fashion-MNIST, as the default model sees them."""
    whole, _ = training.fashion_features()
    return as_features(whole.x[:POOL].clone(), whole.y[:POOL].clone(), whole.basis)


def budgets() -> list[Budget]:
    cache = training.HOME / "cache"
    return [shadows.budget("scattering-linear", epsilon, POOL, DELTA, cache) for epsilon in training.BUDGETS]


def answers(which: list[Budget], masks: Masks, together: int = 1) -> NDArray[np.float32]:
    """Confidences of every model, (budgets, models, POOL)."""
    banks, cores, found = shadows.banks(which, len(masks), together), torch.get_num_threads(), []
    for first in range(0, len(banks), cores):
        some = banks[first : first + cores]
        trained = shadows.abreast([partial(_train, bank, masks) for bank in some], lambda: None)
        found += [
            of_columns(pool(), weights, 10).reshape(len(bank.shadows), len(bank.budgets), -1)
            for bank, weights in zip(some, trained, strict=True)
        ]
    return np.concatenate(found).swapaxes(0, 1)


def _train(bank: Bank, masks: Masks, on_step: shadows.OnStep) -> Tensor:
    return shadows.train(pool(), bank, masks, "bench", Seeded(), n_classes=10, on_step=on_step)


def one_after_another(which: list[Budget], masks: Masks) -> float:
    """Seconds that the same models of one bank take, all cores on each product: a model's share."""
    (bank,) = shadows.banks(which, len(masks))[:1]
    began = time.perf_counter()
    of_columns(pool(), _train(bank, masks, lambda state: None), 10)
    return (time.perf_counter() - began) / len(bank.columns)


def found_out(said: NDArray[np.float32], masks: Masks, budget: Budget, together: int = 1) -> dict[str, Any]:
    """Area and true positives of every attack, means over all targets, and what theory allows."""
    banks = shadows.bank_of(len(masks), together)
    every = {name: membership.scores(attack, said, masks, banks) for name, attack in membership.ATTACKS.items()}
    return {name: _of(scores, masks, budget) for name, scores in every.items()}


def _of(scores: membership.Reals, masks: Masks, budget: Budget) -> dict[str, Any]:
    measured = curve.points(scores, masks)
    reached = {
        f"tpr at {rate:g}": curve.over_targets([one.true_positives for one in measured if one.rate == rate])
        for rate in curve.RATES
    }
    found = {"auc": curve.over_targets(curve.auc(scores, masks)), **reached}
    return found | (_beside(measured, budget.mechanism) if budget.mechanism else {})


def _beside(measured: list[curve.Point], mechanism: Mechanism) -> dict[str, Any]:
    """What theory allows, and how many points lie above it: even with their limits, or as they are, by chance."""
    drawn = curve.beside(measured, mechanism, training.HOME / "cache")
    return {
        "allowed": {str(rate): max(one.allowed for one in drawn if one.point.rate == rate) for rate in curve.RATES},
        "targets": len(measured) // len(curve.RATES),
        "points above, Bonferroni": sum(one.broken for one in drawn),
        "points above, without limits": sum(one.point.true_positives > one.allowed for one in drawn),
    }


def six_budgets() -> dict[str, Any]:
    """Seconds of training and scoring with LiRA, and what all attacks find."""
    pool(), (which := budgets())  # features are cached, noise is remembered
    began, cores = time.perf_counter(), time.process_time()
    masks = shadows.coins(MODELS, POOL, "bench", Seeded())
    said = answers(which, masks)
    trained = time.perf_counter()
    for one in said:
        scores = membership.scores(membership.lira, one, masks, shadows.bank_of(MODELS))
        curve.auc(scores, masks), curve.points(scores, masks)
    ended, cores = time.perf_counter(), time.process_time() - cores
    return {
        "models": said.shape[0] * MODELS,
        "train_seconds": trained - began,
        "score_seconds": ended - trained,
        "seconds_a_model_one_bank_after_another": one_after_another(which, masks),
        "seconds": ended - began,
        "core_seconds": cores,
        "target_seconds": 360,
        "found": {str(b.epsilon): found_out(one, masks, b) for b, one in zip(which, said, strict=True)},
    }


def by_heart() -> dict[str, Any]:
    """The same without privacy, by a training that is far too long."""
    which = shadows.of_recipe(BY_HEART, inf, POOL, DELTA, training.HOME / "cache")
    masks = shadows.coins(SHADOWS + TOGETHER, POOL, "bench", Seeded())
    began = time.perf_counter()
    said = answers([which], masks, TOGETHER)[0]
    return {
        "train_seconds": time.perf_counter() - began,
        "found": found_out(said, masks, which, TOGETHER),
        "target": {"lira, tpr at 0.01": 0.04},
    }


def opacus_step(ghost: bool) -> float:
    """Seconds of one Opacus step of one shadow: a batch of its own expected size."""
    work = training.opacus_steps(pool(), ghost, budgets()[0].recipe.batch)
    work()
    return min(seconds(work) for _ in range(3)) / training.STEPS_TIMED


def run() -> dict[str, Any]:
    warnings.filterwarnings("ignore")
    measured = six_budgets()
    a_model, steps = measured["train_seconds"] / measured["models"], budgets()[0].recipe.steps
    opacus = {name: opacus_step(name == "ghost") * steps for name in ("hooks", "ghost")}
    return {
        "six_budgets": measured,
        "extrapolated from steps of Opacus": training.STEPS_TIMED,
        "seconds_a_model": {"ours": a_model, **opacus},
        "opacus_over_ours": {name: taken / a_model for name, taken in opacus.items()},
        "targets": {"hooks over ours": 30},
        "by_heart": by_heart(),
    }
