"""The result table: one row a number; the same columns in the store, CSV, Parquet and data frames.

Accuracies (POINTS) are what a study is asked for. What training one of its models cost (SECONDS, MEMORY) stands beside
them in rows without an interval, where it was measured; there `n` models trained in the one pass that was measured: its
seconds are divided among them, its memory, in bytes beyond what was held before, is not.
"""

from dataclasses import asdict, dataclass, fields
from math import isfinite, isinf, isnan, nan

POINTS = ("accuracy", "robust_accuracy")  # metrics, as all below
SECONDS, MEMORY = "train_seconds", "train_memory"
CERTIFIED = "certified_accuracy"  # of interval bounds, as low as no attack gets
SMOOTHED_RIGHT, SMOOTHED_ABSTAINED = "smoothed_accuracy", "smoothed_abstention"  # of the model in noise
CORRUPTED = "corrupted_accuracy:"  # and the corruption's name; `eps` is the severity
# leakage (leaking.py); of models trained alike on random halves of a pool, means over them, and the attack's name
LEAKED_AUC = "membership_auc:"
LEAKED = "membership_tpr:"  # true positives; `eps` is the rate of false ones
ALLOWED = "membership_allowed"  # the same of an attack that no one model of this budget can be worse to
ABOVE = "membership_above"  # points above that curve with their simultaneous limits; `n` points were measured
GUESSED = "membership_guessed:"  # right guesses about as many training as test images of a study's own model
ATTACKED = "-attacked"  # behind the name of whoever learns from images that an attack on the model has changed
DEMONSTRATED, DEMONSTRABLE = "demonstrated_epsilon:", "demonstrable_epsilon:"  # and the kind of canaries; its ceiling
CHECK = "check:"  # what the metrics of the self-check begin with (robustness/selfcheck.py)


@dataclass(frozen=True)
class Row:
    """One measured number with its interval and what made it. Accuracies are fractions in [0, 1]."""

    study: str
    dataset: str
    model: str
    defence: str
    epsilon: float
    delta: float
    noise_multiplier: float
    sample_rate: float
    train_steps: int
    max_grad_norm: float
    accountant: str
    mode: str
    unit: str
    seed: int
    metric: str
    attack: str
    norm: str
    eps: float
    attack_steps: int
    restarts: int
    value: float
    low: float
    high: float
    interval_method: str
    n: int
    seconds: float
    engine_version: str

    @property
    def clip_only(self) -> bool:
        """Of a model trained with clipping and without noise."""
        return isinf(self.epsilon) and self.noise_multiplier == 0 and isfinite(self.max_grad_norm)

    @property
    def radius(self) -> float:
        """`eps`, or -1 where nothing is attacked: a number that can be compared."""
        return -1.0 if isnan(self.eps) else self.eps

    @property
    def key(self) -> tuple[float, int, str, float, bool]:
        """What makes a row the same point of its study: two rows with one key are one point."""
        return (self.epsilon, self.seed, self.metric, self.radius, self.clip_only)


COLUMNS = tuple(field.name for field in fields(Row))


def as_dict(row: Row) -> dict[str, object]:
    """Plain values in column order."""
    return asdict(row)


NOT_APPLICABLE = nan
