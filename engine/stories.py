"""Stories: results that others published, and the studies that measure the same here.

Each is a file in assets/stories, NUMBER-NAME.toml, shown in the order of the numbers. Accuracies are shares in [0, 1].
"""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from engine import planning
from engine.errors import BadInput
from engine.extras import FALSE_POSITIVES
from engine.results import GUESSED, LEAKED
from engine.study import Epsilon, Frozen, Study, parse

FOLDER = Path(__file__).parents[1] / "assets" / "stories"
Words = Annotated[str, Field(min_length=1)]


class Published(Frozen):
    """What a paper states at a privacy budget, epsilon and delta.

    `accuracy`: the share of test images recognised, or of guesses about who was trained on that are right.
    """

    epsilon: Epsilon
    delta: float = Field(gt=0, lt=1)
    accuracy: float = Field(gt=0, lt=1)


class Part(Frozen):
    """One study of a story, resolved, one measure of it, and what was published about the same.

    `measure` is "accuracy", or what is measured of leakage, LEAKED or GUESSED and a name (engine.results). `eps`: the
    radius of the attack under which images are recognised, 0 for none; of LEAKED the rate of false alarms.
    """

    label: Words
    study: Study
    measure: str = Field("accuracy", pattern=f"^(accuracy|({LEAKED}|{GUESSED}).+)$")
    eps: float = Field(0.0, ge=0, validate_default=True)
    published: tuple[Published, ...] = ()

    @field_validator("measure")
    @classmethod
    def _of_its_study(cls, measure: str, info: ValidationInfo) -> str:
        if measure != "accuracy" and "study" in info.data and "leakage" not in info.data["study"].extras:
            raise ValueError(f"about {measure}, which its study does not measure: it needs the extra 'leakage'")
        return measure

    @field_validator("eps")
    @classmethod
    def _measured_there(cls, eps: float, info: ValidationInfo) -> float:
        if not {"study", "measure"} <= set(info.data):
            return eps
        if info.data["measure"].startswith(LEAKED) and eps not in FALSE_POSITIVES:
            raise ValueError(f"about eps={eps:g}, which is none of the false-alarm rates that are measured")
        if info.data["measure"].startswith(GUESSED) and eps:
            raise ValueError(f"about eps={eps:g}, and guesses have none")
        if info.data["measure"] == "accuracy" and eps and eps not in (info.data["study"].attack.eps or ()):
            raise ValueError(f"about eps={eps:g}, which its study does not attack with")
        return eps

    @field_validator("study", mode="before")
    @classmethod
    def _resolved(cls, asked: Any) -> Study:
        return planning.resolve(parse(asked))

    @field_validator("published")
    @classmethod
    def _measured_too(cls, published: tuple[Published, ...], info: ValidationInfo) -> tuple[Published, ...]:
        """Ours promises as much: the same epsilon, and a delta that is no larger."""
        if "study" not in info.data:
            return published
        privacy = info.data["study"].privacy
        for one in published:
            if one.epsilon not in privacy.epsilons:
                raise ValueError(f"published at epsilon={one.epsilon:g}, which its study does not measure")
            if one.delta < privacy.delta:
                raise ValueError(f"published at delta={one.delta:g}, and its study has a larger one")
        return published

    @property
    def digest(self) -> str:
        return planning.digest(self.study)

    @property
    def metric(self) -> str:
        """Which rows of the result table it is about."""
        return "robust_accuracy" if self.measure == "accuracy" and self.eps else self.measure


class Story(Frozen):
    """One screen: a question, what `paper` at `link` says and its caveat, and the studies that answer here.

    `epsilon` is the budget that it is about. Where nothing was published, `paper` and `link` are empty.
    """

    name: Words
    short: Words
    question: Words
    said: Words
    caveat: Words
    paper: str = ""
    link: str = Field("", pattern="^(https://.+)?$")
    epsilon: Epsilon
    parts: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _every_part_measures_what_it_is_about(self) -> "Story":
        for part in self.parts:
            if self.epsilon not in part.study.privacy.epsilons:
                raise ValueError(f"it is about epsilon={self.epsilon:g}, which '{part.label}' does not measure")
        if len({part.measure.partition(":")[0] for part in self.parts}) > 1:
            raise ValueError("its parts measure what cannot stand on one axis")
        if bool(self.link) != self.is_published:
            raise ValueError("what is published has a link, and nothing else has")
        return self

    @property
    def is_published(self) -> bool:
        """There are published values to be held against ours."""
        return any(part.published for part in self.parts)


def everything() -> dict[str, Story]:
    """All stories by name, in their order; BadInput in one sentence, naming the file, if one cannot be told."""
    return _read(FOLDER)


@lru_cache(maxsize=4)
def _read(folder: Path) -> dict[str, Story]:
    told = (read(file) for file in sorted(folder.glob("*.toml"), key=_number))
    return {story.name: story for story in told}


def _number(file: Path) -> int:
    return int(file.name.partition("-")[0])


def read(file: Path) -> Story:
    """The story in a file; BadInput in one sentence, naming the file."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        return Story.model_validate(values | {"name": file.stem.partition("-")[2]})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first.get("ctx", {}).get("error", first["msg"])
        raise BadInput(f"{file.name} is no story: {where}: {what}".replace(": : ", ": ")) from None
    except (BadInput, ValueError) as error:
        raise BadInput(f"{file.name} is no story: {error}") from None
