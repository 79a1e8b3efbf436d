"""Models and pictures as the lab's process holds them: a few of each stay in memory."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from engine import runs
from engine.data import entry
from engine.errors import BadInput
from engine.lab.asked import Attacked, Picture
from engine.lab.attacking import How, attacked, probabilities
from engine.lab.turns import Polite
from engine.study import Study

MODELS, DATASETS = 6, 2  # kept in memory
T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """A model as the server names it: what it is called, its weights, the study that made it."""

    name: str
    said: str
    path: Path
    study: Study
    digest: str
    epsilon: float
    seed: int
    root: Path


class Shelf:
    """What was used last, at most so many."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """What is held under `key`, made when it is not there; the one that was not used for longest goes."""
        if key not in self.held:
            self.held[key] = make()
        self.held.move_to_end(key)
        while len(self.held) > self.most:
            self.held.popitem(last=False)
        found: T = self.held[key]
        return found


_models, _images = Shelf(MODELS), Shelf(DATASETS)


def given(values: dict[str, Any]) -> Given:
    """From plain values, as `client` sends them."""
    about = {**values, "path": Path(values["path"]), "root": Path(values["root"])}
    return Given(**{**about, "study": Study.model_validate(values["study"]), "epsilon": float(values["epsilon"])})


def model_of(one: Given) -> nn.Module:
    """The model, loaded once, in evaluation mode; BadInput when its weights do not fit what the study says."""
    return Polite(_models.get((one.path, one.path.stat().st_mtime_ns), partial(_load, one)))


def bare(one: Given) -> nn.Module:
    """The trained network itself, without what stands before it: what a client computes gradients of."""
    return _models.get(("bare", one.path, one.path.stat().st_mtime_ns), partial(_read, one))


def _load(one: Given) -> nn.Module:
    return runs.guarded(one.study, _read(one))


def _read(one: Given) -> nn.Module:
    try:
        return runs.load_model(one.study, one.path, one.root)
    except (RuntimeError, OSError) as error:
        raise BadInput(
            f"the weights of {one.said} cannot be read ({str(error)[:100]}): compute its study again"
        ) from None


def tests_of(one: Given) -> tuple[Tensor, Tensor]:
    """The test images (N, C, H, W) and labels (N,) that a model's data set has."""
    study = one.study
    return _images.get(
        (study.dataset, study.own), lambda: runs.tensors(study.dataset, one.root, train=False, own=study.own)
    )


def facts(one: Given) -> dict[str, Any]:
    return entry.of(one.study).facts


def seen(picture: Picture, one: Given) -> tuple[Tensor, int | None]:
    """The picture (1, C, H, W) and its true class, None where nobody said it; BadInput when there is none."""
    shape, n_classes = tuple(facts(one)["shape"]), len(facts(one)["classes"])
    if picture.label is not None and picture.label >= n_classes:
        raise BadInput(f"label={picture.label} is not in [0, {n_classes - 1}]")
    if picture.index is not None:
        x, y = tests_of(one)
        if picture.index >= len(x):
            raise BadInput(f"index={picture.index} is not in [0, {len(x) - 1}]")
        return x[picture.index : picture.index + 1], int(y[picture.index])
    raw = picture.raw()
    if len(raw) != np.prod(shape):
        raise BadInput(f"the picture has {len(raw):,} values, but these models look at {int(np.prod(shape)):,}")
    pixels = np.frombuffer(raw, np.uint8).reshape(1, *shape).astype(np.float32) / np.float32(255)
    return torch.from_numpy(pixels), picture.label


@dataclass(frozen=True)
class Case:
    """One model and one picture (1, C, H, W): its class `y` is the true one, or else what the model says of it."""

    given: Given
    model: nn.Module
    x: Tensor
    y: Tensor
    before: Tensor
    source: nn.Module | None
    labelled: bool

    @property
    def label(self) -> int:
        return int(self.y)

    def tampered(self, eps: float, how: How) -> Tensor:
        return attacked(self.model, self.x, self.y, eps, how, self.source)

    def flips(self, x: Tensor) -> bool:
        """Whether the model says something else than the picture's class."""
        return int(probabilities(self.model, x).argmax()) != self.label


def cases(question: Attacked, given: list[Given]) -> list[Case]:
    """Each model with the picture; where an attack needs another model to take its pictures from, the other one."""
    x, label = seen(question.picture, given[0])
    loaded = [model_of(one) for one in given]
    found = []
    for i, (one, model) in enumerate(zip(given, loaded, strict=True)):
        before = probabilities(model, x)
        y = torch.tensor([int(before.argmax()) if label is None else label])
        found.append(Case(one, model, x, y, before[0], loaded[1 - i] if len(loaded) > 1 else None, label is not None))
    return found


def how_of(question: Attacked) -> How:
    return How(question.attack, question.norm, question.steps, question.seed)


def shares(probability: Tensor) -> list[float]:
    """Probabilities, as they are told."""
    return [round(float(one), 5) for one in probability]
