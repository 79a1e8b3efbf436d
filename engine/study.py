"""A study: what a person asked for, frozen and checked once. What decides the numbers is here; where it runs is not.

Bounds that need a data set or a registry (delta < 1/N, L2 radii, names) are checked in planning.py.
"""

from math import inf
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from engine.checks import within
from engine.errors import BadInput

EPSILON_LOW, EPSILON_HIGH = 0.05, 100.0
MAX_POINTS = 10_000


def _budget(value: Any) -> float:
    number = float(value)
    return within("epsilon", number, EPSILON_LOW, EPSILON_HIGH, allow_inf=True)


def _written(value: float) -> float | str:
    return "inf" if value == inf else value


def _ascending(values: Any) -> tuple[Any, ...]:
    listed = tuple(values) if isinstance(values, (list, tuple)) else (values,)
    return tuple(sorted(set(float(v) for v in listed)))


Epsilon = Annotated[float, BeforeValidator(_budget), PlainSerializer(_written, when_used="json")]
Grid = BeforeValidator(_ascending)


class Frozen(BaseModel):
    """Immutable, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)


class Privacy(Frozen):
    """Privacy budgets; unit of privacy: one training image added or removed."""

    epsilons: Annotated[tuple[Epsilon, ...], Grid, Field(min_length=1)] = (0.5, 1.0, 3.0, 8.0, inf)
    delta: float | None = Field(None, gt=0, lt=1, description="None: min(1e-5, 1 / (10 N))")


class Attack(Frozen):
    """An attack over a grid of radii `eps` in pixel units of [0, 1]; `eps=None`: the data set's own grid."""

    name: str = "pgd"
    norm: Literal["linf", "l2"] = "linf"
    eps: Annotated[tuple[float, ...], Grid, Field(min_length=1)] | None = None
    steps: int = Field(40, ge=1, le=1000)
    images: int = Field(500, ge=1, le=1_000_000, description="the first test images")
    seeds: int = Field(1, ge=1, description="trained models attacked at each budget")


class Study(Frozen):
    """One question to the engine. Equal studies have equal digests (planning.digest)."""

    dataset: str = "digits"
    model: str = "scattering-linear"
    privacy: Privacy = Privacy()
    attack: Attack = Attack()
    seeds: int = Field(1, ge=1, le=1000, description="trained models at each budget")


class Job(Frozen):
    """What one worker does: some budgets and seeds of a resolved study, trained, then attacked."""

    study: Study
    epsilons: tuple[Epsilon, ...]
    seeds: tuple[int, ...]


def parse(values: dict[str, Any]) -> Study:
    """A Study from plain values (form, TOML, link, JSON); BadInput in one sentence otherwise.

    >>> parse({"dataset": "digits", "privacy": {"epsilons": [3, "inf"]}}).privacy.epsilons
    (3.0, inf)
    >>> parse({"seeds": 0})
    Traceback (most recent call last):
    engine.errors.BadInput: seeds=0: should be greater than or equal to 1
    """
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        raise BadInput(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if isinstance(part, str)) or "study"
    if isinstance(inner := first.get("ctx", {}).get("error"), BadInput):
        return str(inner)
    message = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{where}={first['input']!r}: {message}"
