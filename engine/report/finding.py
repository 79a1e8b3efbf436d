"""The finding in one sentence: what the most private model of a study costs. Never from provisional points."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import pandas as pd

from engine.events import Stands
from engine.report import lines, membership, paired, points, words
from engine.report.points import Point

STRONG = 1.0  # privacy budgets up to here are called strong privacy
NOTHING = "makes no difference we can measure"
MORE = 0.01  # so much more under attack is worth a "but"
BROKEN = 0.02  # when no model recognises more than this share, the strength says nothing any more


def finding(frame: pd.DataFrame, eps: float | None, standing: Sequence[Stands] = ()) -> str | None:
    """One sentence (Markdown) from the result table, attacked at strength `eps`; None when it holds no clean result.

    A second one where leakage was measured. A difference is named only when the intervals of its two points do not
    overlap; where `standing` says which images two models recognise under attack, only when the interval of their
    paired difference does not hold 0.
    """
    recognised = _recognised(frame, eps, standing)
    leaked = membership.sentence(membership.members(frame, sorted({*lines.of_rows(points.accuracies(frame))})))
    return f"{recognised} {leaked}".rstrip() if recognised else None


def _recognised(frame: pd.DataFrame, eps: float | None, standing: Sequence[Stands]) -> str | None:
    clean, robust = points.clean(frame), points.robust(frame)
    if not clean:
        return None
    private, baseline = min(clean), max(clean)
    attacked = {epsilon: point for (epsilon, radius), point in robust.items() if radius == eps}
    norm = str(points.accuracies(frame)["norm"].iloc[-1])
    if useless := _useless(robust, norm):
        return useless
    if attacked and eps and all(point.mean <= BROKEN for point in attacked.values()):
        return f"Every model breaks {_tampered(eps, norm)}: look at a weaker attack."
    both = eps and {private, baseline} <= set(attacked)
    tampering = _tampered(eps, norm) if eps else ""
    if private == baseline:
        return _only(private, clean[private], attacked[private] if both else None, tampering)
    cost = _Cost.of(clean[private], clean[baseline])
    pair = paired.attacked(standing, baseline, private, eps) if both and eps else None
    under = _Cost.of(attacked[private], attacked[baseline], pair) if both else None
    beside = "" if baseline == inf else f", compared with {words.budget(baseline)}"
    return f"{_who(private)} {_compared(cost, under, tampering)}{beside}."


def _useless(robust: dict[tuple[float, float], Point], norm: str) -> str:
    """What to choose instead when every strength breaks every model, or none changes anything; else ""."""
    under = {key: point for key, point in robust.items() if key[1] > 0}
    if not under:
        return ""
    weakest, strongest = (words.strength(end(eps for _, eps in under), norm) for end in (min, max))
    if all(point.mean <= BROKEN for point in under.values()):
        return f"Every strength here breaks every model: choose weaker ones, below {weakest}."
    if all(
        (epsilon, 0.0) in robust and point.mean >= robust[epsilon, 0.0].mean for (epsilon, _), point in under.items()
    ):
        return f"No strength here changes what is recognised: choose stronger ones, above {strongest}."
    return ""


def _tampered(eps: float, norm: str) -> str:
    return words.attacked_by(words.strength(eps, norm), norm)


def _only(epsilon: float, clean: Point, attacked: Point | None, tampering: str) -> str:
    subject = "Without privacy" if epsilon == inf else f"At {words.budget(epsilon)}"
    sentence = f"{subject}, **{words.percent(clean.mean)}** of images are recognised"
    return f"{sentence}, and **{words.percent(attacked.mean)}** {tampering}." if attacked else f"{sentence}."


def _who(epsilon: float) -> str:
    return f"{'Strong privacy' if epsilon <= STRONG else 'Privacy'} ({words.budget(epsilon)})"


@dataclass(frozen=True)
class _Cost:
    """What privacy costs, in points with a 95 % interval; `verb` is "" when no difference can be told."""

    verb: str
    amount: str
    size: float

    @staticmethod
    def of(private: Point, baseline: Point, pair: paired.Interval | None = None) -> "_Cost":
        gap, low, high = pair or baseline.minus(private)
        if low <= 0 <= high if pair else private.overlaps(baseline):
            return _Cost("", NOTHING, 0.0)
        if gap < 0:
            low, high = -high, -low
        amount = f"**{words.points(abs(gap))}** ({words.plain(low)} to {words.plain(high)})"
        return _Cost("costs" if gap > 0 else "gains", amount, gap)


def _compared(clean: _Cost, under: _Cost | None, tampering: str) -> str:
    first = f"{clean.verb} {clean.amount}".strip()
    if under is None:
        return f"{first} on clean images"
    if not clean.verb and not under.verb:
        return f"{NOTHING}, on clean images or {tampering}"
    verb = "" if under.verb == clean.verb else f"{under.verb} "
    joint = "but" if under.size - clean.size >= MORE else "and"
    return f"{first} on clean images, {joint} {verb}{under.amount} {tampering}"
