"""The rules of a privacy ledger: what counts against a cap, and when a study has to stay out. No torch.

A Renyi filter (arXiv:2008.11193): people choose the next study after seeing the last, so costs are summed order by
order and compared with the cap before each study starts. Which order lets a study in may then depend on what was
seen, so every order has its own share of delta: half belongs to the order that suits the cap, the rest to all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log1p

from engine.privacy import renyi
from engine.privacy.renyi import ORDERS, Curve


@dataclass(frozen=True)
class Cap:
    """What its owner lets be spent on a data set: (epsilon, delta)."""

    epsilon: float
    delta: float


def counted(spent: Curve, cap: Cap) -> float:
    """The epsilon at the cap's delta that counts against the cap: never less than `renyi.epsilon`.

    >>> counted(renyi.NOTHING, Cap(3.0, 1e-5))
    0.0
    """
    best = _suits(cap)
    share = {order: cap.delta / 2 / (len(ORDERS) - 1) for order in ORDERS} | {best: cap.delta / 2}
    return min(renyi.at(order, cost, share[order]) for order, cost in zip(ORDERS, spent, strict=True))


def admits(cap: Cap, spent: Curve, more: Curve) -> bool:
    """Whether, for some order, what was spent and `more` stay within the cap together."""
    return counted(renyi.added([spent, more]), cap) <= cap.epsilon


def _suits(cap: Cap) -> float:
    """The order at which a Gaussian, whose cost is proportional to the order, may cost most. From the cap alone."""

    def may_cost(order: float) -> float:
        return (cap.epsilon - log1p(-1 / order) + log(cap.delta / 2 * order) / (order - 1)) / order

    return max(ORDERS, key=may_cost)


def refusal(dataset: str, cap: Cap, spent: Curve, more: Curve) -> str:
    """One sentence with the figure."""
    before, after = (f"{counted(curve, cap):.2f}" for curve in (spent, renyi.added([spent, more])))
    return (
        f"this study would bring what is spent on {dataset} from {before} to {after}, past the cap of {cap.epsilon:g} "
        f"(at delta {cap.delta:g}) that its owner set: ask for smaller budgets, fewer of them, or fewer repeats."
    )


def unprotected(dataset: str, cap: Cap, models: Sequence[str]) -> str:
    """One sentence on models that have no finite epsilon."""
    return (
        f"{' and '.join(models)} would be trained without any guarantee, and {dataset} has a cap of {cap.epsilon:g}: "
        "leave that out."
    )


def seeded(dataset: str, cap: Cap) -> str:
    """One sentence on a study in mode 'reproducible'."""
    return (
        f"{dataset} has a cap of {cap.epsilon:g}, and noise that follows from a seed guarantees nothing once that is "
        "known: choose mode private."
    )
