"""The toy problem: its paths are those of the engine's own attack, and its smallest changes are the smallest."""

from dataclasses import replace
from math import inf

import pytest
import torch
from torch import Tensor, nn

from engine.privacy import accounting
from engine.privacy.bank import Column
from engine.privacy.dpsgd import Trainer
from engine.recipes import Recipe
from engine.robustness import toy
from engine.robustness.gradient import pgd

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
Fitted = tuple[nn.Module, Tensor, Tensor]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """A model that has learned a little, and test images in its precision."""
    with pytest.MonkeyPatch.context() as patched:
        short = replace(toy.WAYS["plain"].recipe, steps=200)
        patched.setitem(toy.WAYS, "plain", replace(toy.WAYS["plain"], recipe=short))
        model = toy.train("plain")
    x, y = toy.images(120, train=False)
    return model, x.double(), y


def test_images_are_in_the_box_the_same_every_time_and_others_for_testing() -> None:
    x, y = toy.images(300, train=True)
    again, _ = toy.images(300, train=True)
    other, _ = toy.images(300, train=False)
    assert (x.shape, x.dtype, y.dtype) == ((300, 1, 1, 2), torch.float32, torch.int64)
    assert torch.equal(x, again)
    assert torch.cdist(x.flatten(1).double(), other.flatten(1).double()).min() > 0
    assert 0 <= x.min() < x.max() <= 1
    assert 110 < y.sum() < 190


@NORMS
@pytest.mark.parametrize("eps", [0.02, 0.1, 0.24])
def test_a_path_ends_where_pgd_ends(fitted: Fitted, norm: str, eps: float) -> None:
    model, x, y = fitted
    way = toy.path(model, x, y, norm=norm, eps=eps)
    assert torch.allclose(way.places[-1], pgd(model, x, y, norm=norm, eps=eps, steps=toy.STEPS, start=x), atol=1e-9)
    assert not torch.allclose(way.places[-1], way.places[-2], atol=1e-9)


@NORMS
def test_every_place_is_in_ball_and_box_and_some_aims_are_not(fitted: Fitted, norm: str) -> None:
    model, x, y = fitted
    way = toy.path(model, x, y, norm=norm, eps=0.2)
    order = inf if norm == "linf" else 2
    moved, aimed = ((places - x).flatten(2).norm(order, dim=2) for places in (way.places, way.aims))
    assert moved.max() <= 0.2 + 1e-9
    assert way.places.min() >= 0
    assert way.places.max() <= 1
    assert aimed.max() > 0.2 + 1e-3


@NORMS
def test_a_path_stops_once_the_image_is_misread(fitted: Fitted, norm: str) -> None:
    model, x, y = fitted
    way = toy.path(model, x, y, norm=norm, eps=0.15)
    wrong = torch.stack([~toy.right(model, places, y) for places in way.places])
    for i, moves in enumerate(way.moves.tolist()):
        assert not wrong[:moves, i].any()
        assert wrong[moves, i] or moves == toy.STEPS
        assert torch.equal(way.places[moves, i], way.places[-1, i])
    assert {0, toy.STEPS} < set(way.moves.tolist())


@NORMS
def test_no_radius_below_the_smallest_misleads(fitted: Fitted, norm: str) -> None:
    model, x, y = fitted
    radii = [0.03, 0.06, 0.09, 0.12]
    found = toy.smallest(model, x, y, norm=norm, radii=radii)
    breaks = torch.stack(
        [~toy.right(model, pgd(model, x, y, norm=norm, eps=eps, steps=10, start=x), y) for eps in radii]
    )
    for i, first in enumerate(found.tolist()):
        expected = next((eps for eps, broken in zip(radii, breaks[:, i], strict=True) if broken), inf)
        assert first == (expected if toy.right(model, x[i : i + 1], y[i : i + 1]) else 0.0)
    assert {0.0, inf} < set(found.tolist())


@pytest.mark.parametrize(("norm", "distance"), [("linf", 0.102 / 7), ("l2", 0.102 / 5)])
def test_on_a_linear_model_the_smallest_is_the_distance_to_the_boundary(norm: str, distance: float) -> None:
    """Margins w x + b with w = (3, 4): the distance is the margin over the dual norm, 7 or 5."""
    linear = nn.Linear(2, 2).double()
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
        linear.bias.copy_(torch.tensor([0.0, -3.398]))
    model = nn.Sequential(nn.Flatten(), linear)
    x = torch.full((1, 1, 1, 2), 0.5, dtype=torch.float64)
    radii = [0.001 * k for k in range(1, 40)]
    found = float(toy.smallest(model, x, torch.tensor([1]), norm=norm, radii=radii))
    assert found == next(eps for eps in radii if eps >= distance)


def test_a_boundary_lies_where_margins_are_zero() -> None:
    plane = toy.plane(41).flatten(1)
    margins = (plane - torch.tensor([0.5, 0.4])).norm(dim=1) - 0.3
    pieces = toy.boundary(margins.view(41, 41))
    radii = (pieces - torch.tensor([0.5, 0.4])).norm(dim=2)
    assert (radii - 0.3).abs().max() < 1e-3
    assert abs(float((pieces[:, 0] - pieces[:, 1]).norm(dim=1).sum()) - 2 * torch.pi * 0.3) < 0.01


def test_the_private_model_keeps_its_budget_and_no_more_noise_than_that_takes() -> None:
    way = toy.WAYS["private"]
    noise = toy.noise_multiplier(way)
    rate = way.recipe.batch / toy.N_TRAIN
    spent = accounting.epsilon_spent(noise, rate, way.recipe.steps, toy.DELTA)
    assert 0.99 * way.epsilon < spent <= way.epsilon
    assert accounting.epsilon_spent(0.95 * noise, rate, way.recipe.steps, toy.DELTA) > way.epsilon
    assert way.recipe.max_grad_norm < inf
    assert toy.noise_multiplier(toy.WAYS["plain"]) == toy.noise_multiplier(toy.WAYS["adversarial"]) == 0


def test_training_gets_the_noise_that_was_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[Column, Recipe, float]] = []

    class Watched(Trainer):
        def __init__(self, model: nn.Module, column: Column, recipe: Recipe, sample_rate: float) -> None:
            given.append((column, recipe, sample_rate))
            super().__init__(model, column, recipe, sample_rate)
            self.step = recipe.steps  # nothing is left to do

    monkeypatch.setattr(toy, "Trainer", Watched)
    toy.train("private")
    way = toy.WAYS["private"]
    ((column, recipe, rate),) = given
    assert (column.noise_multiplier, column.max_grad_norm) == (toy.noise_multiplier(way), way.recipe.max_grad_norm)
    assert (recipe, rate) == (way.recipe, way.recipe.batch / toy.N_TRAIN)


def test_training_on_attacked_images_stays_in_the_ball_and_leaves_the_others_alone(fitted: Fitted) -> None:
    model, x, y = fitted
    rows = torch.tensor([3, 5])
    seen = toy.attacked(model, x, y, rows, 0.1, 0)
    assert (seen - x).abs().max() <= 0.1 + 1e-9
    assert ((seen - x).abs().amax((1, 2, 3)) > 0).nonzero()[:, 0].tolist() == [3, 5]
