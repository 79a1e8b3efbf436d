"""What the exhibit of an attack says: sentences from its own numbers, and for each question where to see the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import dist, sqrt

from engine.exhibit import NORMS, RADII, STRIDE, UNIT, Exhibit, Model
from engine.report import words

SURE = 1.96  # standard errors by which shares must differ before one is called the smaller
NAMES = ("plain", "adversarial", "private")
USUAL = 100  # thousandths: the strength at first


@dataclass(frozen=True)
class Place:
    """A state of the exhibit: names and numbers as its address has them."""

    model: str
    image: int
    norm: str
    strength: int
    step: int


@dataclass(frozen=True)
class Question:
    """A question, its answer, and where the answer can be seen; None where nothing of these numbers shows it."""

    asked: str
    answer: str
    place: Place | None


def by_name(exhibit: Exhibit, name: str) -> Model:
    return next(model for model in exhibit.models if model.name == name)


def finding(exhibit: Exhibit, norm: str, at: int) -> str:
    """What an attack of one strength leaves to each model, and what privacy has to do with it."""
    n = exhibit.n_test
    plain, defended, private = (by_name(exhibit, name) for name in NAMES)
    left = [words.percent(model.attacked[norm].standing[at] / n) for model in (plain, defended, private)]
    return (
        f"Of {n} images, an attack of strength {words.strength(exhibit.strengths[at] / UNIT, norm)} leaves "
        f"**{left[0]}** to the plain model, **{left[1]}** to the adversarially trained one, and **{left[2]}** to the "
        f"private one ({words.budget(private.epsilon or 0.0)}). {_weaker(plain, private, n, norm, at)}"
    )


def _weaker(plain: Model, private: Model, n: int, norm: str, at: int) -> str:
    """Whether privacy and robustness are at odds here; what cannot be told from chance is not told."""
    shares = [model.attacked[norm].standing[at] / n for model in (plain, private)]
    clean = words.points(abs(plain.clean - private.clean) / n)
    cost = f"Without an attack privacy {'costs' if private.clean <= plain.clean else 'gains'} {clean}"
    verdict = compared(shares[0], shares[1], n)
    if verdict == 0:
        return f"{cost}; under this one no difference to plain can be told from chance."
    by = words.points(abs(shares[1] - shares[0]))
    return f"{cost}; under this one the private model is {by} {'better' if verdict > 0 else 'worse'} than plain."


def compared(one: float, other: float, n: int) -> int:
    """1 when the other share of n is larger, -1 when it is smaller, 0 when chance may have done it.

    >>> compared(0.5, 0.6, 500), compared(0.5, 0.51, 500), compared(0.6, 0.5, 500)
    (1, 0, -1)
    """
    error = sqrt((one * (1 - one) + other * (1 - other)) / n)
    return 0 if abs(other - one) <= SURE * error else (1 if other > one else -1)


def questions(exhibit: Exhibit) -> tuple[Question, ...]:
    """Why attacks are built as they are, and what training changes."""
    return tuple(ask(exhibit) for ask in (_sign, _projection, _steps, _farther, _noise))


def steps_of(path: Sequence[int]) -> list[tuple[int, ...]]:
    """A path's places, STRIDE numbers each."""
    return [tuple(path[i : i + STRIDE]) for i in range(1, len(path), STRIDE)]


def _paths(exhibit: Exhibit, name: str, norm: str, at: int) -> Iterator[tuple[int, bool, list[tuple[int, ...]]]]:
    for image, path in enumerate(by_name(exhibit, name).attacked[norm].paths[at]):
        yield image, bool(path[0]), steps_of(path)


def _best(scores: dict[Place, float]) -> Place | None:
    """The place that shows most, if any shows something."""
    best = max(scores, key=lambda place: scores[place], default=None)
    return best if best is not None and scores[best] > 0 else None


def _sign(exhibit: Exhibit) -> Question:
    at, scores = 5, {}
    for image, _, places in _paths(exhibit, "plain", "linf", at):
        if len(places) > 3:
            leaning = abs((places[0][2] % 90) - 45)  # degrees between the gradient and a diagonal
            scores[Place("plain", image, "linf", exhibit.strengths[at], 0)] = float(leaning)
    return Question(
        "Why only the sign of the gradient?",
        "Every pixel may change by the strength, whatever the others do. So the attack spends all of it on each, and "
        "of the gradient only signs count: a step goes towards a corner, along a diagonal. In L2 all pixels share one "
        "length, and a step follows the gradient itself.",
        _best(scores),
    )


def _projection(exhibit: Exhibit) -> Question:
    at, scores, put_back = 5, {}, 0
    for image, _, places in _paths(exhibit, "adversarial", "linf", at):
        beyond = [dist(here[4:], there[:2]) for here, there in pairwise(places)]
        put_back += any(one > 1 for one in beyond)
        if beyond:
            step = max(range(len(beyond)), key=beyond.__getitem__)
            scores[Place("adversarial", image, "linf", exhibit.strengths[at], step)] = max(0.0, beyond[step] - 1.0)
    strength = words.strength(exhibit.strengths[at] / UNIT, "linf")
    return Question(
        "Why is a step put back?",
        f"The frame holds every image that differs by no more than the strength. A step that leaves it is put back to "
        f"the nearest point inside (projection), or the attack would answer another question. At {strength} that "
        f"happens to {put_back} of the {len(exhibit.points)} images drawn here, with the adversarially trained model.",
        _best(scores),
    )


