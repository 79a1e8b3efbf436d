"""Interval bounds: what is certified stands every attack, and the bounds are not looser than they need to be."""

from itertools import pairwise, product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.errors import BadInput
from engine.models import models
from engine.models.convnets import TemperedCnn
from engine.models.layers import Layer, Layered, Monotone
from engine.robustness import certificates
from engine.robustness.certificates import certified_radius, interval, layers_of, margins, through
from engine.robustness.gradient import pgd
from tests.engine.robustness.networks import LinearNet, ReluNet, digits, trained

RADII = (0.001, 0.003, 0.006)
NETS = ("cnn", "relu")


def unseen() -> tuple[Tensor, Tensor]:
    x, y = digits()
    return x[1600:], y[1600:]


def broken(model: nn.Module, x: Tensor, y: Tensor, eps: float) -> int:
    """Images that a long attack with restarts gets misread."""
    fooled = torch.zeros(len(x), dtype=torch.bool)
    for seed in range(3):
        fooled |= model(pgd(model, x, y, norm="linf", eps=eps, steps=60, seed=seed)).argmax(1) != y
    return int(fooled.sum())


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("eps", RADII)
def test_no_attack_passes_what_is_certified(name: str, eps: float) -> None:
    model, (x, y) = trained(name), unseen()
    certified = interval(model, x, y, eps=eps)
    assert certified.any()
    assert broken(model, x[certified], y[certified], eps) == 0


