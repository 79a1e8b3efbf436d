"""Canaries: what is planted, and that a trainer which breaks its promise is caught by them while a true one is not."""

from collections.abc import Callable
from functools import cache, partial
from math import inf

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from engine.errors import BadInput
from engine.leakage import canaries
from engine.leakage.audit import Bound, one_run, repeated_runs
from engine.leakage.canaries import Planted
from engine.privacy import bank, dpsgd
from engine.privacy.accounting import noise_multiplier
from engine.privacy.bank import Column, blank, summed_gradient
from engine.privacy.dpsgd import Trainer
from engine.privacy.streams import Seeded
from engine.recipes import Recipe

CLASSES = 10


def some_features(n: int = 200, f: int = 20) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(n, f, generator=g), torch.ones(n, 1)], 1)
    return x, torch.randint(CLASSES, (n,), generator=g)


def test_mislabelled_canaries_are_training_examples_with_another_label() -> None:
    x, y = some_features()
    planted = canaries.mislabelled(x, y, CLASSES, 150, 0)
    assert torch.equal(planted.x, x)
    assert len(set(planted.rows.tolist())) == 150
    changed = planted.y != y
    assert set(changed.nonzero()[:, 0].tolist()) == set(planted.rows.tolist())
    assert planted.y.min() >= 0
    assert planted.y.max() < CLASSES
    shifts = (planted.y - y)[planted.rows] % CLASSES
    assert set(shifts.tolist()) == set(range(1, CLASSES)), "every wrong label occurs"
    with pytest.raises(BadInput, match="m=201"):
        canaries.mislabelled(x, y, CLASSES, 201, 0)


def test_pictures_of_nothing_lie_behind_the_images_with_labels_by_chance() -> None:
    x, y = torch.rand(30, 3, 8, 8), torch.zeros(30, dtype=torch.int64)
    planted = canaries.out_of_distribution(x, y, CLASSES, 120, 0)
    made, labels = planted.canaries
    assert torch.equal(planted.x[:30], x)
    assert made.shape == (120, 3, 8, 8)
    assert made.min() >= 0
    assert made.max() <= 1
    assert len(made.flatten(1).unique(dim=0)) == 120
    assert set(labels.tolist()) == set(range(CLASSES))


def test_orthogonal_canaries_share_no_feature_with_anybody() -> None:
    x, y = some_features()
    planted = canaries.orthogonal(x, y, CLASSES, 40, 7.0, 0)
    gram = planted.x @ planted.x.T
    torch.testing.assert_close(gram[:200, :200], x @ x.T)
    torch.testing.assert_close(gram[200:], torch.cat([torch.zeros(40, 200), 49 * torch.eye(40)], 1))
    assert torch.equal(planted.x[:200, -1], torch.ones(200)), "the bias stays last"


def test_coins_are_fair_and_belong_to_a_seed() -> None:
    coins = canaries.coins(4000, 0)
    assert binomtest(int(coins.sum()), 4000, 0.5).pvalue > 1e-3
    assert torch.equal(coins, canaries.coins(4000, 0))
    assert binomtest(int((coins == canaries.coins(4000, 1)).sum()), 4000, 0.5).pvalue > 1e-3


def test_a_canary_left_out_adds_nothing_to_a_bank_and_n_stays() -> None:
    x, y = some_features()
    planted = canaries.mislabelled(x, y, CLASSES, 100, 0)
    data = canaries.features(planted)
    out = planted.rows[~planted.included]
    weights, bounds = torch.randn(21, CLASSES, generator=torch.Generator().manual_seed(1)), torch.tensor([0.1])
    assert len(data.y) == 200
    assert not summed_gradient(data, out, weights, bounds).any()
    assert summed_gradient(data, planted.rows[planted.included], weights, bounds).any()
    assert torch.equal(planted.x, x), "a canary left out is still there to be scored"


def test_a_network_trains_on_the_others_alone() -> None:
    x, y = torch.arange(50.0).view(50, 1, 1, 1), torch.zeros(50, dtype=torch.int64)
    planted = canaries.mislabelled(x, y, CLASSES, 20, 0)
    kept, labels = canaries.images(planted)
    assert set(range(50)) - set(kept.flatten().int().tolist()) == set(planted.rows[~planted.included].tolist())
    assert torch.equal(labels, planted.y[kept.flatten().long()])


