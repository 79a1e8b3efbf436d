"""Gradients of single examples: the same as Opacus's over random shapes, and as a plain loop of autograd calls."""

from collections.abc import Callable
from math import inf
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus import GradSampleModule
from torch import Tensor, nn

from engine.privacy import persample
from engine.privacy.bank import MARGIN

Case = tuple[Callable[[], nn.Module], tuple[int, ...]]  # a layer, and the shape of a batch for it
few = st.integers(1, 4)


@st.composite
def linear(draw: Any) -> Case:
    inputs, outputs, bias = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.booleans())
    between = draw(st.lists(few, max_size=2))
    return lambda: nn.Linear(inputs, outputs, bias=bias), (draw(few), *between, inputs)


@st.composite
def convolution(draw: Any, axes: int) -> Case:
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    before, after = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    kernel, dilation, stride = (draw(st.tuples(*[st.integers(1, 3)] * axes)) for _ in range(3))
    same = all(s == 1 for s in stride) and draw(st.booleans())
    padding = "same" if same and axes == 1 else draw(st.tuples(*[st.integers(0, 3)] * axes))
    sides = tuple(draw(st.integers(d * (k - 1) + 1, 10)) for k, d in zip(kernel, dilation, strict=True))
    kind: Any = (nn.Conv1d, nn.Conv2d)[axes - 1]
    bias = draw(st.booleans())

    def make() -> nn.Module:
        return kind(before, after, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias)

    return make, (draw(few), before, *sides)


@st.composite
def group_norm(draw: Any) -> Case:
    groups, width = draw(few), draw(few)
    sides = draw(st.lists(st.integers(1, 5), min_size=1, max_size=2))
    return lambda: nn.GroupNorm(groups, groups * width), (draw(few), groups * width, *sides, 2)


@st.composite
def layer_norm(draw: Any) -> Case:
    shape = draw(st.lists(st.integers(2, 5), min_size=1, max_size=2))
    return lambda: nn.LayerNorm(shape), (draw(few), *draw(st.lists(few, max_size=2)), *shape)


cases = st.one_of(linear(), convolution(1), convolution(2), group_norm(), layer_norm())


def ours(model: nn.Module, x: Tensor, weights: Tensor, views: int = 1) -> persample.Gradients:
    """Of the loss `(model(x) * weights).sum()`."""
    with persample.recorded(model) as calls:
        loss = (model(x) * weights).sum()
    return persample.gradients(calls, loss, views)


def by_loop(model: nn.Module, x: Tensor, weights: Tensor) -> dict[Tensor, Tensor]:
    """Gradient of each example alone, (n, size), by parameter."""
    trained = [p for p in model.parameters() if p.requires_grad]
    each = [
        torch.autograd.grad((model(x[i : i + 1]) * weights[i : i + 1]).sum(), trained, materialize_grads=True)
        for i in range(len(x))
    ]
    return {p: torch.stack([row[k].flatten() for row in each]) for k, p in enumerate(trained)}


def perturbed(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = make()
    for p in model.parameters():
        nn.init.normal_(p)
    return model


@settings(max_examples=150, deadline=None)
@given(case=cases, seed=st.integers(0, 2**20), gram=st.booleans(), double=st.booleans(), last=st.booleans())
def test_norms_equal_opacus(case: Case, seed: int, gram: bool, double: bool, last: bool) -> None:
    make, shape = case
    dtype = torch.float64 if double else torch.float32
    layer = perturbed(make, seed).to(dtype)
    x = torch.randn(shape, dtype=dtype)
    if last and x.dim() == 4:
        x = x.to(memory_format=torch.channels_last)
    weights = torch.randn_like(layer(x))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(persample, "GRAM_FROM", 0 if gram else inf)
        found = persample.norms(ours(layer, x, weights))
    wrapped = GradSampleModule(layer, loss_reduction="sum")
    (wrapped(x.contiguous()) * weights).sum().backward()  # Opacus 1.6 is wrong by a lot where channels lie last
    samples = [p.grad_sample.flatten(1) for p in wrapped.parameters()]
    tolerance = 1e-5 if double else 1e-4
    torch.testing.assert_close(found, torch.cat(samples, 1).norm(dim=1), rtol=tolerance, atol=tolerance**2)


class Reader(nn.Module):
    """A layer that is called again and again, as in a recurrent network."""

    def __init__(self, hidden: int = 3) -> None:
        super().__init__()
        self.read, self.recall = nn.Linear(4, hidden), nn.Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        state = self.read(x[:, 0]).tanh()
        for row in range(1, x.shape[1]):
            state = (self.read(x[:, row]) + self.recall(state)).tanh()
        return state


class Tied(nn.Module):
    """One weight in two layers, of two kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.there, self.back = nn.Linear(6, 6), nn.Conv1d(6, 6, 1, bias=False)
        self.back.weight = nn.Parameter(self.there.weight.detach()[:, :, None].clone())
        self.again = nn.Linear(6, 6)
        self.again.weight = self.there.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.again(self.back(self.there(x).tanh()[:, :, None])[:, :, 0].tanh())


class Owning(nn.Module):
    """A parameter of the model's own beside a layer: all of it goes through torch.func."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.linear = nn.Parameter(torch.ones(6)), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x * self.scale)


def frozen() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 2))
    model[0].weight.requires_grad_(False)
    model[2].requires_grad_(False)
    return model


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"),
        nn.GroupNorm(2, 4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3, stride=2, groups=2, padding="valid"),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.LayerNorm(16),
        nn.Linear(16, 3),
    )


