"""How much a rebuilt picture is like the true one: PSNR, SSIM, and which picture was meant.

Pictures are (n, C, H, W) in [0, 1].
"""

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

K1, K2 = 0.01, 0.03  # Wang et al. 2004, section III-C
SMALL = 16  # pixels a side under which the window is the small one
LARGE_WINDOW, SMALL_WINDOW = (11, 1.5), (5, 0.75)  # pixels a side, standard deviation; the first is the paper's
MOST = 100.0  # dB: what float32 can tell apart; identical pictures have this


@dataclass(frozen=True)
class Likeness:
    """Of each true picture and the one rebuilt of it: PSNR in dB and SSIM, (n,), and which rebuilt one that is."""

    psnr: Tensor
    ssim: Tensor
    order: Tensor


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of each pair, (n,): -10 log10 of the mean squared difference, at most MOST.

    >>> black = torch.zeros(1, 1, 8, 8)
    >>> psnr(black, black + 0.1).round(decimals=4).tolist(), psnr(black, black).tolist()
    ([20.0], [100.0])
    """
    error = (a - b).flatten(1).square().mean(1)
    return (-10 * error.clamp_min(10 ** (-MOST / 10)).log10()).clamp_max(MOST)


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of each pair, (n,), in [-1, 1] and 1 for identical pictures (Wang et al., TIP 2004).

    The mean over channels and over places where the whole window fits: Gaussian, 11 x 11 pixels (deviation 1.5) as in
    the paper, and 5 x 5 (0.75) for pictures under 16 pixels a side, of which 11 would see next to nothing.
    """
    (size, deviation), channels = window_of(a), a.shape[1]
    along = torch.exp(-0.5 * ((torch.arange(size, dtype=torch.float64) - size // 2) / deviation) ** 2)
    weights = (along[:, None] * along / along.sum() ** 2).to(a).expand(channels, 1, size, size)
    parts = torch.cat([a, b, a * a, b * b, a * b], 1)
    mean_a, mean_b, square_a, square_b, product = functional.conv2d(
        parts, weights.repeat(5, 1, 1, 1), groups=5 * channels
    ).chunk(5, 1)
    spread = square_a + square_b - mean_a**2 - mean_b**2
    shared = product - mean_a * mean_b
    light = (2 * mean_a * mean_b + K1**2) / (mean_a**2 + mean_b**2 + K1**2)
    return (light * (2 * shared + K2**2) / (spread + K2**2)).flatten(1).mean(1)


def window_of(x: Tensor) -> tuple[int, float]:
    """Side and standard deviation of the window in which pictures of this size are compared."""
    return LARGE_WINDOW if min(x.shape[2:]) >= SMALL else SMALL_WINDOW


def matched(original: Tensor, rebuilt: Tensor) -> Likeness:
    """Each original beside one rebuilt picture, so that the squared differences add up to least.

    An attack on several images knows no order of theirs.
    """
    apart = torch.cdist(original.flatten(1).double(), rebuilt.flatten(1).double()).square()
    order = torch.from_numpy(linear_sum_assignment(apart.cpu().numpy())[1]).to(rebuilt.device)
    return Likeness(psnr(original, rebuilt[order]), ssim(original, rebuilt[order]), order)
