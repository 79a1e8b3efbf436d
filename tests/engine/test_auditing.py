"""Audits of a job's own trainer: what repeated runs hear, that faults are caught, and that a true trainer is not."""

from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from engine import auditing, planning, runs
from engine.leakage.shadows import Budget
from engine.privacy.accounting import noise_multiplier
from engine.privacy.streams import Seeded
from engine.recipes import Recipe
from tests.engine.test_runs import small

RATE, STEPS, DELTA = 0.3, 40, 1e-5


def budget(noise: float, clip: float = 0.1) -> Budget:
    how = Recipe(batch=200, steps=STEPS, learning_rate=5.0, max_grad_norm=clip, momentum=0.0, decay=1.0)
    return Budget(1.0, how, RATE, noise)


@pytest.fixture
def ground() -> Any:
    (job,) = planning.plan(small(privacy={"epsilons": [1, "inf"]}))
    return SimpleNamespace(job=job, identity="audits", draws=Seeded(), n_classes=10, delta=DELTA)


def heard(ground: Any, one: Budget) -> auditing.Heard:
    return auditing._runs(ground, one, lambda n: None)


def test_without_noise_a_run_tells_how_often_its_own_canary_was_drawn(ground: Any) -> None:
    found = heard(ground, budget(0.0, inf))
    assert set(found.outside) == {0.0}
    counts = np.asarray(found.inside) / np.mean(found.inside) * RATE * STEPS
    assert np.var(counts) == pytest.approx(STEPS * RATE * (1 - RATE), rel=0.4), "0 if runs had shared their batches"
    assert auditing.bound(found, "repeated", DELTA, 0.05).epsilon > 3


def test_noise_of_every_run_is_its_own(ground: Any) -> None:
    found = heard(ground, budget(1.0))
    assert len(found.inside) == len(found.outside) == 200
    assert len({*found.inside, *found.outside}) == 400


def test_a_true_trainer_demonstrates_no_more_than_it_promised_and_a_false_one_does(ground: Any) -> None:
    noise = noise_multiplier(1.0, DELTA, RATE, STEPS)
    of = {share: auditing.bound(heard(ground, budget(share * noise)), "repeated", DELTA, 1e-3) for share in (1.0, 0.05)}
    assert of[1.0].epsilon <= 1.0
    assert of[0.05].epsilon > 1.0
    assert of[1.0].ceiling == of[0.05].ceiling > 2


def test_who_does_not_clip_is_caught_by_repeated_runs(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = noise_multiplier(1.0, DELTA, RATE, STEPS)
    monkeypatch.setattr("engine.privacy.bank.clipped_residuals", lambda logits, y, norms, bounds: _unclipped(logits, y))
    assert auditing.bound(heard(ground, budget(noise)), "repeated", DELTA, 1e-3).epsilon > 1.0


def _unclipped(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    residuals = logits.softmax(2)
    residuals[torch.arange(len(y)), :, y] -= 1
    return residuals


def test_made_up_pictures_are_planted_as_models_see_images(tmp_path: Path) -> None:
    (job,) = planning.plan(small(privacy={"epsilons": [1]}))
    data = runs.tensors("digits", tmp_path, train=True), runs.tensors("digits", tmp_path, train=False)
    ground = runs._ground(job, data, lambda event: None, runs.Places(tmp_path, tmp_path, tmp_path))
    among = auditing.planted(ground, "out-of-distribution")
    assert ground.train.features is not None
    n = len(ground.train.y)
    assert torch.equal(among.x[:n], ground.train.features.x)
    canaries, _ = among.canaries
    assert len(canaries) == planning.canaries(job.study) == 479
    assert planning.audited_images(job.study, "out-of-distribution") == len(among.y)
    assert torch.equal(canaries[:, -1].float(), torch.ones(479)), "the bias stays last"
    assert 0.1 < float(canaries.float().std() / among.x[:n].float().std()) < 10, "features, of the size of others"
