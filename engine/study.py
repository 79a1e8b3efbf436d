"""A study: what a person asked for, frozen and checked once. What decides the numbers is here; where it runs is not.

Bounds that need a data set or a registry (delta < 1/N, L2 radii, names) are checked in planning.py.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

from engine.checks import known, within
from engine.errors import BadInput

EPSILON_LOW, EPSILON_HIGH = 0.05, 100.0
MAX_POINTS = 10_000
WORST = ("fmn", "apgd", "apgd-t")  # attacks that together are hard to beat, in the order in which they are tried
OWN = "folder:"  # what the names of a person's own data sets begin with
DIGITS = 16  # of the hash of their content, with which they end


def _budget(value: Any) -> float:
    return within("epsilon", float(value), EPSILON_LOW, EPSILON_HIGH, allow_inf=True)


def _written(value: float) -> float | str:
    return "inf" if value == inf else value


def _grid(name: str) -> BeforeValidator:
    """Sorted numbers without repeats, from one number or a list; BadInput that names `name` otherwise."""

    def ascending(values: Any) -> tuple[float, ...]:
        listed = values if isinstance(values, (list, tuple)) else (values,)
        if not listed:
            raise BadInput(f"{name} is an empty list: name at least one value")
        return tuple(sorted({number(name, value) for value in listed}))

    return BeforeValidator(ascending)


def number(name: str, value: Any) -> float:
    """A float from a number or its text; BadInput otherwise.

    >>> number("epsilon", "many")
    Traceback (most recent call last):
    engine.errors.BadInput: epsilon='many' is not a number
    """
    try:
        if not isinstance(value, bool):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise BadInput(f"{name}={repr(value)[:60]} is not a number")


Epsilon = Annotated[float, BeforeValidator(_budget), PlainSerializer(_written, when_used="json")]


def _no_truth(value: Any) -> Any:
    """True is no number, though Python counts it as 1."""
    if isinstance(value, bool):
        raise ValueError("a truth value")
    return value


Count = Annotated[int, BeforeValidator(_no_truth)]
Side = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=1024)]


def _names(where: str) -> BeforeValidator:
    """Names in the order given, each once, from one text (joined by + or commas) or a list."""

    def distinct(values: Any) -> tuple[str, ...]:
        listed = re.split(r"[+,\s]+", values) if isinstance(values, str) else values
        if not isinstance(listed, (list, tuple)) or not all(isinstance(name, str) for name in listed):
            raise BadInput(f"{where}={repr(values)[:60]} is not a list of names")
        return tuple(dict.fromkeys(filter(None, listed)))

    return BeforeValidator(distinct)


class Frozen(BaseModel):
    """Immutable, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)


