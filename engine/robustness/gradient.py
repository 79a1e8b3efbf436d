"""Attacks: `(model, x, y, *, norm, eps, steps, seed) -> x_adv`, functions of each image alone.

x is (N, C, H, W) in [0, 1], y (N,) the true labels, eps the radius in pixel units, per pixel for linf and over
the whole image for l2. The model is a function of x; its parameters and the global random state stay untouched.
"""

import hashlib

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.registry import register


def project(x_adv: Tensor, x: Tensor, eps: float, norm: str) -> Tensor:
    """The nearest point of the ball around x, then of [0, 1]; both hold afterwards, up to the rounding of x + delta.

    x lies in the box, so clipping to the box only shortens each coordinate of x_adv - x.
    """
    delta = x_adv - x
    if norm == "linf":
        delta = delta.clamp(-eps, eps)
    else:
        size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)
        delta = delta * (eps / size).clamp(max=1.0).view(-1, 1, 1, 1)
    return (x + delta).clamp(0, 1)


def gradient(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of each image's loss in its own pixels, and which images the model gets right."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = model(x)
        (grad,) = torch.autograd.grad(unsaturated_loss(logits, y).sum(), x)
    return grad, logits.detach().argmax(1) == y


def unsaturated_loss(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy (N,) of logits divided by their own margin, where that is above 1.

    A confident model's softmax rounds to 0 and 1: the plain gradient vanishes or points astray, and the model
    looks robust when it is not (arXiv:2003.01690, section 4). The divisor is a constant of the image.
    """
    wrong = logits.detach().scatter(1, y[:, None], -torch.inf).amax(1)
    margin = logits.detach().gather(1, y[:, None])[:, 0] - wrong
    return functional.cross_entropy(logits / margin.abs().clamp_min(1)[:, None], y, reduction="none")


def steepest(grad: Tensor, norm: str) -> Tensor:
    """The direction of unit length that raises the loss most: the sign for linf, the unit vector for l2."""
    if norm == "linf":
        return grad.sign()
    # scaled first: the gradient of a confident model may underflow when squared
    grad = grad / grad.flatten(1).abs().amax(1).clamp_min(torch.finfo(grad.dtype).tiny).view(-1, 1, 1, 1)
    unit: Tensor = grad / grad.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
    return unit


def random_start(x: Tensor, eps: float, norm: str, seed: int) -> Tensor:
    """A point of the ball drawn for each image from its own bytes and `seed`: alone or in a batch, the same."""
    noise = torch.stack([_noise_of(image, seed) for image in x]).to(x)
    if norm == "linf":
        return (x + eps * (2 * noise - 1)).clamp(0, 1)
    return project(x + eps * steepest(noise - 0.5, "l2") * noise.flatten(1)[:, :1, None, None], x, eps, norm)


def _noise_of(image: Tensor, seed: int) -> Tensor:
    """Uniform numbers in [0, 1) of the image's shape."""
    data = image.float().cpu().contiguous().numpy().tobytes() + seed.to_bytes(8, "little")
    key = int.from_bytes(hashlib.sha256(data).digest()[:16], "little")
    return torch.from_numpy(np.random.Generator(np.random.Philox(key=key)).random(tuple(image.shape)))


@register(
    "fgsm", title="One gradient step", norms=("linf", "l2"), iterative=False, strength="weak", source="arXiv:1412.6572"
)
def fgsm(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: float,
    steps: int = 1,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """One step of length eps along the steepest direction: quick, and it flatters the model."""
    grad, _ = gradient(model, x, y)
    return project(x + eps * steepest(grad, norm).to(x.dtype), x, eps, norm)


@register(
    "pgd",
    title="Many gradient steps",
    norms=("linf", "l2"),
    iterative=True,
    strength="strong",
    source="arXiv:1706.06083",
)
def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: float,
    steps: int = 40,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """Projected gradient ascent from a random point of the ball, or from `start`; an image stops once it is misread.

    The step starts at eps / 4 and shrinks to eps / 40, so that 40 steps search widely and then settle.
    """
    x_adv = random_start(x, eps, norm, seed) if start is None else project(start, x, eps, norm)
    active = torch.arange(len(x))
    for step in range(steps):
        grad, right = gradient(model, x_adv[active], y[active])
        active = active[right]
        if len(active) == 0 or eps == 0:
            break
        size = eps * max(0.025, 0.25 * (1 - step / steps))
        moved = x_adv[active] + size * steepest(grad[right], norm).to(x.dtype)
        x_adv[active] = project(moved, x[active], eps, norm)
    return x_adv
