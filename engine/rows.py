"""Result rows with everything a reader needs to trust them."""

from dataclasses import dataclass
from math import isinf, nan

from scipy.stats import binomtest

from engine import guarantees, planning
from engine.privacy.accounting import UNIT
from engine.results import Row
from engine.study import Job
from engine.training import Candidate
from engine.version import VERSION


@dataclass(frozen=True)
class Measured:
    """A number with its interval, and of how many it is."""

    value: float
    low: float
    high: float
    method: str
    n: int


@dataclass(frozen=True)
class How:
    """What was done to the images that a number is about."""

    attack: str = "none"
    norm: str = "none"
    eps: float = nan
    steps: int = 0


def share(right: int, n: int) -> Measured:
    """`right` of `n` images, with the 95 % Wilson interval.

    >>> found = share(50, 100)
    >>> round(found.low, 4), round(found.high, 4)
    (0.4038, 0.5962)
    """
    interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
    return Measured(right / n, float(interval.low), float(interval.high), "wilson-95", n)


def number(value: float, n: int) -> Measured:
    """A number without an interval, of `n` images or models."""
    return Measured(value, nan, nan, "none", n)


def row(job: Job, model: Candidate, metric: str, found: Measured, seconds: float, how: How = How()) -> Row:
    """One result of one model of a job."""
    study, private = job.study, not isinf(model.epsilon)
    return Row(
        study=planning.digest(study),
        dataset=study.dataset,
        model=study.model,
        defence=study.defence.name,
        epsilon=model.epsilon,
        delta=guarantees.delta_of(study) if private else nan,
        noise_multiplier=model.noise_multiplier,
        sample_rate=model.sample_rate,
        train_steps=model.recipe.steps,
        max_grad_norm=model.recipe.max_grad_norm,
        accountant=model.accountant,
        mode=study.privacy.mode,
        unit=UNIT,
        seed=model.seed,
        metric=metric,
        attack=how.attack,
        norm=how.norm,
        eps=how.eps,
        attack_steps=how.steps,
        restarts=int(how.steps > 0),
        value=found.value,
        low=found.low,
        high=found.high,
        interval_method=found.method,
        n=found.n,
        seconds=seconds,
        engine_version=VERSION,
    )
