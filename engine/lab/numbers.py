"""One tampered picture as files: its numbers and what made them."""

import csv
import io
import json
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.lab import drawing
from engine.lab.asked import Numbers
from engine.lab.attacking import distance, probabilities
from engine.lab.cases import Case, Given, cases, facts, how_of, shares
from engine.robustness.curve import predict
from engine.version import VERSION


def files(question: Numbers, given: list[Given]) -> dict[str, Any]:
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
        "epsilon": "inf" if one.epsilon == inf else one.epsilon,
        "seed": one.seed,
        "class": classes[case.label],
        "before": shares(case.before),
        "after": shares(probabilities(case.model, x_adv)[0]),
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
