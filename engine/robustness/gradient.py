"""Attacks by the gradient's direction, and what all attacks are made of: ball, radii, losses, starts.

An attack is `(model, x, y, *, norm, eps, steps, seed, start) -> x_adv`, a function of each image alone. x is
(N, C, H, W) in [0, 1], y (N,) the true labels, eps the radius in pixel units, per pixel for linf and over the whole
image for l2: one number, or (N,), a radius for each image. `start` are pictures to go on from. The model is a
function of x; its parameters and the global random state stay untouched.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.draws import key_of
from engine.registry import register

Radius = float | Tensor  # of all images, or (N,) of each
BALLS = ("linf", "l2")  # norms in which a picture lies within a distance


def per_image(eps: Radius, x: Tensor) -> Radius:
    """Radii (N,) as (N, 1, 1, 1), in the precision and on the device of x; one radius stays a number."""
    return eps.to(x).view(-1, 1, 1, 1) if isinstance(eps, Tensor) else eps


def of_rows(eps: Radius, rows: Tensor) -> Radius:
    """The radii of some images."""
    return eps[rows] if isinstance(eps, Tensor) else eps


def radii(eps: Radius, x: Tensor) -> Tensor:
    """One radius for each image, (N,)."""
    return torch.as_tensor(eps, dtype=x.dtype, device=x.device).expand(len(x))


def length(delta: Tensor, norm: str) -> Tensor:
    """Size of each perturbation, (N,): the largest change of a pixel for linf, Euclidean for l2."""
    return delta.flatten(1).abs().amax(1) if norm == "linf" else delta.flatten(1).norm(dim=1)


def project(x_adv: Tensor, x: Tensor, eps: Radius, norm: str) -> Tensor:
    """A point of [0, 1] and of the ball around x; both hold afterwards, up to the rounding of x + delta.

    First the nearest of the box, then from there towards x, which lies in the box as well, until it is in the ball.
    The other way round, an l2 perturbation would lose the length that clipping cuts off.
    """
    delta = x_adv.clamp(0, 1) - x
    if norm not in BALLS:
        raise ValueError(f"there is no ball in the norm '{norm}'")
    if norm == "linf":
        bound = per_image(eps, x)
        delta = delta.clamp(-bound, bound)  # type: ignore[arg-type]
    else:
        share = (per_image(eps, x) / length(delta, norm).clamp_min(1e-12).view(-1, 1, 1, 1)).clamp(max=1.0)
        delta = delta * share
    return (x + delta).clamp(0, 1)


def put_back(found: Tensor, x: Tensor, eps: Radius, norm: str) -> Tensor:
    """An attack's pictures within ball and box, or where there is no ball within the box, whatever it did.

    A pixel that is no number is that of `x`: whatever model misreads a picture without numbers.
    """
    found = torch.where(found.isfinite(), found, x)
    return project(found, x, eps, norm) if norm in BALLS else found.clamp(0, 1)


def gradient(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of each image's loss in its own pixels, and which images the model gets right."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = model(x)
        (grad,) = torch.autograd.grad(unsaturated_loss(logits, y).sum(), x)
    return finite(grad), logits.detach().argmax(1) == y


def finite(grad: Tensor) -> Tensor:
    """A gradient without NaN or infinities: where there is none, there is nothing to climb."""
    return grad.nan_to_num(0.0, 0.0, 0.0)


def unsaturated_loss(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy (N,) of logits divided by their own margin, where that is above 1.

    A confident model's softmax rounds to 0 and 1: the plain gradient vanishes or points astray, and the model
    looks robust when it is not (arXiv:2003.01690, section 4). The divisor is a constant of the image.
    """
    scale = margin(logits.detach(), y).abs().clamp_min(1)
    return functional.cross_entropy(logits / scale[:, None], y, reduction="none")


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """How far the true class lies above the best other one, (N,): negative when the image is misread.

    >>> margin(torch.tensor([[3.0, 1.0, 2.5]]), torch.tensor([0]))
    tensor([0.5000])
    """
    return logits.gather(1, y[:, None])[:, 0] - logits.scatter(1, y[:, None], -torch.inf).amax(1)


def steepest(grad: Tensor, norm: str) -> Tensor:
    """The direction of unit length that raises the loss most: the sign for linf, the unit vector for l2."""
    if norm == "linf":
        return grad.sign()
    # scaled first: the gradient of a confident model may underflow when squared
    grad = grad / grad.flatten(1).abs().amax(1).clamp_min(torch.finfo(grad.dtype).tiny).view(-1, 1, 1, 1)
    unit: Tensor = grad / grad.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
    return unit


def inside(grad: Tensor, x: Tensor) -> Tensor:
    """The gradient without what leads out of [0, 1] from a pixel at its edge: an l2 step is spent where it counts."""
    return grad.masked_fill(((x <= 0) & (grad < 0)) | ((x >= 1) & (grad > 0)), 0)


