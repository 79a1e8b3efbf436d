"""What may be asked of the lab: plain JSON, hostile until it has been through here. No torch."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.checks import known
from engine.errors import BadInput
from engine.registry import Entry
from engine.robustness import attacks

REACH = {"linf": 0.3, "l2": 5.0, "spatial": 1.0}  # the largest radius: pixel units of [0, 1]; shares of a grid
MOST_STEPS = 100
MOST_QUERIES = 10_000  # pictures that a model is asked about to be copied
MOST_PIXELS = 3 * 256 * 256  # of a picture that comes with a question
MOST_FILE = 6_000_000  # bytes of an upload
MOST_BODY = MOST_FILE * 4 // 3 + 10_000  # bytes of a question, an upload in base64 among it
NEEDS = "source"  # what the fact `needs` of an attack says that takes its pictures from another model
Count = Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class Plain(BaseModel):
    """Immutable, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Picture(Plain):
    """A test image by its number, or somebody's own pixels (base64 of uint8, channels first) with a class or none."""

    index: Count | None = None
    pixels: Annotated[str, Field(max_length=MOST_PIXELS * 4 // 3 + 4)] | None = None
    label: Count | None = None

    def raw(self) -> bytes:
        """The bytes of own pixels; BadInput when they are not base64."""
        return decoded(self.pixels or "", "the pixels")


class Attacked(Plain):
    """A picture, one or two models, and an attack: what most questions share. `eps` is the radius."""

    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)]
    picture: Picture
    attack: Name = "pgd"
    norm: Literal["linf", "l2", "spatial"] = "linf"
    eps: Annotated[float, Field(ge=0)] = 0.0
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS, strict=True)] = 10
    seed: Count = 0


class Tamper(Attacked):
    """The picture at one strength. Unless `refine`d, what would take long is answered by a rough attack first."""

    what: Literal["tamper"]
    refine: bool = False


class Smallest(Attacked):
    """The smallest strength that flips each model."""

    what: Literal["smallest"]


class Strip(Attacked):
    """The picture across strengths."""

    what: Literal["strip"]


class Numbers(Attacked):
    """Everything about one picture as a file: JSON and CSV."""

    what: Literal["numbers"]


class Hard(Plain):
    """An image that all models get right, and that little flips; `seed` says among which images to look."""

    what: Literal["hard"]
    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)]
    norm: Literal["linf", "l2"] = "linf"
    seed: Count = 0


class Shown(Plain):
    """Test images from `start` on, small, with their labels; `of` a class or of all."""

    what: Literal["images"]
    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)]
    start: Count = 0
    count: Annotated[int, Field(ge=1, le=64, strict=True)] = 12
    of: Count | None = None


class Upload(Plain):
    """A PNG or JPEG (base64) to be made the size of a model's images. Nothing of it is kept."""

    what: Literal["upload"]
    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)]
    name: Annotated[str, Field(max_length=300)] = "the picture"
    content: Annotated[str, Field(max_length=MOST_FILE * 4 // 3 + 4)]


class Rebuild(Plain):
    """Test images rebuilt from the gradient of one network, guarded; `run` is a name under which to look at it."""

    what: Literal["rebuild"]
    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1)]
    run: Name
    network: Literal["initial", "trained", "linear"] = "initial"
    attack: Literal["cosine", "dlg", "analytic"] = "cosine"
    images: Annotated[tuple[Count, ...], Field(min_length=1, max_length=8)]
    max_grad_norm: Annotated[float | None, Field(ge=1e-3, le=1e3)] = None
    noise_multiplier: Annotated[float, Field(ge=0, le=1e3)] = 0.0


class Hold(Plain):
    """The picture that a model holds of each class; a second model, if named, says which it recognises."""

    what: Literal["hold"]
    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)]
    run: Name


class Look(Plain):
    """How far a `run` is, and whether it shall `stop` where it is."""

    what: Literal["look"]
    models: Annotated[tuple[Name, ...], Field(max_length=0)] = ()
    run: Name
    stop: bool = False


