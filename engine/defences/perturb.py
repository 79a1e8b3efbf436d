"""Perturbations made while training: quick ones, each of its own image alone.

Pictures are (N, C, H, W) in [0, 1] and stay there. The attacked network's weights and the global random state stay
untouched; what is random comes from the example's own numbers.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.privacy.keyed import Keyed

Objective = Callable[[Tensor], Tensor]  # pictures -> what is to grow, (N,)
STRIDE = 1.5  # of all steps together, in radii: enough to cross half of the ball


def started(x: Tensor, noise: Keyed, reach: float) -> Tensor:
    """Each picture moved by uniform noise of up to `reach` a pixel."""
    drawn = noise.uniform(tuple(x.shape[1:])).to(x)
    return (x + reach * (2 * drawn - 1)).clamp(0, 1)


def raised(x: Tensor, objective: Objective) -> Tensor:
    """The signs of the direction in which each picture's objective grows."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        (grad,) = torch.autograd.grad(objective(x).sum(), x)
    return grad.sign()


def climbed(x: Tensor, start: Tensor, objective: Objective, *, eps: float, steps: int) -> Tensor:
    """Projected gradient ascent in the linf ball of radius `eps` around x (arXiv:1706.06083), few and long steps."""
    for _ in range(steps):
        moved = start + max(0.25, STRIDE / steps) * eps * raised(start, objective)
        start = (x + (moved - x).clamp(-eps, eps)).clamp(0, 1)
    return start.detach()


def cross_entropy(model: nn.Module, y: Tensor) -> Objective:
    """Of a network's logits, whatever else its own loss adds: what a person who attacks it wants to raise."""
    return lambda x: functional.cross_entropy(model(x), y, reduction="none")
