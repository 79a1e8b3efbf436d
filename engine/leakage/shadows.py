"""Shadow models of a linear model on fixed features, as columns of the one-pass trainer.

Each shadow trains on its own half of a pool of N images: an independent coin for each image. What n means: a shadow is
trained as a study would train a model on N / 2 images (recipe, expected batch, sample rate = batch / (N / 2)). Poisson
batches are drawn from the whole pool at that sample rate, and a column leaves out whom it does not train on: so its own
batch is a Poisson sample of its own members at the sample rate, which is all that the accountant asks of it. How many
members a coin gave is as secret as who they are; the divisor is the expected batch, a constant. So each shadow keeps
the budget for adding or removing one image of its half.

Models that train together share batches, which an attacker of a real model could not know. A bank therefore is one
shadow of each budget, on the same half: nobody is ever attacked at one budget with models of another, and rows that
nobody in the bank has need no product, which halves the work. Larger banks are for devices that narrow products idle.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from math import isinf
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import BadInput
from engine.leakage.membership import Masks
from engine.mechanism import Mechanism
from engine.privacy import bank
from engine.privacy.accounting import calibrated
from engine.privacy.bank import Column, Features, State
from engine.privacy.streams import Draws, Word
from engine.recipes import Recipe, recipe

TICK = 0.2  # seconds between two signs of life
T = TypeVar("T")
OnStep = Callable[[State], None]
SHARE = 0.5  # of the pool that a shadow trains on: as many in as out tell most


@dataclass(frozen=True)
class Budget:
    """How the shadows of one budget train: recipe for half a pool, and noise that keeps `epsilon` at `sample_rate`."""

    epsilon: float
    recipe: Recipe
    sample_rate: float
    noise_multiplier: float

    @property
    def images(self) -> int:
        """Image-steps of one training."""
        return self.recipe.batch * self.recipe.steps

    @property
    def mechanism(self) -> Mechanism | None:
        """What an accountant sees of one shadow; None without privacy, where theory allows anything."""
        if isinf(self.epsilon):
            return None
        return Mechanism(self.sample_rate, self.noise_multiplier, self.recipe.steps)


@dataclass(frozen=True)
class Bank:
    """Models that share batches: every one of `shadows` at every one of `budgets`, which agree in batch and steps."""

    shadows: tuple[int, ...]
    budgets: tuple[Budget, ...]

    @property
    def columns(self) -> list[tuple[int, Budget]]:
        return [(shadow, budget) for shadow in self.shadows for budget in self.budgets]


def budget(model: str, epsilon: float, n_pool: int, delta: float, cache: Path) -> Budget:
    """A study's own recipe for half of `n_pool` images, and the noise of (epsilon, delta); the noise is remembered."""
    how = recipe(model, epsilon, n_pool // 2)
    return of_recipe(how, epsilon, n_pool, delta, cache)


def of_recipe(how: Recipe, epsilon: float, n_pool: int, delta: float, cache: Path) -> Budget:
    """The same for a recipe of one's own, an overtrained one say."""
    rate = how.batch / (n_pool * SHARE)
    if rate > 1:
        raise BadInput(f"a batch of {how.batch:,} is more than half of the {n_pool:,} images in the pool")
    return Budget(epsilon, how, rate, calibrated(cache, epsilon, delta, rate, how.steps).noise_multiplier)


def coins(n_shadows: int, n_pool: int, identity: Word, draws: Draws) -> Masks:
    """Who trains on what, bool (S, N): an independent fair coin for every shadow and image, the same at all budgets."""
    masks = np.zeros((n_shadows, n_pool), dtype=np.bool_)
    for shadow, mask in enumerate(masks):
        mask[draws.batch(n_pool, SHARE, identity, "members", shadow)] = True
    return masks


def banks(budgets: Sequence[Budget], n_shadows: int, together: int = 1) -> list[Bank]:
    """Who trains together: `together` shadows, at all budgets that share batch, steps, momentum and decay."""
    alike: dict[tuple[float, ...], list[Budget]] = {}
    for one in budgets:
        how = one.recipe
        alike.setdefault((one.sample_rate, how.steps, how.momentum, how.decay), []).append(one)
    groups = [tuple(range(s, min(s + together, n_shadows))) for s in range(0, n_shadows, together)]
    return [Bank(group, tuple(same)) for same in alike.values() for group in groups]


def bank_of(n_shadows: int, together: int = 1) -> NDArray[np.int64]:
    """The number of each shadow's bank, (S,), for `membership.scores`."""
    return np.arange(n_shadows) // together


def train(
    pool: Features,
    which: Bank,
    masks: Masks,
    identity: Word,
    draws: Draws,
    *,
    n_classes: int,
    on_step: Callable[[State], None],
) -> Tensor:
    """Weights (F, columns * classes) of a bank, from nothing; `on_step` may raise. `masks` are those of all shadows.

    Everything random is drawn under names of `identity`, shadow and budget, so a bank is the same whichever were
    trained before it: whoever is killed trains again what he had not finished, a matter of seconds.
    """
    first, columns = which.budgets[0], which.columns
    members = torch.from_numpy(np.ascontiguousarray(masks[[shadow for shadow, _ in columns]].T))
    state = bank.train(
        pool,
        [_column(identity, shadow, one) for shadow, one in columns],
        bank.blank(pool.x.shape[1], len(columns), n_classes),
        draws,
        batch_key=(identity, "shadows", *which.shadows, *map(repr, which.budgets)),
        sample_rate=first.sample_rate,
        steps=first.recipe.steps,
        momentum=first.recipe.momentum,
        decay=first.recipe.decay,
        on_step=on_step,
        members=members,
        share=SHARE,
    )
    return state.weights


def abreast(work: Sequence[Callable[[OnStep], T]], alive: Callable[[], None]) -> list[T]:
    """Do several trainings at once, each on a core of its own: with few columns, one training leaves the others idle.

    Each is given an `on_step`. `alive` is called now and then, here, and may raise, which ends all of them.
    """
    cores, ended = torch.get_num_threads(), Event()

    def on_step(state: State) -> None:
        if ended.is_set():
            raise CancelledError

    def alone(one: Callable[[OnStep], T]) -> T:
        torch.set_num_threads(1)  # of this thread, and of those that begin later
        return one(on_step)

    try:
        with bank.bf16_products(), ThreadPoolExecutor(max(1, min(cores, len(work)))) as threads:
            try:
                futures = [threads.submit(alone, one) for one in work]
                while wait(futures, timeout=TICK, return_when=FIRST_EXCEPTION).not_done:
                    alive()
                    _raise_any(futures)
            finally:
                ended.set()
            return [future.result() for future in futures]
    finally:
        torch.set_num_threads(cores)


def _raise_any(futures: Sequence[Future[T]]) -> None:
    for future in futures:
        if future.done():
            future.result()


def _column(identity: Word, shadow: int, one: Budget) -> Column:
    """Its noise is named by all that the budget is: the same normals at two scales would cancel."""
    how = one.recipe
    return Column((identity, repr(one), shadow), how.learning_rate, one.noise_multiplier, how.max_grad_norm)
