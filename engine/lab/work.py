"""What the lab's process computes: questions in, plain answers out. Models and images stay in memory, a few of each."""

import base64
import csv
import io
import json
import time
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
from engine.data import picture as files
from engine.errors import BadInput
from engine.lab import asked, drawing, telling
from engine.lab.asked import REACH, Attacked, Hard, Numbers, Picture, Question, Shown, Smallest, Strip, Tamper, Upload
from engine.lab.attacking import AMONG, How, attacked, distance, hard, probabilities, smallest
from engine.lab.turns import Polite
from engine.robustness.curve import predict
from engine.study import Study
from engine.version import VERSION

MODELS, DATASETS = 6, 2  # kept in memory
QUICK = 0.08  # s of computing that a moved slider may take: what takes longer is answered roughly first
STRIP = 7  # pictures across strengths
SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)  # of a grid of transforms
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
_took: dict[Any, float] = {}  # s of computing that a picture took, by what decides it


def answer(question: Question, given: list[Given]) -> dict[str, Any]:
    """The answer to a checked question about these models; FrontierError in one sentence when it cannot be had."""
    return _ANSWERS[type(question)](question, given)


def given(values: dict[str, Any]) -> Given:
    """From plain values, as `client` sends them."""
    about = {**values, "path": Path(values["path"]), "root": Path(values["root"])}
    return Given(**{**about, "study": Study.model_validate(values["study"]), "epsilon": float(values["epsilon"])})


def model_of(one: Given) -> nn.Module:
    """The model, loaded once, in evaluation mode; BadInput when its weights do not fit what the study says."""
    return Polite(_models.get((one.path, one.path.stat().st_mtime_ns), partial(_load, one)))


def _load(one: Given) -> nn.Module:
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
        found.append(Case(one, model, x, y, before[0], loaded[1 - i] if len(loaded) > 1 else None))
    return found


def how_of(question: Attacked) -> How:
    return How(question.attack, question.norm, question.steps, question.seed)


def tamper(question: Tamper, given: list[Given]) -> dict[str, Any]:
    """The picture before and after for each model; roughly, when the attack itself would take long."""
    held, how = cases(question, given), how_of(question)
    key = (tuple((one.study.model, one.study.dataset) for one in given), how.attack, how.norm, how.steps)
    rough = not question.refine and how.rough != how and _took.get(key, 1.0) > QUICK and question.eps > 0
    used, began = how.rough if rough else how, time.thread_time()
    moved = [case.tampered(question.eps, used) for case in held]
    if not rough and question.eps > 0:
        _took[key] = max(time.thread_time() - began, 0.7 * _took.get(key, 0.0))
    return {
        "rough": rough,
        "finding": finding(question, held, moved, rough=rough),
        "original": drawing.picture(held[0].x[0].numpy()),
        "label": held[0].label if seen(question.picture, given[0])[1] is not None else None,
        "models": [_side(case, x, held, question.norm) for case, x in zip(held, moved, strict=True)],
    }


def finding(question: Attacked, held: list[Case], moved: list[Tensor], *, rough: bool) -> str:
    """The sentence above the pictures."""
    classes = facts(held[0].given)["classes"]

    def told(case: Case, x: Tensor) -> telling.Told:
        after, before = probabilities(case.model, x)[0], int(case.before.argmax())
        best = int(after.argmax())
        return telling.Told(case.given.said, classes[before], classes[best], float(after[best]), before == case.label)

    pairs = [told(case, x) for case, x in zip(held, moved, strict=True)]
    return telling.finding(pairs, question.eps, question.norm, rough=rough)


def _side(case: Case, x_adv: Tensor, held: list[Case], norm: str) -> dict[str, Any]:
    """What is shown of one model: its own tampered picture, and what every model says of that."""
    delta = (x_adv - case.x)[0].numpy()
    return {
        "name": case.given.name,
        "said": case.given.said,
        "before": _shares(case.before),
        "after": _shares(probabilities(case.model, x_adv)[0]),
        "others": [int(probabilities(other.model, x_adv).argmax()) for other in held],
        "picture": drawing.picture(x_adv[0].numpy()),
        "perturbation": drawing.perturbation(delta),
        "magnified": drawing.magnification(delta),
        "distance": distance(x_adv, case.x, norm),
    }


def _shares(probability: Tensor) -> list[float]:
    return [round(float(one), 5) for one in probability]


def smallest_of(question: Smallest, given: list[Given]) -> dict[str, Any]:
    """The smallest strength found that flips each model."""
    held, how = cases(question, given), how_of(question)
    found = [
        smallest(partial(case.tampered, how=how), case.flips, case.x, question.norm)
        for case in held
    ]  # fmt: skip
    names = [case.given.said for case in held]
    pairs = zip(names, found, strict=True)
    return {
        "smallest": found,
        "said": [telling.smallest(name, one, question.norm, how) for name, one in pairs],
        "compared": telling.compared(names, found, question.norm),
    }


def strengths(about: dict[str, Any], norm: str) -> list[float]:
    """The radii of a strip: the data set's own, then doubled up to the largest that is tried."""
    radii = list(about.get(norm, SHARES))[:STRIP]
    while len(radii) < STRIP and radii[-1] < REACH[norm]:
        radii.append(min(2 * radii[-1], REACH[norm]))
    return radii


