"""Models trained as a job trains its own, for attackers to learn from: each on its own half of a pool of images.

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
from engine.extras import GUESSED_IMAGES
from engine.leakage import shadows
from engine.leakage.membership import Masks
from engine.leakage.shadows import Budget
from engine.leakage.statistics import of_columns, of_images
from engine.models.fixed import Linear, OnFeatures
from engine.privacy.bank import Features
from engine.privacy.streams import Draws, stream
from engine.recipes import recipe
from engine.robustness import attacks
from engine.study import Job
from engine.training import Candidate, Session

SUREST = 1e3  # confidence, log-odds, beyond which numbers are no longer told apart
ATTACK_ROWS = 250  # pictures that are attacked at a time
Answers = NDArray[np.float32]
Places = NDArray[np.int64]
Kind = TypeVar("Kind", bound=np.generic)
Step = Callable[[int], None]  # told of image-steps that are done; may raise to end the job


@dataclass(frozen=True)
class Split:
    """Images `x` (N, C, H, W), their labels `y` (N,), and what the trained part of a model sees of them.

    `seen`: images, or fixed features (N, ...) without a constant; `features` the same for a bank, where the model
    trains in one.
    """

    x: Tensor
    y: Tensor
    seen: Tensor
    features: Features | None = None


@dataclass(frozen=True)
class Ground:
    """What a job's models learn from, and how others are made like them.

    `make` gives what is trained of a model, untrained; `shell` is a whole model of the study, to put weights into.
    """

    job: Job
    train: Split
    test: Split
    shell: nn.Module
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
    """What shadows said, and of what: confidences (S, B, N + T + n), NaN where none has trained yet.

    Of the pool's N images, whose `rows` in the training split they are, and which were theirs: `masks` (S, N). Of T
    `outsiders` in the test split, which were nobody's. And of n images of the pool, at places `tampered`, as an attack
    on each shadow leaves them. `banks` (S,): the number of those who drew the same batches.
    """

    said: Answers
    masks: Masks
    banks: Places
    rows: Places
    outsiders: Places
    tampered: Places
    budgets: tuple[Budget, ...]

    def known(self, place: int) -> Masks:
        """Which shadows have trained at a budget, (S,)."""
        return np.asarray(np.isfinite(self.said[:, place]).all(axis=1))

    def of(self, place: int) -> tuple[Answers, Masks, Places]:
        """Confidences in the pool's images, members and banks of the shadows that have trained at a budget."""
        known = self.known(place)
        return self.said[known, place, : len(self.rows)], self.masks[known], self.banks[known]

    def of_tampered(self, place: int) -> tuple[Answers, Masks, Places]:
        """The same for images as an attack leaves them."""
        known = self.known(place)
        said = self.said[known, place, len(self.rows) + len(self.outsiders) :]
        return said, self.masks[known][:, self.tampered], self.banks[known]

    def about(self, place: int, some: Places, others: Places) -> tuple[Answers, Masks]:
        """Confidences in `some` images of the pool and as many `others` of the outsiders, and whom to ask about which.

        Both are given by their rows in their split, (S, 2 n). An outsider has the coins of the image beside it, though
        nobody trained on it: so as many shadows speak of either, and none is told by how rough its numbers are.
        """
        inside, outside = np.searchsorted(self.rows, some), np.searchsorted(self.outsiders, others)
        known = self.known(place)
        said = self.said[known, place][:, np.concatenate([inside, len(self.rows) + outside])]
        return said, np.concatenate([self.masks[known][:, inside]] * 2, axis=1)


def pool(job: Job) -> Places:
    """Which training images the pool holds, ascending: some of them at random, of large data sets."""
    return _some("pool", entry.of(job.study).facts["n_train"], planning.pool(job.study))


def outsiders(job: Job) -> Places:
    """Which test images models are asked about, ascending: as many as guesses about a model need."""
    return _some("outsiders", entry.of(job.study).facts["n_test"], GUESSED_IMAGES)


def _some(what: str, n: int, most: int) -> Places:
    return np.sort(stream("leakage", what, n).permutation(n)[:most])


