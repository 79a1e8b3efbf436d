"""Pictures made against one model and shown to another."""

import torch
from torch import Tensor, nn

from engine.registry import register
from engine.robustness.apgd import looked
from engine.robustness.gradient import Radius, gradient, per_image, project, steepest


@register(
    "transfer",
    title="Made against another model",
    norms=("linf", "l2"),
    iterative=True,
    strength="medium",
    access="black-box",
    cost="1 gradient of the other model and 1 look a step",
    own=True,
    needs="source",
    source="arXiv:1710.06081",
)
def transfer(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 40,
    seed: int = 0,
    start: Tensor | None = None,
    source: nn.Module,
) -> Tensor:
    """Momentum steps up the loss of `source`; what `model` misreads on the way is kept. Its gradients are not asked."""
    x_adv = (x if start is None else project(start, x, eps, norm)).clone()
    velocity, active = torch.zeros_like(x), torch.arange(len(x), device=x.device)
    far = per_image(eps, x) * torch.ones_like(x[:, :1, :1, :1])
    for _ in range(steps):
        _, right = looked(model, x_adv[active], y[active])
        active = active[right]
        if len(active) == 0:
            break
        grad, _ = gradient(source, x_adv[active], y[active])
        mean = grad.flatten(1).abs().mean(1).clamp_min(torch.finfo(x.dtype).tiny)
        velocity[active] += (grad / mean.view(-1, 1, 1, 1)).to(x.dtype)
        moved = x_adv[active] + far[active] / steps * steepest(velocity[active], norm)
        x_adv[active] = project(moved, x[active], far[active].flatten(), norm)
    return x_adv
