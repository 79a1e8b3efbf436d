"""Attacks of torchattacks, fenced: on a copy of the model, with the random state put back, inside ball and box."""

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.registry import register
from engine.robustness.gradient import project

NORMS = {"linf": "Linf", "l2": "L2"}
TARGETS = 9


class Copied(nn.Module):
    """A frozen copy in evaluation mode: the library takes gradients of parameters, and sets modes, as it likes.

    It asks a model for its parameters to learn the device, so there is always one.
    """

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.device = nn.Parameter(torch.zeros(0, device=x.device), requires_grad=False)
        self.dtype = x.dtype
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(x.to(self.dtype)).float()
        return logits


@contextmanager
def same_randomness(seed: int) -> Iterator[None]:
    """Everybody's global random state seeded inside, and afterwards as it was."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - theirs, not ours
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def fenced(
    make: Callable[[nn.Module, int], Any], model: nn.Module, x: Tensor, y: Tensor, *, norm: str, eps: float, seed: int
) -> Tensor:
    """What the attack made by `make(model, classes)` returns, where it is a number, put back into ball and box.

    The library computes in float32, whatever the model does. One radius for all images.
    """
    if eps == 0 or len(x) == 0:
        return x.clone()
    copied = Copied(model, x)
    with torch.no_grad():
        classes = copied(x[:1]).shape[1]
    with same_randomness(seed):
        found = make(copied, classes)(x.float(), y).detach().to(x)
    return project(torch.where(found.isfinite(), found, x), x, eps, norm)


@register(
    "fab",
    title="Along the boundary to its nearest point",
    norms=("linf", "l2"),
    iterative=True,
    strength="strong",
    access="white-box",
    weight=10,
    cost="10 gradients a step (one for each class), for all radii together",
    own=False,
    minimal=True,
    source="arXiv:1907.02044",
)
def fab(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: float,
    steps: int = 100,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """Fast adaptive boundary attack: each step goes to the boundary, drawn towards the image (torchattacks)."""
    from torchattacks import FAB

    def make(model: nn.Module, classes: int) -> Any:
        return FAB(model, norm=NORMS[norm], eps=eps, steps=steps, seed=seed, n_classes=classes)

    return fenced(make, model, x, y, norm=norm, eps=eps, seed=seed)


@register(
    "autoattack",
    title="AutoAttack, standard",
    norms=("linf", "l2"),
    iterative=False,
    strength="strongest",
    access="white-box",
    weight=3500,
    cost="up to 1,900 gradients and 5,000 looks",
    own=False,
    source="arXiv:2003.01690",
)
def autoattack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: float,
    steps: int = 100,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """The standard of the field: Auto-PGD, targeted Auto-PGD and FAB (100 steps, 9 targets), Square (5,000 looks)."""

    def make(model: nn.Module, classes: int) -> Any:
        return standard(model, norm=norm, eps=eps, seed=seed, classes=classes)

    return fenced(make, model, x, y, norm=norm, eps=eps, seed=seed)


@register(
    "autoattack-light",
    title="AutoAttack, light: a tenth of the steps",
    norms=("linf", "l2"),
    iterative=False,
    strength="strong",
    access="white-box",
    weight=1800,
    cost="up to 190 gradients and 5,000 looks",
    own=False,
    source="arXiv:2003.01690",
)
def autoattack_light(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: float,
    steps: int = 10,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """AutoAttack with 10 steps in place of 100, as torchattacks 3.3 ships it: not the figure that papers quote."""

    def make(model: nn.Module, classes: int) -> Any:
        return standard(model, norm=norm, eps=eps, seed=seed, classes=classes, steps=10)

    return fenced(make, model, x, y, norm=norm, eps=eps, seed=seed)


def standard(model: nn.Module, *, norm: str, eps: float, seed: int, classes: int, steps: int = 100) -> Any:
    """torchattacks' AutoAttack with the standard number of steps, 9 targets at most, and 5,000 looks of Square.

    Below four classes the targeted loss has no meaning, and targeted Auto-PGD is left out.
    """
    from torchattacks import APGDT, AutoAttack, Square

    suite = AutoAttack(model, norm=NORMS[norm], eps=eps, seed=seed, n_classes=classes)
    attacks = [a for a in suite._autoattack.attacks if classes > 3 or not isinstance(a, APGDT)]
    suite._autoattack.attacks = attacks
    for attack in attacks:
        if isinstance(attack, Square):
            attack.n_queries = 5000
        else:
            attack.steps = steps
        if hasattr(attack, "n_target_classes"):
            attack.n_target_classes = min(TARGETS, classes - 1)
    return suite
