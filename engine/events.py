"""What a running job says: the only things that flow from worker to store. Plain values, JSON-able."""

from dataclasses import dataclass

from engine.results import Row

STAGES = ("data", "noise", "features", "train", "attack")  # in this order


@dataclass(frozen=True)
class Stage:
    """`done` of `total` units of a named stage (STAGES); done == 0 starts it, done == total ends it."""

    name: str
    done: int
    total: int


@dataclass(frozen=True)
class Provisional:
    """A model in training: accuracy on test data so far; `loss` for non-private runs only (it is not private)."""

    epsilon: float
    seed: int
    step: int
    steps: int
    accuracy: float
    epsilon_spent: float
    loss: float | None = None
    clip_only: bool = False


@dataclass(frozen=True)
class Trained:
    """A finished model whose weights lie at `path` (safetensors); `clip_only`: clipped, without noise."""

    epsilon: float
    seed: int
    path: str
    clip_only: bool = False


Event = Stage | Provisional | Trained | Row
