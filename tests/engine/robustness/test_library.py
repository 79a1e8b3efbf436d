"""The library's attacks: set to the standard numbers, fenced, and as strong as they are known to be."""

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.robustness import attacks, library
from engine.robustness.apgd import apgd
from engine.robustness.gradient import length
from tests.engine.robustness.nets import standing, trained


def parts(**how: int) -> dict[str, object]:
    suite = library.standard(trained()[0], norm="linf", eps=0.1, seed=0, **how)
    return {type(attack).__name__: attack for attack in suite._autoattack.attacks}


def test_autoattack_is_the_standard_one() -> None:
    found = parts(classes=10)
    assert list(found) == ["APGD", "APGDT", "FAB", "Square"]
    assert [found[name].steps for name in ("APGD", "APGDT", "FAB")] == [100, 100, 100]  # type: ignore[attr-defined]
    assert [found[name].n_target_classes for name in ("APGDT", "FAB")] == [9, 9]  # type: ignore[attr-defined]
    assert found["FAB"].multi_targeted  # type: ignore[attr-defined]
    assert found["Square"].n_queries == 5000  # type: ignore[attr-defined]
    assert found["APGD"].loss == "ce"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("classes", "targets"), [(100, 9), (10, 9), (5, 4)])
def test_targets_are_nine_or_all_there_are(classes: int, targets: int) -> None:
    assert parts(classes=classes)["APGDT"].n_target_classes == targets  # type: ignore[attr-defined]


def test_the_light_version_says_so_and_is_light() -> None:
    assert "light" in attacks["autoattack-light"].facts["title"]
    assert parts(classes=10, steps=10)["FAB"].steps == 10  # type: ignore[attr-defined]


def test_three_classes_do_without_the_targeted_loss() -> None:
    assert list(parts(classes=3)) == ["APGD", "FAB", "Square"]
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).requires_grad_(False)
    x = torch.rand(8, 1, 4, 4)
    x_adv = library.autoattack(model, x, model(x).argmax(1), norm="linf", eps=1.0)
    assert standing(model, x_adv, model(x).argmax(1)) == 0


def test_what_the_library_does_to_anything_global_is_undone() -> None:
    states = torch.random.get_rng_state(), random.getstate(), repr(np.random.get_state(legacy=False))  # noqa: NPY002
    with library.same_randomness(3):
        torch.rand(3), random.random(), np.random.rand()  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), states[0])
    assert (random.getstate(), repr(np.random.get_state(legacy=False))) == states[1:]  # noqa: NPY002


def test_an_attack_that_leaves_the_ball_is_put_back_and_one_that_returns_no_number_is_dropped() -> None:
    model, x, y = trained()

    def wild(model: nn.Module, classes: int) -> object:
        def attack(x: Tensor, y: Tensor) -> Tensor:
            assert not any(p.requires_grad for p in model.parameters())
            assert not model.training
            return torch.where(torch.arange(len(x))[:, None, None, None] == 0, torch.nan, x + 7)

        return attack

    found = library.fenced(wild, model, x[:4], y[:4], norm="linf", eps=0.1, seed=0)
    assert torch.equal(found[0], x[0])
    assert float(length(found - x[:4], "linf").max()) <= 0.1 + 1e-6
    assert bool((found <= 1).all())


def test_a_model_without_parameters_can_be_attacked() -> None:
    class Halves(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            flat = x.flatten(1)
            return torch.stack([flat[:, :8].sum(1), flat[:, 8:].sum(1)], 1)

    x = torch.rand(4, 1, 4, 4)
    y = Halves()(x).argmax(1)
    assert standing(Halves(), library.fab(Halves(), x, y, norm="l2", eps=4.0, steps=20), y) == 0


@pytest.mark.slow
def test_autoattack_is_at_least_as_strong_as_its_first_part() -> None:
    model, x, y = trained(0.2)
    x, y = x[:60], y[:60]
    whole = standing(model, library.autoattack(model, x, y, norm="linf", eps=0.1), y)
    assert whole <= standing(model, apgd(model, x, y, norm="linf", eps=0.1, steps=100), y)
    assert standing(model, library.autoattack_light(model, x, y, norm="linf", eps=0.1), y) >= whole - 0.02
