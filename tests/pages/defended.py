"""Studies of several defences with all that can be measured besides, put into a store without computing them."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from math import exp, inf, nan
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine import planning
from engine.corruptions import SEVERITIES, corruptions
from engine.events import Stands
from engine.extras import DISTANCES
from engine.results import (
    CERTIFIED,
    CHECK,
    CORRUPTED,
    NOT_APPLICABLE,
    SECONDS,
    SMOOTHED_ABSTAINED,
    SMOOTHED_RIGHT,
    Row,
)
from engine.robustness import attacks, curve, selfcheck
from engine.robustness.curve import Tool
from engine.store.queue import Planned, Span
from engine.store.store import Store
from engine.study import Job, Study, parse
from tests.engine.jobs import fakes
from tests.engine.robustness.nets import trained

RADII = (0.0, 0.05, 0.1, 0.15)
REACH = {"none": 0.08, "adversarial": 0.2}  # the strength at which so many are left as e^-1 says
SECONDS_OF = {"none": 2.0, "adversarial": 20.0}
IMAGES = 40  # that the self-check is measured on
Shares = Iterable[selfcheck.Shares]


def asked(**changes: Any) -> Study:
    """A study of a network at two budgets and four strengths, resolved."""
    budgets = {"epsilons": [1, "inf"]}
    values = {
        "dataset": "digits",
        "model": "cnn",
        "privacy": budgets,
        "attack": {"eps": list(RADII), "images": 300},
    }  # no starter is like it
    return planning.resolve(parse(values | changes))


def put(home: Path, study: Study, checks: Mapping[float, Shares] | None = None, standing: Iterable[Stands] = ()) -> str:
    """The digest of a study that is done, with its extras and with `checks` of the model at each budget."""
    digest, now = planning.digest(study), time.time()
    plan = [Planned(job, {}, {}, 1) for job in planning.plan(study)]
    rows = [row for job in planning.plan(study) for row in _rows(job, checks or {})]
    store = Store(home)
    store.measured.adopt(digest, study, plan, Span(now, now, now + 60), rows, tuple(standing))
    store.close()
    return digest


def clean(epsilon: float) -> float:
    """More with a larger budget: 70 % at 1, 95 % without privacy."""
    return 0.95 / (1 + 0.36 / epsilon)


def robust(study: Study, epsilon: float, eps: float) -> float:
    return clean(epsilon) * exp(-((eps / REACH.get(study.defence.training, 0.12)) ** 2))


def _rows(job: Job, checks: Mapping[float, Shares]) -> Iterator[Row]:
    name = job.study.defence.name
    for epsilon in job.epsilons:
        for row in (*_curve(job, epsilon), *_besides(job, epsilon), *_checked(job, epsilon, checks.get(epsilon, ()))):
            yield replace(row, defence=name)


def _curve(job: Job, epsilon: float) -> Iterator[Row]:
    first = fakes.row(job, epsilon, 0, "accuracy", NOT_APPLICABLE, clean(epsilon))
    seconds = SECONDS_OF.get(job.study.defence.training, 5.0)
    yield first
    yield replace(first, metric=SECONDS, value=seconds, low=nan, high=nan, n=1)
    for eps in job.study.attack.eps or ():
        yield fakes.row(job, epsilon, 0, "robust_accuracy", eps, robust(job.study, epsilon, eps))


def _besides(job: Job, epsilon: float) -> Iterator[Row]:
    """Everyday damage that costs 8 points a severity, floors that end early, certificates in noise."""
    if "corruptions" in job.study.extras:
        for k, name in enumerate(corruptions.names):
            for severity in SEVERITIES:
                left = clean(epsilon) - (0.04 + 0.005 * k) * severity
                yield replace(fakes.row(job, epsilon, 0, CORRUPTED + name, severity, left), attack=name)
    if "certificates" in job.study.extras:
        for eps, share in ((0.0, 1.0), (0.002, 0.5), (0.05, 0.0)):
            yield fakes.row(job, epsilon, 0, CERTIFIED, eps, clean(epsilon) * share)
    if "smoothing" in job.study.extras:
        for k, distance in enumerate(DISTANCES):
            yield replace(_in_noise(job, epsilon, SMOOTHED_RIGHT, clean(epsilon) / (1 + k)), eps=distance)
        yield _in_noise(job, epsilon, SMOOTHED_ABSTAINED, 0.1)


def _in_noise(job: Job, epsilon: float, metric: str, value: float) -> Row:
    found = fakes.row(job, epsilon, 0, metric, NOT_APPLICABLE, value)
    return replace(found, norm="l2", attack="noise 0.25", attack_steps=0)


def _checked(job: Job, epsilon: float, checks: Shares) -> Iterator[Row]:
    for one in checks:
        found = fakes.row(job, epsilon, 0, CHECK + one.name, one.eps, one.value)
        yield replace(found, attack=one.attack, attack_steps=one.steps, low=nan, high=nan, n=one.n)


class Masked(nn.Module):
    """Rounds every pixel, which has no slope: gradients are exactly 0, and the network is as fragile as before."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model((16 * x).round() / 16)
        return logits


def honest() -> list[selfcheck.Shares]:
    """What the self-check measures of a network that hides nothing."""
    return _measured(masked=False)


def masked() -> list[selfcheck.Shares]:
    """What it measures of the same network behind rounding that masks its gradients."""
    return _measured(masked=True)


@cache
def _measured(masked: bool) -> list[selfcheck.Shares]:
    network, x, y = trained()
    x, y = x[:IMAGES], y[:IMAGES]
    model = Masked(network).eval() if masked else network
    standing = curve.clean(model, x, y, RADII)
    for i, name in enumerate(("fmn", "apgd")):
        tool = Tool.of(attacks[name], norm="linf", steps=20, seed=0)
        standing = curve.advance(model, x, y, standing, tool, i, on_batch=lambda standing: None)
    with torch.random.fork_rng():
        return list(selfcheck.check(model, x, y, standing, norm="linf", steps=20, seed=0))


def under_attack(study: Study, done: bool = False) -> Stands:
    """How images of the model without privacy stand halfway: of four, one broken as it is, one at each strength."""
    radii = study.attack.eps or ()
    broken = bytes(range(len(radii)))
    return Stands(inf, 0, study.attack.names, radii, broken, bytes(len(broken)), done)
