"""What a federated client sends, the gradient of one step on a few images, and which labels it tells."""

import copy
from dataclasses import dataclass
from math import inf, isinf

import torch
from torch import Tensor, nn

from engine.checks import known, within
from engine.errors import BadInput
from engine.models.loss import losses
from engine.privacy.bank import MARGIN
from engine.privacy.dpsgd import clipped_sum
from engine.privacy.streams import Seeded

UNITS = ("image", "client")  # whose share is bounded: each image's, or that of all images together
MOST_IMAGES = 8

Gradient = dict[str, Tensor]  # by the name of the parameter


@dataclass(frozen=True)
class Guard:
    """How a client guards its gradient: clipped to `max_grad_norm`, then noise of deviation noise_multiplier times it.

    `unit` "image": each image's gradient is clipped, and the noise added to their sum, as DP-SGD does; "client": the
    mean gradient is clipped as a whole, and the noise added to that. Noise without a bound on the norm is BadInput.
    """

    max_grad_norm: float = inf
    noise_multiplier: float = 0.0
    unit: str = "image"

    def __post_init__(self) -> None:
        within("max_grad_norm", self.max_grad_norm, 1e-6, 1e6, allow_inf=True)
        within("noise_multiplier", self.noise_multiplier, 0, 1e6)
        known("unit", self.unit, UNITS)
        if self.noise_multiplier and isinf(self.max_grad_norm):
            raise BadInput(
                f"noise_multiplier={self.noise_multiplier:g} is a multiple of max_grad_norm: set that to a number too"
            )


OPEN = Guard()  # the gradient as it is


@dataclass(frozen=True)
class Sent:
    """What arrives at the server, which knows the weights, how many images it is of, and how it is guarded."""

    gradient: Gradient
    n: int
    guard: Guard
    shape: tuple[int, int, int]


def sent(model: nn.Module, x: Tensor, y: Tensor, guard: Guard = OPEN, *, seed: int = 0) -> Sent:
    """The mean gradient of the loss on 1 to 8 images x (n, C, H, W) in [0, 1] with labels y (n,), guarded.

    The noise depends on `seed` and on the names of the parameters alone: more of it is the same noise, larger.
    """
    within("images", len(x), 1, MOST_IMAGES)
    twin = attacked(model)
    found = _clipped(twin, x, y, guard)
    scale = 0.0 if isinf(guard.max_grad_norm) else guard.noise_multiplier * guard.max_grad_norm
    scale /= len(x) if guard.unit == "image" else 1
    if scale:
        for name, value in found.items():
            drawn = torch.from_numpy(Seeded().normal(tuple(value.shape), "sent", seed, name))
            found[name] = value + (scale * drawn).to(value)
    return Sent(found, len(x), guard, (x.shape[1], x.shape[2], x.shape[3]))


def attacked(model: nn.Module) -> nn.Module:
    """A copy of the model that gradients can be taken of; the model itself stays as it is."""
    return copy.deepcopy(model).eval().requires_grad_(True)


def _clipped(model: nn.Module, x: Tensor, y: Tensor, guard: Guard) -> Gradient:
    """By the trainer's own hand where each image is clipped."""
    if guard.unit == "image" and not isinf(guard.max_grad_norm):
        sums = clipped_sum(model, x, y, guard.max_grad_norm)
        return {name: sums[p].detach() / len(x) for name, p in model.named_parameters()}
    flat = guarded(model, x, y, guard).detach()
    parts = flat.split([p.numel() for p in model.parameters()])
    return {name: part.view_as(p) for (name, p), part in zip(model.named_parameters(), parts, strict=True)}


def guarded(model: nn.Module, x: Tensor, y: Tensor, guard: Guard) -> Tensor:
    """The clipped mean gradient over all parameters, flat, which can be followed back to the pixels.

    What the server computes of pictures that it tries: a guard is public.
    """
    found = losses(model, x, y)
    if isinf(guard.max_grad_norm):
        return _flat(model, found.mean())
    if guard.unit == "client":
        return _shortened(_flat(model, found.mean()), guard.max_grad_norm)
    bound = guard.max_grad_norm * (1 - MARGIN)  # as the trainer clips
    return torch.stack([_shortened(_flat(model, one), bound) for one in found]).mean(0)


def _flat(model: nn.Module, loss: Tensor) -> Tensor:
    found = torch.autograd.grad(loss, list(model.parameters()), create_graph=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in found])


def _shortened(gradient: Tensor, bound: float) -> Tensor:
    short: Tensor = gradient * (bound / gradient.norm().clamp_min(1e-30)).clamp_max(1.0)
    return short


def last_bias(gradient: Gradient) -> Tensor:
    """The gradient of the logits' bias: of the last parameter with one axis."""
    return [value for value in gradient.values() if value.dim() == 1][-1]


def labels(model: nn.Module, given: Sent, *, seed: int = 0) -> Tensor:
    """The labels that the gradient tells, (n,), ascending.

    The gradient of the logits' bias is the mean of softmax - one-hot. For one image its only negative entry is the
    label (iDLG, arXiv:2001.02610). For several, n times it says how often each class occurs once the softmax is known,
    and the server takes the mean of what the model says of random pictures (in the manner of arXiv:2105.09369); that is
    a guess, and better the less the model has been trained.
    """
    bias = last_bias(given.gradient)
    if given.n == 1:
        return bias.argmin().view(1)
    noise = torch.from_numpy(Seeded().normal((64, *given.shape), "labels", seed)).to(bias)
    with torch.no_grad():
        expected = model((0.5 + 0.25 * noise).clamp(0, 1)).softmax(1).mean(0)
    left = given.n * (expected - bias)
    found = []
    for _ in range(given.n):
        found.append(int(left.argmax()))
        left[found[-1]] -= 1
    return torch.tensor(sorted(found), device=bias.device)
