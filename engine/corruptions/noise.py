"""Noise of sensors."""

import numpy as np
import torch
from torch import Tensor

from engine.corruptions.common import drawn, level, uniform
from engine.registry import register


@register("gaussian-noise", title="Gaussian noise", group="noise", source="arXiv:1903.12261")
def gaussian_noise(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """As in poor light: every pixel is off by a normal number."""
    sigma = level(severity, (0.08, 0.12, 0.18, 0.26, 0.38))
    noise = drawn(x, seed, lambda generator: generator.standard_normal(tuple(x.shape[1:]), dtype=np.float32))
    return (x + sigma * noise).clamp(0, 1)


@register("shot-noise", title="Shot noise", group="noise", source="arXiv:1903.12261")
def shot_noise(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Light comes in grains: bright pixels are off by more than dark ones."""
    grains = level(severity, (60, 25, 12, 5, 3))
    rates = (grains * x.double()).cpu().numpy()
    counts = iter(rates)
    return (drawn(x, seed, lambda generator: generator.poisson(next(counts)).astype(np.float32)) / grains).clamp(0, 1)


@register("impulse-noise", title="Salt and pepper", group="noise", source="arXiv:1903.12261")
def impulse_noise(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Single pixels fail: some are white, as many black."""
    share = level(severity, (0.03, 0.06, 0.09, 0.17, 0.27))
    chance = uniform(x, seed, *x.shape[1:])
    peppered = torch.where(chance < share / 2, torch.zeros_like(x), x)
    return torch.where(chance >= 1 - share / 2, torch.ones_like(x), peppered)
