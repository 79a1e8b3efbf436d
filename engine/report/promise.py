"""What was promised beside what was measured: epsilon as an audit demonstrates it, and members found, by budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asinh, log, log10, nan

import pandas as pd

from engine.report import lines, membership, points, words
from engine.report.figures import Line, Spot, places
from engine.report.membership import FEW, Members
from engine.report.points import Point
from engine.report.words import percent
from engine.results import ABOVE, DEMONSTRABLE, DEMONSTRATED, LEAKED

LINEAR = 0.1  # epsilon up to which its upright axis is about linear: there is a place for 0, which has no logarithm
LEAST = 0.002  # a smaller share is drawn as this one: its axis is logarithmic
KINDS = {
    "mislabelled": "mislabelled images",
    "out-of-distribution": "made-up images",
    "orthogonal": "planted gradients",
    "repeated": "repeated runs",
}


@dataclass(frozen=True)
class Bound:
    """An epsilon demonstrated from `guesses` guesses about canaries of a kind, and the most that so many could show."""

    demonstrated: float
    ceiling: float
    guesses: int


@dataclass(frozen=True)
class Promise:
    """By budget (lines.CLIPPING among them): bounds of each kind of canaries; members found, and what theory allows.

    `above`: how many points of how many ROCs lie above that theory with all their limits; None where nobody looked.
    """

    epsilons: tuple[float, ...]
    bounds: Mapping[str, Mapping[float, Bound]]
    members: Members
    allowed: Mapping[float, float]
    above: tuple[int, int] | None

    @property
    def empty(self) -> bool:
        return not (self.bounds or self.members.found or self.members.forming)

    def best(self, epsilon: float) -> float | None:
        """The largest epsilon demonstrated at a budget."""
        return max((known[epsilon].demonstrated for known in self.bounds.values() if epsilon in known), default=None)


def promise(frame: pd.DataFrame, epsilons: Sequence[float]) -> Promise:
    """What a result table says of a study with these budgets."""
    grid = tuple(sorted(epsilons))
    above = frame[frame["metric"] == ABOVE]
    return Promise(
        epsilons=grid,
        bounds=_bounds(frame),
        members=membership.members(frame, grid),
        allowed=membership.allowed(frame),
        above=(int(above["value"].sum()), int(above["n"].sum())) if len(above) else None,
    )


def measured(frame: pd.DataFrame) -> bool:
    """A result table holds something of this that is not provisional."""
    return bool(frame["metric"].str.startswith(DEMONSTRATED).any())


def _bounds(frame: pd.DataFrame) -> dict[str, dict[float, Bound]]:
    """By kind of canaries and budget; where the ceiling is missing, so is the bound: one says nothing alone."""
    most = points.points(frame[frame["metric"].str.startswith(DEMONSTRABLE)], "metric", "epsilon")
    found: dict[str, dict[float, Bound]] = {}
    rows = frame[frame["metric"].str.startswith(DEMONSTRATED)]
    for (metric, epsilon), point in points.points(rows, "metric", "epsilon").items():
        kind = metric.removeprefix(DEMONSTRATED)
        if ceiling := most.get((DEMONSTRABLE + kind, epsilon)):
            found.setdefault(kind, {})[epsilon] = Bound(point.mean, ceiling.mean, point.n_images)
    return found


def height(epsilon: float) -> float:
    """Where an epsilon stands on the upright axis: as its logarithm, from 0 on linear up to about LINEAR.

    >>> round(height(0.0), 3), round(height(1.0), 3), round(height(10.0), 3)
    (0.0, 1.004, 2.0)
    """
    return asinh(epsilon / (2 * LINEAR)) / log(10)


def promised(info: Promise) -> Line:
    """The diagonal: as much is demonstrated as was promised. Nothing is promised without noise."""
    at = places(info.epsilons)
    private = [epsilon for epsilon in info.epsilons if lines.private(epsilon)]
    return Line("promised", "promised", tuple(_flat(at[e], height(e), f"{words.budget(e)} promised") for e in private))


def demonstrated(info: Promise) -> tuple[Line, ...]:
    """A line a kind of canaries; a gap where nothing was measured."""
    at = places(info.epsilons)

    def mark(kind: str, epsilon: float) -> Spot | None:
        if (bound := info.bounds[kind].get(epsilon)) is None:
            return None
        return _flat(at[epsilon], height(bound.demonstrated), _told(kind, epsilon, bound))

    return tuple(
        Line(f"demonstrated-{kind}", short(kind), tuple(mark(kind, epsilon) for epsilon in info.epsilons))
        for kind in info.bounds
    )


def ceilings(info: Promise) -> tuple[Line, ...]:
    """The most that each kind's guesses could show; kinds with the same one share a line."""
    at = places(info.epsilons)
    different: dict[tuple[tuple[float, float], ...], list[str]] = {}
    for kind, known in info.bounds.items():
        different.setdefault(tuple((e, bound.ceiling) for e, bound in known.items()), []).append(kind)
    found = []
    for most_of, kinds in different.items():
        kind = kinds[-1]
        label = "ceiling" if len(kinds) > 1 or len(different) == 1 else f"ceiling, {short(kind)}"
        said = "the most that so many guesses could show"
        spots = (_flat(at[e], height(most), f"{number(most)}: {said}") for e, most in most_of if e in at)
        found.append(Line(f"ceiling-{kind}", label, tuple(spots)))
    return tuple(found)


