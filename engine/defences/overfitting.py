"""Catastrophic overfitting, found without looking at any private picture.

A network that is trained against single steps may learn to hide from those alone: what one step changes is nothing,
what ten change is everything (arXiv:2001.03994). It shows on pictures of nothing (models/basis.py) too: each is given
the class that the network itself names, and the shares that keep it under one step and under ten are compared. Weights
trained with a promise may be looked at as often as one likes.
"""

import torch
from torch import Tensor, nn

from engine.defences.perturb import climbed, cross_entropy, raised, started
from engine.models.basis import pictures
from engine.privacy import keyed

PICTURES = 200
STEPS = 10
EVERY = 50  # training steps from one look to the next
SHARE, LEAST = 0.25, 0.05  # a network hides when ten steps leave less than this share of what one leaves, if anything


def hides(model: nn.Module, shape: tuple[int, int, int], eps: float) -> bool:
    """Whether single steps say much too little about the network."""
    one, ten = kept(model, shape, eps)
    return one > LEAST and ten < SHARE * one


def kept(model: nn.Module, shape: tuple[int, int, int], eps: float) -> tuple[float, float]:
    """Shares of made-up pictures whose class stays under one step of length `eps`, and under STEPS in its ball."""
    x, noise = pictures(PICTURES, shape, torch.Generator().manual_seed(0)), keyed.of_rows(0, 0, torch.arange(PICTURES))
    x = x.to(next(model.parameters()))
    with torch.no_grad():
        y = model(x).argmax(1)
    objective = cross_entropy(model, y)
    one = (x + eps * raised(x, objective)).clamp(0, 1)
    ten = climbed(x, started(x, noise, eps), objective, eps=eps, steps=STEPS)
    return _same(model, one, y), _same(model, ten, y)


@torch.no_grad()
def _same(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float((model(x).argmax(1) == y).float().mean())
