"""Random numbers by name: every draw comes from a stream keyed by what it is for, so nothing is shared by accident.

A seeded stream depends on its words alone: a resumed job needs no generator state, and one budget's noise does not
depend on which others train beside it. Whoever knows the words knows the noise: mode 'reproducible' promises
nothing once the seed is known. In mode 'private' the streams hang on a key as well, which only the memory of one
process ever holds: a resumed job has another one.
"""

import hashlib
import secrets
import threading
from math import prod
from typing import NoReturn, Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray
from scipy.special import ndtri

Word = str | int | float


def stream(*words: Word) -> np.random.Generator:
    """A Philox generator keyed by the words (128 bits of their SHA-256).

    >>> float(stream("noise", 0).random()) == float(stream("noise", 0).random())
    True
    >>> float(stream("noise", 0).random()) == float(stream("noise", 1).random())
    False
    """
    key = hashlib.sha256(_named(words)).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def poisson_batch(n: int, sample_rate: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Indices, in random order, of a batch that holds each of n examples independently with probability `sample_rate`.

    The order matters to rounding alone: a data set cannot be arranged so that the errors of a sum add up.
    """
    return generator.permutation(np.flatnonzero(generator.random(n) < sample_rate))


def _named(words: tuple[Word, ...]) -> bytes:
    return "\0".join(repr(word) for word in words).encode()


class Draws(Protocol):
    """Where every random bit of private training comes from; `words` name what a draw is for.

    Several threads may draw at the same time.
    """

    def batch(self, n: int, sample_rate: float, *words: Word) -> NDArray[np.int64]:
        """A Poisson batch (see poisson_batch)."""

    def normal(self, shape: tuple[int, ...], *words: Word) -> NDArray[np.float64]:
        """Independent standard normals."""

    def seed(self, *words: Word) -> int:
        """A number in [0, 2^63) for a generator that draws nothing which a promise rests on: initial weights."""


class Seeded:
    """Mode 'reproducible': a draw follows from its words alone."""

    def batch(self, n: int, sample_rate: float, *words: Word) -> NDArray[np.int64]:
        return poisson_batch(n, sample_rate, stream(*words))

    def normal(self, shape: tuple[int, ...], *words: Word) -> NDArray[np.float64]:
        return stream(*words).standard_normal(shape)

    def seed(self, *words: Word) -> int:
        return int(stream(*words).integers(2**63))


class Secret:
    """Mode 'private': ChaCha20 under a 256-bit key of the system's, which is neither shown, nor copied, nor kept.

    Each draw has a key of its own, made of that and of its words. The same words would give the same numbers again, so
    batches and normals are drawn once for each name: RuntimeError the second time, for noise used twice protects
    nothing. Normals are float64 by inversion of 53-bit uniforms, as far out as 8.3 sigma; they are not hardened
    against attacks on floating-point numbers (arXiv:2112.05307).
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._drawn: set[bytes] = set()
        self._lock = threading.Lock()

    def batch(self, n: int, sample_rate: float, *words: Word) -> NDArray[np.int64]:
        self._once(words)
        bits = self._bits(2 * n, words)
        chosen = np.flatnonzero((bits[:n] >> 11) * 2.0**-53 < sample_rate)
        return chosen[np.argsort(bits[n:][chosen], kind="stable")]

    def normal(self, shape: tuple[int, ...], *words: Word) -> NDArray[np.float64]:
        self._once(words)
        bits = self._bits(prod(shape), words)
        below = ndtri(((bits >> 11) + 0.5) * 2.0**-54)  # the lower half, where uniforms are finest
        signed: NDArray[np.float64] = np.copysign(below, (bits << 63).view(np.float64))  # the lowest bit is the sign
        return signed.reshape(shape)

    def seed(self, *words: Word) -> int:
        return int(self._bits(1, words)[0] >> 1)

    def _once(self, words: tuple[Word, ...]) -> None:
        name = hashlib.blake2b(_named(words), digest_size=16).digest()  # small: there may be a million
        with self._lock:
            if name in self._drawn:
                raise RuntimeError(f"secret numbers for {words} were drawn before")
            self._drawn.add(name)

    def _bits(self, n: int, words: tuple[Word, ...]) -> NDArray[np.uint64]:
        """n words of 64 bits from the stream of these words."""
        key = hashlib.blake2b(_named(words), key=self._key, digest_size=32).digest()
        cipher = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
        return np.frombuffer(cipher.update(bytes(8 * n)), dtype="<u8")

    def __reduce__(self) -> NoReturn:
        raise TypeError("the key of mode 'private' is not to leave this process")


def draws(mode: str) -> Draws:
    """The source of a study's mode; 'private': a new key each time."""
    return Secret() if mode == "private" else Seeded()
