"""Models trained as a job trains its own, for attackers to learn from: on halves of a pool, and with canaries in it.

All models of one pass are columns of a bank (leakage/shadows.py), one shadow at all budgets; networks train one by one,
and are fewer. What a shadow says of the pool is kept as soon as it is known: a killed job trains the next one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine import planning, training
from engine.checkpoint import put
from engine.data import entry
from engine.defences.training import Defended
from engine.extras import CANARIES
from engine.leakage import canaries, shadows
from engine.leakage.canaries import Planted
from engine.leakage.membership import Masks
from engine.leakage.shadows import Budget
from engine.leakage.statistics import of_images
from engine.privacy import bank
from engine.privacy.bank import Column, Features
from engine.privacy.streams import Draws, stream
from engine.recipes import recipe
from engine.study import Job
from engine.training import Candidate, Session

SUREST = 1e3  # confidence, log-odds, beyond which numbers are no longer told apart
SIZE, SMALL_RATE = 40.0, 1e-3  # of orthogonal canaries: that of other features; a learning rate that learns nothing
Answers = NDArray[np.float32]
Kind = TypeVar("Kind", bound=np.generic)
Step = Callable[[int], None]  # told of image-steps that are done; may raise to end the job


@dataclass(frozen=True)
class Ground:
    """What a job's models learn from, and how others are made like them.

    `seen`: the training split as its models' trained part sees it, images or fixed features (N, ...), without a
    constant; `features` the same for a bank, where the model trains in one.
    """

    job: Job
    images: tuple[Tensor, Tensor]
    seen: Tensor
    features: Features | None
    make: Callable[[], nn.Module]
    defence: Callable[[], Defended | None]
    identity: str
    draws: Draws
    cache: Path
    folder: Path

    @property
    def n_classes(self) -> int:
        return len(entry.of(self.job.study).facts["classes"])

    @property
    def delta(self) -> float:
        assert self.job.study.privacy.delta is not None, "the study is resolved"
        return self.job.study.privacy.delta


@dataclass(frozen=True)
class Asked:
    """What shadows said: confidences (S, B, N), NaN where none has trained yet, whose images were theirs (S, N).

    `banks` (S,): the number of those who drew the same batches.
    """

    said: Answers
    masks: Masks
    banks: NDArray[np.int64]
    rows: NDArray[np.int64]  # the pool's images in the training split
    budgets: tuple[Budget, ...]

    def of(self, budget: int) -> tuple[Answers, Masks, NDArray[np.int64]]:
        """Confidences, members and banks of the shadows that have trained at a budget."""
        known = np.isfinite(self.said[:, budget]).all(axis=1)
        return self.said[known, budget], self.masks[known], self.banks[known]


def pool(job: Job) -> NDArray[np.int64]:
    """Which training images the pool holds, ascending: some of them at random, of large data sets."""
    n_train, n_pool = entry.of(job.study).facts["n_train"], planning.pool(job.study)
    return np.sort(stream("leakage", "pool", n_train).permutation(n_train)[:n_pool])


def budgets(ground: Ground) -> tuple[Budget, ...]:
    """How the shadows of each of the job's budgets train: as its study would train on half of the pool."""
    n_pool = planning.pool(ground.job.study)
    return tuple(_budget(ground, epsilon, n_pool // 2, n_pool) for epsilon in ground.job.epsilons)


def _budget(ground: Ground, epsilon: float, n_train: int, n_pool: int) -> Budget:
    study = ground.job.study
    how = recipe(study.model, epsilon, n_train, study.defence.training)
    return shadows.of_recipe(how, epsilon, n_pool, ground.delta, ground.cache)


def ask(ground: Ground, step: Step, tell: Callable[[Asked], None]) -> Asked:
    """Train all shadows and ask each about every image of the pool; `tell` hears what is known after each bank."""
    study, found = ground.job.study, budgets(ground)
    rows, n_shadows, together = pool(ground.job), planning.shadows(study), planning.together(study)
    masks = _kept(ground.folder / "coins.npy", partial(_coins, ground, n_shadows, len(rows)))
    nothing = np.full((n_shadows, len(found), len(rows)), np.nan, np.float32)
    asked = Asked(nothing, masks, shadows.bank_of(n_shadows, together), rows, found)
    for first in range(0, n_shadows, together):
        known = set(ground.folder.iterdir())
        for which, places, train in _trainings(ground, asked, range(first, first + together), step):
            name = f"said-{first}-{'-'.join(map(str, places))}.npy"
            asked.said[np.ix_(which, places)] = _kept(ground.folder / name, train)
            step(len(which) * sum(_images(found[place]) for place in places))
        if known != set(ground.folder.iterdir()) or first + together >= n_shadows:  # what was told needs no word again
            tell(asked)
    return asked


def _coins(ground: Ground, n_shadows: int, n_pool: int) -> Masks:
    return shadows.coins(n_shadows, n_pool, f"{ground.identity} leakage", ground.draws)


def _images(budget: Budget) -> int:
    return budget.recipe.batch * budget.recipe.steps


Training = tuple[Sequence[int], Sequence[int], Callable[[], Answers]]


def _trainings(ground: Ground, asked: Asked, some: Sequence[int], step: Step) -> list[Training]:
    """What trains together: shadows, places of budgets, and a function that trains them and asks (S, B, N)."""
    if ground.features is None:
        one = partial(_ask_network, ground, asked, step)
        return [((shadow,), (place,), partial(one, shadow, place)) for shadow in some for place in _places(asked)]
    every, size = _rows_of(ground.features, asked.rows), planning.together(ground.job.study)
    groups = [group for group in shadows.banks(asked.budgets, len(asked.masks), size) if group.shadows[0] == some[0]]
    ask_bank = partial(_ask_bank, ground, every, asked.masks, step)
    return [
        (group.shadows, [asked.budgets.index(budget) for budget in group.budgets], partial(ask_bank, group))
        for group in groups
    ]


def _places(asked: Asked) -> range:
    return range(len(asked.budgets))


def _rows_of(features: Features, rows: NDArray[np.int64]) -> Features:
    """Those rows of features; all of them as they are, without a copy."""
    if len(rows) == len(features.y):
        return features
    index = torch.from_numpy(rows)
    return Features(features.x[index], features.y[index], features.norms[index], features.basis)


def _ask_bank(ground: Ground, every: Features, masks: Masks, step: Step, group: shadows.Bank) -> Answers:
    name, alive = f"{ground.identity} leakage", lambda state: step(0)
    return _finite(shadows.said(every, group, masks, name, ground.draws, n_classes=ground.n_classes, on_step=alive))


def _ask_network(ground: Ground, asked: Asked, step: Step, shadow: int, place: int) -> Answers:
    x, y = ground.seen[asked.rows], ground.images[1][asked.rows]
    own = torch.from_numpy(asked.masks[shadow])
    model = _network(ground, (x[own], y[own]), asked.budgets[place], shadow, "leakage", step)
    return _finite(of_images(model, x, y)[None, None])


def _finite(said: Answers) -> Answers:
    """What a training that diverged says: it is as unsure as can be, and still one of those that were asked."""
    return np.nan_to_num(said, nan=-SUREST, posinf=SUREST, neginf=-SUREST)


def _network(
    ground: Ground, images: tuple[Tensor, Tensor], budget: Budget, number: int, what: str, step: Step
) -> nn.Module:
    """A network of this budget, trained on `images`, whose number is nobody's business: `budget` has the expected."""
    who = Candidate(budget.epsilon, number, budget.recipe, budget.sample_rate, budget.noise_multiplier)
    alive, unsaid = (lambda *_: step(0)), (lambda *_: None)  # a shadow makes no event and no checkpoint
    session = Session({}, alive, unsaid, unsaid, unsaid, ground.draws)
    few = images[0][:1], images[1][:1]  # progress is measured on something
    name = f"{ground.identity} {what}"
    return training.train_network(ground.make, images, few, who, name, session, ground.defence())[0]


def planted(ground: Ground, kind: str) -> Planted:
    """The pool with canaries of a kind in it, each by a coin of its own."""
    rows = torch.from_numpy(pool(ground.job))
    y, m = ground.images[1][rows], canaries_of(len(rows))
    seed = int(stream(ground.identity, "canaries", kind, *ground.job.epsilons).integers(2**31))
    if ground.features is None:
        return canaries.mislabelled(ground.seen[rows], y, ground.n_classes, m, seed)
    x = ground.features.x[rows]
    if kind == "orthogonal":
        return canaries.orthogonal(x, y, ground.n_classes, m, SIZE, seed)
    return canaries.mislabelled(x, y, ground.n_classes, m, seed)


def canaries_of(n_pool: int) -> int:
    return min(CANARIES, n_pool // 3)


def guesses(m: int) -> int:
    """How many of m canaries are guessed: fixed here, before anybody sees a score."""
    return 2 * m // 5


def scores(ground: Ground, kind: str, among: Planted, step: Step) -> tuple[tuple[Budget, ...], Tensor]:
    """Train each budget once on a pool with canaries: the budgets as they trained, and each canary's score, (B, m)."""
    n_pool = len(among.y)
    found = tuple(_whole(ground, epsilon, n_pool) for epsilon in ground.job.epsilons)
    if ground.features is None:
        return found, torch.stack([_score_network(ground, among, budget, step) for budget in found])
    return found, _score_banks(ground, kind, among, found, step)


def _whole(ground: Ground, epsilon: float, n_pool: int) -> Budget:
    """A budget for training on all of `n_pool` images."""
    study = ground.job.study
    how = recipe(study.model, epsilon, n_pool, study.defence.training)
    return shadows.of_recipe(how, epsilon, round(n_pool / shadows.SHARE), ground.delta, ground.cache)


def _score_network(ground: Ground, among: Planted, budget: Budget, step: Step) -> Tensor:
    model = _network(ground, canaries.images(among), budget, 0, "canaries", step)
    step(_images(budget))
    return canaries.scores_of_network(model, among).nan_to_num(-SUREST, SUREST, -SUREST)


def _score_banks(ground: Ground, kind: str, among: Planted, found: tuple[Budget, ...], step: Step) -> Tensor:
    data, out = canaries.features(among), torch.empty(len(found), len(among.rows))
    for group in shadows.banks(found, 1):
        weights = _train_bank(ground, kind, data, group.budgets, step)
        places = [found.index(budget) for budget in group.budgets]
        out[places] = canaries.scores_of_bank(among, weights, ground.n_classes).nan_to_num(-SUREST, SUREST, -SUREST)
        step(sum(_images(budget) for budget in group.budgets))
    return out


def _train_bank(ground: Ground, kind: str, data: Features, group: tuple[Budget, ...], step: Step) -> Tensor:
    how, name = group[0].recipe, (f"{ground.identity} canaries", kind)
    return bank.train(
        data,
        [_column(name, kind, budget) for budget in group],
        bank.blank(data.x.shape[1], len(group), ground.n_classes),
        ground.draws,
        batch_key=(*name, *map(repr, group)),
        sample_rate=group[0].sample_rate,
        steps=how.steps,
        momentum=how.momentum,
        decay=how.decay,
        on_step=lambda state: step(0),
    ).weights


def _column(name: tuple[str, ...], kind: str, budget: Budget) -> Column:
    how = budget.recipe
    rate = SMALL_RATE if kind == "orthogonal" else how.learning_rate
    return Column((*name, repr(budget)), rate, budget.noise_multiplier, how.max_grad_norm)


def _kept(file: Path, make: Callable[[], NDArray[Kind]]) -> NDArray[Kind]:
    """An array that is made once, whole or not at all."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("wb") as handle:
            np.save(handle, make())
        put(part, file, lasting=True)  # in mode private answers without their coins could not be made again
    found: NDArray[Kind] = np.load(file)
    return found