class Privacy(Frozen):
    """Privacy budgets; unit of privacy: one training image added or removed."""

    epsilons: Annotated[tuple[Epsilon, ...], _grid("epsilon"), Field(min_length=1)] = (0.5, 1.0, 3.0, 8.0, inf)
    delta: float | None = Field(None, gt=0, lt=1, description="None: min(1e-5, 1 / (10 N))")
    mode: Literal["reproducible", "private"] = Field("reproducible", description="seeded noise, or secret noise")
    independent_batches: bool = Field(False, description="each model of a one-pass training draws its own batches")
    clip_only: bool = Field(False, description="also train with clipping and without noise, as a baseline")

    @model_serializer(mode="wrap")
    def _without_what_nobody_asked_for(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study that leaves these as they are is written, and so named, as before there was a choice."""
        usual = {"mode": "reproducible", "independent_batches": False, "clip_only": False}
        return {name: value for name, value in plain(self).items() if name not in usual or value != usual[name]}


class Attack(Frozen):
    """Attacks over a grid of radii `eps` in pixel units of [0, 1]; `eps=None`: the data set's own grid.

    An image counts as recognised at a radius if none of the attacks `names` broke it there. `name` stands for one.
    """

    names: Annotated[tuple[str, ...], _names("attack"), Field(min_length=1)] = WORST
    norm: Literal["linf", "l2", "spatial"] = "linf"
    eps: Annotated[tuple[float, ...], _grid("eps"), Field(min_length=1)] | None = None
    steps: Count = Field(20, ge=1, le=1000)
    images: Count = Field(500, ge=1, le=1_000_000, description="the first test images")
    seeds: Count = Field(1, ge=1, le=1000, description="trained models attacked at each budget")
    source: str | None = Field(None, description="study whose model lends its pictures to the attack 'transfer'")

    @model_validator(mode="before")
    @classmethod
    def _one_by_its_name(cls, values: Any) -> Any:
        if isinstance(values, dict) and "name" in values:
            if "names" in values:
                raise BadInput("attack.name and attack.names are both given: name attacks once")
            return {("names" if key == "name" else key): value for key, value in values.items()}
        return values

    @model_serializer(mode="wrap")
    def _one_attack_as_a_name(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study of one attack is written, and so named, as when there was no choice of several."""
        written = plain(self)
        names = written.pop("names")
        chosen = {"name": names[0]} if len(names) == 1 else {"names": names}
        return chosen | {name: value for name, value in written.items() if name != "source" or value is not None}

    @property
    def name(self) -> str:
        """All attacks in one word, as the column `attack` of results has it."""
        return "+".join(self.names)


class Defence(Frozen):
    """What is done against attacks: while training, within `eps` in pixel units, and to pictures a model is shown.

    `eps=None`: the data set's usual radius, where training is defended.
    """

    training: str = "none"
    input: str = "none"
    eps: float | None = Field(None, gt=0, le=1)

    @property
    def name(self) -> str:
        """In result tables.

        >>> Defence().name, Defence(training="trades", input="jpeg").name
        ('none', 'trades+jpeg')
        """
        return "+".join(part for part in (self.training, self.input) if part != "none") or "none"


class Own(Frozen):
    """The public facts of a person's own images, which no registry knows; `content` is the hash of pixels and labels.

    Files that are not what is stated here are refused: the promise is computed from these numbers.
    """

    content: str = Field(pattern="^[0-9a-f]{32}$")
    n_train: Count = Field(ge=1, le=1_000_000)
    n_test: Count = Field(ge=1, le=1_000_000)
    shape: tuple[Side, Side, Side]
    classes: tuple[str, ...] = Field(min_length=2, max_length=100)


class Study(Frozen):
    """One question to the engine. Equal studies have equal digests (planning.digest)."""

    dataset: str = "digits"
    model: str = "scattering-linear"
    privacy: Privacy = Privacy()
    attack: Attack = Attack()
    defence: Defence = Defence()
    seeds: Count = Field(1, ge=1, le=1000, description="trained models at each budget")
    extras: Annotated[tuple[str, ...], _names("extras")] = Field((), description="what is measured besides, of EXTRAS")
    own: Own | None = Field(None, description="of a data set folder:NAME; filled in from what is kept under that name")

    @model_validator(mode="after")
    def _own_facts_fit_the_name(self) -> "Study":
        if self.own and not (self.dataset.startswith(OWN) and self.dataset.endswith(f"-{self.own.content[:DIGITS]}")):
            raise BadInput(f"the facts under 'own' are not those of data set '{self.dataset[:60]}'")
        return self

    @model_serializer(mode="wrap")
    def _without_what_nobody_asked_for(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study of a known data set without a defence is written, and so named, as before there were these."""
        usual = {"own": self.own is None, "defence": self.defence == Defence(), "extras": not self.extras}
        return {name: value for name, value in plain(self).items() if not usual.get(name)}


class Job(Frozen):
    """What one worker does: some budgets and seeds of a resolved study, trained, then attacked.

    `clip_only`: it trains the baseline that is clipped and gets no noise, too.
    """

    study: Study
    epsilons: tuple[Epsilon, ...]
    seeds: tuple[int, ...]
    clip_only: bool = False


def parse(values: dict[str, Any]) -> Study:
    """A Study from plain values (form, TOML, link, JSON); BadInput in one sentence otherwise.

    >>> parse({"dataset": "digits", "privacy": {"epsilons": [3, "inf"]}}).privacy.epsilons
    (3.0, inf)
    >>> parse({"seeds": 0})
    Traceback (most recent call last):
    engine.errors.BadInput: seeds=0 is not in [1, 1000]
    """
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        raise BadInput(_sentence(error)) from None


def read(file: Path) -> dict[str, Any]:
    """The plain values of a study in a TOML file, or in a study.json that an export wrote; BadInput in one sentence."""
    try:
        text = file.read_text(encoding="utf-8")
        values = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file} is not a text file in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file} is not valid {'JSON' if file.suffix == '.json' else 'TOML'}: {error}") from None
    study = values.get("study", values) if isinstance(values, dict) else values
    if not isinstance(study, dict):
        raise BadInput(f"{file} holds no study: it has to be a table of settings")
    return study


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong, as one sentence naming value and bound."""
    first = error.errors()[0]
    if isinstance(inner := first.get("ctx", {}).get("error"), BadInput):
        return str(inner)
    path = [part for part in first["loc"] if isinstance(part, str)] or ["study"]
    where = ".".join(path).removeprefix("privacy.")
    written = where + "=" + repr(first["input"])[:60]
    if first["type"] == "extra_forbidden":
        return _refusal("setting", where, _owner(path).model_fields)
    if first["type"] == "literal_error":
        return _refusal(path[-1], first["input"], get_args(_owner(path).model_fields[path[-1]].annotation))
    if first["type"] == "model_type":
        return f"{written} is not a table of settings"
    if first["type"] == "string_type":
        return f"{written} is not a name"
    return f"{written} is not {_expected(_owner(path).model_fields[path[-1]], first['type'])}"


def _refusal(kind: str, name: Any, choices: Iterable[str]) -> str:
    try:
        return known(kind, str(name), choices)
    except BadInput as refused:
        return str(refused)


def _owner(path: list[str]) -> type[BaseModel]:
    """The model that holds the field at the end of `path`."""
    model: Any = Study
    for part in path[:-1]:
        model = model.model_fields[part].annotation
        model = next(iter(get_args(model)), model)  # `Own | None` is Own
    owner: type[BaseModel] = model
    return owner


def _expected(field: FieldInfo, problem: str) -> str:
    """What a number should have been, such as `in [1, 1000]` or `a whole number in [1, 1000]`."""
    bound = {type(m).__name__: getattr(m, type(m).__name__.lower(), None) for m in field.metadata}
    if not bound.keys() & {"Ge", "Gt"}:
        return "what `export` writes there"
    low = f"[{bound['Ge']}" if "Ge" in bound else f"({bound['Gt']}"
    high = f"{bound['Le']}]" if "Le" in bound else f"{bound['Lt']})"
    kinds = {"int": "a whole number ", "value": "a whole number ", "float": "a number "}  # value: of `Count`
    kind = kinds.get(problem.partition("_")[0], "")
    return f"{kind}in {low}, {high}"
