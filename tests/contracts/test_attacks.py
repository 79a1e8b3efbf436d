"""What every registered attack promises: ball, box, no side effects, and nearly the optimum where it is known."""

from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from engine.models.convnets import TemperedCnn
from engine.robustness import attacks

CASES = [(name, norm) for name in attacks.names for norm in attacks[name].facts["norms"]]


def setting(dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor, Tensor]:
    """An untrained network, images that touch 0 and 1, and labels it agrees with, so that there is work to do."""
    torch.manual_seed(3)
    model = TemperedCnn((1, 16, 16), 4).to(dtype).eval()
    x = (torch.rand(6, 1, 16, 16, dtype=dtype) * 1.4 - 0.2).clamp(0, 1)
    return model, x, model(x).argmax(1)


def size(delta: Tensor, norm: str) -> Tensor:
    return delta.abs().flatten(1).amax(1) if norm == "linf" else delta.flatten(1).norm(dim=1)


@pytest.mark.parametrize(("name", "norm"), CASES)
@pytest.mark.parametrize("eps", [0.0, 0.03, 0.5])
def test_stays_in_ball_and_box(name: str, norm: str, eps: float) -> None:
    model, x, y = setting()
    x_adv = attacks[name].load()(model, x, y, norm=norm, eps=eps, steps=7, seed=0)
    assert float(size(x_adv - x, norm).max()) <= eps + 1e-12
    assert float(x_adv.min()) >= 0
    assert float(x_adv.max()) <= 1
    if eps == 0.5:
        assert float(size(x_adv - x, norm).max()) > 0.25 * eps


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_leaves_model_images_and_random_state_alone(name: str, norm: str) -> None:
    model, x, y = setting()
    weights, images, state = [p.clone() for p in model.parameters()], x.clone(), torch.random.get_rng_state()
    attacks[name].load()(model, x, y, norm=norm, eps=0.1, steps=3, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(x, images)
    assert torch.equal(state, torch.random.get_rng_state())
    assert not model.training


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_same_seed_same_pictures_alone_or_in_a_batch(name: str, norm: str) -> None:
    model, x, y = setting()
    run = attacks[name].load()
    together = run(model, x, y, norm=norm, eps=0.1, steps=5, seed=1)
    again = run(model, x, y, norm=norm, eps=0.1, steps=5, seed=1)
    alone = run(model, x[2:3], y[2:3], norm=norm, eps=0.1, steps=5, seed=1)
    assert torch.equal(together, again)
    torch.testing.assert_close(together[2:3], alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "norm"), CASES)
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_reaches_the_optimum_on_a_linear_model(name: str, norm: str, scale: float) -> None:
    """Two classes, far from the box: the best loss gain is eps |w|_1 (linf) or eps |w|_2 (l2) (Goodfellow 2014).

    With `scale` the model is sure of itself: its gradient is tiny and must still point the right way.
    """
    torch.manual_seed(0)
    linear = nn.Linear(64, 2).double()
    with torch.no_grad():
        linear.weight *= scale
        linear.bias.zero_()
    model = nn.Sequential(nn.Flatten(), linear)
    x = 0.5 + 0.05 * torch.randn(8, 1, 8, 8, dtype=torch.float64)
    y, eps = model(x).argmax(1), 1e-3
    w = linear.weight[1 - y] - linear.weight[y]
    best = eps * (w.abs().sum(1) if norm == "linf" else w.norm(dim=1))
    x_adv = attacks[name].load()(model, x, y, norm=norm, eps=eps, steps=40, seed=0)
    gain = ((x_adv - x).flatten(1) * w).sum(1)
    stopped = model(x_adv).argmax(1) != y  # an image that is misread needs no more
    assert bool(((gain >= 0.95 * best) | stopped).all())


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_survives_a_gradient_of_zero(name: str, norm: str) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False))
    nn.init.zeros_(model[1].weight)  # type: ignore[arg-type]
    x_adv = attacks[name].load()(
        model, torch.rand(2, 1, 4, 4), torch.tensor([0, 0]), norm=norm, eps=0.1, steps=3, seed=0
    )
    assert bool(x_adv.isfinite().all())


@pytest.mark.parametrize("name", attacks.names)
def test_declares_itself(name: str) -> None:
    assert {"title", "norms", "iterative", "strength", "source"} <= attacks[name].facts.keys()


def test_l2_radius_of_the_whole_box_is_a_bound() -> None:
    x = torch.zeros(1, 1, 8, 8)
    assert float(size(torch.ones_like(x) - x, "l2")) == pytest.approx(sqrt(64))
