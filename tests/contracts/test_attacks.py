"""What every registered attack promises, as its facts declare: which contracts hold for it follows from them.

All: the box, no side effects, the same seed gives the same pictures, eps 0 gives the images back. With a ball: the
ball. Ours: an image alone or in a batch, and a radius for each image. White box: nearly the optimum where it is known.
"""

import random
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.models.convnets import TemperedCnn
from engine.robustness import attacks
from engine.robustness.gradient import length

FACTS = {name: attacks[name].facts for name in attacks.names}
CASES = [(name, norm) for name in attacks.names for norm in FACTS[name]["norms"]]
BALLS = [(name, norm) for name, norm in CASES if norm != "spatial"]
OURS = [(name, norm) for name, norm in CASES if FACTS[name]["own"]]
WHITE = [(name, norm) for name, norm in BALLS if FACTS[name]["access"] == "white-box"]
STRAIGHT = [(name, norm) for name, norm in WHITE if not FACTS[name].get("minimal")]
MINIMAL = [(name, norm) for name, norm in WHITE if FACTS[name].get("minimal")]
LARGE = {"linf": 0.3, "l2": 4.0}  # radii at which AutoAttack soon ends: 5,000 looks at what stands take long


def setting(channels: int = 1, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor, Tensor]:
    """An untrained network, images that touch 0 and 1, and labels it agrees with, so that there is work to do."""
    torch.manual_seed(3)
    model = TemperedCnn((channels, 16, 16), 4).to(dtype).eval()
    x = (torch.rand(6, channels, 16, 16, dtype=dtype) * 1.4 - 0.2).clamp(0, 1)
    return model, x, model(x).argmax(1)


def run(name: str, model: nn.Module, x: Tensor, y: Tensor, **how: Any) -> Tensor:
    """The attack's pictures; one that needs another model gets one of the same kind, with weights of its own."""
    if FACTS[name].get("needs") == "source":
        torch.manual_seed(4)
        how["source"] = TemperedCnn((x.shape[1], 16, 16), 4).to(x.dtype).eval()
    x_adv: Tensor = attacks[name].load()(model, x, y, **{"seed": 0, **how})
    return x_adv


def radius(name: str, norm: str, eps: float) -> float:
    return max(eps, LARGE[norm]) if name.startswith("autoattack") else eps


def linear(scale: float) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """Two classes and images far from the box; the model, x, y, and the direction w (N, 64) that the margin falls in.

    With `scale` the model is sure of itself: its gradient is tiny and must still point the right way.
    """
    torch.manual_seed(0)
    layer = nn.Linear(64, 2).double()
    with torch.no_grad():
        layer.weight *= scale
        layer.bias.zero_()
    model = nn.Sequential(nn.Flatten(), layer)
    x = 0.5 + 0.05 * torch.randn(8, 1, 8, 8, dtype=torch.float64)
    y = model(x).argmax(1)
    return model, x, y, (layer.weight[1 - y] - layer.weight[y]).detach()


def dual(w: Tensor, norm: str) -> Tensor:
    return w.abs().sum(1) if norm == "linf" else w.norm(dim=1)


@pytest.mark.parametrize("name", attacks.names)
def test_declares_itself(name: str) -> None:
    facts = FACTS[name]
    assert {"title", "norms", "iterative", "strength", "access", "cost", "own", "source"} <= facts.keys()
    assert facts["strength"] in ("weak", "medium", "strong", "strongest")
    assert facts["access"] in ("white-box", "black-box", "none")
    assert set(facts["norms"]) <= {"linf", "l2", "spatial"}
    assert facts["source"].startswith("arXiv:")
    assert len(attacks[name].doc) > 40


