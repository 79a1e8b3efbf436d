"""What a running job says: the only things that flow from worker to store. Plain values, JSON-able."""

from dataclasses import dataclass

from engine.mechanism import Mechanism
from engine.results import Row

STAGES = ("data", "noise", "features", "train", "attack", "check", "extras", "leakage")  # in this order


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


@dataclass(frozen=True)
class Stands:
    """How each attacked image stands, so far or in the end (`done`): what the curve is drawn from while it sharpens.

    One byte an image: in `broken` the index in `radii` of the smallest radius that broke it, their number if none did;
    in `by` the index in `attacks` of the one that did, 255 for none. Images are the first test images, in their order.
    """

    epsilon: float
    seed: int
    attacks: tuple[str, ...]
    radii: tuple[float, ...]
    broken: bytes
    by: bytes
    done: bool
    clip_only: bool = False


@dataclass(frozen=True)
class Releases:
    """What the whole study, all its jobs, lays open of its training images; said by every job before its first step.

    One mechanism a private model, all budgets and repeats; `shared`: those of one sample rate and length drew the same
    batches (privacy.joint.released composes them). `unprotected`: models without noise are trained, too, or models are
    attacked to tell of single images.
    """

    mechanisms: tuple[Mechanism, ...]
    shared: bool
    unprotected: bool


@dataclass(frozen=True)
class Redone:
    """A resumed job is about to draw fresh noise for up to `steps` steps of a model that may have been done before.

    Said in mode 'private' alone, each time, by every model of a pass one after another: what shared batches when it
    was first done did so here.
    """

    epsilon: float
    seed: int
    steps: int


@dataclass(frozen=True)
class Begins:
    """Models, each (epsilon, seed), are about to make the first of `steps` steps with fresh noise.

    Said in mode 'private' alone. A job that says so twice of a model has lost what it had trained of it.
    """

    models: tuple[tuple[float, int], ...]
    steps: int


Event = Stage | Provisional | Stands | Trained | Releases | Begins | Redone | Row