class ChannelsLast(nn.Module):
    """Convolutions that are given channels last, as pooling likes them; the second's Gram matrices are cheaper."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=1), nn.Conv2d(3, 140, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.conv1(x.to(memory_format=torch.channels_last)).tanh()
        assert seen.is_contiguous(memory_format=torch.channels_last)
        return self.conv2(seen).flatten(1)


class Seen(nn.Module):
    """A layer whose input has its channels last in memory."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        kept = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
        return self.layer(x.to(memory_format=kept)).flatten(1)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "network": (network, (5, 1, 6, 6)),
    "channels last": (ChannelsLast, (5, 2, 5, 7)),
    "recurrent": (Reader, (5, 7, 4)),
    "recurrent by Gram matrices": (lambda: Reader(60), (5, 3, 4)),
    "shared weight": (Tied, (5, 6)),
    "frozen parts": (frozen, (5, 6)),
    "a parameter of its own": (Owning, (5, 6)),
    "the same layer twice": (lambda: nn.Sequential(*[nn.Linear(6, 6)] * 3), (5, 6)),
    "Opacus's samplers": (
        lambda: nn.Sequential(nn.InstanceNorm2d(2, affine=True), nn.RMSNorm(3), nn.Flatten(), nn.Linear(18, 2)),
        (5, 2, 3, 3),
    ),
    "Opacus's samplers, channels last": (lambda: Seen(nn.InstanceNorm2d(2, affine=True)), (5, 2, 3, 3)),
    "Opacus's samplers, channels last in space": (lambda: Seen(nn.Conv3d(2, 2, 2)), (5, 2, 3, 3, 3)),
    "torch.func": (lambda: nn.Sequential(nn.ConvTranspose2d(1, 2, 3, 2), nn.PReLU(2), nn.Flatten()), (5, 1, 3, 3)),
}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_equal_a_plain_loop(name: str) -> None:
    make, shape = MODELS[name]
    model = perturbed(make, 0).double()
    x = torch.randn(shape, dtype=torch.float64)
    weights = torch.randn_like(model(x))
    found, expected = ours(model, x, weights), by_loop(model, x, weights)
    assert found.keys() == expected.keys()
    for p, rows in expected.items():
        torch.testing.assert_close(found[p].rows, rows, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found[p].squares(), rows.square().sum(1), rtol=1e-9, atol=1e-11)
    for p, total in persample.clipped_sums(found, 0.5).items():
        size = torch.cat(list(expected.values()), 1).norm(dim=1)
        clipped = expected[p] * (0.5 / size).clamp(max=1)[:, None]
        torch.testing.assert_close(total.flatten(), clipped.sum(0), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_views_of_an_example_are_averaged_before_clipping(name: str) -> None:
    make, (n, *shape) = MODELS[name]
    model = perturbed(make, 0).double()
    x = torch.randn(n * 3, *shape, dtype=torch.float64)
    weights = torch.randn_like(model(x))
    means = {p: rows.unflatten(0, (n, 3)).mean(1) for p, rows in by_loop(model, x, weights).items()}
    size = torch.cat(list(means.values()), 1).norm(dim=1)
    for p, total in persample.clipped_sums(ours(model, x, weights, views=3), 0.5, views=3).items():
        clipped = means[p] * (0.5 / size).clamp(max=1)[:, None]
        torch.testing.assert_close(total.flatten(), clipped.sum(0), rtol=1e-7, atol=1e-9)


def test_nothing_stays_behind() -> None:
    model = perturbed(network, 0)
    x = torch.randn(5, 1, 6, 6)
    ours(model, x, torch.ones(5, 3))
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in model.modules())


def test_channels_last_are_kept_in_both_forms() -> None:
    model = perturbed(ChannelsLast, 0)
    found = ours(model, torch.randn(5, 2, 5, 7), torch.ones(5, 420))
    first, second = (found[model.get_parameter(f"{name}.weight")] for name in ("conv1", "conv2"))
    assert isinstance(first, persample.Turned)
    assert isinstance(first.found, persample.Rows)
    assert isinstance(second, persample.Turned)
    assert isinstance(second.found, persample.Outer)


