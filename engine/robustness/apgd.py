"""Attacks that set their own step: Auto-PGD on cross-entropy, and on a margin to each other class in turn.

Croce and Hein, arXiv:2003.01690. Step halved image by image at growing checkpoints, momentum, and the best point
so far kept; an image leaves as soon as it is misread.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.registry import register
from engine.robustness.gradient import (
    Radius,
    finite,
    inside,
    margin,
    of_rows,
    per_image,
    project,
    radii,
    random_start,
    steepest,
    unsaturated_loss,
)

Objective = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]  # logits, y, target -> what to climb, progress
RISING = 0.75  # share of steps that must have gained for the step to stay as it is
INERTIA = 0.25


@register(
    "apgd",
    title="Gradient steps that set their own length",
    norms=("linf", "l2"),
    iterative=True,
    strength="strong",
    access="white-box",
    cost="1 gradient a step",
    own=True,
    source="arXiv:2003.01690",
)
def apgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 100,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """Auto-PGD: the step halves for each image when it stops paying, and the best point found is kept."""
    x_adv = random_start(x, eps, norm, seed) if start is None else project(start, x, eps, norm)
    return climb(model, x, y, x_adv, norm=norm, eps=eps, steps=steps, objective=cross_entropy, target=y)


@register(
    "apgd-t",
    title="Gradient steps towards each other class",
    norms=("linf", "l2"),
    iterative=True,
    strength="strongest",
    access="white-box",
    weight=3,
    cost="1 gradient a step and target class, 3 targets",
    own=True,
    source="arXiv:2003.01690",
)
def apgd_t(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 100,
    seed: int = 0,
    start: Tensor | None = None,
    targets: int = 3,
) -> Tensor:
    """Auto-PGD towards the likeliest other class, then the next, up to three, while the image is read right."""
    x_adv = random_start(x, eps, norm, seed) if start is None else project(start, x, eps, norm)
    found, left = x_adv.clone(), torch.arange(len(x), device=x.device)
    lowest = torch.full((len(x),), torch.inf).to(x)
    for target in others(model, x, y).T[:targets]:
        aim = {"objective": ratio, "target": target[left]}
        now = climb(model, x[left], y[left], x_adv[left], norm=norm, eps=of_rows(eps, left), steps=steps, **aim)
        gap, right = looked(model, now, y[left])
        better = ~right | (gap < lowest[left])
        found[left[better]], lowest[left[better]] = now[better], gap[better]
        left = left[right]
        if len(left) == 0:
            break
    return found


def cross_entropy(logits: Tensor, y: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Climbs the unsaturated loss, whose scale follows the image; progress is the margin, which means the same."""
    return unsaturated_loss(logits, y), -margin(logits.detach(), y)


