"""Wavelet scattering (Bruna and Mallat, arXiv:1203.1513) as matrix products, and a linear layer on top.

Small images make every filter a small matrix: convolving, subsampling and padding become one product, which
runs several times faster than FFTs of 36 x 36 on a CPU (docs/results.md), in bf16 where the machine has it.
"""

from functools import lru_cache
from math import cos, pi, sin
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.registry import register

J, L = 2, 8  # scales and orientations, as in arXiv:2011.11660
CHANNELS = 1 + J * L + L * L * J * (J - 1) // 2
GROUPS = 27

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


def gabor(height: int, width: int, sigma: float, theta: float, xi: float, slant: float = 1.0) -> Complex:
    """A Gaussian of width `sigma` and aspect 1/`slant`, times a wave of frequency `xi` along `theta`, made periodic."""
    c, s = cos(theta), sin(theta)
    total = np.zeros((height, width), np.complex128)
    for ey in range(-2, 3):
        for ex in range(-2, 3):
            y, x = np.mgrid[ey * height : (ey + 1) * height, ex * width : (ex + 1) * width]
            along, across = c * y + s * x, c * x - s * y
            total += np.exp(-(along**2 + (slant * across) ** 2) / (2 * sigma**2) + 1j * xi * along)
    scaled: Complex = total * (slant / (2 * pi * sigma**2))
    return scaled


def morlet(height: int, width: int, sigma: float, theta: float, xi: float, slant: float) -> Complex:
    """A Gabor filter with its mean removed, so that it does not see brightness."""
    wave, hill = gabor(height, width, sigma, theta, xi, slant), gabor(height, width, sigma, theta, 0.0, slant)
    balanced: Complex = wave - wave.sum() / hill.sum() * hill
    return balanced


