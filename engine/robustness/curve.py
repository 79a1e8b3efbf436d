"""Robust accuracy against radius: which images still stand after an attack of every strength up to eps.

Per image the worst case over all radii tried so far: a perturbation found at a small radius lies in every larger
ball, so the curve falls. Images that are wrong without an attack are not attacked. Every success is re-projected
and measured again on the exact model in evaluation mode; an attack's own opinion counts for nothing.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor, nn

from engine.robustness.gradient import project

BATCH = 128
Attack = Callable[..., Tensor]  # (model, x, y, *, start) -> x_adv


@dataclass(frozen=True)
class Standing:
    """Up to radius `eps`: the radius that broke each image (N,), inf for those that stand; their last pictures."""

    eps: float
    broken_at: Tensor
    x_adv: Tensor

    def correct(self, eps: float) -> Tensor:
        """Which images stand after every radius up to `eps`, (N,)."""
        return self.broken_at > eps


def clean(model: nn.Module, x: Tensor, y: Tensor) -> Standing:
    """Radius 0: what the model gets wrong by itself is broken at 0."""
    right = predict(model, x) == y
    return Standing(0.0, torch.where(right, inf, 0.0), x.clone())


@torch.no_grad()
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Classes (N,), in evaluation mode, batch by batch."""
    model.eval()
    return torch.cat([model(part).argmax(1) for part in x.split(BATCH)])


def advance(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    standing: Standing,
    attack: Attack,
    *,
    norm: str,
    eps: float,
    on_batch: Callable[[], None],
) -> Standing:
    """Attack what stands at radius `eps`, starting from the last radius's pictures; `on_batch` after each batch.

    Gradients may come from a bf16 copy of the model. Whoever fooled the copy but not the model is attacked again
    with the model's own gradients.
    """
    rough = surrogate(model)
    broken_at, x_adv = standing.broken_at.clone(), standing.x_adv.clone()
    rows_left = standing.correct(eps).nonzero()[:, 0]
    for rows in rows_left.split(BATCH) if len(rows_left) else ():
        found = _attacked(attack, rough, x[rows], y[rows], x_adv[rows], eps, norm)
        stands = predict(model, found) == y[rows]
        missed = stands & (predict(rough, found) != y[rows])
        if missed.any():
            again = rows[missed]
            found[missed] = _attacked(attack, model, x[again], y[again], found[missed], eps, norm)
            stands[missed] = predict(model, found[missed]) == y[again]
        x_adv[rows] = found
        broken_at[rows[~stands]] = eps
        on_batch()
    return Standing(eps, broken_at, x_adv)


def _attacked(attack: Attack, model: nn.Module, x: Tensor, y: Tensor, last: Tensor, eps: float, norm: str) -> Tensor:
    """The attack's pictures, put back into ball and box whatever it did."""
    return project(attack(model, x, y, start=None if torch.equal(last, x) else last), x, eps, norm)


def surrogate(model: nn.Module) -> nn.Module:
    """A bf16 copy whose gradients cost about half, where the processor computes in bf16; else the model itself.

    Of a model that says what gradients are to be taken of (one that draws: the mean of many draws), of that.
    """
    model = getattr(model, "surrogate", model)
    if not torch.cpu._is_avx512_bf16_supported():
        return model
    return Bf16(model)


class Bf16(nn.Module):
    """The model in bf16, fed and read in the caller's precision."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).bfloat16().eval()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(x.bfloat16()).float()
        return logits