def ratio(logits: Tensor, y: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Difference of target and true logit over the spread of the highest ones (DLR); of three classes without it."""
    rise = (logits.gather(1, target[:, None]) - logits.gather(1, y[:, None]))[:, 0]
    if logits.shape[1] > 3:
        top = logits.topk(4, dim=1).values
        rise = rise / (top[:, 0] - (top[:, 2] + top[:, 3]) / 2).clamp_min(1e-12)
    return rise, rise.detach()


@torch.no_grad()
def others(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The wrong classes of each image, (N, classes - 1), the likeliest first."""
    logits = model(x)
    ranked: Tensor = logits.scatter(1, y[:, None], -torch.inf).argsort(1, descending=True)
    return ranked[:, :-1]


@torch.no_grad()
def looked(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Margin of each image, and whether it is read right."""
    logits = model(x)
    return margin(logits, y), logits.argmax(1) == y


def climb(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    x_adv: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int,
    objective: Objective,
    target: Tensor,
) -> Tensor:
    """Auto-PGD from x_adv: a misread picture of each image where it came by one, else its best."""
    found, at = x_adv.clone(), _begin(x, y, x_adv, radii(eps, x), target)
    checks = _checkpoints(steps)
    for step in range(steps):
        grad, value, right = _gradient(model, at, objective)
        _note(at, grad, value)
        found[at["row"][~right]] = at["now"][~right]
        if not right.all():
            at = {name: state[right] for name, state in at.items()}
        if len(at["row"]) == 0:
            return found
        if step in checks:
            _slow_down(at, checks[step])
        _move(at, norm, step)
    _, right = looked(model, at["now"], at["y"])
    found[at["row"]] = torch.where(right.view(-1, 1, 1, 1), at["best"], at["now"])
    return found


def _begin(x: Tensor, y: Tensor, x_adv: Tensor, eps: Tensor, target: Tensor) -> dict[str, Tensor]:
    """What is remembered of each image; its first step is the width of its ball."""
    none, zero = torch.full_like(eps, -torch.inf), torch.zeros_like(eps)
    pictures = {"x": x, "now": x_adv, "before": x_adv, "best": x_adv.clone(), "grad": x, "best_grad": x.clone()}
    numbers = {"eps": eps, "size": 2 * eps, "value": none, "highest": none, "mark": none, "rises": zero}
    labels = {"y": y, "target": target, "row": torch.arange(len(x), device=x.device), "halved": zero < 0}
    return pictures | numbers | labels


def _checkpoints(steps: int) -> dict[int, int]:
    """The steps at which progress is judged, and over how many steps: 22 % of all, then 3 % less each time.

    >>> _checkpoints(100)
    {22: 22, 41: 19, 57: 16, 70: 13, 80: 10, 87: 7, 93: 6, 99: 6}
    """
    span, least, less = (max(1, int(share * steps)) for share in (0.22, 0.06, 0.03))
    found, step = {}, span
    while step < steps:
        found[step] = span
        span = max(span - less, least)
        step += span
    return found


def _gradient(model: nn.Module, at: dict[str, Tensor], objective: Objective) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of the objective in the pixels, progress so far, and who is read right."""
    now = at["now"].detach().requires_grad_(True)
    with torch.enable_grad():
        logits = model(now)
        loss, value = objective(logits, at["y"], at["target"])
        (grad,) = torch.autograd.grad(loss.sum(), now)
    return finite(grad), value, logits.detach().argmax(1) == at["y"]


def _note(at: dict[str, Tensor], grad: Tensor, value: Tensor) -> None:
    """Whether the last step gained, and the best point so far with its gradient."""
    at["grad"], better = grad, value > at["highest"]
    at["rises"] = at["rises"] + (value > at["value"])
    at["value"], at["highest"] = value, torch.maximum(value, at["highest"])
    at["best"][better], at["best_grad"][better] = at["now"][better], grad[better]


def _slow_down(at: dict[str, Tensor], span: int) -> None:
    """Half the step, from the best point, for those that rose too rarely or stood still since the last checkpoint."""
    stuck = (at["rises"] <= RISING * span) | (~at["halved"] & (at["highest"] <= at["mark"]))
    picture = stuck.view(-1, 1, 1, 1)
    at["size"] = torch.where(stuck, at["size"] / 2, at["size"])
    at["now"] = torch.where(picture, at["best"], at["now"])
    at["grad"] = torch.where(picture, at["best_grad"], at["grad"])
    at["mark"], at["halved"], at["rises"] = at["highest"], stuck, torch.zeros_like(at["rises"])


def _move(at: dict[str, Tensor], norm: str, step: int) -> None:
    """One projected step, a quarter of whose room is left to the direction of the step before."""
    x, now, eps = at["x"], at["now"], at["eps"]
    grad = inside(at["grad"], now) if norm == "l2" else at["grad"]
    ahead = project(now + per_image(at["size"], x) * steepest(grad, norm).to(x.dtype), x, eps, norm)
    if step > 0:
        ahead = project(now + (1 - INERTIA) * (ahead - now) + INERTIA * (now - at["before"]), x, eps, norm)
    at["before"], at["now"] = now, ahead