def wavelets(height: int, width: int, j: int) -> Complex:
    """The L oriented band-pass filters of scale j, in space: (L, height, width)."""
    angles = [(L // 2 - 1 - k) * pi / L for k in range(L)]
    return np.stack([morlet(height, width, 0.8 * 2**j, a, 0.75 * pi / 2**j, 4 / L) for a in angles])


def padded(side: int) -> int:
    """Side after reflection padding: the next multiple of 2^J with at least 2^J / 2 pixels on each edge."""
    return ((side >> J) + 2) << J


def convolution(basis: Real, filters: Complex, step: int) -> Complex:
    """Each basis image (B, H, W) convolved with each filter (F, H, W), every `step`-th pixel: (B, F, h, w)."""
    spectrum = np.fft.fft2(basis)[:, None]
    out = [np.fft.ifft2(spectrum * np.fft.fft2(f))[..., ::step, ::step] for f in filters]
    return np.concatenate(out, axis=1)


def _pixels(height: int, width: int) -> Real:
    """Every unit image of height x width, reflected to the padded grid."""
    unit = np.eye(height * width).reshape(-1, height, width)
    top, left = (padded(height) - height) // 2, (padded(width) - width) // 2
    bottom, right = padded(height) - height - top, padded(width) - width - left
    return np.pad(unit, ((0, 0), (top, bottom), (left, right)), mode="reflect")


def _low_pass(height: int, width: int, step: int) -> Real:
    """Smooth a grid that lies `step` pixels apart and keep every 2^J-th pixel off the edge: (pixels, outputs)."""
    smooth = np.fft.fft2(gabor(height * step, width * step, 0.8 * 2 ** (J - 1), 0.0, 0.0)).real
    for axis, side in enumerate((height, width)):  # the band that survives subsampling by `step`
        keep = np.r_[0 : side // 2, side * step - side // 2 : side * step] if step > 1 else np.arange(side)
        smooth = np.take(smooth, keep, axis=axis)
    unit = np.eye(height * width).reshape(-1, height, width)
    out = np.fft.ifft2(np.fft.fft2(unit) * smooth).real[:, :: 2**J // step, :: 2**J // step]
    return out[:, 1:-1, 1:-1].reshape(height * width, -1)


def _split(maps: Complex) -> Tensor:
    """(pixels, F, h, w) complex -> (pixels, 2 * F * h * w): all real parts, then all imaginary parts."""
    flat = maps.reshape(len(maps), -1)
    return torch.from_numpy(np.concatenate([flat.real, flat.imag], axis=1)).float()


@lru_cache(maxsize=2)
def operators(height: int, width: int) -> dict[str, Tensor]:
    """The linear maps between moduli, as float32 matrices (inputs, outputs), for images of height x width."""
    tall, wide = padded(height), padded(width)
    pixels, grid = _pixels(height, width), np.eye(tall * wide).reshape(-1, tall, wide)
    fine, coarse = wavelets(tall, wide, 0), wavelets(tall, wide, 1)
    smooth = torch.from_numpy(_low_pass(tall, wide, 1)).float()
    return {
        "mean": torch.from_numpy(pixels.reshape(len(pixels), -1)).float() @ smooth,
        "fine": _split(convolution(pixels, fine, 1)),
        "coarse": _split(convolution(pixels, coarse, 2)),
        "second": _split(convolution(grid, coarse, 2)),
        "smooth": smooth,
        "smooth_half": torch.from_numpy(_low_pass(tall // 2, wide // 2, 2)).float(),
    }


class Modulus(torch.autograd.Function):
    """(N, 2 K), real parts first -> (N, K), |a + ib|; its gradient at zero is zero."""

    @staticmethod
    def forward(ctx: Any, parts: Tensor) -> Tensor:
        real, imaginary = parts.chunk(2, -1)
        size = torch.addcmul(real * real, imaginary, imaginary).sqrt_()
        ctx.save_for_backward(parts, size)
        return size

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        parts, size = ctx.saved_tensors
        scale = (grad / size).masked_fill_(size == 0, 0)
        out = torch.empty_like(parts)
        real, imaginary = parts.chunk(2, -1)
        half = real.shape[-1]
        torch.mul(real, scale, out=out[:, :half])
        torch.mul(imaginary, scale, out=out[:, half:])
        return out


def modulus(parts: Tensor) -> Tensor:
    """(N, 2 K), real parts first -> (N, K), |a + ib|; an exported program gets plain operations of the same values."""
    if torch.compiler.is_exporting():
        real, imaginary = parts.chunk(2, -1)
        square = torch.addcmul(real * real, imaginary, imaginary)
        flat = square == 0
        return torch.where(flat, 0.0, torch.where(flat, 1.0, square).sqrt())
    size: Tensor = Modulus.apply(parts)
    return size


class Scattering(nn.Module):
    """(N, C, H, W) in [0, 1] -> (N, C * 81, H', W'), orders 0, 1 and 2, the same numbers as kymatio's (J=2, L=8)."""

    mean: Tensor
    fine: Tensor
    coarse: Tensor
    second: Tensor
    smooth: Tensor
    smooth_half: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.out = ((padded(height) >> J) - 2, (padded(width) >> J) - 2)
        for name, matrix in operators(height, width).items():
            self.register_buffer(name, matrix, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2).flatten(0, 1)  # (N * C, pixels)
        n = flat.shape[0]
        fine = modulus(flat @ self.fine).view(n * L, -1)
        coarse = modulus(flat @ self.coarse).view(n, L, -1)
        second = modulus(fine @ self.second).view(n, L * L, -1)
        orders = [
            (flat @ self.mean)[:, None],
            (fine @ self.smooth).view(n, L, -1),
            coarse @ self.smooth_half,
            second @ self.smooth_half,
        ]
        return torch.cat(orders, 1).view(x.shape[0], -1, *self.out)


class ScatteringLinear(nn.Module):
    """Scattering, group normalisation without statistics from the data, one linear layer (arXiv:2011.11660)."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.scattering = Scattering(height, width)
        self.linear = nn.Linear(channels * CHANNELS * self.scattering.out[0] * self.scattering.out[1], n_classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F): what the linear layer sees; no parameter is involved."""
        return functional.group_norm(self.scattering(x), GROUPS).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.features(x))
        return logits


@register("scattering-linear", title="fast model", one_pass=True, features=True, source="arXiv:2011.11660")
def scattering_linear(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Fixed wavelet features and one linear layer: all privacy budgets train in one pass."""
    return ScatteringLinear(shape, n_classes)
