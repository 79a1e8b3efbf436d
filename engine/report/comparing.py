"""Several studies side by side: in which settings they differ, and their curves over one another. Pure functions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from engine.report import figures, lines, words
from engine.report.figures import Line, Spot, TradeOff
from engine.study import Study

MOST = 4  # studies that can still be told apart

SETTINGS: dict[str, Callable[[Study], Any]] = {
    "dataset": lambda study: study.dataset,
    "model": lambda study: study.model,
    "epsilons": lambda study: study.privacy.epsilons,
    "delta": lambda study: study.privacy.delta,
    "mode": lambda study: study.privacy.mode,
    "independent_batches": lambda study: study.privacy.independent_batches,
    "clip_only": lambda study: study.privacy.clip_only,
    "seeds": lambda study: study.seeds,
    "defence": lambda study: (study.defence.name, study.defence.eps),
    "extras": lambda study: study.extras,
    "attack": lambda study: study.attack.name,
    "norm": lambda study: study.attack.norm,
    "eps": lambda study: study.attack.eps,
    "steps": lambda study: study.attack.steps,
    "images": lambda study: study.attack.images,
    "attack_seeds": lambda study: study.attack.seeds,
    "source": lambda study: study.attack.source,
}


def differences(studies: Sequence[Study]) -> dict[str, tuple[Any, ...]]:
    """The settings in which studies differ, with the value of each; {} when they are alike.

    >>> differences([Study(), Study(seeds=2), Study(model="cnn")])
    {'model': ('scattering-linear', 'scattering-linear', 'cnn'), 'seeds': (1, 2, 1)}
    """
    values = {name: tuple(get(study) for study in studies) for name, get in SETTINGS.items()}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def shared_budgets(studies: Iterable[Study]) -> tuple[float, ...]:
    """Budgets that all of these studies have."""
    return _shared(study.privacy.epsilons for study in studies)


def shared_strengths(studies: Sequence[Study]) -> tuple[float, ...]:
    """Attack strengths above 0 that all of these studies have; none when they are measured in different norms."""
    if len({study.attack.norm for study in studies}) > 1:
        return ()
    return tuple(eps for eps in _shared(study.attack.eps or () for study in studies) if eps > 0)


def _shared(grids: Iterable[Sequence[float]]) -> tuple[float, ...]:
    return tuple(sorted(set.intersection(*(set(grid) for grid in grids))))


@dataclass(frozen=True)
class Entry:
    """One study to compare: what it is called beside the others, and its result table."""

    label: str
    study: Study
    frame: pd.DataFrame


@dataclass(frozen=True)
class Comparison:
    """Curves over one another, a line a study in each group, in one order.

    `attacked` lies at `strength`, which all share, and `by_strength` at the budget that all share; without one (None)
    its lines are empty. `norm` is None where norms differ: then strengths cannot share an axis. `infos`: what each
    study shows alone.
    """

    labels: tuple[str, ...]
    infos: tuple[TradeOff, ...]

    epsilons: tuple[float, ...]
    radii: tuple[float, ...]
    norm: str | None
    strength: float | None
    budget: float | None
    clean: tuple[Line, ...]
    attacked: tuple[Line, ...]
    by_strength: tuple[Line, ...]


def compare(entries: Sequence[Entry], *, strength: float | None, budget: float | None) -> Comparison:
    """What the charts of a comparison show; `strength` and `budget` are ones that all studies share, or None."""
    studies, labels = [entry.study for entry in entries], tuple(entry.label for entry in entries)
    norms = {study.attack.norm for study in studies}
    norm = norms.pop() if len(norms) == 1 else None
    radii = {eps for study in studies for eps in study.attack.eps or ()} if norm else set()
    epsilons = tuple(sorted({epsilon for study in studies for epsilon in lines.of_study(study)}))
    infos = tuple(_information(entry) for entry in entries)
    known = Comparison(
        labels=labels,
        infos=infos,
        epsilons=epsilons,
        radii=tuple(sorted(radii)),
        norm=norm,
        strength=None,
        budget=budget,
        clean=_by_budget([info.clean for info in infos], "clean", labels, infos, epsilons),
        attacked=(),
        by_strength=tuple(
            _at_budget(info, f"strength-{i}", label, budget if norm else None)
            for i, (info, label) in enumerate(zip(infos, labels, strict=True))
        ),
    )
    return at_strength(known, strength if norm else None)


def at_strength(info: Comparison, strength: float | None) -> Comparison:
    """The same with the attacked lines at another strength that all studies share; None: without them."""
    moved = [figures.at_strength(one, strength).attacked for one in info.infos]
    attacked = () if strength is None else _by_budget(moved, "attacked", info.labels, info.infos, info.epsilons)
    return replace(info, strength=strength, attacked=attacked)


def _by_budget(
    lines: Sequence[Line], name: str, labels: Sequence[str], infos: Sequence[TradeOff], epsilons: Sequence[float]
) -> tuple[Line, ...]:
    """Lines over the budgets of their own studies, on the axis of all; one that has only some of them has no gap."""
    places = figures.places(epsilons)
    return tuple(
        Line(
            f"{name}-{i}",
            label,
            tuple(_told(s, label, places[e]) for e, s in zip(own.epsilons, line.spots, strict=True)),
        )
        for i, (line, label, own) in enumerate(zip(lines, labels, infos, strict=True))
    )


def _information(entry: Entry) -> TradeOff:
    study = entry.study
    return figures.trade_off(
        entry.frame,
        epsilons=lines.of_study(study),
        radii=study.attack.eps or (),
        norm=study.attack.norm,
        strength=None,
    )


def _at_budget(info: TradeOff, name: str, label: str, budget: float | None) -> Line:
    if budget is None:
        return Line(name, label, ())
    spots = info.budgets[info.epsilons.index(budget)].spots
    return Line(name, label, tuple(_told(spot, label, spot.x) if spot else None for spot in spots))


def _told(spot: Spot | None, label: str, x: float) -> Spot | None:
    return spot and replace(spot, x=x, said=f"<b>{escaped(label)}</b><br>{spot.said}")


def escaped(label: str) -> str:
    """Text as plotly shows it: a `<` is no tag.

    >>> escaped("a<b>c & d")
    'a&lt;b&gt;c &amp; d'
    """
    return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def in_words(info: Comparison) -> tuple[str, str]:
    """The takeaways of both charts, for those who do not see them."""
    budgets = " ".join(_ends(line) for line in info.clean if line.known)
    strengths = " ".join(_ends(line) for line in info.by_strength if line.known)
    at = "" if info.budget is None else f" at {words.budget(info.budget)}"
    return (
        f"Clean images recognised, from the smallest to the largest budget. {budgets or 'No results yet.'}",
        f"Images recognised{at}, from the weakest to the strongest attack. {strengths or 'Nothing can be compared.'}",
    )


def _ends(line: Line) -> str:
    first, last = line.known[0], line.known[-1]
    return f"{line.label}: {words.percent(first.y / 100)} to {words.percent(last.y / 100)}."