def random_start(x: Tensor, eps: Radius, norm: str, seed: int) -> Tensor:
    """A point of the ball drawn for each image from its own bytes and `seed`: alone or in a batch, the same."""
    noise = torch.stack([_noise_of(image, seed) for image in x]).to(x) if len(x) else x
    far = per_image(eps, x)
    if norm == "linf":
        return (x + far * (2 * noise - 1)).clamp(0, 1)
    return project(x + far * steepest(noise - 0.5, "l2") * noise.flatten(1)[:, :1, None, None], x, eps, norm)


def _noise_of(image: Tensor, seed: int) -> Tensor:
    """Uniform numbers in [0, 1) of the image's shape."""
    return torch.from_numpy(np.random.Generator(np.random.Philox(key=key_of(image, seed))).random(tuple(image.shape)))


def ascend(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    x_adv: Tensor,
    *,
    norm: str,
    eps: Radius,
    shares: list[float],
    decay: float = 0.0,
) -> Tensor:
    """Steps of length share x eps up the loss, from x_adv; an image stops once it is misread.

    With `decay` the directions add up: velocity = decay velocity + gradient / mean |gradient|.
    """
    x_adv, velocity = x_adv.clone(), torch.zeros_like(x)
    active = torch.arange(len(x), device=x.device)
    for share in shares if _any(eps) else ():
        grad, right = gradient(model, x_adv[active], y[active])
        active, grad = active[right], grad[right].to(x.dtype)
        if len(active) == 0:
            break
        if decay:
            scale = grad.flatten(1).abs().mean(1).clamp_min(torch.finfo(x.dtype).tiny)
            grad = velocity[active] = decay * velocity[active] + grad / scale.view(-1, 1, 1, 1)
        radius = of_rows(eps, active)
        now = x_adv[active]
        moved = now + share * per_image(radius, x) * steepest(inside(grad, now) if norm == "l2" else grad, norm)
        x_adv[active] = project(moved, x[active], radius, norm)
    return x_adv


def _any(eps: Radius) -> bool:
    return bool(eps.any()) if isinstance(eps, Tensor) else eps > 0


@register(
    "fgsm",
    title="One gradient step",
    norms=("linf", "l2"),
    iterative=False,
    strength="weak",
    access="white-box",
    cost="1 gradient",
    own=True,
    source="arXiv:1412.6572",
    version=2,
)
def fgsm(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 1,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """One step of length eps along the steepest direction: quick, and it flatters the model."""
    grad, _ = gradient(model, x, y)
    grad = inside(grad, x) if norm == "l2" else grad
    return project(x + per_image(eps, x) * steepest(grad, norm).to(x.dtype), x, eps, norm)


@register(
    "bim",
    title="Small gradient steps, straight from the image",
    norms=("linf", "l2"),
    iterative=True,
    strength="medium",
    access="white-box",
    cost="1 gradient a step",
    own=True,
    source="arXiv:1607.02533",
)
def bim(
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
    """Steps of length eps / steps from the image itself: finds nothing that lies beyond a bend."""
    x_adv = x if start is None else project(start, x, eps, norm)
    return ascend(model, x, y, x_adv, norm=norm, eps=eps, shares=[1 / steps] * steps)


@register(
    "mifgsm",
    title="Gradient steps with momentum",
    norms=("linf", "l2"),
    iterative=True,
    strength="medium",
    access="white-box",
    cost="1 gradient a step",
    own=True,
    source="arXiv:1710.06081",
)
def mifgsm(
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
    """Steps of length eps / steps along the sum of all gradients so far: its pictures fool other models too."""
    x_adv = x if start is None else project(start, x, eps, norm)
    return ascend(model, x, y, x_adv, norm=norm, eps=eps, shares=[1 / steps] * steps, decay=1.0)


@register(
    "pgd",
    title="Many gradient steps",
    norms=("linf", "l2"),
    iterative=True,
    strength="strong",
    access="white-box",
    cost="1 gradient a step",
    own=True,
    source="arXiv:1706.06083",
    version=2,
)
def pgd(
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
    """Projected gradient ascent from a random point of the ball, or from `start`; an image stops once it is misread.

    The step starts at eps / 4 and shrinks to a tenth of that, so that 40 steps search widely and then settle; fewer
    than 16 start with longer ones, so that they can cross the ball.
    """
    x_adv = random_start(x, eps, norm, seed) if start is None else project(start, x, eps, norm)
    return ascend(model, x, y, x_adv, norm=norm, eps=eps, shares=strides(steps))


def strides(steps: int) -> list[float]:
    """The lengths of PGD's steps as shares of the radius; together at least twice the radius, which crosses the ball.

    >>> strides(1), strides(4)
    ([2.0], [1.0, 0.75, 0.5, 0.25])
    """
    longest = min(2.0, max(0.25, 4 / steps))
    return [longest * max(0.1, 1 - step / steps) for step in range(steps)]