def budgets(ground: Ground) -> tuple[Budget, ...]:
    """How the shadows of each of the job's budgets train: as its study would train on half of the pool."""
    n_pool = planning.pool(ground.job.study)
    return tuple(budget_of(ground, epsilon, n_pool // 2, n_pool) for epsilon in ground.job.epsilons)


def budget_of(ground: Ground, epsilon: float, n_train: int, n_pool: int) -> Budget:
    """How a study would train on about half of `n_pool` images, by the recipe for `n_train`."""
    study = ground.job.study
    how = recipe(study.model, epsilon, n_train, study.defence.training)
    return shadows.of_recipe(how, epsilon, n_pool, ground.delta, ground.cache)


def ask(ground: Ground, step: Step, tell: Callable[[Asked], None]) -> Asked:
    """Train all shadows and ask each about every image; `tell` hears what is known after each round of them."""
    asked = _unasked(ground)
    size, hear = _rounds(ground, asked, step)
    for first in range(0, len(asked.masks), size):
        known = set(ground.folder.iterdir())
        hear(range(first, min(first + size, len(asked.masks))))
        if first + size >= len(asked.masks) or known != set(ground.folder.iterdir()):  # else it was told before
            tell(asked)
    return asked


def _rounds(ground: Ground, asked: Asked, step: Step) -> tuple[int, Callable[[range], None]]:
    """How many shadows train before anything is told, and what trains some of them and fills in what they say."""
    if ground.train.features is None or ground.test.features is None:
        return 1, partial(_hear_networks, ground, asked, step)
    every = _rows_of(ground.train.features, asked.rows), _rows_of(ground.test.features, asked.outsiders)
    size = planning.together(ground.job.study) * torch.get_num_threads()
    return size, partial(_hear_banks, ground, asked, every, step)


def _unasked(ground: Ground) -> Asked:
    study, rows, others = ground.job.study, pool(ground.job), outsiders(ground.job)
    found, n_shadows, together = budgets(ground), planning.shadows(study), planning.together(study)
    masks = _kept(ground.folder / "coins.npy", partial(_coins, ground, n_shadows, len(rows)))
    tampered = _some("tampered", len(rows), planning.tampered(study))
    nothing = np.full((n_shadows, len(found), len(rows) + len(others) + len(tampered)), np.nan, np.float32)
    return Asked(nothing, masks, shadows.bank_of(n_shadows, together), rows, others, tampered, found)


def _coins(ground: Ground, n_shadows: int, n_pool: int) -> Masks:
    return shadows.coins(n_shadows, n_pool, f"{ground.identity} leakage", ground.draws)


def _hear_banks(ground: Ground, asked: Asked, every: tuple[Features, Features], step: Step, some: range) -> None:
    """Banks of a round train at once, a core each; what each says is kept."""
    size = planning.together(ground.job.study)
    groups = [group for group in shadows.banks(asked.budgets, len(asked.masks), size) if group.shadows[0] in some]
    missing = [group for group in groups if not _file(ground, asked, group).exists()]
    work = [partial(_train_bank, ground, asked, every[0], group) for group in missing]
    for group, weights in zip(missing, shadows.abreast(work, partial(step, 0)), strict=True):
        _kept(_file(ground, asked, group), partial(_said_by_bank, ground, asked, every, step, group, weights))
    for group in groups:
        said = np.load(_file(ground, asked, group))
        _fill(asked, said, group.shadows, group.budgets, planning.tampered_work(ground.job.study), step)


def _file(ground: Ground, asked: Asked, group: shadows.Bank) -> Path:
    places = [asked.budgets.index(budget) for budget in group.budgets]
    return ground.folder / f"said-{group.shadows[0]}-{'-'.join(map(str, places))}.npy"


def _fill(asked: Asked, said: Answers, which: Sequence[int], some: Sequence[Budget], work: int, step: Step) -> None:
    """`work`: what answers about attacked pictures cost, in image-steps."""
    asked.said[np.ix_(which, [asked.budgets.index(budget) for budget in some])] = said
    step(len(which) * sum(budget.images + work for budget in some))


def _rows_of(features: Features, rows: Places) -> Features:
    """Those rows of features; all of them as they are, without a copy."""
    if len(rows) == len(features.y):
        return features
    index = torch.from_numpy(rows)
    return Features(features.x[index], features.y[index], features.norms[index], features.basis)


def _train_bank(ground: Ground, asked: Asked, pool: Features, group: shadows.Bank, on_step: shadows.OnStep) -> Tensor:
    name = f"{ground.identity} leakage"
    return shadows.train(pool, group, asked.masks, name, ground.draws, n_classes=ground.n_classes, on_step=on_step)


def _said_by_bank(
    ground: Ground,
    asked: Asked,
    every: tuple[Features, Features],
    step: Step,
    group: shadows.Bank,
    weights: Tensor,
) -> Answers:
    """Confidences (shadows, budgets, N + T + n)."""
    plain = np.concatenate([of_columns(part, weights, ground.n_classes) for part in every], axis=1)
    columns = weights.view(len(weights), -1, ground.n_classes).unbind(1)
    found = np.concatenate([plain, np.stack([_said_tampered(ground, asked, own, step) for own in columns])], axis=1)
    return _finite(found).reshape(len(group.shadows), len(group.budgets), -1)


def _hear_networks(ground: Ground, asked: Asked, step: Step, some: range) -> None:
    for shadow in some:
        for budget in asked.budgets:
            one = shadows.Bank((shadow,), (budget,))
            said = _kept(_file(ground, asked, one), partial(_said_by_network, ground, asked, step, shadow, budget))
            _fill(asked, said, one.shadows, one.budgets, planning.tampered_work(ground.job.study), step)


def _said_by_network(ground: Ground, asked: Asked, step: Step, shadow: int, budget: Budget) -> Answers:
    x, y = ground.train.seen[asked.rows], ground.train.y[asked.rows]
    own = torch.from_numpy(asked.masks[shadow])
    model = network(ground, (x[own], y[own]), budget, shadow, "leakage", step)
    others = of_images(model, ground.test.seen[asked.outsiders], ground.test.y[asked.outsiders])
    found = [of_images(model, x, y), others, _said_tampered(ground, asked, model, step)]
    return _finite(np.concatenate(found)[None, None])


def _said_tampered(ground: Ground, asked: Asked, trained: Tensor | nn.Module, step: Step) -> Answers:
    """What a model says of some of the pool's images after one gradient step against itself."""
    rows, model = asked.rows[asked.tampered], whole(ground, trained)
    return said_attacked(ground, model, ground.train.x[rows], ground.train.y[rows], step, name="fgsm", steps=1)


def whole(ground: Ground, trained: Tensor | nn.Module) -> nn.Module:
    """A classifier of images from what was trained: weights (F, n_classes) of a column, or a network; until the next.

    The same model holds one set of weights after another: made anew for each, its fixed part would cost more.
    """
    shell = ground.shell
    if isinstance(trained, Tensor):
        assert isinstance(shell, Linear)
        shell.load_state_dict(shell.kept(trained))
    elif isinstance(shell, OnFeatures):
        shell.head.load_state_dict(trained.state_dict())
    else:
        return trained.eval()
    return shell.eval().requires_grad_(False)


def said_attacked(
    ground: Ground, model: nn.Module, x: Tensor, y: Tensor, step: Step, *, name: str, steps: int
) -> Answers:
    """A model's confidence in pictures that it reads worse, within the radius that its data set is defended with."""
    eps, run = entry.of(ground.job.study).facts["trained_eps"], attacks[name].load()

    def perturbed(images: Tensor, labels: Tensor) -> Tensor:
        parts = []
        for part, own in zip(images.split(ATTACK_ROWS), labels.split(ATTACK_ROWS), strict=True):
            step(0)
            parts.append(run(model, part, own, norm="linf", eps=eps, steps=steps, seed=0))
        return torch.cat(parts)

    return of_images(model, x, y, perturbed)


def _finite(said: Answers) -> Answers:
    """What a training that diverged says: it is as unsure as can be, and still one of those that were asked."""
    return np.nan_to_num(said, nan=-SUREST, posinf=SUREST, neginf=-SUREST)


def network(
    ground: Ground, images: tuple[Tensor, Tensor], budget: Budget, number: int, what: str, step: Step
) -> nn.Module:
    """A network of this budget, trained on `images`, whose number is nobody's business: `budget` has the expected."""
    who = Candidate(budget.epsilon, number, budget.recipe, budget.sample_rate, budget.noise_multiplier)
    alive, unsaid = (lambda *_: step(0)), (lambda *_: None)  # a shadow makes no event and no checkpoint
    session = Session({}, alive, unsaid, unsaid, unsaid, ground.draws)
    few = images[0][:1], images[1][:1]  # progress is measured on something
    name = f"{ground.identity} {what}"
    return training.train_network(ground.make, images, few, who, name, session, ground.defence())[0]


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
