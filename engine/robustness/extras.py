"""How many of `len(x)` images a model gets right: for sure, in noise, and when nature corrupts the pictures."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from engine.corruptions import SEVERITIES, corruptions
from engine.robustness import certificates
from engine.robustness.curve import predict
from engine.robustness.smoothing import Smoothed


def certified_counts(model: nn.Module, x: Tensor, y: Tensor, radii: Sequence[float]) -> list[int]:
    """Images certified by interval bounds at each eps of `radii`, in their order.

    What is lost at one radius is not asked for at a larger one.
    """
    left = torch.arange(len(x), device=x.device)
    found = {}
    for eps in sorted(set(radii)):
        left = left[certificates.interval(model, x[left], y[left], eps=eps)]
        found[eps] = len(left)
    return [found[eps] for eps in radii]


def smoothed_counts(smoothed: Smoothed, y: Tensor, radii: Sequence[float]) -> list[int]:
    """Images that the smoothed model is certified to get right up to each L2 distance of `radii`."""
    return [int(smoothed.correct(y, radius).sum()) for radius in radii]


def joined(parts: Sequence[Smoothed]) -> Smoothed:
    """What was certified of parts of the images, as one."""
    columns = zip(*((part.prediction, part.abstained, part.radius) for part in parts), strict=True)
    return Smoothed(*(torch.cat(column) for column in columns))


def corrupted_counts(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    names: Sequence[str] = corruptions.names,
    seed: int = 0,
    on_batch: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, int, int]]:
    """(corruption, severity, images right) one after the other; `on_batch` after each, and may raise Cancelled."""
    for name in names:
        corrupt = corruptions[name].load()
        for severity in SEVERITIES:
            right = int((predict(model, corrupt(x, severity=severity, seed=seed)) == y).sum())
            on_batch()
            yield name, severity, right
