"""What a person asks of a model, and which privacy budgets give it."""

from dataclasses import dataclass
from math import isinf
from typing import Literal

from engine.report import words
from engine.report.figures import Spot, TradeOff

Verdict = Literal["meets", "perhaps", "misses", "unknown"]


@dataclass(frozen=True)
class Targets:
    """Shares in [0, 1] of images to be recognised, clean and attacked at the strength shown; None: nothing asked."""

    clean: float | None = None
    attacked: float | None = None

    def __bool__(self) -> bool:
        return self.clean is not None or self.attacked is not None


def verdicts(info: TradeOff, targets: Targets) -> tuple[Verdict, ...]:
    """For each budget: it meets the targets with its whole intervals, perhaps (with its means), not, or who knows."""
    pairs = zip(info.clean.spots, info.attacked.spots, strict=True)
    return tuple(_both(_one(clean, targets.clean), _one(attacked, targets.attacked)) for clean, attacked in pairs)


def _one(spot: Spot | None, share: float | None) -> Verdict:
    if share is None:
        return "meets"
    if spot is None:
        return "unknown"
    if spot.low >= 100 * share:
        return "meets"
    return "perhaps" if spot.y >= 100 * share else "misses"


def _both(clean: Verdict, attacked: Verdict) -> Verdict:
    order: tuple[Verdict, ...] = ("misses", "unknown", "perhaps", "meets")
    return min(clean, attacked, key=order.index)


def sentence(info: TradeOff, targets: Targets) -> str:
    """One sentence (Markdown): the most private budget that meets the targets, or that none does."""
    found = verdicts(info, targets)
    good = [i for i, verdict in enumerate(found) if verdict in ("meets", "perhaps")]
    asked = _asked(info, targets)
    if not good:
        return f"Not known yet: {asked}." if "unknown" in found else f"No budget computed here gives {asked}."
    first = good[0]
    so_far = "So far: " if "unknown" in found[:first] else ""
    doubt = "; its interval reaches below, so this is not certain" if found[first] == "perhaps" else ""
    return f"{so_far}{_who(info.epsilons[first])} gives {asked}{doubt}."


def _who(epsilon: float) -> str:
    if isinf(epsilon):
        return "Only **no privacy**"
    return f"**{words.budget(epsilon)}** is the most private budget that"


def _asked(info: TradeOff, targets: Targets) -> str:
    parts = []
    if targets.clean is not None:
        parts.append(f"{words.percent(targets.clean)} clean")
    if targets.attacked is not None:
        tampered = words.strength(info.strength or 0, info.norm)
        how = f"when tampered with by {tampered}" if info.norm == "linf" else f"under an attack of strength {tampered}"
        parts.append(f"{words.percent(targets.attacked)} {how}")
    return f"at least {' and '.join(parts)}"
