"""Training what a job asks for: the bank in one pass, or a network for each budget and seed.

Speaks of models through callbacks only: `report(models, step, steps, accuracies, losses)` a few times a run, and
`save(state)` / a restored state, so that a killed job goes on where it was.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, isinf
from typing import Any

import torch
from torch import Tensor, nn

from engine.effort import Effort, Meter
from engine.privacy import bank, dpsgd
from engine.privacy.bank import Column, Features
from engine.privacy.streams import Draws, Word
from engine.recipes import Recipe

MARKS = 24  # progress reports a run

Key = tuple[float, int, bool]  # what tells the models of a study apart


@dataclass(frozen=True)
class Candidate:
    """One model to train: budget, replicate number, recipe, and the noise that keeps the budget at `sample_rate`."""

    epsilon: float
    seed: int
    recipe: Recipe
    sample_rate: float
    noise_multiplier: float
    accountant: str = "none"

    @property
    def clip_only(self) -> bool:
        """The baseline that is clipped as private models are, and gets no noise."""
        return isinf(self.epsilon) and isfinite(self.recipe.max_grad_norm)

    @property
    def key(self) -> Key:
        return self.epsilon, self.seed, self.clip_only

    def column(self, identity: str) -> Column:
        budget = "clip-only" if self.clip_only else "inf" if isinf(self.epsilon) else self.epsilon
        key = (identity, budget, self.seed)
        return Column(key, self.recipe.learning_rate, self.noise_multiplier, self.recipe.max_grad_norm)


@dataclass(frozen=True)
class Progress:
    """Where some models are after `step` steps; accuracies on test data, losses only without privacy."""

    models: Sequence[Candidate]
    step: int
    accuracies: Sequence[float]
    losses: Sequence[float | None]


@dataclass(frozen=True)
class Cost:
    """What training a model took: the `effort` of a pass in which so many models trained `together`."""

    effort: Effort
    together: int = 1


Save = Callable[[str, dict[str, Any], bool], None]  # True: somebody is about to hear of this state
Report = Callable[[Progress], None]
Begin = Callable[[Sequence[Candidate]], None]
Redo = Callable[[Sequence[Candidate], int], None]


@dataclass(frozen=True)
class Session:
    """What training has of whoever asked for it: states saved before, where to save, whom to tell, random bits.

    `begin` hears which models start anew; `redo` which go on from a saved state, and how many steps since may be done a
    second time.
    """

    saved: Mapping[str, Any]
    save: Save
    report: Report
    begin: Begin
    redo: Redo
    draws: Draws


def marks(steps: int) -> list[int]:
    """Steps at which progress is reported: about MARKS of them, the last included.

    >>> marks(5)
    [1, 2, 3, 4, 5]
    """
    return sorted({round(steps * (i + 1) / MARKS) for i in range(MARKS)} - {0})


def at_risk(step: int, steps: int) -> int:
    """How many steps may have been done after a state of `step` was saved: the next mark would have been saved, too.

    >>> [at_risk(step, 240) for step in (0, 7, 240)]
    [10, 3, 0]
    """
    return min((mark for mark in marks(steps) if mark > step), default=step) - step


def passes(models: Iterable[Candidate], *, independent: bool = False) -> list[list[Candidate]]:
    """Who trains together, on the same batches: private models of one recipe, unless each is to be `independent`.

    Models without noise draw their own: with zero initial weights and shared batches their replicates would be one.
    """
    together: dict[Any, list[Candidate]] = {}
    alone = []
    for model in models:
        how = model.recipe
        if isinf(model.epsilon) or independent:
            alone.append([model])
        else:
            together.setdefault((how.batch, how.steps, how.momentum, how.decay), []).append(model)
    return [*together.values(), *alone]


def train_linear(
    train: Features,
    test: Features,
    models: Sequence[Candidate],
    identity: str,
    session: Session,
    *,
    n_classes: int,
    independent: bool = False,
) -> dict[Key, tuple[Tensor, Cost]]:
    """Train every model; weights (F, n_classes), the last row the bias, and what its pass has cost.

    `n_classes` is the declared number: the largest label that occurs would tell of a single image.
    """
    trained: dict[Key, tuple[Tensor, Cost]] = {}
    for number, group in enumerate(passes(models, independent=independent)):
        batches = (identity, *_batches(group[0], number, independent))
        state, effort = _train_pass(train, test, group, n_classes, identity, f"pass-{number}", batches, session)
        for k, columns in enumerate(state.weights.split(n_classes, dim=1)):
            trained[group[k].key] = columns.clone(), Cost(effort, len(group))
    return trained


def _train_pass(
    train: Features,
    test: Features,
    group: list[Candidate],
    n_classes: int,
    identity: str,
    name: str,
    batches: tuple[Word, ...],
    session: Session,
) -> tuple[bank.State, Effort]:
    recipe = group[0].recipe
    due = set(marks(recipe.steps))
    meter = Meter(_so_far(session.saved, name))

    def on_step(state: bank.State) -> None:
        with meter.paused():
            kept = vars(state) | {"basis": train.basis, "effort": asdict(meter.effort())}
            session.save(name, kept, state.step in due)
            if state.step in due:
                hit = [float(v) for v in bank.accuracies(test, state, len(group))]
                lost = bank.losses(train, state, 1) if isinf(group[0].epsilon) else [None] * len(group)
                session.report(Progress(group, state.step, hit, lost))

    with meter:
        state = bank.train(
            train,
            [model.column(identity) for model in group],
            _begun(name, bank.blank(train.x.shape[1], len(group), n_classes), group, train.basis, session),
            session.draws,
            batch_key=batches,
            sample_rate=group[0].sample_rate,
            steps=recipe.steps,
            momentum=recipe.momentum,
            decay=recipe.decay,
            on_step=on_step,
        )
    return state, meter.effort()


def _begun(name: str, blank: bank.State, group: list[Candidate], basis: str, session: Session) -> bank.State:
    """Where a pass goes on: where it was, or at the start again if its weights were on features of another basis."""
    steps = group[0].recipe.steps
    if name in session.saved:
        saved = session.saved[name]
        before = bank.State(**{part: saved[part] for part in vars(blank)})
        risk = at_risk(before.step, steps)
        if saved.get("basis", "") == basis:
            session.redo(group, risk)
            return before
        session.redo(group, before.step + risk)
    else:
        session.begin(group)
    session.save(name, vars(blank) | {"basis": basis}, True)  # from here on a step may have been done
    return blank


def _batches(model: Candidate, number: int, independent: bool) -> tuple[Word, ...]:
    """What names the batches of a pass: private models share theirs whatever the seed, a baseline draws its own."""
    if isinf(model.epsilon):
        return ("clip-only" if model.clip_only else "own", model.seed)
    if independent:
        return ("independent", model.epsilon, model.seed)
    return ("shared", number) if number else ("shared",)


def _so_far(saved: Mapping[str, Any], name: str) -> Effort:
    """What earlier attempts at a training have cost."""
    return Effort(**saved.get(name, {}).get("effort", {}))


def train_network(
    make: Callable[[], nn.Module],
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    model: Candidate,
    identity: str,
    session: Session,
    defence: dpsgd.Defence | None = None,
) -> tuple[nn.Module, Cost]:
    """Train one network from its own initial weights, batches and noise; the network, and what it has cost."""
    name = f"network-{model.epsilon}-{model.seed}" + ("-clip-only" if model.clip_only else "")
    column, fresh = model.column(identity), initial(make, identity, model, session.draws)
    trainer = dpsgd.Trainer(fresh, column, model.recipe, model.sample_rate, defence)
    trainer.prepare(train[0])  # before a step is charged, and no part of what training costs
    if name in session.saved:
        trainer.restore(session.saved[name])
        session.redo([model], at_risk(trainer.step, model.recipe.steps))
    else:
        session.begin([model])
        session.save(name, trainer.state(), True)
    due = set(marks(model.recipe.steps))
    meter = Meter(_so_far(session.saved, name))

    def on_step() -> None:
        with meter.paused():
            session.save(name, trainer.state() | {"effort": asdict(meter.effort())}, trainer.step in due)
            if trainer.step in due:
                hit = accuracy(trainer.released(), *test)
                loss = trainer.loss(*train) if isinf(model.epsilon) else None
                session.report(Progress([model], trainer.step, [hit], [loss]))

    words = (identity, model.epsilon, model.seed, *(("clip-only",) if model.clip_only else ()))
    with meter:
        trainer.train(*train, session.draws, batch_key=words, on_step=on_step)
    return trainer.released().eval(), Cost(meter.effort())


def initial(make: Callable[[], nn.Module], identity: str, model: Candidate, draws: Draws) -> nn.Module:
    """A model whose random initial weights depend on the study, the seed and the source of randomness alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draws.seed(identity, "initial", model.seed))
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
