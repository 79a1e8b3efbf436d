"""A copy is better the more it has asked, and learns no less from probabilities than from labels."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import BadInput, Cancelled
from engine.leakage.extraction import Copy, alike, copied, copies, evenly, labels_of, parted, public, said
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


def test_the_attackers_images_are_none_of_those_that_copies_are_measured_on() -> None:
    asked, measured = parted(101)
    assert (len(asked), len(measured)) == (50, 51)
    assert sorted([*asked.tolist(), *measured.tolist()]) == list(range(101))
    assert not torch.equal(asked, parted(101, seed=1)[0])


def test_whoever_runs_out_of_pictures_mixes_two() -> None:
    x, _ = digits()
    few, many = alike(x[:50], 80), alike(x[:50], 300)
    assert torch.equal(few, many[:80])
    assert torch.equal(few[:50], x[:50])
    assert torch.equal(alike(x[:50], 30), x[:30])
    mixed = many[50:].flatten(1)
    assert bool(((mixed >= 0) & (mixed <= 1)).all())
    span = torch.linalg.lstsq(x[:50].flatten(1).T.double(), mixed.T.double()).solution
    left = x[:50].flatten(1).T.double() @ span - mixed.T
    assert float(left.abs().max()) < 1e-5, "a mixture lies among the pictures"
    assert len(mixed.unique(dim=0)) > 240
    with pytest.raises(BadInput, match="pictures=0 is not in"):
        alike(x[:0], 10)


def test_pictures_of_the_datas_own_kind_make_the_better_copy() -> None:
    """What an attacker asks about decides: a weak one is no protection."""
    x, y = digits()
    victim, test = taught("fast-cnn", seed=0), (x[1400:], y[1400:])
    own, made_up = (
        copies(victim, small, queries, (300,), test, steps=200)[0].agreement
        for queries in (alike(x[700:1400], 300), public(300, (1, 8, 8)))
    )
    assert own.low > made_up.high


def test_mixtures_make_a_better_copy_than_the_few_pictures_alone() -> None:
    x, y = digits()
    victim, test = taught("fast-cnn", seed=0), (x[1400:], y[1400:])
    found = copies(victim, small, alike(x[700:760], 1200), (60, 1200), test, answers="probabilities", steps=300)
    assert found[1].agreement.value > found[0].agreement.value + 0.03


def test_rare_answers_are_drawn_as_often_as_others() -> None:
    labels = torch.tensor([2] * 90 + [5] * 9 + [7])
    draws = torch.searchsorted(
        evenly(labels), torch.rand(30_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    )
    assert int(draws.min()) >= 0
    assert int(draws.max()) == 99
    shares = labels[draws].bincount(minlength=8) / 30_000
    assert shares[[2, 5, 7]].tolist() == pytest.approx([1 / 3] * 3, abs=0.01)
    within = draws[labels[draws] == 5].bincount(minlength=99)[90:99] / 10_000
    assert within.tolist() == pytest.approx([1 / 9] * 9, abs=0.02)


def test_one_copy_alone_is_the_one_among_several() -> None:
    x, y = digits()
    victim, test = taught("fast-cnn", seed=0), (x[1400:], y[1400:])
    told = labels_of(said(victim, x[700:800], "probabilities"))
    says = said(victim, test[0], "labels").argmax(1)
    alone = copied(small, (x[700:800], told), (*test, says), steps=20)
    assert state(alone.student) == state(made(steps=20)[1].student)


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
