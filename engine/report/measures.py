"""What stories look at, in words: images recognised, members found, right guesses. The one place that maps them."""

from dataclasses import dataclass

from engine import planning
from engine.report import words
from engine.report.points import Point
from engine.results import GUESSED, LEAKED
from engine.stories import Part
from engine.study import Study


@dataclass(frozen=True)
class Measure:
    """How a share is called: alone (`name`), beside marks on a phone (`brief`), and after its number (`found`).

    `of`: what is counted beside each share. `chance`: what blind guessing reaches, where anything is guessed.
    """

    name: str
    brief: str
    found: str
    of: str
    chance: float | None = None


RECOGNISED = Measure("Images recognised", "Recognised", "recognised", "test images")
RIGHT = Measure("Right guesses", "Right guesses", "of guesses are right", "guesses", 0.5)


def measure_of(part: Part) -> Measure:
    """What the shares of a part are.

    Whoever guesses blindly who was trained on is right half of the time, and finds as many members as he gives alarms.
    """
    if part.measure.startswith(LEAKED):
        at = f"at {100 * part.eps:g}{words.NBSP}% false alarms"
        return Measure(f"Members found {at}", "Members found", f"of members found {at}", "attacked models", part.eps)
    return RIGHT if part.measure.startswith(GUESSED) else RECOGNISED


def labelled(part: Part) -> str:
    """A part's label, with what is measured where that is not how many images are recognised."""
    name = measure_of(part).name
    return part.label if part.measure == "accuracy" else f"{part.label}: {name[0].lower()}{name[1:]}"


def counted(part: Part, point: Point) -> str:
    """Among how many a share was found.

    >>> near = Point(mean=0.9, low=0.8, high=1, n_seeds=3, n_images=2000)
    >>> counted(Part.model_construct(measure=GUESSED + "threshold"), near)
    '2,000 guesses, mean of 3 repeats'
    """
    of = measure_of(part).of
    if part.measure.startswith(LEAKED):
        return f"mean of {point.n_seeds} {of}"
    return f"{point.n_images:,} {of}" + (f", mean of {point.n_seeds} repeats" if point.n_seeds > 1 else "")


def repeated(part: Part, point: Point) -> str:
    """How often it was measured, and how far apart that was; of models that are attacked, their interval says it."""
    if part.measure.startswith(LEAKED):
        return f"{point.n_seeds} attacked models"
    repeats = f"{point.n_seeds}{words.NBSP}repeat" + ("s" if point.n_seeds > 1 else "")
    return repeats if point.n_seeds < 2 else f"{repeats}, spread{words.NBSP}{100 * point.spread:.2f}"


def learned_from(study: Study) -> str:
    """What the models that are attacked learn from: they are made for it, alike, from fewer images than a study's own.

    >>> learned_from(planning.resolve(Study.model_validate({"dataset": "digits"})))
    '69 models to attack, each of a random half of 1,437 images'
    """
    return f"{planning.shadows(study)} models to attack, each of a random half of {planning.pool(study):,} images"
