"""Attacks that only look at the model's answers: random noise, and Square, which searches at random."""

from functools import cache
from math import prod, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.draws import key_of
from engine.registry import register
from engine.robustness.apgd import looked
from engine.robustness.gradient import Radius, length, of_rows, per_image, project, radii, random_start

WIDEST = 0.8  # share of the picture that the first square covers
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10,000 looks: the share halves after each


@register(
    "noise",
    title="Random noise",
    norms=("linf", "l2"),
    iterative=True,
    strength="weak",
    access="none",
    cost="1 look a step",
    own=True,
    source="arXiv:1902.06705",
)
def noise(
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
    """The worst of `steps` random points of the ball: what no attack should fall short of."""
    worst = x if start is None else project(start, x, eps, norm)
    lowest, right = looked(model, worst, y)
    worst, active = worst.clone(), right.nonzero()[:, 0]
    for draw in range(steps):
        if len(active) == 0:
            break
        now = random_start(x[active], of_rows(eps, active), norm, (seed << 20) + draw)
        gap, right = looked(model, now, y[active])
        worse = ~right | (gap < lowest[active])
        worst[active[worse]], lowest[active[worse]] = now[worse], gap[worse]
        active = active[right]
    return worst


@register(
    "square",
    title="Random squares, by answers alone",
    norms=("linf", "l2"),
    iterative=True,
    strength="medium",
    access="black-box",
    cost="1 look a step",
    own=True,
    source="arXiv:1912.00049",
)
def square(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    eps: Radius,
    steps: int = 1000,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """Square attack: a patch of the picture is pushed to the edge of the ball, and stays where that helps.

    The squares shrink by the paper's schedule for 10,000 looks, scaled to `steps`.
    """
    propose, begin = (_patch_linf, _stripes) if norm == "linf" else (_patch_l2, _tiles)
    cap, keys = radii(eps, x), _keys(x, seed)
    best = begin(x, cap, uniform(keys, 0, prod(x.shape[1:]))) if start is None else project(start, x, cap, norm).clone()
    lowest, right = looked(model, best, y)
    active = right.nonzero()[:, 0]
    for step in range(1, steps):
        if len(active) == 0:
            break
        draws = torch.from_numpy(uniform(keys[active.cpu().numpy()], step, 5 + x.shape[1])).to(x)
        now = propose(best[active], x[active], cap[active], draws, _share(step, steps))
        gap, right = looked(model, now, y[active])
        better = ~right | (gap < lowest[active])
        best[active[better]], lowest[active[better]] = now[better], gap[better]
        active = active[right]
    return best


def _share(step: int, steps: int) -> float:
    """Which share of the picture a square covers.

    >>> [_share(step, 5000) for step in (0, 10, 600, 4999)]
    [0.8, 0.4, 0.025, 0.0015625]
    """
    return float(WIDEST / 2 ** sum(step * 10_000 // steps > passed for passed in HALVINGS))


def _keys(x: Tensor, seed: int) -> NDArray[np.uint64]:
    return np.array([key_of(image, seed) >> 64 for image in x], dtype=np.uint64)


def uniform(keys: NDArray[np.uint64], step: int, n: int) -> NDArray[np.float64]:
    """(N, n) numbers in [0, 1) of each key's stream at `step`: SplitMix64 (Steele, Lea and Flood, 2014).

    >>> a, b = uniform(np.array([1, 2], dtype=np.uint64), 3, 1000)
    >>> bool(abs(a.mean() - 0.5) < 0.03), bool(abs(np.corrcoef(a, b)[0, 1]) < 0.1)
    (True, True)
    """
    place = np.arange(n, dtype=np.uint64) + np.uint64(step) * np.uint64(1 << 24)
    z = keys[:, None] + (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits: NDArray[np.uint64] = (z ^ (z >> np.uint64(31))) >> np.uint64(11)
    drawn: NDArray[np.float64] = bits.astype(np.float64) * 2.0**-53
    return drawn


def _stripes(x: Tensor, eps: Tensor, draws: NDArray[np.float64]) -> Tensor:
    """Vertical stripes, a sign for each column and channel."""
    signs = torch.from_numpy(draws).to(x).view(x.shape)[:, :, :1]
    return (x + per_image(eps, x) * torch.where(signs < 0.5, -1.0, 1.0).to(x)).clamp(0, 1)


def _patch_linf(best: Tensor, x: Tensor, eps: Tensor, draws: Tensor, share: float) -> Tensor:
    """A square at a place of its own for each picture, each channel pushed to one side of the ball."""
    height, width = x.shape[2:]
    side = max(1, round(sqrt(share * height * width)))
    inside = _inside(draws[:, 0], side, height)[:, None, :, None] & _inside(draws[:, 1], side, width)[:, None, None]
    signs = torch.where(draws[:, 5:] < 0.5, -1.0, 1.0).to(x)[:, :, None, None]
    return torch.where(inside, (x + per_image(eps, x) * signs).clamp(0, 1), best)


def _inside(draws: Tensor, side: int, room: int) -> Tensor:
    """Which of `room` places lie in a stretch of `side` that begins where each draw says, (N, room)."""
    first = (draws * max(room - side + 1, 1)).long()[:, None]
    place = torch.arange(room, device=draws.device)
    return (place >= first) & (place < first + side)


def _tiles(x: Tensor, eps: Tensor, draws: NDArray[np.float64]) -> Tensor:
    """A field of bumps on the edge of the ball, a sign for each bump and channel."""
    height, width = x.shape[2:]
    side = max(min(height, width) // 5, 1)
    down, across = height // side, width // side
    signs = torch.where(torch.from_numpy(draws).to(x).view(x.shape)[:, :, :down, :across] < 0.5, -1.0, 1.0)
    bumps = signs.to(x).repeat_interleave(side, 2).repeat_interleave(side, 3) * bump(side).to(x).repeat(down, across)
    top, left = (height - down * side) // 2, (width - across * side) // 2
    delta = torch.zeros_like(x)
    delta[:, :, top : top + down * side, left : left + across * side] = bumps
    return _on_edge(x, delta, eps)


def _on_edge(x: Tensor, delta: Tensor, eps: Tensor) -> Tensor:
    share = eps / length(delta, "l2").clamp_min(1e-12)
    return project(x + per_image(share, x) * delta, x, eps, "l2")


def _patch_l2(best: Tensor, x: Tensor, eps: Tensor, draws: Tensor, share: float) -> Tensor:
    """A bump added in one window of each picture, paid for by clearing another window."""
    channels, height, width = x.shape[1:]
    side = min(max(3, round(sqrt(share * height * width))) | 1, height, width)
    to, of = _window(draws[:, 0], draws[:, 1], side, x), _window(draws[:, 2], draws[:, 3], side, x)
    delta = best - x
    here, rest = delta[to], delta.clone()
    rest[to], rest[of] = 0, 0
    kept, within = delta.square().sum((2, 3), keepdim=True), rest.square().sum((2, 3), keepdim=True)
    spare = (per_image(eps, x) ** 2 - kept.sum(1, keepdim=True)).clamp_min(0) / channels
    shape = bump(side).to(x)
    upright = torch.where((draws[:, 4] < 0.5)[:, None, None, None], shape, shape.T)
    new = upright * torch.where(draws[:, 5:] < 0.5, -1.0, 1.0).to(x)[:, :, None, None] + _unit(here)
    delta[of] = 0
    delta[to] = _unit(new) * (spare + (kept - within).clamp_min(0)).sqrt()
    return _on_edge(x, delta, eps)


def _unit(window: Tensor) -> Tensor:
    return window / window.square().sum((2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _window(down: Tensor, across: Tensor, side: int, x: Tensor) -> tuple[Tensor, ...]:
    """Index of a square at a place of its own in each picture, all channels."""
    n, channels, height, width = x.shape
    reach = torch.arange(side, device=x.device)
    rows = (down * (height - side + 1)).long()[:, None] + reach
    columns = (across * (width - side + 1)).long()[:, None] + reach
    each = torch.arange(n, device=x.device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=x.device).view(1, -1, 1, 1)
    return each, channel, rows[:, None, :, None], columns[:, None, None, :]


@cache
def bump(side: int) -> Tensor:
    """The paper's pattern of unit length, (side, side): a hill beside a valley."""
    hill, valley = _hill(side // 2, side), _hill(side - side // 2, side)
    both = torch.cat([hill / hill.norm().clamp_min(1e-12), -valley / valley.norm()])
    unit: Tensor = both / both.norm()
    return unit


def _hill(height: int, width: int) -> Tensor:
    """Rectangles around the middle, each one ring wider and lower: 1, 1 / 4, 1 / 9 ..."""
    hill = torch.zeros(height, width)
    top, left = height // 2, width // 2
    for ring in range(max(top, left) + 1):
        below, right = top + ring + 1, left + ring + 1
        hill[max(top - ring, 0) : below, max(left - ring, 0) : right] += 1 / (ring + 1) ** 2
    return hill
