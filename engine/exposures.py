"""How much each training image is given away, as a job has measured it: read from beside its models. No torch."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "exposure.npz"


@dataclass(frozen=True)
class Exposure:
    """`chosen` and `measured` (B, N): standard deviations by which training on an image moves what models say of it.

    `images` (N,) are indices into the training split, `epsilons` (B,) ascend. The two were measured on models that have
    nothing to do with each other: whoever shows the largest of `chosen` shows what is `measured` of them.
    """

    images: NDArray[np.int64]
    epsilons: tuple[float, ...]
    chosen: NDArray[np.float32]
    measured: NDArray[np.float32]


def write(found: Exposure, file: Path) -> None:
    """Into a file of arrays; whoever writes it gives it its name when it is whole."""
    with file.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **(vars(found) | {"epsilons": np.array(found.epsilons)}))


def read(files: Iterable[Path]) -> Exposure | None:
    """What the jobs of one study have left, together; None where none has yet."""
    parts = sorted((part for file in files if file.exists() for part in _budgets(file)), key=lambda one: one.epsilons)
    if not parts:
        return None
    together = {name: np.concatenate([getattr(one, name) for one in parts]) for name in ("chosen", "measured")}
    return Exposure(parts[0].images, tuple(epsilon for one in parts for epsilon in one.epsilons), **together)


def _budgets(file: Path) -> list[Exposure]:
    with np.load(file, allow_pickle=False) as kept:
        images, budgets = kept["images"], kept["epsilons"].tolist()
        rows = zip(budgets, kept["chosen"], kept["measured"], strict=True)
        return [Exposure(images, (epsilon,), chosen[None], measured[None]) for epsilon, chosen, measured in rows]
