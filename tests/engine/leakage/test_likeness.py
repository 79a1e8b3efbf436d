"""PSNR by its formula, SSIM beside a naive one made of scipy's filters, and pictures matched whatever their order."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from engine.leakage.likeness import matched, psnr, ssim, window_of


def pair(side: int, channels: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(side)
    a = torch.rand(3, channels, side, side, generator=generator, dtype=torch.float64)
    return a, (a + 0.2 * torch.randn(a.shape, generator=generator)).clamp(0, 1)


def naive(a: np.ndarray, b: np.ndarray, size: int, deviation: float) -> float:
    """One channel, equations 14 to 16 of Wang et al. 2004, by scipy's filter, of which the edges are cut off."""
    reach = size // 2

    def mean(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, deviation, radius=reach)[reach:-reach, reach:-reach]

    c1, c2 = 0.01**2, 0.03**2
    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return float(np.mean((2 * ma * mb + c1) * (2 * both + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))))


@pytest.mark.parametrize(("side", "channels", "window"), [(28, 1, (11, 1.5)), (32, 3, (11, 1.5)), (8, 1, (5, 0.75))])
def test_ssim_is_that_of_the_paper(side: int, channels: int, window: tuple[int, float]) -> None:
    a, b = pair(side, channels)
    assert window_of(a) == window
    by_hand = [
        np.mean([naive(*both, *window) for both in zip(x, y, strict=True)])
        for x, y in zip(a.numpy(), b.numpy(), strict=True)
    ]
    assert ssim(a, b).tolist() == pytest.approx(by_hand, abs=1e-10)
    assert min(by_hand) < 0.95  # or all would be alike


def test_ssim_of_a_picture_with_itself_and_with_its_negative() -> None:
    a, _ = pair(28)
    assert ssim(a, a).tolist() == pytest.approx([1.0] * 3)
    assert bool((ssim(a, 1 - a) < 0).all())


def test_psnr_by_its_formula() -> None:
    a, b = pair(8)
    by_hand = [10 * np.log10(1 / np.mean((x - y) ** 2)) for x, y in zip(a.numpy(), b.numpy(), strict=True)]
    assert psnr(a, b).tolist() == pytest.approx(by_hand)


def test_pictures_are_matched_whatever_their_order() -> None:
    a, b = pair(8)
    order = torch.tensor([2, 0, 1])
    found = matched(a, b[order])
    assert found.order.tolist() == [1, 2, 0]
    assert torch.equal(found.psnr, psnr(a, b))
    assert float(found.psnr.mean()) > float(psnr(a, b[order]).mean()) + 3  # the order had mattered