def strip(question: Strip, given: list[Given]) -> dict[str, Any]:
    """The picture across strengths, made against each model, with what every model says of it."""
    held, how = cases(question, given), how_of(question)
    radii = strengths(facts(given[0]), question.norm)
    return {
        "eps": radii,
        "rows": [[_tile(case.tampered(eps, how), held) for eps in radii] for case in held],
    }


def _tile(x: Tensor, held: list[Case]) -> dict[str, Any]:
    said = [probabilities(case.model, x)[0] for case in held]
    best = [int(one.argmax()) for one in said]
    return {
        "picture": drawing.picture(x[0].numpy()),
        "says": best,
        "share": [round(float(one[place]), 4) for one, place in zip(said, best, strict=True)],
    }


def shown(question: Shown, given: list[Given]) -> dict[str, Any]:
    """Some test images with their labels."""
    x, y = tests_of(given[0])
    rows = torch.arange(len(x)) if question.of is None else (y == question.of).nonzero()[:, 0]
    chosen = rows[question.start : question.start + question.count].tolist()
    tiles = [{"index": i, "label": int(y[i]), "picture": drawing.picture(x[i].numpy())} for i in chosen]
    return {"total": len(rows), "images": tiles}


def find_hard(question: Hard, given: list[Given]) -> dict[str, Any]:
    """The number of an image that little flips; BadInput when none of those looked at will do."""
    x, y = tests_of(given[0])
    drawn = np.random.default_rng(question.seed).permutation(len(x))[:AMONG]
    rows = torch.from_numpy(drawn)
    found = hard([model_of(one) for one in given], x[rows], y[rows], question.norm)
    if found is None:
        raise BadInput(f"none of {len(rows)} images is right and flipped: try again, others are looked at then.")
    return {"index": int(rows[found[0]]), "eps": found[1], "among": len(rows)}


def upload(question: Upload, given: list[Given]) -> dict[str, Any]:
    """A picture from a file, as pixels (base64 of uint8, channels first) of the model's shape; BadInput otherwise."""
    channels, height, width = facts(given[0])["shape"]
    if height != width:
        raise BadInput(f"these models look at {height} x {width} pixels: only square pictures can be uploaded.")
    content = asked.decoded(question.content, "the file")
    pixels, _ = files.read(content, height, question.name)
    if channels == 1:
        grey = pixels.astype(np.float32).transpose(1, 2, 0) @ np.array([0.299, 0.587, 0.114], np.float32)
        pixels = np.rint(grey)[None].astype(np.uint8)
    shown = drawing.picture(pixels.astype(np.float32) / np.float32(255))
    return {"pixels": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode(), "picture": shown}


def numbers(question: Numbers, given: list[Given]) -> dict[str, Any]:
    """Everything about one tampered picture, with what made it, as JSON and as CSV."""
    held, how = cases(question, given), how_of(question)
    classes = facts(given[0])["classes"]
    made = [_measured(case, case.tampered(question.eps, how), question, classes) for case in held]
    picture = (
        {"index": question.picture.index} if question.picture.pixels is None else {"pixels": question.picture.pixels}
    )
    about = {
        "dataset": given[0].study.dataset,
        "picture": {**picture, "split": "test" if question.picture.pixels is None else "own"},
        "attack": {"name": how.attack, "norm": how.norm, "eps": question.eps, "steps": how.steps, "seed": how.seed},
        "models": made,
        "engine_version": VERSION,
        "torch": str(torch.__version__),
        "caveat": "One attack on one picture: another attack may need less. A PNG rounds pixels to 1/255.",
    }
    return {"json": json.dumps(about, indent=2) + "\n", "csv": _csv(about, classes)}


def _measured(case: Case, x_adv: Tensor, question: Numbers, classes: tuple[str, ...]) -> dict[str, Any]:
    as_png = torch.from_numpy(drawing.rounded(x_adv.numpy()).astype(np.float32) / np.float32(255))
    one = case.given
    return {
        "study": one.digest,
        "model": one.study.model,
        "epsilon": "inf" if one.epsilon == float("inf") else one.epsilon,
        "seed": one.seed,
        "class": classes[case.label],
        "before": _shares(case.before),
        "after": _shares(probabilities(case.model, x_adv)[0]),
        "says": classes[int(predict(case.model, x_adv))],
        "says_of_the_png": classes[int(predict(case.model, as_png))],
        "linf": distance(x_adv, case.x, "linf"),
        "l2": distance(x_adv, case.x, "l2"),
    }


def _csv(about: dict[str, Any], classes: tuple[str, ...]) -> str:
    """One row a model and class."""
    out, attack = io.StringIO(), about["attack"]
    head = ["study", "model", "epsilon", "seed", "attack", "norm", "eps", "attack_steps", "attack_seed"]
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([*head, "class", "before", "after", "engine_version"])
    for one in about["models"]:
        fixed = [one["study"], one["model"], one["epsilon"], one["seed"], *attack.values()]
        for name, before, after in zip(classes, one["before"], one["after"], strict=True):
            rows.writerow([*fixed, name, before, after, about["engine_version"]])
    return out.getvalue()


_ANSWERS: dict[type[Question], Callable[[Any, list[Given]], dict[str, Any]]] = {
    Tamper: tamper,
    Smallest: smallest_of,
    Strip: strip,
    Numbers: numbers,
    Hard: find_hard,
    Shown: shown,
    Upload: upload,
}
