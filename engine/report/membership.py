"""What attackers find out about who was in the training set: the rows of a result table, brought together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from engine.report import lines, points, words
from engine.report.points import Point
from engine.results import ALLOWED, LEAKED

FEW = 0.01  # share of outsiders accused wrongly at which leakage is told; guessing finds as many members
LEAKAGE = "leakage"  # the extra that measures it
TITLES = {"threshold": "loss threshold", "lira": "LiRA", "lira-offline": "LiRA offline", "rmia": "RMIA"}


@dataclass(frozen=True)
class Members:
    """Members found at FEW by one attack, by budget (or lines.CLIPPING): shares of those that were in.

    `attack` is the strongest of `tried` on the model that hides least, and the same at every budget: the best of
    several at each would be picked by chance where nothing leaks. `settled`: the least private budget is measured, so
    that no row that is still to come can put another attack in its place. A point's `n_images` are attacked models.
    """

    attack: str = ""
    tried: int = 0
    found: dict[float, Point] = field(default_factory=dict)
    settled: bool = False

    @property
    def title(self) -> str:
        return TITLES.get(self.attack, self.attack)


def members(frame: pd.DataFrame, epsilons: Sequence[float]) -> Members:
    """What a result table says of a study with these budgets; empty where leakage was not measured."""
    rows = frame[frame["metric"].str.startswith(LEAKED) & (frame["eps"] == FEW)]
    known = points.points(rows, "metric", "epsilon")
    measured = [epsilon for _, epsilon in known if epsilon != lines.CLIPPING]
    if not measured:
        return Members()
    last = max(measured)
    rivals = {metric: point.mean for (metric, epsilon), point in known.items() if epsilon == last}
    best = max(rivals, key=lambda metric: rivals[metric])
    found = {epsilon: point for (metric, epsilon), point in known.items() if metric == best}
    asked = [epsilon for epsilon in epsilons if epsilon != lines.CLIPPING]
    return Members(best.removeprefix(LEAKED), len(rivals), found, bool(asked) and last == max(asked))


def allowed(frame: pd.DataFrame) -> dict[float, float]:
    """The largest share of members that any attack on one model of a budget can find at FEW, by budget."""
    rows = frame[(frame["metric"] == ALLOWED) & (frame["eps"] == FEW)]
    return {epsilon: point.mean for (epsilon,), point in points.points(rows, "epsilon").items()}


def told(found: Members, epsilon: float) -> str:
    """What a reader is told about a point."""
    point = found.found[epsilon]
    interval = f"{words.percent(max(0.0, point.low), 1)} to {words.percent(min(1.0, point.high), 1)}"
    return (
        f"<b>{words.budget(epsilon)}, leakage</b><br>"
        f"{words.percent(point.mean, 1)} of training images found ({interval})<br>"
        f"while {words.percent(FEW)} of others are accused: guessing finds {words.percent(FEW)}<br>"
        f"{found.title}, strongest of {found.tried} attacks tried, {point.n_images} models"
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
