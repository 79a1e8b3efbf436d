"""What every registered defence promises: an example's own loss or picture, whoever stands beside it."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from engine.defences import defences
from engine.defences.guarded import Guarded
from engine.defences.training import Defended
from engine.models import models
from engine.planning import defendable, of_kind
from engine.privacy import keyed
from engine.privacy.dpsgd import clipped_sum, twin

TRAINING, INPUT = of_kind("training"), of_kind("input")
NETWORKS = [name for name in models.names if defendable(name)]
SHAPE, EPS, BOUND = (1, 8, 8), 0.1, 0.5
Bound = Callable[[nn.Module, Tensor, Tensor], Tensor]


def setting(name: str = "fast-cnn") -> tuple[nn.Module, Tensor, Tensor]:
    """A network in float64, and images that touch 0 and 1."""
    torch.manual_seed(2)
    model = models[name].load()(SHAPE, 5).double().eval()
    x = (torch.rand(7, *SHAPE, dtype=torch.float64) * 1.4 - 0.2).clamp(0, 1)
    return model, x, torch.arange(7) % 5


def loss_of(name: str, attacked: nn.Module, rows: Tensor) -> Bound:
    """A defence's loss on the images `rows` of a training set, as a trainer asks for it."""
    return partial(Defended(name, EPS, SHAPE), attacked=attacked, noise=keyed.of_rows(5, 3, rows))


@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.parametrize("network", NETWORKS)
def test_gives_one_finite_loss_an_example_which_reaches_every_weight(name: str, network: str) -> None:
    model, x, y = setting(network)
    found = loss_of(name, model, torch.arange(7))(model, x, y)
    assert found.shape == (7,)
    assert bool(found.isfinite().all())
    assert all(grad.any() for grad in torch.autograd.grad(found.sum(), list(model.parameters())))


@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.parametrize("network", NETWORKS)
def test_an_example_has_the_same_loss_alone_and_in_any_company(name: str, network: str) -> None:
    model, x, y = setting(network)
    together = loss_of(name, model, torch.arange(7))(model, x, y)
    for rows in (torch.tensor([3]), torch.tensor([6, 3, 0])):
        some = loss_of(name, model, rows)(model, x[rows], y[rows])
        torch.testing.assert_close(some, together[rows], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", TRAINING)
def test_numbers_follow_the_row_and_not_the_place(name: str) -> None:
    model, x, y = setting()
    here, there = (loss_of(name, model, torch.tensor([row]))(model, x[:1], y[:1]) for row in (0, 1))
    assert (here != there) == defences[name].facts["random"]


@pytest.mark.parametrize("name", TRAINING)
def test_training_leaves_model_images_and_random_state_alone(name: str) -> None:
    model, x, y = setting()
    weights, images, state = [p.clone() for p in model.parameters()], x.clone(), torch.random.get_rng_state()
    loss_of(name, model, torch.arange(7))(model, x, y)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(x, images)
    assert torch.equal(state, torch.random.get_rng_state())


def neighbours_differ_by(loss: Callable[[Tensor], Bound], network: str) -> float:
    """Norm of the difference of the clipped sums of 7 images and of the same without image 2, over the bound."""
    model, x, y = setting(network)
    trained, all_rows, fewer = twin(model), torch.arange(7), torch.tensor([0, 1, 3, 4, 5, 6])
    sums = [clipped_sum(trained, x[rows], y[rows], BOUND, loss=loss(rows)) for rows in (all_rows, fewer)]
    apart = torch.cat([(sums[0][p] - sums[1][p]).flatten() for p in trained.parameters() if p in sums[0]])
    return float(apart.norm()) / BOUND


@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.parametrize("network", NETWORKS)
def test_one_image_moves_the_clipped_sum_by_no_more_than_the_bound(name: str, network: str) -> None:
    model, _, _ = setting(network)
    assert 0.1 < neighbours_differ_by(partial(loss_of, name, model), network) <= 1


def test_a_perturbation_that_looks_at_the_batch_breaks_the_bound() -> None:
    """The negative control of the test above: every image is moved by the batch's mean."""

    def towards_the_mean(rows: Tensor) -> Bound:
        return lambda model, x, y: nn.functional.cross_entropy(
            model((x + 20 * x.mean(0)).sin() / 2 + 0.5), y, reduction="none"
        )

    assert neighbours_differ_by(towards_the_mean, "fast-cnn") > 1.5


@pytest.mark.parametrize("name", INPUT)
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_a_guard_gives_pictures_and_hands_a_gradient_on(name: str, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(1)
    x = torch.rand(3, *shape, requires_grad=True)
    seen = Guarded(nn.Flatten(), name).seen(x, 0)
    assert seen.shape == x.shape
    assert float(seen.detach().min()) >= 0
    assert float(seen.detach().max()) <= 1
    assert not torch.equal(seen, x)
    (grad,) = torch.autograd.grad(seen.sum(), x)
    assert bool(grad.flatten(1).any(1).all())


@pytest.mark.parametrize("name", INPUT)
def test_a_guarded_model_answers_alone_as_in_a_batch_and_touches_nothing(name: str) -> None:
    model, x, _ = setting()
    state = torch.random.get_rng_state()
    for guarded in (Guarded(model, name), Guarded(model, name).surrogate):
        together = guarded(x)
        torch.testing.assert_close(guarded(x[2:4]), together[2:4], rtol=1e-9, atol=1e-11)
        assert torch.equal(guarded(x), together)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("name", INPUT)
def test_another_seed_is_other_noise_if_and_only_if_a_guard_draws(name: str) -> None:
    model, x, _ = setting()
    assert torch.equal(Guarded(model, name, 0)(x), Guarded(model, name, 1)(x)) != defences[name].facts["random"]


@pytest.mark.parametrize("name", INPUT)
def test_a_guard_that_says_it_is_differentiable_has_the_gradient_it_hands_on(name: str) -> None:
    """By differences along a direction; one that is not must fail here, or passing it straight on would be needless."""
    torch.manual_seed(1)
    x = (0.3 + 0.4 * torch.rand(1, *SHAPE, dtype=torch.float64)).requires_grad_(True)
    guard, noise, step = defences[name].load(), keyed.of_rows(0, 0, torch.arange(1)), 1e-7 * torch.rand_like(x)
    with torch.no_grad():
        measured = (guard(x + step, noise=noise) - guard(x - step, noise=noise)).sum() / 2
    (grad,) = torch.autograd.grad(guard(x, noise=noise).sum(), x)
    exact = float(measured) == pytest.approx(float((grad * step).sum()), rel=1e-4)
    assert exact == defences[name].facts["differentiable"]


@pytest.mark.parametrize("name", defences.names)
def test_declares_itself(name: str) -> None:
    assert {"title", "kind", "random", "differentiable", "dearer", "source"} <= defences[name].facts.keys()
    assert defences[name].facts["kind"] in ("training", "input")
    assert defences[name].doc
