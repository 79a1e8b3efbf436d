"""What privacy and robustness cost, as two charts: first the information, then the drawing. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log10

import pandas as pd

from engine.errors import BadInput
from engine.events import Stands
from engine.report import lines, membership, paired, points, words
from engine.report.membership import Members
from engine.report.points import Point


@dataclass(frozen=True)
class Spot:
    """One mark: `x` as the axis has it, the rest in percent; `said` is what a reader is told about it."""

    x: float
    y: float
    low: float
    high: float
    said: str


@dataclass(frozen=True)
class Line:
    """One line; where a point is missing there is a gap, never a bridge."""

    name: str
    label: str
    spots: tuple[Spot | None, ...]

    @property
    def known(self) -> tuple[Spot, ...]:
        return tuple(spot for spot in self.spots if spot is not None)


@dataclass(frozen=True)
class TradeOff:
    """Both charts: by privacy budget (clean, attacked, models in training) and by attack strength (a line a budget).

    `forming`: curves that still fall, since their attacks are not done; one for each budget, without spots where it is.
    `floors`, a line a budget, hold what is certified: no attack gets below. There are none where nothing was certified.
    `leaked`: training images that the strongest attack finds (membership.Members), by budget; `leaking` the same while
    models are still to be attacked. There is neither where it was not measured.
    """

    epsilons: tuple[float, ...]
    radii: tuple[float, ...]
    norm: str
    strength: float | None
    clean: Line
    attacked: Line
    training: tuple[Spot, ...]
    budgets: tuple[Line, ...]
    forming: tuple[Line, ...] = ()
    floors: tuple[Line, ...] = ()
    leaked: Line = Line("leakage", "leakage", ())
    leaking: tuple[Spot, ...] = ()

    @property
    def leaks(self) -> bool:
        """Leakage was measured."""
        return bool(self.leaked.known or self.leaking)

    @property
    def empty(self) -> bool:
        lines = (self.clean, *self.budgets, *self.forming)
        return not (self.training or any(line.known for line in lines))


def default_strength(radii: Sequence[float]) -> float | None:
    """The middle one of the strengths above 0 (the weaker of two): fixed before any result is known.

    >>> default_strength((0, 0.005, 0.01, 0.02, 0.03, 0.05))
    0.02
    """
    positive = sorted(radius for radius in radii if radius > 0)
    return positive[(len(positive) - 1) // 2] if positive else None


def marked_strength(radii: Sequence[float], wanted: float | None) -> float | None:
    """The strength to mark: `wanted` if it is one of `radii`, else BadInput; the default for None.

    >>> marked_strength((0, 0.1), None), marked_strength((0, 0.1, 0.2), 0.2)
    (0.1, 0.2)
    """
    if wanted is None:
        return default_strength(radii)
    if wanted in radii:
        return wanted
    grid = ", ".join(f"{radius:g}" for radius in radii)
    raise BadInput(f"strength={wanted:g} is not one of this study: {grid}")


def places(epsilons: Sequence[float]) -> dict[float, float]:
    """Where budgets stand on their axis: by their logarithm, clipping alone and no privacy each a step behind the last.

    >>> places((1.0, 10.0, float("inf")))
    {1.0: 0.0, 10.0: 1.0, inf: 1.35}
    """
    known = {epsilon: log10(epsilon) for epsilon in sorted(epsilons) if lines.private(epsilon)}
    last = max(known.values(), default=0.0)
    step = max(0.35, 0.25 * (last - min(known.values(), default=0.0)))
    behind = [epsilon for epsilon in sorted(epsilons) if not lines.private(epsilon)]
    return known | {epsilon: last + step * (i + 1) for i, epsilon in enumerate(behind)}


def trade_off(
    frame: pd.DataFrame,
    *,
    epsilons: Sequence[float],
    radii: Sequence[float],
    norm: str,
    strength: float | None,
    provisional: pd.DataFrame | None = None,
    standing: Sequence[Stands] = (),
) -> TradeOff:
    """What the charts show of a result table, over the whole grid that was asked for.

    `epsilons` are budgets, lines.CLIPPING among them where that was trained. `provisional` (epsilon, seed, step, steps,
    accuracy, epsilon_spent, loss) gives a hollow mark to each budget that has no clean result yet; `standing` says how
    images stand while they are attacked.
    """
    grid, at = tuple(sorted(epsilons)), places(epsilons)
    clean, robust = points.clean(frame), points.robust(frame)
    found = membership.members(frame, grid)
    known = TradeOff(
        epsilons=grid,
        radii=tuple(sorted(radii)),
        norm=norm,
        strength=None,
        clean=Line("clean", "clean", tuple(spot(at[e], clean.get(e), words.budget(e), "clean images") for e in grid)),
        attacked=Line("attacked", "attacked", tuple(None for _ in grid)),
        training=in_training(provisional, clean, at),
        budgets=tuple(_by_strength(epsilon, sorted(radii), norm, robust, standing) for epsilon in grid),
        forming=tuple(_forming(epsilon, standing, norm) for epsilon in grid),
        floors=_floors(points.certified(frame, norm), grid, norm),
        leaked=Line("leakage", "leakage", _leaked(found, grid, found.found)),
        leaking=tuple(spot for spot in _leaked(found, grid, found.forming) if spot),
    )
    return at_strength(known, strength)


def _leaked(found: Members, grid: Sequence[float], known: dict[float, Point]) -> tuple[Spot | None, ...]:
    at = places(grid)

    def mark(epsilon: float) -> Spot | None:
        if epsilon not in known:
            return None
        point = known[epsilon]
        low, high = max(0.0, point.low), min(1.0, point.high)
        return Spot(at[epsilon], 100 * point.mean, 100 * low, 100 * high, membership.told(found, epsilon))

    return tuple(mark(epsilon) for epsilon in grid) if known else ()


def at_strength(info: TradeOff, strength: float | None) -> TradeOff:
    """The same with the attacked line at another strength of the grid."""
    if strength not in info.radii:
        return info
    i, at = info.radii.index(strength), places(info.epsilons)
    spots = (line.spots[i] for line in info.budgets)
    moved = (spot and replace(spot, x=at[epsilon]) for epsilon, spot in zip(info.epsilons, spots, strict=True))
    said = f"attacked by {words.strength(info.radii[i], info.norm)}"
    return replace(info, strength=strength, attacked=Line("attacked", said, tuple(moved)))


def _by_strength(
    epsilon: float,
    radii: Sequence[float],
    norm: str,
    robust: dict[tuple[float, float], Point],
    standing: Sequence[Stands] = (),
) -> Line:
    label = words.budget(epsilon)
    spots = (spot(eps, robust.get((epsilon, eps)), label, _attack(eps, norm)) for eps in radii)
    told = (one and replace(one, said=one.said + _broken_by(standing, epsilon, one.x)) for one in spots)
    return Line(budget_name(epsilon), label, tuple(told))


def _broken_by(standing: Sequence[Stands], epsilon: float, eps: float) -> str:
    """Which attack found how many of the smallest perturbations that broke an image up to `eps`; "" for several models.

    The images that were wrong before any attack are nobody's.
    """
    models = [stands for stands in standing if paired.line(stands) == epsilon and stands.done and eps in stands.radii]
    if len(models) != 1 or not eps:
        return ""
    counts = paired.breakers(models[0], eps)
    return f"<br>broken by {words.listed([f'{name} {n}' for name, n in counts.items()])}"


def _forming(epsilon: float, standing: Sequence[Stands], norm: str) -> Line:
    """What is known of a curve while its attacks go on; no spots once they are done."""
    label = words.budget(epsilon)
    found = [stands for stands in standing if paired.line(stands) == epsilon and not stands.done]
    spots = (
        Spot(eps, 100 * share, 100 * share, 100 * share, _so_far(label, eps, share, norm))
        for stands in found[:1]
        for eps, share in zip(stands.radii, paired.shares(stands), strict=True)
    )
    return Line(f"{budget_name(epsilon)}-forming", label, tuple(spots))


def _so_far(label: str, eps: float, share: float, norm: str) -> str:
    told = f"<b>{label}, {_attack(eps, norm)}</b><br>{words.percent(share, 1)} not broken so far"
    return f"{told}<br>attacks go on, provisional"


def _floors(certified: dict[tuple[float, float], Point], grid: Sequence[float], norm: str) -> tuple[Line, ...]:
    """Over the strengths at which something was certified, which need not be those of the attack."""
    radii = sorted({eps for _, eps in certified})

    def floor(epsilon: float) -> Line:
        label = words.budget(epsilon)
        spots = (spot(eps, certified.get((epsilon, eps)), label, _certified(eps, norm)) for eps in radii)
        return Line(f"floor-{budget_name(epsilon)}", label, tuple(spots))

    return tuple(floor(epsilon) for epsilon in grid) if certified else ()


def _certified(eps: float, norm: str) -> str:
    return f"certified against every attack up to {words.strength(eps, norm)}"


def budget_name(epsilon: float) -> str:
    """The name of a budget's line: plotly makes it a CSS class and selects by it, so it holds no dots.

    >>> budget_name(0.5)
    'budget-0-5'
    """
    return "budget-clipping" if epsilon == lines.CLIPPING else f"budget-{epsilon!r}".replace(".", "-")


def _attack(eps: float, norm: str) -> str:
    said = words.strength(eps, norm)
    return f"attacked by {said} ({words.exact_strength(eps, norm)})" if eps else "not tampered with"


def spot(x: float, point: Point | None, *told: str) -> Spot | None:
    """A point as a mark at `x`; `told` is what it is of."""
    if point is None:
        return None
    of = f"{point.n_images:,} test images" + (f", mean of {point.n_seeds} repeats" if point.n_seeds > 1 else "")
    return mark(x, point, ", ".join(told), "recognised", of)


def mark(x: float, point: Point, told: str, found: str, of: str) -> Spot:
    """A point as a mark at `x`: what it is of, what its share was found to be, and among how many."""
    interval = f"{words.percent(point.low, 1)} to {words.percent(point.high, 1)}"
    said = f"<b>{told}</b><br>{words.percent(point.mean, 1)} {found} ({interval})<br>{of}"
    return Spot(x, 100 * point.mean, 100 * point.low, 100 * point.high, said)


def in_training(
    provisional: pd.DataFrame | None, known: dict[float, Point], at: dict[float, float]
) -> tuple[Spot, ...]:
    """A hollow mark for each budget that trains and has no clean result yet."""
    if provisional is None:
        return ()
    groups = points.by(provisional.assign(epsilon=lines.of_rows(provisional)), "epsilon").items()
    return tuple(_hollow(epsilon, at[epsilon], models) for (epsilon,), models in groups if epsilon in at.keys() - known)


def _hollow(epsilon: float, x: float, models: pd.DataFrame) -> Spot:
    first = models.sort_values("step").to_dict("records")[0]
    y = 100 * float(models["accuracy"].mean())
    told = [f"<b>{words.budget(epsilon)}</b>", f"{words.percent(y / 100, 1)} recognised"]
    told.append(f"step {first['step']} of {first['steps']}, provisional")
    if lines.private(epsilon):
        told.append(f"ε{words.NBSP}{first['epsilon_spent']:.2g} spent so far")
    elif pd.notna(first["loss"]):
        told.append(f"training loss {first['loss']:.3f}")
    return Spot(x, y, y, y, "<br>".join(told))


def by_budget_in_words(info: TradeOff) -> str:
    """The takeaway of the first chart, for those who do not see it."""
    if not info.clean.known:
        return "Images recognised by privacy budget: " + (
            "training, provisional." if info.training else "no results yet."
        )
    sentences = [_ends("Clean images", info.clean, "the smallest to the largest budget")]
    if info.attacked.known:
        sentences.append(_ends(info.attacked.label.capitalize(), info.attacked, "the smallest to the largest budget"))
    if info.leaked.known:
        sentences.append(_ends("Training images found", info.leaked, "the smallest to the largest budget"))
    return "Images recognised by privacy budget. " + " ".join(sentences)


def by_strength_in_words(info: TradeOff) -> str:
    """The takeaway of the second chart, for those who do not see it."""
    known = [line for line in info.budgets if line.known]
    if not known:
        return "Images recognised by attack strength: no results yet."
    weakest, strongest = (words.strength(eps, info.norm) for eps in (info.radii[0], info.radii[-1]))
    told = [_ends(line.label, line, f"{weakest} to {strongest}") for line in known]
    told += [_certified_in_words(line, info.norm) for line in info.floors if line.known]
    return "Images recognised by attack strength. " + " ".join(told)


def _certified_in_words(line: Line, norm: str) -> str:
    """How far anything is certified."""
    last = max((spot for spot in line.known if spot.y > 0), key=lambda spot: spot.x, default=None)
    if last is None:
        return f"{line.label}: nothing is certified."
    return f"{line.label}: {words.percent(last.y / 100)} certified up to {words.strength(last.x, norm)}."


def _ends(who: str, line: Line, way: str) -> str:
    first, last = line.known[0], line.known[-1]
    return f"{who}: {words.percent(first.y / 100)} to {words.percent(last.y / 100)} from {way}."
