"""What a study promises of each training image, as plain values (computed by engine.guarantees)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """What holds for one model of a budget, when it alone is released.

    `best_of` is the epsilon when it is the best of about Guarantees.tries tries, on the conditions of joint.best_of.
    """

    epsilon: float
    noise_multiplier: float
    sample_rate: float
    steps: int
    accountant: str
    best_of: float


@dataclass(frozen=True)
class Guarantees:
    """What a study promises of each training image, at `delta`; `unit` is what is added or removed.

    `separate` has one entry a private budget, ascending. `joint` is the epsilon of releasing all `n_models` private
    models, under the sharing that was used (`shared`: the same batches); `other` the epsilon had they been trained
    under the other sharing. Where every model has batches of its own whatever is asked for (networks), `other` is
    None. `unprotected`: there are models without noise besides, or attacks on single images, and no epsilon for them.
    """

    delta: float
    unit: str
    separate: tuple[Promise, ...]
    n_models: int
    shared: bool
    joint: float
    other: float | None
    accountant: str
    tries: int
    unprotected: bool
