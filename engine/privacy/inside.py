"""One step of private training seen from inside, on public data: its gradients have no promise of their own.

The model is one linear layer with softmax on the pixels. Its gradient for an image x of class y is the outer product
of p - y and (x, 1), p the probabilities it gives, so that its length is |p - y| sqrt(|x|^2 + 1). No torch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.privacy.streams import poisson_batch

STEPS, BATCH = 300, 256  # before the one that is looked at: many images are learned by then, their gradients short
SPEED = 2.0  # learning rate, in units of one over the mean of |x|^2 + 1
N_BOUNDS = 11
SPREAD = (2.0, 99.5)  # percentiles of the lengths between which bounds lie

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Inside:
    """A batch of one step. `lengths` (B,) of its gradients, `bounds` (K,) to try, and sums (..., classes, pixels + 1).

    `plain` is the sum of the gradients, `clipped` (K, ...) that of gradients shortened to each bound.
    """

    sample_rate: float
    lengths: Floats
    bounds: Floats
    plain: Floats
    clipped: Floats


def look(x: Floats, y: NDArray[np.int64], n_classes: int, sample_rate: float, generator: np.random.Generator) -> Inside:
    """Train for `STEPS` steps without privacy, then look at a Poisson batch. `x` (N, ...) in [0, 1], `y` (N,)."""
    flat = np.hstack([x.reshape(len(x), -1), np.ones((len(x), 1), np.float32)])
    weights = np.zeros((n_classes, flat.shape[1]), np.float32)
    rate = SPEED / float((flat**2).sum(axis=1).mean())
    for _ in range(STEPS):
        some = generator.integers(len(flat), size=BATCH)
        weights -= rate / BATCH * summed(residuals(flat[some], y[some], weights), flat[some])
    batch = poisson_batch(len(flat), sample_rate, generator)
    return taken_apart(residuals(flat[batch], y[batch], weights), flat[batch], sample_rate)


def taken_apart(residual: Floats, flat: Floats, sample_rate: float) -> Inside:
    """The step of a batch, from its residuals (B, classes) and inputs (B, pixels + 1)."""
    lengths = np.linalg.norm(residual, axis=1) * np.linalg.norm(flat, axis=1)
    bounds = levels(lengths)
    shortened = [summed(residual * factors(lengths, bound)[:, None], flat) for bound in bounds]
    return Inside(sample_rate, lengths, bounds, summed(residual, flat), np.stack(shortened))


def residuals(flat: Floats, y: NDArray[np.int64], weights: Floats) -> Floats:
    """p - y for each image: (B, classes)."""
    logits = flat @ weights.T
    p: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return p


def summed(residual: Floats, flat: Floats) -> Floats:
    """The sum of the gradients: (classes, pixels + 1)."""
    total: Floats = residual.T @ flat
    return total


def factors(lengths: Floats, bound: float) -> Floats:
    """By how much each gradient is shortened.

    >>> factors(np.array([0.5, 4.0], np.float32), 1.0).tolist()
    [1.0, 0.25]
    """
    return np.minimum(1.0, bound / np.maximum(lengths, 1e-12)).astype(np.float32)


def levels(lengths: Floats) -> Floats:
    """Bounds worth trying, in two digits: from nearly all gradients shortened to nearly none.

    >>> [round(float(bound), 1) for bound in levels(np.array([0.1, 10.0], np.float32))[[0, 5, -1]]]
    [0.3, 1.7, 10.0]
    """
    low, high = np.maximum(np.percentile(lengths, SPREAD), 1e-3)
    return np.array(sorted({float(f"{bound:.2g}") for bound in np.geomspace(low, high, N_BOUNDS)}), np.float32)
