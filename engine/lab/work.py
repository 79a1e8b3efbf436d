"""What the lab's process computes: questions in, plain answers out."""

import base64
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data import picture as pictures
from engine.errors import BadInput
from engine.lab import asked, copying, drawing, numbers, rebuilding, telling
from engine.lab.asked import (
    REACH,
    Copied,
    Hard,
    Hold,
    Look,
    Numbers,
    Question,
    Rebuild,
    Shown,
    Smallest,
    Strip,
    Tamper,
    Upload,
)
from engine.lab.attacking import AMONG, distance, hard, probabilities, smallest
from engine.lab.cases import Case, Given, cases, facts, given, how_of, model_of, shares, tests_of

QUICK = 0.08  # s of computing that a moved slider may take: what takes longer is answered roughly first
STRIP = 7  # pictures across strengths
SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)  # of a grid of transforms

_took: dict[Any, float] = {}  # s of computing that a picture took, by what decides it


def answer(question: Question, given: list[Given]) -> dict[str, Any]:
    """The answer to a checked question about these models; FrontierError in one sentence when it cannot be had."""
    return _ANSWERS[type(question)](question, given)


def tamper(question: Tamper, given: list[Given]) -> dict[str, Any]:
    """The picture before and after for each model; roughly, when the attack itself would take long."""
    held, how = cases(question, given), how_of(question)
    key = (tuple((one.study.model, one.study.dataset) for one in given), how.attack, how.norm, how.steps)
    rough = not question.refine and how.rough != how and _took.get(key, 1.0) > QUICK and question.eps > 0
    used, began = how.rough if rough else how, time.thread_time()
    moved = [case.tampered(question.eps, used) for case in held]
    if not rough and question.eps > 0:
        _took[key] = max(time.thread_time() - began, 0.7 * _took.get(key, 0.0))
    after = [probabilities(case.model, x)[0] for case, x in zip(held, moved, strict=True)]
    return {
        "rough": rough,
        "finding": telling.finding(_told(held, after), question.eps, question.norm, rough=rough),
        "original": drawing.picture(held[0].x[0].numpy()),
        "label": held[0].label if held[0].labelled else None,
        "models": [_side(*one, question.norm) for one in zip(held, moved, after, strict=True)],
    }


def _told(held: list[Case], after: list[Tensor]) -> list[telling.Told]:
    """What the models say before and after, by names of classes."""
    classes = facts(held[0].given)["classes"]
    pairs = [
        (case, int(case.before.argmax()), int(share.argmax()), share) for case, share in zip(held, after, strict=True)
    ]
    return [
        telling.Told(case.given.said, classes[before], classes[best], float(share[best]), before == case.label)
        for case, before, best, share in pairs
    ]


def _side(case: Case, x_adv: Tensor, after: Tensor, norm: str) -> dict[str, Any]:
    """What is shown of one model: its own tampered picture, and what it says of that."""
    delta = (x_adv - case.x)[0].numpy()
    return {
        "name": case.given.name,
        "said": case.given.said,
        "before": shares(case.before),
        "after": shares(after),
        "picture": drawing.picture(x_adv[0].numpy()),
        "perturbation": drawing.perturbation(delta),
        "magnified": drawing.magnification(delta),
        "distance": distance(x_adv, case.x, norm),
    }


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
    pixels, _ = pictures.read(content, height, question.name)
    if channels == 1:
        grey = pixels.astype(np.float32).transpose(1, 2, 0) @ np.array([0.299, 0.587, 0.114], np.float32)
        pixels = np.rint(grey)[None].astype(np.uint8)
    shown = drawing.picture(pixels.astype(np.float32) / np.float32(255))
    return {"pixels": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode(), "picture": shown}


__all__ = ["answer", "given"]

_ANSWERS: dict[type[Question], Callable[[Any, list[Given]], dict[str, Any]]] = {
    Tamper: tamper,
    Smallest: smallest_of,
    Strip: strip,
    Numbers: numbers.files,
    Hard: find_hard,
    Shown: shown,
    Upload: upload,
    Rebuild: rebuilding.rebuild,
    Hold: rebuilding.hold,
    Look: rebuilding.look,
    Copied: copying.copy,
}