@pytest.mark.parametrize("name", NETS)
def test_the_attack_would_find_bounds_that_are_too_narrow(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def hopeful(apply: Any, layer: nn.Linear | nn.Conv2d, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        low, high = was(apply, layer, low, high)
        middle, radius = (low + high) / 2, (high - low) / 8
        return middle - radius, middle + radius

    was = certificates._affine
    monkeypatch.setattr(certificates, "_affine", hopeful)
    model, (x, y) = trained(name), unseen()
    certified = interval(model, x, y, eps=0.08)
    assert broken(model, x[certified], y[certified], 0.08) > 20


@pytest.mark.parametrize("name", NETS)
def test_what_is_certified_falls_with_eps(name: str) -> None:
    model, (x, y) = trained(name), unseen()
    found = [interval(model, x, y, eps=eps) for eps in (0.0, *RADII, 0.03)]
    assert all(bool((b <= a).all()) for a, b in pairwise(found))
    assert not (found[0] & (model(x).argmax(1) != y)).any(), "an image that is misread is certified at no radius"
    assert found[0].float().mean() > (model(x).argmax(1) == y).float().mean() - 0.02
    assert not found[-1].all()


def test_a_linear_model_is_certified_exactly_as_far_as_it_stands() -> None:
    torch.manual_seed(1)
    model, x = LinearNet(64, 5), 0.3 + 0.4 * torch.rand(200, 1, 8, 8)
    y = model(x).argmax(1)
    weight = model.fc.weight.double()
    gaps = (model(x).double().gather(1, y[:, None]) - model(x).double()).detach()
    sizes = (weight[y][:, None] - weight).abs().sum(2)
    exact = (gaps / sizes).nan_to_num(torch.inf).amin(1)  # no pixel reaches the box: eps stays under 0.3
    assert exact.max() < 0.3
    torch.testing.assert_close(certified_radius(model, x, y), exact, rtol=0, atol=1.0 / 2**15 + 1e-5)
    assert bool((certified_radius(model, x, y) <= exact).all())
    beyond = [broken(model, x[i : i + 1], y[i : i + 1], 2 * exact[i].item()) for i in range(0, 200, 20)]
    assert beyond == [1] * 10, "bounds of half the size would be broken"


def test_the_box_counts() -> None:
    """A black image cannot get darker: with weights that only darkness would help, it stands at every radius."""
    model = LinearNet(4, 2)
    with torch.no_grad():
        model.fc.weight.copy_(torch.tensor([[1.0] * 4, [0.0] * 4]))
        model.fc.bias.copy_(torch.tensor([0.1, 0.0]))
    black, grey, y = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.5), torch.tensor([0])
    assert certified_radius(model, black, y).item() == 1
    assert certified_radius(model, grey, y).item() == 1, "the nearest other class lies beyond the box"
    with torch.no_grad():
        model.fc.bias.copy_(torch.tensor([-0.2, 0.0]))
    assert certified_radius(model, black, y).item() == -1
    assert certified_radius(model, grey, y).item() == pytest.approx(0.45, abs=1e-4)


class Tiny(Layered):
    """Three pixels, so that all pictures of a ball can be tried."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 4), nn.Linear(4, 3)

    def layers(self) -> tuple[Layer, ...]:
        return Monotone(lambda x: x.flatten(1)), self.fc1, Monotone(torch.tanh), self.fc2


def test_margins_are_under_those_of_every_picture_of_the_ball() -> None:
    steps = torch.tensor(list(product(torch.linspace(-1, 1, 11).tolist(), repeat=3))).view(-1, 1, 1, 3)
    for seed in range(20):
        torch.manual_seed(seed)
        model, x, eps = Tiny().double(), torch.rand(1, 1, 1, 3), 0.2
        y = model(x.double()).argmax(1)
        logits = model((x + eps * steps).clamp(0, 1).double()).detach()
        others = [(int(y) + k) % 3 for k in (1, 2)]
        least = torch.stack([(logits[:, y[0]] - logits[:, other]).amin() for other in others])
        found = margins(model.layers(), x, y, torch.tensor([eps]))[0]
        assert bool((found <= least).all())
        assert bool((found >= least - 0.5).all()), "far too loose to be of use"


@pytest.mark.parametrize("name", ["cnn", "relu", "deep"])
@pytest.mark.parametrize("rounding", [True, False])
def test_rounding_is_covered(name: str, rounding: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What float32 gives behind each layer lies within the bounds of a single picture; not without the allowance."""
    if not rounding:
        monkeypatch.setattr(certificates, "UNIT", 0.0)
    torch.manual_seed(2)
    nets = {"cnn": TemperedCnn((3, 9, 12), 10), "relu": ReluNet(3, 32), "deep": TemperedCnn((1, 28, 28), 10)}
    model, shape = nets[name], {"cnn": (3, 9, 12), "relu": (3, 32, 32), "deep": (1, 28, 28)}[name]
    value = torch.rand(50, *shape)
    low = high = value.double()
    inside = True
    for layer in model.layers():
        value, (low, high) = layer(value), through(layer, low, high)
        inside &= bool(((low <= value) & (value <= high)).all())
    assert inside is rounding


def test_a_radius_is_one_that_interval_certifies_and_the_next_is_not() -> None:
    model, (x, y) = trained("relu"), unseen()
    radius = certified_radius(model, x[:60], y[:60], most=0.05)
    for image, label, eps in zip(x[:60], y[:60], radius.tolist(), strict=True):
        if eps < 0:
            assert not interval(model, image[None], label[None], eps=0.0)
        else:
            assert interval(model, image[None], label[None], eps=eps)
            assert not interval(model, image[None], label[None], eps=eps + 0.05 / 2**15)


@pytest.mark.parametrize("name", [name for name in models.names if name not in ("cnn", "pretrained-linear")])
def test_a_network_that_does_not_tell_its_layers_is_refused(name: str) -> None:
    model = models[name].load()((1, 8, 8), 10)
    if isinstance(model, Layered):
        return
    with pytest.raises(BadInput, match=r"^interval bounds need a network that tells its layers, as cnn does; \w+ does"):
        interval(model, *unseen(), eps=0.1)


def test_a_forward_pass_of_its_own_is_refused() -> None:
    class Drifted(ReluNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 2

    with pytest.raises(BadInput, match="Drifted"):
        layers_of(Drifted())


def test_eps_has_bounds() -> None:
    with pytest.raises(BadInput, match=r"eps=-0.1 is not in \[0, 1\]"):
        interval(trained("cnn"), *unseen(), eps=-0.1)


def test_the_network_is_its_layers() -> None:
    """The order and the names of weights of stored models, and numbers as they were before layers were told."""
    torch.manual_seed(0)
    model, x = TemperedCnn((1, 8, 8), 7), torch.rand(4, 1, 8, 8)
    names = [f"{layer}.{part}" for layer in ("conv1", "conv2", "fc1", "fc2") for part in ("weight", "bias")]
    assert list(model.state_dict()) == names
    seen = nn.functional.interpolate(x, (16, 16), mode="bilinear").to(memory_format=torch.channels_last)
    seen = nn.functional.max_pool2d(model.conv1(2 * seen - 1).tanh(), 2, 1)
    seen = nn.functional.max_pool2d(model.conv2(seen).tanh(), 2, 1)
    assert torch.equal(model(x), model.fc2(model.fc1(seen.flatten(1)).tanh()))
    assert models["cnn"].version == 3
