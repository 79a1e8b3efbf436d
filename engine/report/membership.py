"""What attackers find out about who was in the training set: the rows of a result table, brought together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from engine.report import lines, points, words
from engine.report.points import Point
from engine.results import ALLOWED, ATTACKED, DEMONSTRATED, LEAKED

FEW = 0.01  # share of outsiders accused wrongly at which leakage is told; guessing finds as many members
LEAKAGE = "leakage"  # the extra that measures it
TITLES = {"threshold": "loss threshold", "lira": "LiRA", "lira-offline": "LiRA offline", "rmia": "RMIA"}
TAMPERED = "{0} on tampered images"


@dataclass(frozen=True)
class Members:
    """Members found at FEW by one attack, by budget (or lines.CLIPPING): shares of those that were in.

    `attack` is the strongest of `tried` on the model that hides least, and the same at every budget: the best of
    several at each would be picked by chance where nothing leaks. A point's `n_images` are attacked models. Points of
    `forming` are provisional: more models are still to be attacked, or another attack may turn out to be the strongest.
    `settled`: there is a point in `found` for every budget of the study.
    """

    attack: str = ""
    tried: int = 0
    found: dict[float, Point] = field(default_factory=dict)
    forming: dict[float, Point] = field(default_factory=dict)
    settled: bool = False

    @property
    def title(self) -> str:
        return titled(self.attack, TITLES)


def titled(attack: str, titles: Mapping[str, str]) -> str:
    """What an attack is called, with the pictures that it learns from.

    >>> titled("lira-attacked", TITLES)
    'LiRA on tampered images'
    """
    plain = attack.removesuffix(ATTACKED)
    said = titles.get(plain, plain)
    return said if plain == attack else TAMPERED.format(said)


def strongest(found: Mapping[str, tuple[float, float, float]]) -> list[str]:
    """Attacks by what they find (lower limit, mean, upper limit), most first; on images as they are before others.

    On tampered images, of which there are few, numbers are rough: such an attack comes first only if it finds more than
    the best of the others by more than both intervals are wide.

    >>> strongest({"lira": (0.06, 0.07, 0.08), "rmia-attacked": (0.05, 0.09, 0.13), "rmia": (0.01, 0.02, 0.03)})
    ['lira', 'rmia', 'rmia-attacked']
    >>> strongest({"lira": (0.06, 0.07, 0.08), "lira-attacked": (0.09, 0.1, 0.11)})
    ['lira-attacked', 'lira']
    """
    plain = [found[name] for name in found if not name.endswith(ATTACKED)]
    bar = max(plain, key=lambda limits: limits[1])[2] if plain else -1.0

    def rank(name: str) -> tuple[bool, float]:
        return not name.endswith(ATTACKED) or found[name][0] > bar, found[name][1]

    return sorted(found, key=rank, reverse=True)


def members(frame: pd.DataFrame, epsilons: Sequence[float]) -> Members:
    """What a result table says of a study with these budgets; empty where leakage was not measured."""
    rows = frame[frame["metric"].str.startswith(LEAKED) & (frame["eps"] == FEW)]
    known = points.points(rows, "metric", "epsilon")
    asked = [epsilon for epsilon in epsilons if epsilon != lines.CLIPPING]
    measured = [epsilon for _, epsilon in known if epsilon != lines.CLIPPING]
    if not measured or not asked:
        return Members()
    rivals = {metric: point for (metric, epsilon), point in known.items() if epsilon == max(measured)}
    best = strongest({metric: (point.low, point.mean, point.high) for metric, point in rivals.items()})[0]
    final = audited(frame) if max(asked) in audited(frame) else set()
    split: tuple[dict[float, Point], dict[float, Point]] = ({}, {})
    for (metric, epsilon), point in known.items():
        if metric == best:
            split[epsilon not in final][epsilon] = point
    return Members(best.removeprefix(LEAKED), len(rivals), *split, settled=set(asked) <= final)


def audited(frame: pd.DataFrame) -> set[float]:
    """Budgets with an audit, which comes when all models of a budget were attacked: their rows stay as they are."""
    return set(lines.of_rows(frame[frame["metric"].str.startswith(DEMONSTRATED)]))


def allowed(frame: pd.DataFrame) -> dict[float, float]:
    """The largest share of members that any attack on one model of a budget can find at FEW, by budget."""
    rows = frame[(frame["metric"] == ALLOWED) & (frame["eps"] == FEW)]
    return {epsilon: point.mean for (epsilon,), point in points.points(rows, "epsilon").items()}


def told(found: Members, epsilon: float) -> str:
    """What a reader is told about a point."""
    point = (found.found | found.forming)[epsilon]
    interval = f"{words.percent(max(0.0, point.low), 1)} to {words.percent(min(1.0, point.high), 1)}"
    return (
        f"<b>{words.budget(epsilon)}, leakage</b><br>"
        f"{words.percent(point.mean, 1)} of training images found ({interval})<br>"
        f"while {words.percent(FEW)} of others are accused: guessing finds {words.percent(FEW)}<br>"
        f"{found.title}, strongest of {found.tried} attacks tried, {point.n_images} models"
        f"{'<br>more are being attacked, provisional' if epsilon in found.forming else ''}"
    )


def sentence(found: Members) -> str:
    """The finding (Markdown): what privacy changes about leakage; "" when nothing is settled."""
    if not found.settled:
        return ""
    private, baseline = found.found[min(found.found)], found.found[max(found.found)]
    chance = f"chance: {words.percent(FEW)}"
    least = f"**{words.percent(private.mean, 1)}**"
    if private is baseline:
        return f"Leakage: {least} of training images are found ({chance})."
    if private.overlaps(baseline):
        return f"Leakage: no difference we can measure ({least} of training images are found, {chance})."
    way = "falls" if private.mean < baseline.mean else "rises"
    most = f"**{words.percent(baseline.mean, 1)}**"
    return f"Leakage {way} from {most} to {least} of training images found ({chance})."