@pytest.mark.parametrize(("name", "norm"), CASES)
@pytest.mark.parametrize("eps", [0.03, 0.5])
@pytest.mark.parametrize("channels", [1, 3])
def test_stays_in_ball_and_box(name: str, norm: str, eps: float, channels: int) -> None:
    model, x, y = setting(channels)
    eps = radius(name, norm, eps)
    x_adv = run(name, model, x, y, norm=norm, eps=eps, steps=7)
    assert x_adv.shape == x.shape
    assert x_adv.dtype == x.dtype
    assert float(x_adv.min()) >= 0
    assert float(x_adv.max()) <= 1
    assert not torch.equal(x_adv, x)
    if norm != "spatial":
        assert float(length(x_adv - x, norm).max()) <= eps + 1e-12
    if (name, norm) in STRAIGHT:
        stands = model(x_adv).argmax(1) == y
        assert bool((length(x_adv - x, norm) > 0.25 * eps)[stands].all())


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_eps_0_gives_the_images_back(name: str, norm: str) -> None:
    model, x, y = setting()
    assert torch.equal(run(name, model, x, y, norm=norm, eps=0.0, steps=3), x)
    if FACTS[name]["own"]:
        assert torch.equal(run(name, model, x, y, norm=norm, eps=torch.zeros(len(x)), steps=3), x)


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_of_no_images_makes_no_pictures(name: str, norm: str) -> None:
    model, x, y = setting()
    assert run(name, model, x[:0], y[:0], norm=norm, eps=0.1, steps=3).shape == x[:0].shape


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_leaves_model_images_labels_and_random_state_alone(name: str, norm: str) -> None:
    cnn, x, y = setting()
    model = nn.Sequential(nn.BatchNorm2d(1).double(), nn.Dropout(0.5), cnn).eval()
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    images, labels = x.clone(), y.clone()
    states = torch.random.get_rng_state(), random.getstate(), numpy_state()
    run_on(name, model, x, y, norm=norm, eps=radius(name, norm, 0.1), steps=3)
    assert all(torch.equal(weights[key], value) for key, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(module.training for module in model.modules())
    assert torch.equal(x, images)
    assert not x.requires_grad
    assert torch.equal(y, labels)
    assert torch.equal(torch.random.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert numpy_state() == states[2]


def numpy_state() -> str:
    return repr(np.random.get_state(legacy=False))  # noqa: NPY002 - the global state is what is watched


def run_on(name: str, model: nn.Module, x: Tensor, y: Tensor, **how: Any) -> None:
    """`run` itself seeds the global state when it makes a source: here the model is its own."""
    source = {"source": model} if FACTS[name].get("needs") == "source" else {}
    attacks[name].load()(model, x, y, seed=5, **how, **source)


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_the_same_seed_gives_the_same_pictures_whatever_was_drawn_before(name: str, norm: str) -> None:
    model, x, y = setting()
    torch.manual_seed(1)
    eps = radius(name, norm, 0.1)
    first = run(name, model, x, y, norm=norm, eps=eps, steps=4, seed=1)
    torch.manual_seed(2)
    assert torch.equal(first, run(name, model, x, y, norm=norm, eps=eps, steps=4, seed=1))


@pytest.mark.parametrize(("name", "norm"), OURS)
def test_an_image_gets_the_same_picture_alone_and_in_a_batch(name: str, norm: str) -> None:
    model, x, y = setting()
    together = run(name, model, x, y, norm=norm, eps=0.1, steps=12, seed=1)
    for i in (0, 2, 5):
        alone = run(name, model, x[i : i + 1], y[i : i + 1], norm=norm, eps=0.1, steps=12, seed=1)
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "norm"), OURS)
def test_a_radius_for_each_image_is_each_image_at_its_radius(name: str, norm: str) -> None:
    model, x, y = setting()
    eps = torch.tensor([0.0, 0.02, 0.05, 0.1, 0.3, 1.0], dtype=torch.float64)
    together = run(name, model, x, y, norm=norm, eps=eps, steps=12, seed=1)
    alone = [
        run(name, model, x[i : i + 1], y[i : i + 1], norm=norm, eps=float(eps[i]), steps=12, seed=1)
        for i in range(len(x))
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "norm"), [case for case in OURS if case in BALLS])
def test_goes_on_from_pictures_without_leaving_the_ball(name: str, norm: str) -> None:
    model, x, y = setting()
    start = run(name, model, x, y, norm=norm, eps=0.2, steps=4)
    x_adv = run(name, model, x, y, norm=norm, eps=0.1, steps=4, start=start)
    assert float(length(x_adv - x, norm).max()) <= 0.1 + 1e-12


@pytest.mark.parametrize(("name", "norm"), STRAIGHT)
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_reaches_the_optimum_on_a_linear_model(name: str, norm: str, scale: float) -> None:
    """The best loss gain is eps |w|_1 (linf) or eps |w|_2 (l2) (Goodfellow 2014)."""
    model, x, y, w = linear(scale)
    if FACTS[name]["own"]:
        x_adv = run(name, model, x, y, norm=norm, eps=1e-3, steps=40)
        gain = ((x_adv - x).flatten(1) * w).sum(1)
        stopped = model(x_adv).argmax(1) != y  # an image that is misread needs no more
        assert bool(((gain >= 0.95 * 1e-3 * dual(w, norm)) | stopped).all())
    exact = gap(model, x, y) / dual(w, norm)
    for i in range(2) if not FACTS[name]["own"] else range(len(x)):
        one = slice(i, i + 1)
        x_adv = run(name, model, x[one], y[one], norm=norm, eps=float(exact[i]) / 0.95, steps=40)
        assert model(x_adv).argmax(1) != y[one]


@pytest.mark.parametrize(("name", "norm"), MINIMAL)
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_finds_the_smallest_perturbation_of_a_linear_model(name: str, norm: str, scale: float) -> None:
    """Exactly margin / |w|_1 (linf) or margin / |w|_2 (l2)."""
    model, x, y, w = linear(scale)
    exact = gap(model, x, y) / dual(w, norm)
    x_adv = run(name, model, x, y, norm=norm, eps=3 * float(exact.max()), steps=40)
    assert bool((model(x_adv).argmax(1) != y).all())
    assert bool((length(x_adv - x, norm) <= 1.05 * exact).all())
    assert bool((length(x_adv - x, norm) >= exact * (1 - 1e-9)).all())


def gap(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    logits = model(x).detach()
    return (logits.gather(1, y[:, None]) - logits.gather(1, 1 - y[:, None]))[:, 0]


@pytest.mark.parametrize(("name", "norm"), CASES)
@pytest.mark.parametrize("sure", [0.0, 1e4])
def test_survives_a_gradient_of_zero(name: str, norm: str, sure: float) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 4))
    nn.init.zeros_(model[1].weight)  # type: ignore[arg-type]
    with torch.no_grad():
        model[1].bias.copy_(torch.tensor([sure, 0, 0, 0]))  # type: ignore[operator]
    if name.startswith("autoattack"):
        pytest.skip("5,000 looks at images that nothing can break; test_library.py breaks what it can")
    x_adv = run(name, model, torch.rand(2, 1, 16, 16), torch.tensor([0, 0]), norm=norm, eps=0.1, steps=3)
    assert bool(x_adv.isfinite().all())
    assert float(x_adv.min()) >= 0
    assert float(x_adv.max()) <= 1


def test_l2_radius_of_the_whole_box_is_a_bound() -> None:
    x = torch.zeros(1, 1, 8, 8)
    assert float(length(torch.ones_like(x) - x, "l2")) == pytest.approx(sqrt(64))
