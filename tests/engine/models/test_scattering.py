"""The scattering transform against kymatio's, and what the linear model built on it promises."""

import numpy as np
import pytest
import torch
from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D

from engine.models.scattering import (
    GROUPS,
    Modulus,
    Scattering,
    ScatteringLinear,
    blocks,
    folding,
    frequencies,
    wavelets,
    waves,
)


@pytest.mark.parametrize("side", [(8, 8), (12, 20), (28, 28)])
def test_same_numbers_as_kymatio(side: tuple[int, int]) -> None:
    x = torch.rand(3, 1, *side, generator=torch.Generator().manual_seed(0))
    theirs = ScatteringTorch2D(2, shape=side, L=8)(x).flatten(1, 2)
    torch.testing.assert_close(Scattering(*side)(x), theirs, rtol=0, atol=5e-5)


def test_same_gradient_as_kymatio() -> None:
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    weights = torch.randn(2, 81, 7, 7, generator=torch.Generator().manual_seed(2))
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    (Scattering(28, 28)(ours) * weights).sum().backward()
    (ScatteringTorch2D(2, shape=(28, 28), L=8)(theirs).flatten(1, 2) * weights).sum().backward()
    assert ours.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-2, atol=1e-4)


@pytest.mark.gpu
def test_same_numbers_and_gradient_on_a_gpu() -> None:
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    transform, seen = Scattering(28, 28), []
    for device in ("cpu", "cuda"):
        there = x.to(device).requires_grad_()
        out = transform.to(device)(there)
        (grad,) = torch.autograd.grad(out.square().sum(), there)
        seen.append((out.detach().cpu(), grad.cpu()))
    torch.testing.assert_close(seen[1][0], seen[0][0], rtol=0, atol=5e-5)
    torch.testing.assert_close(seen[1][1], seen[0][1], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(("step", "size"), [(1, 20), (2, 10)])
def test_blocks_are_the_whole_of_a_filter(step: int, size: int) -> None:
    """Against the definition of a periodic convolution, pixel by pixel, on sides that differ."""
    filters, maps = wavelets(16, 20, 1), np.random.default_rng(0).random((16, 20))
    spectrum = torch.from_numpy(waves(20, folding(20)) @ maps.T)
    after = waves(20, folding(20)) if step == 1 else waves(10, frequencies(10))
    matrices = torch.from_numpy(blocks(filters, step))
    mixed = torch.bmm(matrices, spectrum.reshape(len(matrices), -1, 1)).view(size, -1)
    ours = (torch.from_numpy(after.T) @ mixed).view(size, 2, 16 // step, 8).numpy()
    for y, x, f in ((0, 0, 0), (3, 5, 2), (16 // step - 1, size - 1, 7)):
        turned = np.roll(filters[f, ::-1, ::-1], (step * y + 1, step * x + 1), axis=(0, 1))
        value = (maps * turned).sum()
        np.testing.assert_allclose(ours[x, :, y, f], [value.real, value.imag], atol=1e-12)


def test_channels_do_not_mix() -> None:
    x = torch.rand(2, 3, 8, 8)
    whole, one = Scattering(8, 8)(x), Scattering(8, 8)(x[:, 1:2])
    torch.testing.assert_close(whole[:, 81:162], one)


def test_modulus_is_differentiable_with_zero_gradient_at_zero() -> None:
    parts = torch.tensor([[[3.0, 0.0], [4.0, 0.0]]], dtype=torch.float64, requires_grad=True)
    size = Modulus.apply(parts)
    assert size.tolist() == [[5.0, pytest.approx(0.0, abs=1e-17)]]
    size.sum().backward()
    assert parts.grad is not None
    torch.testing.assert_close(parts.grad, torch.tensor([[[0.6, 0.0], [0.8, 0.0]]], dtype=torch.float64))


def test_features_use_no_statistics_of_the_batch_and_are_normalised_by_group() -> None:
    model = ScatteringLinear((1, 28, 28), 10)
    x = torch.rand(5, 1, 28, 28)
    together, alone = model.features(x), model.features(x[2:3])
    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-4)
    groups = together.view(5, GROUPS, -1)
    torch.testing.assert_close(groups.mean(2), torch.zeros(5, GROUPS), atol=1e-4, rtol=0)


def test_starts_from_zero_weights() -> None:
    model = ScatteringLinear((1, 8, 8), 10)
    assert not model(torch.rand(2, 1, 8, 8)).any()
