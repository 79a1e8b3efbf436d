"""Weather, or what looks like it: made of noise, without photographs of frost or snow."""

import torch
from torch import Tensor
from torch.nn import functional

from engine.corruptions.common import clouds, level, shorter, uniform
from engine.registry import register


@register("snow-like", title="Snow-like", group="weather", source="after arXiv:1903.12261, made of noise")
def snow_like(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """White streaks that fall across a paler picture."""
    share = level(severity, (0.02, 0.04, 0.06, 0.09, 0.13))
    flakes = (uniform(x, seed, 1, *x.shape[2:]) < share).to(x.dtype)
    length = max(2, round(0.1 * shorter(x)))
    fallen = functional.max_pool2d(functional.pad(flakes, (0, 0, length - 1, 0)), (length, 1), 1)
    pale = x + 2 * share * (1 - x)
    return torch.maximum(pale, 0.9 * fallen).clamp(0, 1)


@register("frost-like", title="Frost-like", group="weather", source="after arXiv:1903.12261, made of noise")
def frost_like(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Bright veins over a darker picture, as on a frozen window."""
    strength = level(severity, (0.2, 0.35, 0.5, 0.65, 0.8))
    veins = (1 - (2 * clouds(x, seed, finest=32) - 1).abs()).pow(3)
    return ((1 - strength / 2) * x + strength * veins).clamp(0, 1)


@register("fog-like", title="Fog-like", group="weather", source="after arXiv:1903.12261, made of noise")
def fog_like(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """A pale cloud in front of the picture, thicker in places."""
    thickness = level(severity, (0.3, 0.55, 0.85, 1.3, 2.0))
    return ((x + thickness * (0.4 + 0.6 * clouds(x, seed))) / (1 + thickness)).clamp(0, 1)


@register("brightness", title="Too bright", group="weather", source="arXiv:1903.12261")
def brightness(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """The whole picture is brighter, up to white."""
    return (x + level(severity, (0.1, 0.2, 0.3, 0.4, 0.5))).clamp(0, 1)


@register("contrast", title="Little contrast", group="weather", source="arXiv:1903.12261")
def contrast(x: Tensor, *, severity: int, seed: int = 0) -> Tensor:
    """Everything is nearer to the picture's mean."""
    kept = level(severity, (0.6, 0.45, 0.3, 0.2, 0.1))
    mean = x.mean((1, 2, 3), keepdim=True)
    return (mean + kept * (x - mean)).clamp(0, 1)
