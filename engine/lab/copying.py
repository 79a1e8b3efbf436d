"""A model of the lab copied through its answers, one copy at a time.

What it said of the attacker's pictures is kept, so that more of them are asked only about what is new.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from engine.lab import turns
from engine.lab.asked import Copied
from engine.lab.cases import Given, Shelf, facts, model_of, tests_of
from engine.leakage import extraction
from engine.leakage.extraction import Share
from engine.models import models

STUDENT = "fast-cnn"  # what the attacker trains, whatever the model is
POOL, MEASURED = 5000, 2000  # test images that the attacker may hold, and on which copies are measured, at most
ATTACKERS = 2  # held in memory, with their pictures

Test = tuple[Tensor, Tensor, Tensor]


@dataclass
class Attacker:
    """Whoever asks a model: with pictures of the data's own kind, or made-up ones. `test`: images, labels, answers."""

    model: nn.Module
    pool: Tensor | None
    shape: tuple[int, int, int]
    test: Test
    x: Tensor = field(default_factory=lambda: torch.empty(0))
    told: Tensor = field(default_factory=lambda: torch.empty(0))

    def asked(self, n: int) -> tuple[Tensor, Tensor]:
        """The first n pictures, and the probabilities that the model gave."""
        if len(self.x) < n:
            x = extraction.public(n, self.shape) if self.pool is None else extraction.alike(self.pool, n)
            new = extraction.said(self.model, x[len(self.told) :], "probabilities")
            self.x, self.told = x, torch.cat([self.told, new])
        return self.x[:n], self.told[:n]

    @property
    def accuracy(self) -> Share:
        """How often the model itself is right, where copies are measured."""
        _, y, says = self.test
        return Share.of(int((says == y).sum()), len(y))


_attackers = Shelf(ATTACKERS)


def copy(question: Copied, given: list[Given]) -> dict[str, Any]:
    """One copy: its agreement with the model and its accuracy, beside that of the model; [value, low, high] each."""
    (one,) = given
    key = (one.path, one.path.stat().st_mtime_ns, question.pictures)
    attacker: Attacker = _attackers.get(key, partial(_attacker, one, question.pictures))
    x, told = attacker.asked(question.queries)
    if question.answers == "labels":
        told = extraction.labels_of(told)
    make = partial(models[STUDENT].load(), attacker.shape, told.shape[1])
    found = extraction.copied(make, (x, told), attacker.test, on_step=lambda _: turns.take())
    return {
        "queries": question.queries,
        "answers": question.answers,
        "agreement": _plain(found.agreement),
        "accuracy": _plain(found.accuracy),
        "original": _plain(attacker.accuracy),
        "measured": found.agreement.n,
        "held": 0 if attacker.pool is None else len(attacker.pool),
    }


def _attacker(one: Given, pictures: str) -> Attacker:
    x, y = tests_of(one)
    model, shape = model_of(one), tuple(facts(one)["shape"])
    held, measured = extraction.parted(len(x))
    rows = measured[:MEASURED]
    says = extraction.said(model, x[rows], "labels").argmax(1)
    pool = x[held[:POOL]] if pictures == "alike" else None
    return Attacker(model, pool, shape, (x[rows], y[rows], says))


def _plain(share: Share) -> list[float]:
    return [round(one, 5) for one in (share.value, share.low, share.high)]