class Copied(Plain):
    """One copy of a model, made of its answers to so many pictures."""

    what: Literal["copy"]
    models: Annotated[tuple[Name], Field(min_length=1, max_length=1)]
    pictures: Literal["alike", "made-up"] = "alike"
    answers: Literal["labels", "probabilities"] = "labels"
    queries: Annotated[int, Field(ge=1, le=MOST_QUERIES, strict=True)]


Question = Tamper | Smallest | Strip | Numbers | Hard | Shown | Upload | Rebuild | Hold | Look | Copied
KINDS: dict[str, type[Question]] = {
    "tamper": Tamper,
    "smallest": Smallest,
    "strip": Strip,
    "numbers": Numbers,
    "hard": Hard,
    "images": Shown,
    "upload": Upload,
    "rebuild": Rebuild,
    "hold": Hold,
    "look": Look,
    "copy": Copied,
}


def parse(values: Any) -> Question:
    """A question from plain values; BadInput in one sentence otherwise.

    >>> parse({"what": "dance"})
    Traceback (most recent call last):
    engine.errors.BadInput: question 'dance' is unknown; choose from: copy, hard, hold, images, look, numbers, \
    rebuild, smallest, strip, tamper, upload
    """
    if not isinstance(values, dict):
        raise BadInput("a question to the lab is a table of settings")
    kind = KINDS[known("question", str(values.get("what", ""))[:60], KINDS)]
    try:
        question = kind.model_validate(values)
    except ValidationError as error:
        raise BadInput(_sentence(error)) from None
    if isinstance(question, Attacked):
        _check(question)
    if isinstance(question, Rebuild):
        _check_rebuild(question)
    return question


def _check(question: Attacked) -> None:
    """Names and bounds that a registry knows."""
    entry = offered()[known("attack", question.attack[:60], offered())]
    norms = [norm for norm in entry.facts["norms"] if norm in REACH]
    known("norm", question.norm, norms)
    if question.eps > REACH[question.norm]:
        raise BadInput(f"eps={question.eps:g} is not in [0, {REACH[question.norm]:g}]")
    if needs_source(entry) and len(question.models) < 2:
        raise BadInput(f"attack '{entry.name}' takes its pictures from another model: choose two models.")
    if (question.picture.index is None) == (question.picture.pixels is None):
        raise BadInput("picture: name a test image by its index, or send pixels")


def _check_rebuild(question: Rebuild) -> None:
    """What goes together: attack and network, noise and a bound; images are different ones."""
    if (question.attack == "analytic") != (question.network == "linear"):
        raise BadInput("the analytic attack is on network 'linear', the others on networks 'initial' and 'trained'")
    if question.noise_multiplier and question.max_grad_norm is None:
        raise BadInput("noise is a multiple of the clipping bound: set max_grad_norm too")
    if len(set(question.images)) < len(question.images):
        raise BadInput("images: name each image once")


def offered() -> dict[str, Entry]:
    """The attacks that the lab can draw, by name: those with a radius in a norm that it has a slider for."""
    return {name: one for name, one in attacks.entries.items() if set(one.facts.get("norms", ())) & REACH.keys()}


def needs_source(entry: Entry) -> bool:
    """Whether an attack takes its pictures from another model."""
    needs = entry.facts.get("needs", ())
    return NEEDS in ((needs,) if isinstance(needs, str) else needs)


def decoded(text: str, what: str) -> bytes:
    """The bytes behind base64; BadInput when it is something else.

    >>> decoded("####", "the file")
    Traceback (most recent call last):
    engine.errors.BadInput: the file did not arrive whole: it is not base64
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"{what} did not arrive whole: it is not base64") from None


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong, naming it and what was given."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"'{where[:60]}' is no setting of the lab"
    if first["type"] == "missing":
        return f"'{where}' is missing"
    if first["type"] == "string_too_long" and where == "content":
        return f"The file is larger than {MOST_FILE // 1_000_000} MB, which is more than the lab takes."
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{where}={repr(first['input'])[:60]}: {message}"