def test_a_bank_is_scored_by_the_inner_product_with_a_canarys_first_descent() -> None:
    x, y = some_features()
    planted = canaries.orthogonal(x, y, CLASSES, 5, 3.0, 0)
    weights = torch.randn(26, 2 * CLASSES, generator=torch.Generator().manual_seed(1))
    found = canaries.scores_of_bank(planted, weights, CLASSES)
    assert found.shape == (2, 5)
    for k, own in enumerate(weights.split(CLASSES, 1)):
        for i, (row, label) in enumerate(zip(*planted.canaries, strict=True)):
            start = torch.zeros(26, CLASSES, requires_grad=True)
            loss = nn.functional.cross_entropy((row @ start)[None], label[None])
            (grad,) = torch.autograd.grad(loss, start)
            assert float(found[k, i]) == pytest.approx(-float((grad * own).sum()), rel=1e-4, abs=1e-4)


def test_a_network_is_scored_by_its_losses_in_evaluation_mode() -> None:
    x, y = torch.rand(300, 1, 2, 2), torch.randint(CLASSES, (300,))
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(4, CLASSES)).train()
    planted = canaries.mislabelled(x, y, CLASSES, 200, 0)
    canary, label = planted.canaries
    found = canaries.scores_of_network(model, planted)
    expected = -nn.functional.cross_entropy(model[2](canary.flatten(1)), label, reduction="none")
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad


def test_scores_are_told_apart_by_the_coins() -> None:
    x, y = some_features()
    planted = canaries.mislabelled(x, y, CLASSES, 50, 0)
    inside, outside = canaries.told_apart(planted, planted.included.float())
    assert (set(inside), set(outside)) == ({1.0}, {0.0})
    assert len(inside) + len(outside) == 50


# An audit at a claimed epsilon of 1: everything is fixed here, before any score is seen.

EPSILON, DELTA, SIGNIFICANCE = 1.0, 1e-5, 0.001
CANARIES, GUESSES, SIZE = 400, 100, 10.0
RATE, STEPS, BOUND = 0.5, 20, 0.1

sigma = cache(partial(noise_multiplier, EPSILON, DELTA))
Audited = Callable[[int], Bound]  # of a seed


def audited_bank(seed: int) -> Bound:
    planted = canaries.orthogonal(*some_features(), CLASSES, CANARIES, SIZE, seed)
    data = canaries.features(planted)
    state = bank.train(
        data,
        [Column(("audit", seed), 1e-3, sigma(RATE, STEPS), BOUND)],
        blank(data.x.shape[1], 1, CLASSES),
        Seeded(),
        batch_key=("audit", seed),
        sample_rate=RATE,
        steps=STEPS,
        momentum=0.9,
        decay=0.7,
        on_step=lambda state: None,
    )
    return decided(planted, canaries.scores_of_bank(planted, state.weights, CLASSES)[0])


def audited_network(seed: int) -> Bound:
    """One linear layer on pictures: each canary has a pixel that is its own."""
    x, y = some_features()
    planted = canaries.orthogonal(x[:, :-1].sigmoid(), y, CLASSES, CANARIES, SIZE, seed)
    planted = Planted(planted.x[:, None, None], planted.y, planted.rows, planted.included)
    recipe = Recipe(batch=int(RATE * len(planted.y)), steps=STEPS, learning_rate=0.05, max_grad_norm=BOUND)
    linear = nn.Linear(planted.x.shape[-1], CLASSES, bias=False)
    nn.init.zeros_(linear.weight)
    column = Column(("audit", seed), recipe.learning_rate, sigma(RATE, STEPS), BOUND)
    trainer = Trainer(nn.Sequential(nn.Flatten(), linear), column, recipe, RATE)
    trainer.train(*canaries.images(planted), Seeded(), batch_key=("audit", seed), on_step=lambda: None)
    return decided(planted, canaries.scores_of_network(trainer.released(), planted))