def _steps(exhibit: Exhibit) -> Question:
    plain = by_name(exhibit, "plain")
    gains = {
        (norm, at): plain.attacked[norm].one_step[at] - plain.attacked[norm].standing[at]
        for norm in NORMS for at in range(len(exhibit.strengths))
        if plain.attacked[norm].standing[at] >= exhibit.n_test // 5
    }  # fmt: skip
    norm, at = max(gains, key=lambda place: gains[place])
    seen = plain.attacked[norm]
    scores = {}
    for image, misread, places in _paths(exhibit, "plain", norm, at):
        x, y = seen.singles[at][image]
        stands = max(0.0, _given(plain, x, y, exhibit.points[image][2]) - 0.5)  # the clearer, the better to see
        place = Place("plain", image, norm, exhibit.strengths[at], len(places) - 1)
        scores[place] = stands if misread and len(places) > 3 else 0.0
    one, many = (words.percent(count / exhibit.n_test) for count in (seen.one_step[at], seen.standing[at]))
    return Question(
        "Why is one step not enough?",
        f"The gradient knows the slope here, and nothing of the bend ahead. At "
        f"{words.strength(exhibit.strengths[at] / UNIT, norm)}{' (L2)' if norm == 'l2' else ''}, one step of the whole "
        f"strength (the hollow diamond) leaves {one} of the images to the plain model, and ten shorter ones that look "
        f"again each time {many}. A model tested with one step looks better than it is.",
        _best(scores),
    )


def _given(model: Model, x: int, y: int, label: int) -> float:
    """The share given to a class at the nearest point of the plane."""
    side = round(sqrt(len(model.heat)))
    share = model.heat[round(y / UNIT * (side - 1)) * side + round(x / UNIT * (side - 1))] / 100
    return share if label else 1 - share


def _farther(exhibit: Exhibit) -> Question:
    plain, defended = by_name(exhibit, "plain"), by_name(exhibit, "adversarial")
    places = {}
    for at, strength in enumerate(exhibit.strengths):
        broken = {image: misread for image, misread, _ in _paths(exhibit, "plain", "linf", at)}
        for image, misread, path in _paths(exhibit, "adversarial", "linf", at):
            shown = broken[image] and not misread and len(path) > exhibit.steps
            places[Place("adversarial", image, "linf", strength, exhibit.steps)] = float(shown and path[-1][3])
    middle = [_middle(model, "linf") for model in (plain, defended)]
    lost = (plain.clean - defended.clean) / exhibit.n_test
    against = words.strength(defended.trained_against, "linf")
    return Question(
        "Why does a boundary that is farther away help?",
        f"An attack wins where the boundary runs through the frame. Adversarial training meets every image at its "
        f"worst within {against}, and the boundary moves away from the images: half of them need a change of "
        f"{middle[1]} or more, with the plain model {middle[0]}. It {'costs' if lost >= 0 else 'gains'} "
        f"{words.points(abs(lost))} on images that nobody changed.",
        _best(places),
    )


def _middle(model: Model, norm: str) -> str:
    median = model.attacked[norm].median
    return words.strength((median or RADII[-1]) / UNIT, norm) if median != 0 else "none at all"


def _noise(exhibit: Exhibit) -> Question:
    private, plain = by_name(exhibit, "private"), by_name(exhibit, "plain")
    anyway = {
        image: plain.attacked["linf"].smallest[image] != 0 and private.attacked["linf"].smallest[image] == 0
        for image in range(len(exhibit.points))
    }
    clean = sorted(count / exhibit.n_test for count in (private.clean, *private.others_clean))
    lengths = [length(model.boundary) for model in (private, plain)]
    return Question(
        "What does the noise of private training do?",
        f"Each of {private.steps} steps shortens every image's gradient to {private.max_grad_norm:g} and adds noise of "
        f"{private.noise_multiplier:.3g} times that: {words.budget(private.epsilon or 0.0)} at δ {private.delta:g}, "
        f"with {exhibit.n_train:,} images, each in a batch with probability {words.percent(private.sample_rate)}. Its "
        f"boundary is {lengths[0]:.2f} sides of the square long, that of the plain model {lengths[1]:.2f}. The thin "
        f"lines are the same training with other noise and batches: {words.percent(clean[0])} to "
        f"{words.percent(clean[-1])} right.",
        _best({Place("private", image, "linf", exhibit.strengths[0], 0): float(one) for image, one in anyway.items()}),
    )


def length(pieces: Sequence[int]) -> float:
    """How long a boundary is, in sides of the square.

    >>> length([0, 0, 300, 400, 300, 400, 300, 900])
    1.0
    """
    ends = [pieces[i : i + 4] for i in range(0, len(pieces), 4)]
    return sum(dist((x, y), (u, v)) for x, y, u, v in ends) / UNIT


def first(exhibit: Exhibit) -> Place:
    """What is seen at first: an image that the plain model loses about halfway, and the adversarially trained keeps."""
    at = exhibit.strengths.index(USUAL)
    keeps = [not misread for _, misread, _ in _paths(exhibit, "adversarial", "linf", at)]
    scores = {
        Place("plain", image, "linf", USUAL, len(places) - 1): (misread and keeps[image]) / (1 + abs(len(places) - 6.5))
        for image, misread, places in _paths(exhibit, "plain", "linf", at)
    }
    return _best(scores) or Place("plain", 0, "linf", USUAL, 0)