def title(kind: str) -> str:
    """What canaries of a kind are called."""
    return KINDS.get(kind, kind)


def short(kind: str) -> str:
    """The same beside a line, where there is room for a word."""
    return title(kind).split()[0]


def _told(kind: str, epsilon: float, bound: Bound) -> str:
    return (
        f"<b>{words.budget(epsilon)}, {title(kind)}</b><br>{_demonstrated(bound.demonstrated)}<br>"
        f"with 95{words.NBSP}% confidence, from {bound.guesses:,} guesses,<br>which could show {number(bound.ceiling)} "
        "at most"
    )


def _demonstrated(epsilon: float) -> str:
    return f"ε of at least {number(epsilon)} demonstrated" if epsilon > 0 else "nothing demonstrated"


def number(epsilon: float) -> str:
    """
    >>> number(0.474), number(4.18), number(0.0)
    ('0.47', '4.2', '0')
    """
    return f"{epsilon:.2g}"


def _flat(x: float, y: float, said: str) -> Spot:
    return Spot(x, y, y, y, said)


def found(info: Promise) -> Line:
    """Members found by budget; `y`, `low` and `high` are logarithms of shares."""
    return _found_by(info, info.members.found)


def forming(info: Promise) -> Line:
    """The same where more models are still to be attacked."""
    return _found_by(info, info.members.forming)


def _found_by(info: Promise, known: Mapping[float, Point]) -> Line:
    at = places(info.epsilons)

    def mark(epsilon: float) -> Spot | None:
        if (point := known.get(epsilon)) is None:
            return None
        y, low, high = (log10(min(1.0, max(LEAST, share))) for share in (point.mean, point.low, point.high))
        return Spot(at[epsilon], y, low, high, membership.told(info.members, epsilon))

    return Line("found", "measured", tuple(mark(epsilon) for epsilon in info.epsilons))


def guessing(info: Promise) -> Line:
    """Whoever accuses as many members as others has found nothing out."""
    y, at = log10(FEW), places(info.epsilons)
    return Line("guessing", "guessing", tuple(_flat(at[e], y, f"guessing: {percent(FEW)}") for e in info.epsilons))


