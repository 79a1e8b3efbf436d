"""A copy is better the more it has asked, and learns no less from probabilities than from labels."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import BadInput, Cancelled
from engine.leakage.extraction import Copy, copies, public, said
from engine.models import models
from tests.engine.leakage.nets import digits, fresh, state, taught

COUNTS = (20, 100, 700)


def student() -> nn.Module:
    return models["fast-cnn"].load()((1, 8, 8), 10)


def small() -> nn.Module:
    """A student that is quick to train, with weights of the global generator, which is the caller's to seed."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))


def made(
    answers: str = "labels", seed: int = 0, steps: int = 120, make: Callable[[], nn.Module] = small, **listeners: Any
) -> list[Copy]:
    """Copies of a model trained on other digits than it is asked about, and than it is compared on."""
    x, y = digits()
    return copies(
        taught("fast-cnn", seed=0), make, x[700:1400], COUNTS, (x[1400:], y[1400:]),
        answers=answers, seed=seed, steps=steps, **listeners,
    )  # fmt: skip


def test_more_queries_make_a_better_copy_and_probabilities_tell_more() -> None:
    agreement = {
        answers: [sum(found[k].agreement.value for found in of) / 2 for k in range(len(COUNTS))]
        for answers in ("labels", "probabilities")
        for of in [[made(answers, seed) for seed in range(2)]]
    }
    for shares in agreement.values():
        assert shares == sorted(shares)
        assert shares[-1] > 0.8
        assert shares[0] < 0.7  # or there would be nothing to gain
    assert sum(agreement["probabilities"]) > sum(agreement["labels"])


def test_a_copy_that_was_told_nothing_is_no_copy() -> None:
    x, y = digits()
    (found,) = copies(fresh("fast-cnn"), small, torch.zeros(10, 1, 8, 8), (10,), (x[1400:], y[1400:]), steps=20)
    assert found.accuracy.value < 0.3


def test_shares_are_those_of_the_student_with_their_intervals() -> None:
    x, y = digits()
    found = made(make=student, steps=30)[-1]
    says, truth = found.student(x[1400:]).argmax(1), taught("fast-cnn", seed=0)(x[1400:]).argmax(1)
    assert found.agreement.value == pytest.approx(float((says == truth).double().mean()))
    assert found.accuracy.value == pytest.approx(float((says == y[1400:]).double().mean()))
    assert found.agreement.low < found.agreement.value < found.agreement.high
    assert found.agreement.n == 397


def test_the_same_seed_and_nothing_else_touched() -> None:
    victim = taught("fast-cnn", seed=0)
    before, drawn = state(victim), torch.get_rng_state()
    heard: list[Copy] = []
    steps: list[int] = []
    first = made(steps=5, on_copy=heard.append, on_step=lambda step, of: steps.append(step))
    again, other = made(steps=5), made(steps=5, seed=1)
    assert state(victim) == before
    assert torch.equal(torch.get_rng_state(), drawn)
    assert [copy.queries for copy in heard] == list(COUNTS)
    assert steps == list(range(1, 16))
    for one, same, another in zip(first, again, other, strict=True):
        assert state(one.student) == state(same.student)
        assert state(one.student) != state(another.student)


def test_labels_are_all_that_is_told_when_no_more_is_asked_for() -> None:
    x, _ = digits()
    model = taught("fast-cnn", seed=0)
    told, full = said(model, x[:50], "labels"), said(model, x[:50], "probabilities")
    assert bool(((told == 0) | (told == 1)).all())
    assert torch.equal(told.argmax(1), full.argmax(1))
    assert bool(((full > 0.01) & (full < 0.99)).any())


def test_made_up_queries_belong_to_their_seed() -> None:
    drawn = torch.get_rng_state()
    few, many = public(30, (1, 8, 8)), public(600, (1, 8, 8))
    assert many.shape == (600, 1, 8, 8)
    assert torch.equal(few, many[:30])
    assert not torch.equal(few, public(30, (1, 8, 8), seed=1))
    assert bool(((many >= 0) & (many <= 1)).all())
    assert torch.equal(torch.get_rng_state(), drawn)


def test_what_makes_no_sense_is_refused() -> None:
    x, y = digits()
    with pytest.raises(BadInput, match="queries=11 is not in"):
        copies(fresh("cnn"), student, x[:10], (5, 11), (x, y))
    with pytest.raises(BadInput, match="numbers of queries are to rise: 5, 5"):
        copies(fresh("cnn"), student, x[:10], (5, 5), (x, y))
    with pytest.raises(BadInput, match="answers 'logits' is unknown"):
        said(fresh("cnn"), x[:1], "logits")


def test_it_can_be_stopped() -> None:
    def stop(step: int, steps: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        made(on_step=stop)
