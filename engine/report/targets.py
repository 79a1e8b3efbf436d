"""What a person asks of a model, and which privacy budgets give it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.report import lines, words
from engine.report.figures import Spot, TradeOff

HOLDS = "its interval holds the target"
Verdict = Literal["meets", "perhaps", "misses", "unknown"]


@dataclass(frozen=True)
class Targets:
    """Shares in [0, 1] of images to be recognised, clean and attacked at the strength shown; None: nothing asked."""

    clean: float | None = None
    attacked: float | None = None

    def __bool__(self) -> bool:
        return self.clean is not None or self.attacked is not None


def verdicts(info: TradeOff, targets: Targets) -> tuple[Verdict, ...]:
    """For each budget: its whole intervals meet the targets, or miss one; perhaps; or nobody knows yet."""
    pairs = zip(info.clean.spots, info.attacked.spots, strict=True)
    return tuple(_both(_one(clean, targets.clean), _one(attacked, targets.attacked)) for clean, attacked in pairs)


def _one(spot: Spot | None, share: float | None) -> Verdict:
    if share is None:
        return "meets"
    if spot is None:
        return "unknown"
    if spot.low >= 100 * share:
        return "meets"
    return "perhaps" if spot.high >= 100 * share else "misses"


def _both(clean: Verdict, attacked: Verdict) -> Verdict:
    order: tuple[Verdict, ...] = ("misses", "unknown", "perhaps", "meets")
    return min(clean, attacked, key=order.index)


def sentence(info: TradeOff, targets: Targets) -> str:
    """One sentence (Markdown): the most private budget that surely meets the targets, one that may, or that none does.

    An interval that holds the target says neither.
    """
    found, asked = verdicts(info, targets), _asked(info, targets)
    sure = next((i for i, verdict in enumerate(found) if verdict == "meets"), None)
    maybe = next((i for i, verdict in enumerate(found[:sure]) if verdict == "perhaps"), None)
    if sure is None and maybe is None:
        return f"Not known yet: {asked}." if "unknown" in found else f"No budget computed here gives {asked}."
    so_far = "So far: " if "unknown" in found[:sure] else ""
    if sure is None:
        return f"{so_far}None surely gives {asked}; {words.budget(info.epsilons[maybe or 0])} may: {HOLDS}."
    doubt = "" if maybe is None else f"; {words.budget(info.epsilons[maybe])} may, too: {HOLDS}"
    return f"{so_far}{_who(info.epsilons, sure)} gives {asked}{doubt}."


def _who(epsilons: Sequence[float], sure: int) -> str:
    if not lines.private(epsilons[sure]):
        named = words.budget(epsilons[sure])
        return f"Only **{named}**" if len(epsilons) > 1 else f"**{named.capitalize()}**"
    return f"**{words.budget(epsilons[sure])}** is the most private budget that"


def _asked(info: TradeOff, targets: Targets) -> str:
    parts = []
    if targets.clean is not None:
        parts.append(f"{words.percent(targets.clean)} clean")
    if targets.attacked is not None:
        tampered = words.strength(info.strength or 0, info.norm)
        how = f"under an attack of strength {tampered}" if info.norm == "l2" else f"when tampered with by {tampered}"
        parts.append(f"{words.percent(targets.attacked)} {how}")
    return f"at least {' and '.join(parts)}"
