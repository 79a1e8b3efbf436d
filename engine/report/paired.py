"""Two models on the same images: the difference in what they recognise, with an interval that knows of the pairing."""

from collections.abc import Iterable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from engine.events import Stands
from engine.report import lines

Interval = tuple[float, float, float]
Z = 1.959963984540054  # of 95 %


def difference(both: int, first: int, second: int, neither: int) -> Interval:
    """Share that the first model recognises minus that of the second, and its 95 % interval.

    Of the same images `both` are recognised by both, `first` and `second` by one alone. Newcombe (Stat. Med. 17, 1998,
    2635-2650), method 10; his example:

    >>> [round(value, 4) for value in difference(36, 12, 2, 0)]
    [0.2, 0.0569, 0.3404]
    """
    n = both + first + second + neither
    p, q = (both + first) / n, (both + second) / n
    (low_p, high_p), (low_q, high_q) = _wilson(both + first, n), _wilson(both + second, n)
    phi = _correlation(both, first, second, neither)
    down = (p - low_p) ** 2 - 2 * phi * (p - low_p) * (high_q - q) + (high_q - q) ** 2
    up = (high_p - p) ** 2 - 2 * phi * (high_p - p) * (q - low_q) + (q - low_q) ** 2
    return p - q, p - q - sqrt(max(0.0, down)), p - q + sqrt(max(0.0, up))


def _wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval by its formula: to import scipy.stats takes half a second, and pages need this."""
    middle, spread = right + Z**2 / 2, Z * sqrt(right * (n - right) / n + Z**2 / 4)
    return (middle - spread) / (n + Z**2), (middle + spread) / (n + Z**2)


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    """Phi of the four counts, drawn towards 0 by half an image as Newcombe does; 0 where a margin is empty."""
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    cross = both * neither - first * second
    if cross > 0:
        return max(0.0, cross - (both + first + second + neither) / 2) / sqrt(margins) if margins else 0.0
    return cross / sqrt(margins) if margins else 0.0


def attacked(standing: Iterable[Stands], one: float, other: float, eps: float) -> Interval | None:
    """What line `one` recognises more than line `other` at radius `eps`, paired by image.

    None unless each is one attacked model, attacked to the end, on the same images and at this radius.
    """
    found = {budget: [s for s in standing if s.done and line(s) == budget] for budget in (one, other)}
    if any(len(models) != 1 or eps not in models[0].radii for models in found.values()):
        return None
    first, second = (_recognised(models[0], eps) for models in found.values())
    if len(first) != len(second):
        return None
    cells = (first & second, first & ~second, ~first & second, ~first & ~second)
    return difference(*(int(cell.sum()) for cell in cells))


def line(stands: Stands) -> float:
    """The budget whose model it is about, lines.CLIPPING for clipping alone."""
    return lines.CLIPPING if stands.clip_only else stands.epsilon


def _recognised(stands: Stands, eps: float) -> NDArray[np.bool_]:
    return np.frombuffer(stands.broken, np.uint8) > stands.radii.index(eps)


def shares(stands: Stands) -> tuple[float, ...]:
    """Share of images that stand, at each radius: the curve, or what is known of it so far."""
    return tuple(float(_recognised(stands, eps).mean()) for eps in stands.radii)


def breakers(stands: Stands, eps: float) -> dict[str, int]:
    """How many images each attack broke at radius `eps` or below; those that were wrong before are nobody's."""
    by = np.frombuffer(stands.by, np.uint8)[~_recognised(stands, eps)]
    return {name: int((by == number).sum()) for number, name in enumerate(stands.attacks)}
