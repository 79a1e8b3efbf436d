"""Wavelet scattering (Bruna and Mallat, arXiv:1203.1513) as matrix products, and a linear layer on top.

A filter sends each wave along x to waves of the same frequency. So maps are written in waves along x and pixels along
y, where all filters together are a few small matrices, one for each frequency: a sixth of the work of one matrix a
filter, and products of a size that a CPU likes, which FFTs of 36 x 36 are not (docs/decisions.md). Maps lie in memory
as (x, y, filter, image): each step is then one product, and nothing is transposed on the way.
"""

from functools import lru_cache
from math import cos, pi, sin
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.models.fixed import Linear
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


def frequencies(side: int) -> list[int]:
    """0 and side / 2, which have one wave each, then the others, which have two.

    >>> frequencies(8)
    [0, 4, 1, 2, 3]
    """
    return [0, side // 2, *range(1, side // 2)]


def folding(side: int) -> list[int]:
    """Frequencies such that four waves in a row become the same two of `frequencies(side / 2)` on every second pixel.

    >>> folding(8)
    [0, 4, 2, 1, 3]
    """
    return [0, side // 2, side // 4, *(f for k in range(1, side // 4) for f in (k, side // 2 - k))]


def waves(side: int, order: list[int]) -> Real:
    """Cosine and sine of each frequency in `order` on a circle of `side` pixels, orthonormal, one a row."""
    turns = 2 * pi / side * np.outer(order, np.arange(side))
    both = np.stack([np.cos(turns), np.sin(turns)], 1).reshape(-1, side)
    kept = both[np.abs(both).max(1) > 1e-9]  # two frequencies have no sine
    scaled: Real = kept / np.linalg.norm(kept, axis=1, keepdims=True)
    return scaled


def blocks(filters: Complex, step: int) -> Real:
    """Convolution with each filter (F, H, W) and every `step`-th pixel, between waves along x and pixels along y.

    One matrix for each group of 2 * step waves of `folding(W)`, whose image is 2 waves of the grid that is kept:
    (groups, 2 waves * 2 parts * H / step * F, 2 * step waves * H). Parts are real and imaginary.
    """
    n, height, width = filters.shape
    before = waves(width, folding(width))
    after = before if step == 1 else waves(width // step, frequencies(width // step))
    line = np.zeros((width, height, width))
    line[:, 0] = before  # every wave on row 0; other rows follow by a shift
    answers = np.fft.ifft2(np.fft.fft2(line) * np.fft.fft2(filters)[:, None])[..., ::step]
    seen = np.stack([answers.real, answers.imag]) @ after.T
    seen = seen.reshape(2, n, -1, 2 * step, height, width // (2 * step), 2)
    own = np.stack([seen[:, :, g, :, :, g] for g in range(seen.shape[2])])  # (groups, part, F, wave, y, wave after)
    shifts = np.arange(0, height, step)[:, None] - np.arange(height)
    matrices = own[:, :, :, :, shifts % height].transpose(0, 6, 1, 4, 2, 3, 5)
    return matrices.reshape(len(own), -1, 2 * step * height)


def _reflected(side: int) -> Real:
    """Reflection padding as a matrix, (padded, side)."""
    before = (padded(side) - side) // 2
    return np.pad(np.eye(side), ((0, 0), (before, padded(side) - side - before)), mode="reflect").T


def _low_pass(side: int, step: int) -> Real:
    """Smooth a line whose pixels lie `step` apart and keep every 2^J-th pixel off the edge: (outputs, side)."""
    whole, sigma = side * step, 0.8 * 2 ** (J - 1)
    turns = np.arange(whole) + whole * np.arange(-2, 3)[:, None]
    hill = np.exp(-(turns**2) / (2 * sigma**2)).sum(0) / (sigma * (2 * pi) ** 0.5)
    band = np.r_[0 : side // 2, whole - side // 2 : whole]  # what survives subsampling by `step`
    smooth = np.fft.fft(hill).real[band]
    out: Real = np.fft.ifft(np.fft.fft(np.eye(side)) * smooth).real[:, :: 2**J // step]
    return out[:, 1:-1].T


@lru_cache(maxsize=2)
def operators(height: int, width: int) -> dict[str, Tensor]:
    """The linear maps between moduli, as float32 matrices (outputs, inputs), for images of height x width."""
    tall, wide = padded(height), padded(width)
    along, down = _reflected(width), _reflected(height)
    basis, half = waves(wide, folding(wide)), waves(wide // 2, frequencies(wide // 2))
    analysis = np.concatenate([basis, _low_pass(wide, 1)])
    fine, coarse = blocks(wavelets(tall, wide, 0), 1), blocks(wavelets(tall, wide, 1), 2)
    maps = {
        "pixels_along": analysis @ along,
        "along": analysis,
        "pixels_down": _low_pass(tall, 1) @ down,
        "down": _low_pass(tall, 1),
        "half_along": _low_pass(wide // 2, 2),
        "half_down": _low_pass(tall // 2, 2),
        "fine": (fine.reshape(*fine.shape[:2], -1, tall) @ down).reshape(*fine.shape[:2], -1),
        "coarse": (coarse.reshape(*coarse.shape[:2], -1, tall) @ down).reshape(*coarse.shape[:2], -1),
        "second": coarse,
        "back": basis.T,
        "half_back": half.T,
    }
    return {name: torch.from_numpy(np.ascontiguousarray(matrix)).float() for name, matrix in maps.items()}


class Modulus(torch.autograd.Function):
    """`size_of` with a gradient of two passes over memory; at zero it is zero."""

    @staticmethod
    def forward(ctx: Any, parts: Tensor) -> Tensor:
        size = size_of(parts)
        ctx.save_for_backward(parts, size)
        return size

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        parts, size = ctx.saved_tensors
        out: Tensor = parts * (grad / size)[:, None]
        return out


def size_of(parts: Tensor) -> Tensor:
    """(M, 2, K), real and imaginary parts -> (M, K), |a + ib|, and 1e-18 at zero, where nothing is divided by zero."""
    real, imaginary = parts.unbind(1)
    return torch.addcmul(parts.new_tensor(1e-36), real, real).addcmul_(imaginary, imaginary).sqrt_()


def modulus(parts: Tensor) -> Tensor:
    """`size_of`; an exported program gets plain operations."""
    if torch.compiler.is_exporting():
        return size_of(parts)
    size: Tensor = Modulus.apply(parts)
    return size


def filtered(spectrum: Tensor, matrices: Tensor, back: Tensor) -> Tensor:
    """Moduli in pixels (W', H' * F * K) after the filters of `blocks`, of K maps in waves (W, H * K)."""
    mixed = torch.bmm(matrices, spectrum.reshape(matrices.shape[0], matrices.shape[2], -1))
    side = back.shape[0]
    return modulus((back @ mixed.view(side, -1)).view(side, 2, -1))


def smoothed(lines: Tensor, down: Tensor) -> Tensor:
    """What is smooth along x already, (W', H * K), smoothed along y, too: (W', H', K)."""
    return torch.matmul(down, lines.reshape(lines.shape[0], down.shape[1], -1))


class Scattering(nn.Module):
    """(N, C, H, W) in [0, 1] -> (N, C * 81, H', W'), orders 0, 1 and 2, the same numbers as kymatio's (J=2, L=8)."""

    pixels_along: Tensor
    along: Tensor
    pixels_down: Tensor
    down: Tensor
    half_along: Tensor
    half_down: Tensor
    fine: Tensor
    coarse: Tensor
    second: Tensor
    back: Tensor
    half_back: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.out = ((padded(height) >> J) - 2, (padded(width) >> J) - 2)
        self.cut = [padded(width), self.out[1]]
        for name, matrix in operators(height, width).items():
            self.register_buffer(name, matrix, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        columns = x.flatten(0, 1).permute(2, 1, 0).flatten(1)  # (W, H * N * C)
        pixels, mean = (self.pixels_along @ columns).split(self.cut)
        fine = filtered(pixels, self.fine, self.back)
        coarse = filtered(pixels, self.coarse, self.half_back)
        spectrum, first = (self.along @ fine).split(self.cut)
        second = filtered(spectrum, self.second, self.half_back)
        orders = [
            smoothed(mean, self.pixels_down),
            smoothed(first, self.down),
            smoothed(self.half_along @ coarse, self.half_down),
            self._by_parent(smoothed(self.half_along @ second, self.half_down)),
        ]
        maps = torch.cat(orders, 2).view(self.out[1], self.out[0], CHANNELS, -1)
        return maps.permute(3, 2, 1, 0).reshape(x.shape[0], -1, *self.out)

    def _by_parent(self, maps: Tensor) -> Tensor:
        """(W', H', coarse * fine * N) -> (W', H', fine * coarse * N), the order that kymatio has."""
        return maps.view(self.out[1], self.out[0], L, L, -1).transpose(2, 3).flatten(2)


class ScatteringLinear(Linear):
    """Scattering, group normalisation without statistics from the data, one linear layer (arXiv:2011.11660)."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        channels, height, width = shape
        scattering = Scattering(height, width)
        super().__init__(channels * CHANNELS * scattering.out[0] * scattering.out[1], n_classes)
        self.scattering = scattering

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F): what the linear layer sees; no parameter is involved."""
        return functional.group_norm(self.scattering(x), GROUPS).flatten(1)


@register(
    "scattering-linear",
    version=2,
    title="fast model",
    one_pass=True,
    features="scattering-linear",
    source="arXiv:2011.11660",
)
def scattering_linear(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Fixed wavelet features and one linear layer: all privacy budgets train in one pass."""
    return ScatteringLinear(shape, n_classes)
