"""Attacks that look for the smallest perturbation: one run answers every radius up to eps.

The picture returned for an image is the smallest misread one found inside eps, or the best try there.
"""

from math import cos, pi

import torch
from torch import Tensor, nn

from engine.registry import register
from engine.robustness.apgd import looked
from engine.robustness.gradient import (
    Radius,
    finite,
    inside,
    length,
    margin,
    per_image,
    project,
    radii,
    steepest,
)

LOOKS = 8  # halvings of the way from the image to the misread picture: forwards only
SHARE = (1.0, 0.02)  # step as a share of the radius, first and last
CHANGE = (0.3, 0.003)  # by how much the radius grows or shrinks


@register(
    "fmn",
    title="Smallest change that is misread",
    norms=("linf", "l2"),
    iterative=True,
    strength="strong",
    access="white-box",
    cost="1 gradient a step, for all radii together",
    own=True,
    minimal=True,
    source="arXiv:2102.12827",
)
def fmn(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 40,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """Fast minimum-norm: each image's radius shrinks while it is misread and grows while it is not."""
    cap = radii(eps, x)
    now = x if start is None else project(start, x, eps, norm)
    best, smallest, radius = now, torch.full_like(cap, torch.inf), torch.full_like(cap, torch.inf)
    lowest = smallest
    for step in range(steps):
        slope, gap, right = _slope(model, now, y)
        grad = inside(-slope.to(x.dtype), now)
        best, smallest, lowest = _keep(best, smallest, lowest, now, length(now - x, norm), gap, right)
        away = gap.abs() / _dual(grad, norm).clamp_min(torch.finfo(x.dtype).tiny)
        change = _cosine(*CHANGE, step / steps)
        outside = torch.where(smallest.isfinite(), radius, length(now - x, norm) + away) * (1 + change)
        radius = torch.where(right, outside, torch.minimum(radius * (1 - change), smallest)).minimum(cap)
        stride = per_image(_cosine(*SHARE, step / steps) * radius, x)
        now = project(now + stride * steepest(grad, norm), x, radius, norm)
    gap, right = looked(model, now, y)
    best, _, _ = _keep(best, smallest, lowest, now, length(now - x, norm), gap, right)
    return nearer(model, x, y, best)


def _slope(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of each image's margin in its pixels, the margin, and who is read right."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = model(x)
        gap = margin(logits, y)
        (grad,) = torch.autograd.grad(gap.sum(), x)
    return finite(grad), gap.detach(), logits.detach().argmax(1) == y


def _keep(
    best: Tensor, smallest: Tensor, lowest: Tensor, now: Tensor, size: Tensor, gap: Tensor, right: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The smallest misread picture so far; where there is none, the one with the lowest margin."""
    misread = ~right & (size < smallest)
    closer = right & smallest.isinf() & (gap < lowest)
    best = torch.where((misread | closer).view(-1, 1, 1, 1), now, best)
    return best, torch.where(misread, size, smallest), torch.where(closer, gap, lowest)


def _dual(grad: Tensor, norm: str) -> Tensor:
    """How fast the margin falls along the steepest direction of unit length, (N,)."""
    return grad.flatten(1).abs().sum(1) if norm == "linf" else grad.flatten(1).norm(dim=1)


def _cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + cos(pi * done)) / 2


def nearer(model: nn.Module, x: Tensor, y: Tensor, x_adv: Tensor, looks: int = LOOKS) -> Tensor:
    """Misread pictures drawn back towards their images as far as they stay misread; the others as they are.

    The way is halved `looks` times, by forward passes of `model` alone.
    """
    low, high = torch.zeros(len(x)).to(x), torch.ones(len(x)).to(x)
    _, right = looked(model, x_adv, y)
    for _ in range(looks):
        middle = (low + high) / 2
        _, back = looked(model, x + per_image(middle, x) * (x_adv - x), y)
        low, high = torch.where(back, middle, low), torch.where(back, high, middle)
    drawn = (x + per_image(high, x) * (x_adv - x)).clamp(0, 1)
    return torch.where((right | (high == 1)).view(-1, 1, 1, 1), x_adv, drawn)


@register(
    "deepfool",
    title="Straight to the nearest boundary",
    norms=("linf", "l2"),
    iterative=True,
    strength="medium",
    access="white-box",
    weight=9,
    cost="9 gradients a step (classes - 1, at most 9), few steps, for all radii together",
    own=True,
    minimal=True,
    source="arXiv:1511.04599",
)
def deepfool(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 40,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """As if the model were linear: to the nearest of its boundaries, looking again after each step."""
    x_adv = (x if start is None else project(start, x, eps, norm)).clone()
    active, cap = torch.arange(len(x), device=x.device), radii(eps, x)
    for _ in range(steps if bool(cap.any()) else 0):
        move, right = _to_boundary(model, x_adv[active], y[active], norm)
        active = active[right]
        if len(active) == 0:
            break
        x_adv[active] = project(x_adv[active] + (1 + OVERSHOOT) * move[right], x[active], cap[active], norm)
    return nearer(model, x, y, x_adv)


OVERSHOOT = 0.02
RIVALS = 9


def _to_boundary(model: nn.Module, x: Tensor, y: Tensor, norm: str) -> tuple[Tensor, Tensor]:
    """The shortest way to where another class would win if all logits were linear, and who is read right."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = model(x)
        rest = logits.scatter(1, y[:, None], -torch.inf).topk(min(RIVALS, logits.shape[1] - 1), dim=1).indices
        gaps = logits.gather(1, y[:, None]) - logits.gather(1, rest)
        grads = [finite(torch.autograd.grad(gap.sum(), x, retain_graph=True)[0]).to(x.dtype) for gap in gaps.T]
    tiny = torch.finfo(x.dtype).tiny
    slopes = torch.stack([_dual(grad, norm) for grad in grads], 1).clamp_min(tiny)
    away, nearest = (gaps.detach().clamp_min(0) / slopes).clamp_max(1 / tiny**0.5).min(1)
    grad = torch.stack(grads, 1)[torch.arange(len(x), device=x.device), nearest]
    return -per_image(away + 1e-6, x) * steepest(grad, norm), logits.detach().argmax(1) == y
