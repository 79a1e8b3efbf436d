"""Training what a job asks for: the bank in one pass, or a network for each budget and seed.

Speaks of models through callbacks only: `report(models, step, steps, accuracies, losses)` a few times a run, and
`save(state)` / a restored state, so that a killed job goes on where it was.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from typing import Any

import torch
from torch import Tensor, nn

from engine.privacy import bank, dpsgd
from engine.privacy.bank import Column, Features
from engine.privacy.streams import Seeded, stream
from engine.recipes import Recipe

MARKS = 24  # progress reports a run


@dataclass(frozen=True)
class Candidate:
    """One model to train: budget, replicate number, recipe, and the noise that keeps the budget at `sample_rate`."""

    epsilon: float
    seed: int
    recipe: Recipe
    sample_rate: float
    noise_multiplier: float

    def column(self, identity: str) -> Column:
        key = (identity, "inf" if isinf(self.epsilon) else self.epsilon, self.seed)
        return Column(key, self.recipe.learning_rate, self.noise_multiplier, self.recipe.max_grad_norm)


@dataclass(frozen=True)
class Progress:
    """Where some models are after `step` steps; accuracies on test data, losses only without privacy."""

    models: Sequence[Candidate]
    step: int
    accuracies: Sequence[float]
    losses: Sequence[float | None]


Save = Callable[[str, dict[str, Any]], None]
Report = Callable[[Progress], None]


def marks(steps: int) -> list[int]:
    """Steps at which progress is reported: about MARKS of them, the last included.

    >>> marks(5)
    [1, 2, 3, 4, 5]
    """
    return sorted({round(steps * (i + 1) / MARKS) for i in range(MARKS)} - {0})


def passes(models: Iterable[Candidate]) -> list[list[Candidate]]:
    """Who trains together: all private models share batches; each model without privacy draws its own.

    With zero initial weights and shared batches the replicates of a model without noise would be one model.
    """
    listed = list(models)
    private = [model for model in listed if not isinf(model.epsilon)]
    return ([private] if private else []) + [[model] for model in listed if isinf(model.epsilon)]


def train_linear(
    train: Features,
    test: Features,
    models: Sequence[Candidate],
    identity: str,
    saved: Mapping[str, Any],
    save: Save,
    report: Report,
) -> dict[tuple[float, int], Tensor]:
    """Train every model; weights (F, n_classes) by (epsilon, seed), the last row the bias."""
    weights: dict[tuple[float, int], Tensor] = {}
    for number, group in enumerate(passes(models)):
        name = f"pass-{number}"
        state = _train_pass(train, test, group, identity, name, saved, save, report)
        for k, columns in enumerate(state.weights.split(state.weights.shape[1] // len(group), dim=1)):
            weights[group[k].epsilon, group[k].seed] = columns.clone()
    return weights


def _train_pass(
    train: Features,
    test: Features,
    group: list[Candidate],
    identity: str,
    name: str,
    saved: Mapping[str, Any],
    save: Save,
    report: Report,
) -> bank.State:
    recipe, n_classes = group[0].recipe, int(train.y.max()) + 1
    due = set(marks(recipe.steps))

    def on_step(state: bank.State) -> None:
        save(name, {"weights": state.weights, "velocity": state.velocity, "step": state.step})
        if state.step in due:
            hit = [float(v) for v in bank.accuracies(test, state, len(group))]
            lost = bank.losses(train, state, 1) if isinf(group[0].epsilon) else [None] * len(group)
            report(Progress(group, state.step, hit, lost))

    state = bank.State(**saved[name]) if name in saved else bank.blank(train.x.shape[1], len(group), n_classes)
    # private models share batches whatever the seed; a baseline draws its own
    batches = (identity, "shared") if not isinf(group[0].epsilon) else (identity, "own", group[0].seed)
    return bank.train(
        train,
        [model.column(identity) for model in group],
        state,
        Seeded(),
        batch_key=batches,
        sample_rate=group[0].sample_rate,
        steps=recipe.steps,
        momentum=recipe.momentum,
        decay=recipe.decay,
        on_step=on_step,
    )


def train_network(
    make: Callable[[], nn.Module],
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    model: Candidate,
    identity: str,
    saved: Mapping[str, Any],
    save: Save,
    report: Report,
) -> nn.Module:
    """Train one network from its own initial weights, batches and noise."""
    name = f"network-{model.epsilon}-{model.seed}"
    column, fresh = model.column(identity), initial(make, identity, model)
    trainer = dpsgd.Trainer(fresh, column, model.recipe, model.sample_rate)
    if name in saved:
        trainer.restore(saved[name])
    due = set(marks(model.recipe.steps))

    def on_step() -> None:
        save(name, trainer.state())
        if trainer.step in due:
            hit = accuracy(trainer.released(), *test)
            loss = trainer.loss(*train) if isinf(model.epsilon) else None
            report(Progress([model], trainer.step, [hit], [loss]))

    trainer.train(*train, Seeded(), batch_key=(identity, model.epsilon, model.seed), on_step=on_step)
    return trainer.released().eval()


def initial(make: Callable[[], nn.Module], identity: str, model: Candidate) -> nn.Module:
    """A model whose random initial weights depend on the study and the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(stream(identity, "initial", model.seed).integers(2**63)))
        return make()


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of images a model gets right, in evaluation mode; the mode is put back."""
    mode = model.training
    model.eval()
    right = 0
    for part, labels in zip(x.split(1000), y.split(1000), strict=True):
        right += int((model(part).argmax(1) == labels).sum())
    model.train(mode)
    return right / len(y)
