"""Random numbers that belong to an example: keyed by its row and the step, whoever else is in the batch.

SplitMix64 (Steele et al., doi:10.1145/2660193.2660195), counted rather than stepped, so that a whole batch is drawn at
once. Nothing that a promise rests on is drawn here: a perturbation may be known, noise and batches may not.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BITS = np.uint32(8)  # what is left of 32 fits a float32


def mixed(words: Words) -> Words:
    """SplitMix64's output function: a bijection of 64 bits, in place.

    >>> [hex(int(word)) for word in mixed(np.array([0x9E3779B97F4A7C15], np.uint64))]  # its first output from state 0
    ['0xe220a8397b1dcdaf']
    """
    words ^= words >> np.uint64(30)
    words *= _FIRST
    words ^= words >> np.uint64(27)
    words *= _SECOND
    words ^= words >> np.uint64(31)
    return words


@dataclass(frozen=True)
class Keyed:
    """Uniform numbers of each of N examples, from its own key (N,)."""

    keys: Words

    def uniform(self, shape: tuple[int, ...], purpose: int = 0) -> Tensor:
        """(N, *shape) float32 in [0, 1), the same for a key whatever stands beside it; another `purpose`, others."""
        size = int(np.prod(shape))
        own = mixed(self.keys + np.full(1, purpose + 1, np.uint64) * _SECOND)
        words = mixed(own[:, None] + np.arange(1, (size + 1) // 2 + 1, dtype=np.uint64) * _GOLDEN).view(np.uint32)
        words >>= _BITS
        numbers = words.astype(np.float32)
        numbers *= np.float32(2**-24)
        return torch.from_numpy(numbers[:, :size]).reshape(len(own), *shape)

    def normal(self, shape: tuple[int, ...], purpose: int = 0) -> Tensor:
        """(N, *shape) standard normals by inversion: no further out than 5.5."""
        drawn: Tensor = torch.special.ndtri(self.uniform(shape, purpose).double() + 2**-25)
        return drawn.float()


def of_rows(seed: int, step: int, rows: Tensor, views: int = 1) -> Keyed:
    """Numbers of the images `rows` (N,) at a step, one key a view, those of an image side by side: N * views."""
    start = mixed(np.full(1, seed, np.uint64) + np.full(1, step + 1, np.uint64) * _GOLDEN)
    places: Words = (rows.cpu().numpy()[:, None] * views + np.arange(views) + 1).ravel().astype(np.uint64)
    return Keyed(mixed(start + places * _GOLDEN))
