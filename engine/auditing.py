"""What a job's own trainer demonstrates of epsilon: it trains once on a pool with canaries in it, or many times on one.

Canaries in one run are guessed about at once (arXiv:2305.08846): each was in by a coin of its own. In repeated runs
there is one canary and nothing else, the data set on which a promise is hardest to keep, in every second of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine import planning, shadowing
from engine.extras import RUNS
from engine.leakage import audit, canaries, shadows
from engine.leakage.audit import Bound
from engine.leakage.canaries import Planted
from engine.leakage.shadows import Budget
from engine.models.basis import BATCH
from engine.models.fixed import OnFeatures
from engine.privacy import bank
from engine.privacy.bank import Column, Features, State
from engine.privacy.streams import stream
from engine.shadowing import SUREST, Ground, Step

SIZE, SMALL_RATE = 40.0, 1e-3  # of a feature of one's own: that of other features; a learning rate that learns nothing
TOGETHER = 50  # repeated runs that train as columns of one pass


@dataclass(frozen=True)
class Heard:
    """Scores of canaries that one budget's models trained on, and of those that they did not, for engine.leakage.audit.

    Of repeated runs in their order, one a run.
    """

    budget: Budget
    inside: Sequence[float]
    outside: Sequence[float]


def hear(ground: Ground, kind: str, step: Step) -> tuple[Heard, ...]:
    """Train each of the job's budgets with canaries of a kind, and score them."""
    if kind == "repeated":
        return _repeat(ground, step)
    among = planted(ground, kind)
    found = tuple(_budget(ground, epsilon, len(among.y)) for epsilon in ground.job.epsilons)
    if ground.train.features is None:
        scores = torch.stack([_score_network(ground, kind, among, budget, step) for budget in found])
    else:
        scores = _score_banks(ground, kind, among, found, step)
    return tuple(Heard(one, *canaries.told_apart(among, row)) for one, row in zip(found, scores, strict=True))


def bound(heard: Heard, kind: str, delta: float, significance: float) -> Bound:
    """What follows from it; how many canaries are guessed is fixed before anybody sees a score: two fifths."""
    if kind == "repeated":
        return audit.repeated_runs(heard.inside, heard.outside, delta=delta, significance=significance)
    guesses = 2 * (len(heard.inside) + len(heard.outside)) // 5
    return audit.one_run(heard.inside, heard.outside, guesses=guesses, delta=delta, significance=significance)


# canaries in one run


def planted(ground: Ground, kind: str) -> Planted:
    """The pool as the job's models see it, with canaries of a kind in it, each by a coin of its own."""
    rows = torch.from_numpy(shadowing.pool(ground.job))
    x = ground.train.seen[rows] if ground.train.features is None else ground.train.features.x[rows]
    y, m = ground.train.y[rows], planning.canaries(ground.job.study)
    seed = int(stream(ground.identity, "canaries", kind, *ground.job.epsilons).integers(2**31))
    if kind == "mislabelled":
        return canaries.mislabelled(x, y, ground.n_classes, m, seed)
    if kind == "orthogonal":
        return canaries.orthogonal(x, y, ground.n_classes, m, SIZE, seed)
    _, *shape = ground.train.x.shape
    made, labels = canaries.strange((shape[0], shape[1], shape[2]), ground.n_classes, m, seed)
    return canaries.behind(x, y, _seen(ground, made).to(x.dtype), labels, seed)


@torch.no_grad()
def _seen(ground: Ground, made: Tensor) -> Tensor:
    """Pictures as the trained part of a model sees images."""
    if not isinstance(ground.shell, OnFeatures):
        return made
    seen = torch.cat([ground.shell.seen(part) for part in made.split(BATCH)])
    return seen if ground.train.features is None else torch.cat([seen, torch.ones(len(seen), 1)], dim=1)


def _budget(ground: Ground, epsilon: float, n_train: int) -> Budget:
    """How a study would train on `n_train` images."""
    return shadowing.budget_of(ground, epsilon, n_train, round(n_train / shadows.SHARE))


