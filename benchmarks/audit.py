"""Promised against demonstrated: what audits with canaries prove about the one-pass trainer, on digits."""

import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.data.images import load
from engine.leakage import canaries
from engine.leakage.audit import one_run
from engine.leakage.canaries import Planted
from engine.models import models
from engine.privacy import bank
from engine.privacy.accounting import noise_multiplier
from engine.privacy.streams import Seeded
from engine.recipes import Recipe, recipe

EPSILONS = (0.5, 1.0, 3.0, 8.0, inf)
DELTA, MODELS, CANARIES, GUESSES = 1e-5, 5, 500, 200
SIZE, SMALL_RATE = 40.0, 1e-3  # of an orthogonal canary: that of other features; a learning rate that learns nothing
SHAPE, CLASSES = (1, 8, 8), 10


def run() -> dict[str, Any]:
    """Bounds at 95 % of MODELS models a budget, lowest first, which share coins and batches; one without privacy."""
    digits = load("digits", Path(), train=True)
    x, y = torch.as_tensor(digits.x), torch.as_tensor(digits.y)
    model = models["scattering-linear"].load()(SHAPE, CLASSES)

    @torch.no_grad()
    def seen(images: Tensor) -> Tensor:
        return torch.cat([model.seen(images), torch.ones(len(images), 1)], 1)

    strange = canaries.out_of_distribution(x, y, CLASSES, CANARIES, 0)
    strange = Planted(seen(strange.x), strange.y, strange.rows, strange.included)
    wrong = canaries.mislabelled(seen(x), y, CLASSES, CANARIES, 0)
    own = canaries.orthogonal(seen(x), y, CLASSES, CANARIES, SIZE, 0)
    return {
        "canaries": CANARIES,
        "guesses": GUESSES,
        "mislabelled": _bounds(wrong),
        "out of distribution": _bounds(strange),
        "orthogonal": _bounds(own),
        "orthogonal, small rate": _bounds(own, rate=SMALL_RATE),
        "orthogonal, small rate, a tenth of the noise": _bounds(own, rate=SMALL_RATE, noise=0.1),
    }


def _bounds(planted: Planted, rate: float | None = None, noise: float = 1.0) -> dict[str, Any]:
    began, data, found = time.perf_counter(), canaries.features(planted), {}
    for epsilon in EPSILONS:
        how = recipe("scattering-linear", epsilon, len(data.y))
        sigma = noise * noise_multiplier(epsilon, DELTA, how.batch / len(data.y), how.steps)
        weights = _train(data, [_column(epsilon, k, how, rate, sigma) for k in range(MODELS if sigma else 1)], how)
        scores = canaries.scores_of_bank(planted, weights, CLASSES)
        bounds = [one_run(*canaries.told_apart(planted, row), guesses=GUESSES, delta=DELTA) for row in scores]
        found[f"promised {epsilon:g}"] = {
            "demonstrated": sorted(round(bound.epsilon, 2) for bound in bounds),
            "right": sorted(bound.right for bound in bounds),
            "ceiling": round(bounds[0].ceiling, 2),
        }
    return found | {"seconds": time.perf_counter() - began}


def _column(epsilon: float, k: int, how: Recipe, rate: float | None, sigma: float) -> bank.Column:
    return bank.Column(("audit", epsilon, k), rate or how.learning_rate, sigma, how.max_grad_norm)


def _train(data: bank.Features, columns: Sequence[bank.Column], how: Recipe) -> Tensor:
    return bank.train(
        data,
        columns,
        bank.blank(data.x.shape[1], len(columns), CLASSES),
        Seeded(),
        batch_key=("audit", columns[0].key[1]),
        sample_rate=how.batch / len(data.y),
        steps=how.steps,
        momentum=how.momentum,
        decay=how.decay,
        on_step=lambda state: None,
    ).weights
