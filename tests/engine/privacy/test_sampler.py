"""Whether the batches that trainers really use are Poisson, as they are accounted: a test that shuffled ones fail.

Poisson batches of n examples have binomial sizes, and in T steps each example comes a binomial number of times.
Both are compared, two-sided, with 10,000 draws of the same. Shuffled batches accounted as Poisson state too small an
epsilon, by up to four times (arXiv:2411.10614).
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.privacy import bank
from engine.privacy.bank import Column, as_features, blank
from engine.privacy.dpsgd import Sums, Trainer
from engine.privacy.streams import Draws, Secret, Seeded, Word
from engine.recipes import Recipe

N, RATE, STEPS, SIGNIFICANCE, SIMULATED = 200, 0.1, 300, 0.001, 10_000
Batches = list[NDArray[np.int64]]


def p_poisson(batches: Batches) -> float:
    """How likely Poisson batches are to be so even, or so uneven, in size or in how often each example comes."""
    sizes = np.array([len(batch) for batch in batches])
    times = np.bincount(np.concatenate(batches), minlength=N)
    return min(1.0, 2 * min(_p(sizes, N), _p(times, len(batches))))


def _p(counts: NDArray[np.int64], trials: int) -> float:
    """Two-sided, of the spread of counts that should each be binomial."""
    spread, usual = _spread(counts, trials), _usual(len(counts), trials)
    return float(2 * (1 + min((usual <= spread).sum(), (usual >= spread).sum())) / (1 + SIMULATED))


@cache
def _usual(n_counts: int, trials: int) -> NDArray[np.float64]:
    return _spread(np.random.default_rng(0).binomial(trials, RATE, (SIMULATED, n_counts)), trials)


def _spread(counts: NDArray[np.int64], trials: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = ((counts - trials * RATE) ** 2).sum(-1)
    return found


class Shuffled(Seeded):
    """What many loaders do: a new order each epoch, cut into batches of the expected size."""

    def batch(self, n: int, sample_rate: float, *words: Word) -> NDArray[np.int64]:
        per_epoch = round(1 / sample_rate)
        epoch, place = divmod(int(words[-1]), per_epoch)
        order = np.random.default_rng(epoch).permutation(n)
        return np.array_split(order, per_epoch)[place]


class Disguised(Seeded):
    """Shuffled, and cut at random places: sizes vary as they should, but everybody comes once an epoch."""

    def batch(self, n: int, sample_rate: float, *words: Word) -> NDArray[np.int64]:
        per_epoch = round(1 / sample_rate)
        epoch, place = divmod(int(words[-1]), per_epoch)
        draw = np.random.default_rng(epoch)
        order, sizes = draw.permutation(n), draw.multinomial(n, [1 / per_epoch] * per_epoch)
        return order[sizes[:place].sum() :][: sizes[place]]


class Fixed(Seeded):
    """The expected number of examples, drawn anew for each step."""

    def batch(self, n: int, sample_rate: float, *words: Word) -> NDArray[np.int64]:
        return np.random.default_rng(int(words[-1])).choice(n, round(n * sample_rate), replace=False)


class Same(Seeded):
    """The step is no part of the name: one Poisson batch for ever."""

    def batch(self, n: int, sample_rate: float, *words: Word) -> NDArray[np.int64]:
        return super().batch(n, sample_rate, *words[:-1])


def of_bank(draws: Draws, monkeypatch: pytest.MonkeyPatch) -> Batches:
    """The rows whose gradients the bank adds up."""
    used: Batches = []
    summed = bank.summed_gradient

    def noted(features: bank.Features, rows: Tensor, *more: Any) -> Tensor:
        used.append(rows.numpy())
        return summed(features, rows, *more)

    monkeypatch.setattr(bank, "summed_gradient", noted)
    data = as_features(torch.rand(N, 3).bfloat16(), torch.zeros(N, dtype=torch.int64))
    bank.train(
        data,
        [Column(("s",), 0.1, 1.0, 0.1)],
        blank(3, 1, 2),
        draws,
        batch_key=("b",),
        sample_rate=RATE,
        steps=STEPS,
        momentum=0.9,
        decay=1.0,
        on_step=lambda state: None,
    )
    return used


def of_network(draws: Draws, monkeypatch: pytest.MonkeyPatch) -> Batches:
    """The rows whose gradients the network's trainer adds up."""
    used: Batches = []
    sums = Trainer.sums

    def noted(self: Trainer, x: Tensor, y: Tensor, rows: Tensor, source: Draws) -> Sums:
        used.append(rows.numpy())
        return sums(self, x, y, rows, source)

    monkeypatch.setattr(Trainer, "sums", noted)
    recipe = Recipe(batch=round(N * RATE), steps=STEPS, learning_rate=0.1, max_grad_norm=0.1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    trainer = Trainer(model, Column(("s",), 0.1, 1.0, 0.1), recipe, RATE)
    trainer.train(torch.rand(N, 1, 2, 2), torch.zeros(N).long(), draws, batch_key=("b",), on_step=lambda: None)
    return used


TRAINERS: dict[str, Callable[[Draws, pytest.MonkeyPatch], Batches]] = {"bank": of_bank, "network": of_network}


def secret() -> Draws:
    """Mode private with a key of the test's own, so that the test has one answer."""
    found = Secret()
    found._key = bytes(32)
    return found


@pytest.mark.parametrize("source", [Seeded, secret])
@pytest.mark.parametrize("trainer", TRAINERS)
def test_batches_that_a_trainer_uses_are_poisson(
    trainer: str, source: Callable[[], Draws], monkeypatch: pytest.MonkeyPatch
) -> None:
    used = TRAINERS[trainer](source(), monkeypatch)
    assert len(used) == STEPS
    assert p_poisson(used) > SIGNIFICANCE


@pytest.mark.parametrize("source", [Shuffled, Disguised, Fixed, Same])
@pytest.mark.parametrize("trainer", TRAINERS)
def test_others_accounted_as_poisson_are_caught(
    trainer: str, source: type[Seeded], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert p_poisson(TRAINERS[trainer](source(), monkeypatch)) < SIGNIFICANCE


def test_a_wrong_rate_is_caught() -> None:
    drawn = [Seeded().batch(N, 1.2 * RATE, "batch", step) for step in range(STEPS)]
    assert p_poisson(drawn) < SIGNIFICANCE


def test_true_batches_are_seldom_suspected() -> None:
    """Of 100 sources about five are below 5 %, and none below what counts as caught."""
    found = [p_poisson([Seeded().batch(N, RATE, k, step) for step in range(100)]) for k in range(100)]
    assert sum(p < 0.05 for p in found) <= 12
    assert min(found) > SIGNIFICANCE
