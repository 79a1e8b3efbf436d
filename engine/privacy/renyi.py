"""What mechanisms cost on fixed Renyi orders, where costs simply add up, whoever chose the next after seeing the last.

A curve holds the Renyi divergence (add or remove one image) at each of ORDERS, inf where it is not known. No torch.
"""

import logging
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from math import inf, log, log1p
from pathlib import Path

from engine.mechanism import Mechanism
from engine.privacy.remembered import remembered

ORDERS: tuple[float, ...] = (
    *(1 + x / 10 for x in range(1, 40)), *range(5, 33), 40, 48, 64, 96, 128, 192, 256, 384, 512,
)  # fmt: skip
Curve = tuple[float, ...]
NOTHING: Curve = (0.0,) * len(ORDERS)


@lru_cache(maxsize=4096)
def curve(mechanism: Mechanism) -> Curve:
    """The cost of one mechanism; inf at every order without noise."""
    from dp_accounting import dp_event  # two seconds, which a page should not wait for that asks nothing
    from dp_accounting.rdp import RdpAccountant

    logging.getLogger("absl").setLevel(logging.ERROR)  # it tells of every order that it leaves out
    if mechanism.noise_multiplier == 0:
        return (inf,) * len(ORDERS)
    gaussian = dp_event.GaussianDpEvent(mechanism.noise_multiplier)
    step = dp_event.PoissonSampledDpEvent(mechanism.sample_rate, gaussian)
    accountant = RdpAccountant(ORDERS)
    accountant.compose(dp_event.SelfComposedDpEvent(step, mechanism.steps))
    return tuple(float(cost) for cost in accountant.rdp)


@lru_cache(maxsize=4096)
def kept(mechanism: Mechanism, cache: Path) -> Curve:
    """The same, remembered on disk: a curve takes some 50 ms, and a ledger has hundreds."""
    question = ["renyi", version("dp-accounting"), ORDERS, *vars(mechanism).values()]
    return tuple(map(float, remembered(cache, question, lambda: curve(mechanism))))


def of(mechanisms: Iterable[Mechanism], cache: Path | None = None) -> Curve:
    """The cost of all of these, one after another; remembered in `cache`."""
    return added(kept(one, cache) if cache else curve(one) for one in mechanisms)


def added(curves: Iterable[Curve]) -> Curve:
    """Costs order by order.

    >>> added([]) == NOTHING
    True
    """
    return tuple(map(sum, zip(NOTHING, *curves, strict=True)))


def epsilon(spent: Curve, delta: float) -> float:
    """The least epsilon at `delta` that any order gives: what was spent, told when all of it is known.

    >>> epsilon(NOTHING, 1e-5)
    0.0
    >>> round(epsilon(tuple(order / (2 * 4.0**2) for order in ORDERS), 1e-5), 2)  # a Gaussian of sigma 4, no sampling
    1.01
    """
    return min(at(order, cost, delta) for order, cost in zip(ORDERS, spent, strict=True))


def at(order: float, cost: float, delta: float) -> float:
    """Epsilon at `delta` from one order alone (arXiv:2004.00010, proposition 12)."""
    if cost == 0:
        return 0.0
    return max(0.0, cost + log1p(-1 / order) - log(delta * order) / (order - 1))