@pytest.mark.parametrize(("make", "shape", "outputs"), [(network, (1, 6, 6), 3), (ChannelsLast, (2, 5, 7), 420)])
def test_an_example_without_a_finite_gradient_adds_nothing(
    make: Callable[[], nn.Module], shape: tuple[int, ...], outputs: int
) -> None:
    model = perturbed(make, 0)
    x = torch.randn(5, *shape)
    weights = torch.ones(5, outputs)
    rest = persample.clipped_sums(ours(model, x[[0, 1, 3, 4]], weights[:4]), 0.5)
    for bad in (float("nan"), float("inf"), 1e30):
        weights[2] = bad
        for p, total in persample.clipped_sums(ours(model, x, weights), 0.5).items():
            if bad != 1e30:
                torch.testing.assert_close(total, rest[p], rtol=1e-5, atol=1e-6)
            assert bool(total.isfinite().all())


def test_positions_that_cancel_are_not_taken_for_a_small_gradient() -> None:
    """Where large outer products cancel, Gram matrices in float32 know the norm to their own rounding only."""
    torch.manual_seed(0)
    left, right = torch.randn(200, 64, 1), torch.randn(200, 64, 1)
    moved = left * (1 + 1e-4 * torch.randn(200, 64, 1))
    outer = persample.Outer(torch.cat([left, moved], 2), torch.cat([right, -right], 2))
    true = persample.Outer(outer.left.double(), outer.right.double()).rows.norm(dim=1)
    assert bool((outer.squares().sqrt() < true * 0.99).any()), "the control must be too small somewhere"
    assert bool((outer.at_most().sqrt() >= true * 0.99).all())
    assert torch.equal(persample.Turned(outer, (64, 8, 8, 1)).at_most(), outer.at_most())


@pytest.mark.parametrize("length", [256, 4_000, 50_000])
def test_long_dot_products_of_positive_numbers_hide_nothing(length: int) -> None:
    """Their rounding grows with the length, all the more for pictures of one colour, and cancelling bares it."""
    torch.manual_seed(0)
    colour = torch.rand(100, 1, 1)
    flat = (colour * (1 + 1e-3 * torch.randn(100, 1, 2))).expand(-1, length, -1)
    right = torch.randn(100, 10, 1) * torch.tensor([1.0, -1.0])
    outer = persample.Outer(flat.contiguous(), right)
    true = persample.Outer(outer.left.double(), outer.right.double()).rows.norm(dim=1)
    assert bool((outer.at_most().sqrt() >= true * (1 - MARGIN / 2)).all())
    sizes = torch.linalg.vector_norm(outer.left, dim=1) * torch.linalg.vector_norm(outer.right, dim=1)
    fixed = persample.GRAM_ERROR * torch.finfo(torch.float32).eps * sizes.sum(1).square()
    assert bool(((outer.squares() + fixed).sqrt() < true * (1 - MARGIN)).any()), "the control must be too small"


@pytest.mark.parametrize("positions", [1, 2])
@pytest.mark.parametrize("small", [1e-20, 1e-22, 1e-24])
def test_tiny_inputs_do_not_hide_huge_gradients(positions: int, small: float) -> None:
    """Squares of numbers below 1e-19 are lost in float32, those of 1e18 are not."""
    torch.manual_seed(0)
    outer = persample.Outer(small * torch.rand(50, 9, positions), 1e18 * torch.randn(50, 4, positions))
    true = persample.Outer(outer.left.double(), outer.right.double()).rows.norm(dim=1)
    assert bool((outer.at_most().double().sqrt() >= true * (1 - MARGIN / 2)).all())


@pytest.mark.parametrize("positions", [1, 3])
def test_ordinary_numbers_keep_their_bits(positions: int) -> None:
    """What models were trained with: float32 with its usual error, neither raised by float64 nor by tiny squares."""
    torch.manual_seed(0)
    left, right = torch.randn(500, 144, positions), 1e-6 * torch.randn(500, 64, positions)
    sizes = torch.linalg.vector_norm(left, dim=1) * torch.linalg.vector_norm(right, dim=1)
    if positions == 1:
        norms = (torch.linalg.vector_norm(part, dim=(1, 2)).square() for part in (left, right))
        assert torch.equal(persample.Outer(left, right).at_most(), next(norms) * next(norms))
    else:
        usual = persample.GRAM_ERROR * torch.finfo(torch.float32).eps * sizes.sum(1).square()
        outer = persample.Outer(left, right)
        assert torch.equal(outer.at_most(), outer.squares() + usual)