def permitted(info: Promise) -> Line:
    """What theory allows, by budget; `y` is the logarithm of a share."""
    at = places(info.epsilons)
    spots = (
        _flat(at[e], log10(info.allowed[e]), f"<b>{words.budget(e)}</b><br>theory allows {percent(info.allowed[e], 1)}")
        for e in info.epsilons
        if e in info.allowed
    )
    return Line("allowed", "allowed", tuple(spots))


def finding(info: Promise) -> str:
    """One sentence (Markdown): how much of the promise could be demonstrated, and whether anything lies above it.

    "" where nothing was measured of a private model.
    """
    private = [epsilon for epsilon in info.epsilons if lines.private(epsilon) and info.best(epsilon) is not None]
    broken = [epsilon for epsilon in private if (info.best(epsilon) or 0.0) > epsilon]
    above = _above(info)
    if broken:
        worst = broken[0]
        return (
            f"At **{words.budget(worst)}** we could demonstrate **{info.best(worst):.3g}**, more than was "
            f"promised{above}: either this training does not keep its promise, or chance deceives us, as it may at one "
            "budget in 20."
        )
    if not private:
        return f"{above.removeprefix('; ').capitalize()}." if above else ""
    first, *last = dict.fromkeys((private[0], private[-1]))
    also = "".join(f", and **{_most(info, e)}** at **{words.budget(e)}**" for e in last)
    return f"At **{words.budget(first)}** we could demonstrate **{_most(info, first)}**{also}{above}."


def _most(info: Promise, epsilon: float) -> str:
    best = info.best(epsilon) or 0.0
    return number(best) if best > 0 else "nothing"


def _above(info: Promise) -> str:
    """How the points measured lie beside theory."""
    if info.above is None:
        return ""
    n, measured = info.above
    if not n:
        return "; no measured point lies above what ε allows by more than chance explains"
    lie = "lies" if n == 1 else "lie"
    return f"; {n:,} of {measured:,} measured points {lie} above what ε allows by more than chance explains"


def in_words(info: Promise) -> tuple[str, str]:
    """The takeaways of both charts, for those who do not see them."""
    told = [_row_in_words(info, epsilon) for epsilon in info.epsilons]
    shares = [_members_in_words(info, epsilon) for epsilon in info.epsilons if epsilon in info.members.found]
    return (
        f"Epsilon promised and demonstrated. {' '.join(filter(None, told)) or 'No results yet.'}",
        f"Members found at {percent(FEW)} false alarms. {' '.join(shares) or 'No results yet.'}",
    )


def _row_in_words(info: Promise, epsilon: float) -> str:
    best = info.best(epsilon)
    return "" if best is None else f"{words.budget(epsilon)}: {number(best)} demonstrated."


def _members_in_words(info: Promise, epsilon: float) -> str:
    bound = info.allowed.get(epsilon)
    beside = f", {percent(bound, 1)} allowed" if bound is not None else ""
    return f"{words.budget(epsilon)}: {percent(info.members.found[epsilon].mean, 1)} found{beside}."


def table(info: Promise) -> pd.DataFrame:
    """What both charts show, a row a number: `most` is the ceiling of a bound, or the share that theory allows.

    Epsilons, and shares of members in [0, 1]; what does not apply is NaN. `of`: guesses, or attacked models.
    """
    rows: list[tuple[str | float, ...]] = [
        (words.tick(epsilon), DEMONSTRATED + kind, bound.demonstrated, nan, nan, bound.ceiling, bound.guesses)
        for kind, known in info.bounds.items()
        for epsilon, bound in known.items()
    ]
    rows += [
        (
            words.tick(epsilon),
            LEAKED + info.members.attack,
            *_with_limits(one),
            info.allowed.get(epsilon, nan),
            one.n_images,
        )
        for epsilon, one in info.members.found.items()
    ]
    columns = ["budget", "measured", "value", "low", "high", "most", "of"]
    return pd.DataFrame(rows, columns=columns)


def _with_limits(point: Point) -> tuple[float, float, float]:
    return point.mean, point.low, point.high
