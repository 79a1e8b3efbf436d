"""Random numbers by name: every draw comes from a stream keyed by what it is for, so nothing is shared by accident.

A stream depends on its words alone: a resumed job needs no generator state, and one budget's noise does not
depend on which others train beside it. Whoever knows the words knows the noise: mode 'reproducible' promises
nothing once the seed is known.
"""

import hashlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


def stream(*words: str | int | float) -> np.random.Generator:
    """A Philox generator keyed by the words (128 bits of their SHA-256).

    >>> float(stream("noise", 0).random()) == float(stream("noise", 0).random())
    True
    >>> float(stream("noise", 0).random()) == float(stream("noise", 1).random())
    False
    """
    key = hashlib.sha256("\0".join(repr(word) for word in words).encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def poisson_batch(n: int, sample_rate: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Indices, in random order, of a batch that holds each of n examples independently with probability `sample_rate`.

    The order matters to rounding alone: a data set cannot be arranged so that the errors of a sum add up.
    """
    return generator.permutation(np.flatnonzero(generator.random(n) < sample_rate))


class Draws(Protocol):
    """Where every random bit of private training comes from; `words` name what a draw is for.

    Several threads may draw at the same time.
    """

    def batch(self, n: int, sample_rate: float, *words: str | int | float) -> NDArray[np.int64]:
        """A Poisson batch (see poisson_batch)."""

    def normal(self, shape: tuple[int, ...], *words: str | int | float) -> NDArray[np.float64]:
        """Independent standard normals."""


class Seeded:
    """Mode 'reproducible': a draw follows from its words alone."""

    def batch(self, n: int, sample_rate: float, *words: str | int | float) -> NDArray[np.int64]:
        return poisson_batch(n, sample_rate, stream(*words))

    def normal(self, shape: tuple[int, ...], *words: str | int | float) -> NDArray[np.float64]:
        return stream(*words).standard_normal(shape)