def audited_by_runs(seed: int, runs: int = 600) -> Bound:
    """One canary, in half of the runs; at sample rate 1 batches hold no chance, so a bank's columns are independent."""
    planted = canaries.orthogonal(*some_features(30, 2), CLASSES, 1, SIZE, seed)
    found = {}
    for included in (True, False):
        asked = Planted(planted.x, planted.y, planted.rows, torch.tensor([included]))
        data = canaries.features(asked)
        state = bank.train(
            data,
            [Column(("audit", seed, included, k), 1e-3, sigma(1.0, 5), BOUND) for k in range(runs)],
            blank(data.x.shape[1], runs, CLASSES),
            Seeded(),
            batch_key=("audit", seed),
            sample_rate=1.0,
            steps=5,
            momentum=0.0,
            decay=1.0,
            on_step=lambda state: None,
        )
        found[included] = canaries.scores_of_bank(planted, state.weights, CLASSES)[:, 0].tolist()
    return repeated_runs(found[True], found[False], delta=DELTA, significance=SIGNIFICANCE)


def decided(planted: Planted, scores: Tensor) -> Bound:
    return one_run(*canaries.told_apart(planted, scores), guesses=GUESSES, delta=DELTA, significance=SIGNIFICANCE)


TRAINERS: dict[str, Audited] = {
    "bank": audited_bank,
    "network": audited_network,
    "bank, repeated runs": audited_by_runs,
}


@pytest.fixture
def a_tenth_of_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    noise, of_network = bank.noise, Trainer._noise
    monkeypatch.setattr(bank, "noise", lambda *asked: noise(*asked) / 10)
    monkeypatch.setattr(Trainer, "_noise", lambda *asked: of_network(*asked) / 10)


@pytest.fixture
def no_clipping(monkeypatch: pytest.MonkeyPatch) -> None:
    residuals, summed = bank.clipped_residuals, dpsgd.clipped_sum
    free = torch.tensor([inf])
    monkeypatch.setattr(bank, "clipped_residuals", lambda logits, y, norms, bounds: residuals(logits, y, norms, free))
    monkeypatch.setattr(dpsgd, "clipped_sum", lambda model, x, y, bound, *more: summed(model, x, y, inf, *more))


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_trainer_that_keeps_its_promise_is_not_caught(trainer: str) -> None:
    found = [TRAINERS[trainer](seed) for seed in range(5)]
    assert all(bound.epsilon <= EPSILON < bound.ceiling for bound in found)


@pytest.mark.usefixtures("a_tenth_of_the_noise")
@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_tenth_of_the_noise_is_caught(trainer: str) -> None:
    assert min(TRAINERS[trainer](seed).epsilon for seed in range(3)) > EPSILON


@pytest.mark.usefixtures("no_clipping")
@pytest.mark.parametrize("trainer", TRAINERS)
def test_missing_clipping_is_caught(trainer: str) -> None:
    found = [TRAINERS[trainer](seed) for seed in range(3)]
    assert all(bound.epsilon == bound.ceiling > EPSILON for bound in found)


def test_mislabelled_canaries_show_what_a_model_without_privacy_remembers() -> None:
    """More weights than examples, and time to fit them: the labels of those left out stay unlikely."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(200, 400, generator=g), torch.randint(CLASSES, (200,), generator=g)
    planted = canaries.mislabelled(x, y, CLASSES, 100, 0)
    data = canaries.features(planted)
    how = {"sample_rate": 0.5, "steps": 60, "momentum": 0.9, "decay": 0.7, "on_step": lambda state: None}
    columns = [Column(("plain", k), 0.1, 0.0, inf) for k in range(2)]
    state = bank.train(data, columns, blank(400, 2, CLASSES), Seeded(), batch_key=("b",), **how)  # type: ignore[arg-type]
    for scores in canaries.scores_of_bank(planted, state.weights, CLASSES):
        found = one_run(*canaries.told_apart(planted, scores), guesses=60)
        assert found.epsilon == found.ceiling
        others = np.random.default_rng(0).permutation(scores.numpy())
        assert one_run(*canaries.told_apart(planted, torch.from_numpy(others)), guesses=60).epsilon < 1