def _score_network(ground: Ground, kind: str, among: Planted, budget: Budget, step: Step) -> Tensor:
    name = f"canaries {kind} {budget!r}"  # noise that another kind's training had would be taken away with it
    model = shadowing.network(ground, canaries.images(among), budget, 0, name, step)
    step(budget.images)
    return _finite(canaries.scores_of_network(model, among))


def _score_banks(ground: Ground, kind: str, among: Planted, found: tuple[Budget, ...], step: Step) -> Tensor:
    data, out = canaries.features(among), torch.empty(len(found), len(among.rows))
    name, rate = (f"{ground.identity} canaries", kind), SMALL_RATE if kind == "orthogonal" else None
    for group in shadows.banks(found, 1):
        columns = [_column((*name, repr(one)), one, rate) for one in group.budgets]
        weights = _train(ground, data, columns, group.budgets[0], (*name, *map(repr, group.budgets)), step)
        places = [found.index(budget) for budget in group.budgets]
        out[places] = _finite(canaries.scores_of_bank(among, weights, ground.n_classes))
        step(sum(budget.images for budget in group.budgets))
    return out


# one canary in repeated runs


def _repeat(ground: Ground, step: Step) -> tuple[Heard, ...]:
    n_train = planning.pool(ground.job.study)
    found = tuple(_budget(ground, epsilon, n_train) for epsilon in ground.job.epsilons)
    return tuple(_runs(ground, budget, step) for budget in found)


def _runs(ground: Ground, budget: Budget, step: Step) -> Heard:
    """One canary in every second of RUNS runs.

    Runs are columns of a bank, and still independent: each has a row and noise of its own, which no other run uses, and
    Poisson batches take each row by a coin of its own. Weights hardly move: the canary's gradient stays what it was.
    """
    score = partial(_scores_of_runs, ground, budget, step)
    scores = torch.cat([score(range(first, min(first + TOGETHER, RUNS))) for first in range(0, RUNS, TOGETHER)])
    return Heard(budget, scores[::2].double().tolist(), scores[1::2].double().tolist())


def _scores_of_runs(ground: Ground, budget: Budget, step: Step, runs: range) -> Tensor:
    """The score of the canary after each run: in where the run's number is even, (len(runs),)."""
    name, n = (f"{ground.identity} runs", repr(budget)), len(runs)
    here = (torch.tensor(runs) % 2 == 0)[:, None]
    y = torch.zeros(n, dtype=torch.int64)
    data = bank.as_features((SIZE * here).bfloat16(), y)
    rate = SMALL_RATE * n / planning.pool(ground.job.study)  # steps are divided by the expected batch
    columns = [_column((*name, run), budget, rate) for run in runs]
    weights = _train(ground, data, columns, budget, (*name, runs.start), step, torch.eye(n, dtype=torch.bool))
    step(n * budget.recipe.steps * planning.A_RUNS_STEP)
    return _finite(canaries.above_the_mean(weights.view(n, ground.n_classes), y))


# both


def _column(key: tuple[str | int, ...], budget: Budget, rate: float | None) -> Column:
    how = budget.recipe
    return Column(key, rate or how.learning_rate, budget.noise_multiplier, how.max_grad_norm)


def _train(
    ground: Ground,
    data: Features,
    columns: Sequence[Column],
    budget: Budget,
    batch_key: tuple[str | int, ...],
    step: Step,
    members: Tensor | None = None,
) -> Tensor:
    """Weights (F, columns * classes) of columns that share batches, steps, momentum and decay of `budget`."""

    def alive(state: State) -> None:
        step(0)

    return bank.train(
        data,
        columns,
        bank.blank(data.x.shape[1], len(columns), ground.n_classes),
        ground.draws,
        batch_key=batch_key,
        sample_rate=budget.sample_rate,
        steps=budget.recipe.steps,
        momentum=budget.recipe.momentum,
        decay=budget.recipe.decay,
        on_step=alive,
        members=members,
    ).weights


def _finite(scores: Tensor) -> Tensor:
    return scores.nan_to_num(-SUREST, SUREST, -SUREST)
