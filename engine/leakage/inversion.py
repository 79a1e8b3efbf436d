"""Model inversion: the picture that a model holds of a class, from its weights alone (CCS 2015, Fredrikson et al.).

A picture on which a model is sure says little by itself: networks are sure of noise as well. What says that it shows
the class is that another model, trained independently, recognises it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.stats import binomtest
from torch import Tensor, nn
from torch.nn import functional

from engine.leakage.reconstruction import variation
from engine.models.basis import one_thread
from engine.privacy.streams import Seeded

STEPS, RATE = 200, 0.05
SPREAD = 0.02  # of the normal noise around grey that pictures start from
GREY = 0.5


@dataclass(frozen=True)
class Shown:
    """Where an inversion stands: pictures (n, C, H, W) in [0, 1], and how sure the model is of each class, (n,)."""

    step: int
    steps: int
    pictures: Tensor
    sure: Tensor


@dataclass(frozen=True)
class Recognised:
    """Of n pictures those whose class another model names: which (n,), their share, and its 95 % Wilson interval."""

    right: Tensor
    share: float
    low: float
    high: float


def class_pictures(
    model: nn.Module,
    classes: Tensor,
    shape: tuple[int, int, int],
    *,
    steps: int = STEPS,
    seed: int = 0,
    smoothness: float = 1.0,
    paleness: float = 0.1,
    on_step: Callable[[Shown], None] = lambda _: None,
) -> Tensor:
    """A picture (n, C, H, W) in [0, 1] of each of `classes` (n,): gradient ascent on its log-probability, from grey.

    Minus `smoothness` times the total variation, minus `paleness` times the mean squared distance from grey in units of
    its largest. Each picture is an optimisation of its own. `on_step` is called after each step and may raise.
    """
    drawn = Seeded().normal((len(classes), *shape), "inversion", seed)
    like = next(model.parameters())
    x = (GREY + SPREAD * torch.from_numpy(drawn)).to(like).requires_grad_(True)
    optimizer = torch.optim.Adam([x], lr=RATE)
    with one_thread():
        for step in range(1, steps + 1):
            loss = functional.cross_entropy(model(x), classes, reduction="none")
            prior = smoothness * variation(x) + paleness * (2 * (x - GREY)).square().flatten(1).mean(1)
            (x.grad,) = torch.autograd.grad((loss + prior).sum(), x)
            optimizer.step()
            with torch.no_grad():
                x.clamp_(0, 1)
            on_step(Shown(step, steps, x.detach().clone(), (-loss.detach()).exp()))
    return x.detach()


@torch.no_grad()
def sureness(model: nn.Module, pictures: Tensor, classes: Tensor) -> Tensor:
    """The probability that a model gives each picture's class, (n,)."""
    found: Tensor = model(pictures).softmax(1).gather(1, classes[:, None])[:, 0]
    return found


@torch.no_grad()
def recognised(judge: nn.Module, pictures: Tensor, classes: Tensor) -> Recognised:
    """What another model, trained independently, makes of pictures of `classes` (n,)."""
    right = judge(pictures).argmax(1) == classes
    found = binomtest(int(right.sum()), len(right)).proportion_ci(0.95, method="wilson")
    return Recognised(right, int(right.sum()) / len(right), float(found.low), float(found.high))
