"""What every registered model promises."""

import pytest
import torch

from engine.models import models
from engine.models.loss import losses

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]


def made(name: str, shape: tuple[int, int, int]) -> torch.nn.Module:
    torch.manual_seed(0)
    model: torch.nn.Module = models[name].load()(shape, 7)
    for parameter in model.parameters():  # zero weights would hide everything
        torch.nn.init.normal_(parameter, std=0.05)
    return model.eval()


@pytest.mark.parametrize("name", models.names)
@pytest.mark.parametrize("shape", SHAPES)
def test_gives_logits_and_a_gradient(name: str, shape: tuple[int, int, int]) -> None:
    x = torch.rand(3, *shape, requires_grad=True)
    logits = made(name, shape)(x)
    assert logits.shape == (3, 7)
    assert not torch.allclose(logits.sum(1), torch.ones(3))  # not probabilities
    (grad,) = torch.autograd.grad(logits.square().sum(), x)
    assert grad.abs().sum() > 0


@pytest.mark.parametrize("name", models.names)
def test_one_image_does_not_depend_on_its_batch(name: str) -> None:
    model, x = made(name, (1, 8, 8)).double(), torch.rand(6, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(model(x)[2:3], model(x[2:3]), rtol=1e-9, atol=1e-11)
    other = torch.cat([1 - x[:2], x[2:3], 1 - x[3:]])
    torch.testing.assert_close(model(other)[2], model(x)[2], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", models.names)
def test_the_loss_of_one_image_does_not_depend_on_its_batch_and_reaches_every_weight(name: str) -> None:
    model, x = made(name, (1, 8, 8)).double(), torch.rand(6, 1, 8, 8, dtype=torch.float64)
    y = torch.tensor([0, 1, 6, 3, 4, 5])
    found = losses(model, x, y)
    assert found.shape == (6,)
    assert (found > 0).all()
    torch.testing.assert_close(losses(model, x[2:3], y[2:3]), found[2:3], rtol=1e-9, atol=1e-11)
    for grad in torch.autograd.grad(found.sum(), list(model.parameters())):
        assert grad.any()


@pytest.mark.parametrize("name", models.names)
def test_initial_weights_follow_from_the_seed_alone(name: str) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return list(models[name].load()((1, 8, 8), 7).parameters())

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    if not models[name].facts["one_pass"]:  # those start from zero
        assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", models.names)
def test_declares_how_it_trains(name: str) -> None:
    assert {"title", "one_pass", "features", "source"} <= models[name].facts.keys()
    assert models[name].doc
