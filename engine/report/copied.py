"""How well a model is copied, by the number of questions: first the information, then the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log10

from engine.report import canvas, words
from engine.report.canvas import Figure
from engine.report.figures import Line, Spot
from engine.report.palette import LIGHT, Palette

Interval = tuple[float, float, float]  # a share of test images, and the ends of its 95 % interval
ANSWERS = {"labels": "labels only", "probabilities": "probabilities"}
LOOKS = {"labels": ("solid", "circle"), "probabilities": ("dash", "square")}
LEGEND = 112  # px below the axis: one name a row on a phone


@dataclass(frozen=True)
class Point:
    """One copy: how often it says what the model says, and how often it is right."""

    queries: int
    answers: str
    agreement: Interval
    accuracy: Interval


@dataclass(frozen=True)
class Copies:
    """The copies of one model, what it is called, and how often it is right itself (None: not known yet).

    `counts`: numbers of questions that the axis has room for.
    """

    said: str
    epsilon: float
    original: Interval | None
    points: tuple[Point, ...]
    counts: tuple[int, ...]

    def of(self, answers: str) -> list[Point]:
        """From few questions to many."""
        return sorted((one for one in self.points if one.answers == answers), key=lambda one: one.queries)

    @property
    def best(self) -> Point | None:
        """The copy made of most questions; of labels alone where both are there, which every model gives."""
        return max(self.points, key=lambda one: (one.queries, one.answers == "labels"), default=None)


def draw(info: Copies, palette: Palette = LIGHT, *, note: str = "") -> Figure:
    """Agreement (with intervals) and accuracy of the copies over the number of questions, beside the model's own."""
    figure = canvas.blank(palette, f"Copies of the model, {info.said}", note)
    canvas.shares(figure)
    canvas.level(figure, {log10(n): f"{n:,}" for n in info.counts}, "questions to the model")
    for answers, called in ANSWERS.items():
        found = info.of(answers)
        agree = Line(f"agree-{answers}", f"says the same, {called}", _spots(found, "agreement", "says the same"))
        canvas.add_line(figure, agree, palette.meanings[2], *LOOKS[answers])
    for answers, called in ANSWERS.items():
        right = Line(f"right-{answers}", f"is right, {called}", _spots(info.of(answers), "accuracy", "is right"))
        canvas.add_line(figure, right, palette.meanings[0], *LOOKS[answers])
        figure["data"][-1] |= {"mode": "lines", "error_y": {"visible": False}}
        figure["data"][-1]["line"]["width"] = 1.5
    if info.original:
        _reference(figure, info, palette)
    layout = figure["layout"]
    layout["margin"] |= {"r": 16, "b": layout["margin"]["b"] + LEGEND}
    layout["height"] += LEGEND
    layout["showlegend"] = True
    return figure


def _spots(found: Sequence[Point], what: str, said: str) -> tuple[Spot, ...]:
    spots = []
    for one in found:
        share: Interval = getattr(one, what)
        value, low, high = (100 * end for end in share)
        spots.append(Spot(log10(one.queries), value, low, high, _told(one, share, said)))
    return tuple(spots)


def _told(one: Point, share: Interval, said: str) -> str:
    value, low, high = (words.percent(end, 1) for end in share)
    return f"{one.queries:,} questions, {ANSWERS[one.answers]}:<br>the copy {said} on {value} ({low} to {high})"


def _reference(figure: Figure, info: Copies, palette: Palette) -> None:
    assert info.original is not None
    share = 100 * info.original[0]
    figure["data"].append(
        {"type": "scatter", "uid": "original", "name": "the model itself is right", "mode": "lines",
         "x": figure["layout"]["xaxis"]["range"], "y": [share, share],
         "line": {"color": palette.text, "dash": "dot", "width": 1.5},
         "hovertemplate": f"the model itself is right on {words.percent(info.original[0], 1)}<extra></extra>"}
    )  # fmt: skip


def finding(infos: Sequence[Copies]) -> str:
    """One sentence (Markdown) from the numbers that are drawn; "" where there are none.

    Two models are compared at the same questions, and a difference is named only when the intervals do not overlap.
    """
    known = [info for info in infos if info.best]
    if not known:
        return ""
    pair = sorted(known, key=lambda info: -info.epsilon)
    if len(pair) == 2 and (both := _together(*pair)):
        return _compared(*both)
    (info, one) = known[0], known[0].best
    assert one is not None
    itself = f"; the model itself is right on {words.percent(info.original[0])}" if info.original else ""
    return (
        f"{_asked(one)}, a copy of the model ({info.said}) says the same as it on "
        f"**{words.percent(one.agreement[0])}** of new images and is right on {words.percent(one.accuracy[0])}{itself}."
    )


Named = tuple[Copies, Point]


def _together(first: Copies, second: Copies) -> tuple[Named, Named] | None:
    """Of two models the copies made of the most questions that were put to both in the same way."""
    other = {(one.queries, one.answers): one for one in second.points}
    shared = [one for one in first.points if (one.queries, one.answers) in other]
    best = Copies("", inf, None, tuple(shared), ()).best
    return None if best is None else ((first, best), (second, other[best.queries, best.answers]))


def _compared(first: Named, second: Named) -> str:
    """The less private model first."""
    both = [first, second]
    same = " and ".join(f"**{words.percent(one.agreement[0])}** ({info.said})" for info, one in both)
    right = " and ".join(words.percent(one.accuracy[0]) for _, one in both)
    known = [words.percent(info.original[0]) for info, _ in both if info.original]
    itself = f", where the models themselves are on {' and '.join(known)}" if len(known) == 2 else ""
    return (
        f"{_asked(first[1])}, a copy says the same as the model on {same} of new images and is right on "
        f"{right}{itself}: {_verdict(*both)}."
    )


def _verdict(first: Named, second: Named) -> str:
    """What that says of the more private one: less agreement is no protection where a copy is as good as the model."""
    (less, a), (more, b) = first, second
    if more.epsilon < less.epsilon and more.original and b.accuracy[2] >= more.original[1]:
        return f"**privacy does not keep {more.said} from being copied**, its copy is as good as it is"
    if b.agreement[1] > a.agreement[2]:
        return f"**{more.said}** is copied more closely"
    if b.agreement[2] < a.agreement[1]:
        return f"**{more.said}** is copied less closely, by {words.points(a.agreement[0] - b.agreement[0])}"
    return "no difference between them that we can measure"


def _asked(one: Point) -> str:
    told = "answered by a label alone" if one.answers == "labels" else "answered with probabilities"
    return f"After **{one.queries:,} questions** {told}"


def in_words(info: Copies) -> str:
    """The takeaway of the chart, for those who do not see it."""
    if not info.points:
        return f"Nothing has been asked of the model ({info.said}) yet."
    ends = [(answers, found[0], found[-1]) for answers in ANSWERS if (found := info.of(answers))]
    parts = [
        f"with {ANSWERS[answers]} from {words.percent(few.agreement[0])} at {few.queries:,} questions to "
        f"{words.percent(many.agreement[0])} at {many.queries:,}"
        for answers, few, many in ends
    ]
    return f"Agreement of copies with the model ({info.said}): {words.listed(parts)}."
