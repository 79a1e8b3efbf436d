"""The result table: one row a number; the same columns in the store, CSV, Parquet and data frames."""

from dataclasses import asdict, dataclass, fields
from math import isnan, nan


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
    def key(self) -> tuple[float, int, str, float]:
        """What makes a row the same point of its study: two rows with one key are one point."""
        return (self.epsilon, self.seed, self.metric, -1.0 if isnan(self.eps) else self.eps)


COLUMNS = tuple(field.name for field in fields(Row))


def as_dict(row: Row) -> dict[str, object]:
    """Plain values in column order."""
    return asdict(row)


NOT_APPLICABLE = nan
