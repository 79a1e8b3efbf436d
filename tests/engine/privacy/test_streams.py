"""Batches are truly Poisson, and streams depend on their names alone."""

import numpy as np
from scipy.stats import binomtest, kstest

from engine.privacy.streams import poisson_batch, stream


def test_each_image_joins_each_batch_independently() -> None:
    n, rate, batches = 500, 0.2, 400
    present = np.zeros((batches, n))
    for t in range(batches):
        present[t, poisson_batch(n, rate, stream("test", t))] = 1
    assert binomtest(int(present.sum()), present.size, rate).pvalue > 1e-4
    sizes = present.sum(1)
    assert 0.8 < sizes.var() / (n * rate * (1 - rate)) < 1.25  # a shuffled loader has variance 0
    together = np.asarray(np.corrcoef(present.T))
    assert abs(together[np.triu_indices(n, 1)].mean()) < 3e-4


def test_a_batch_can_be_empty() -> None:
    assert len(poisson_batch(3, 1e-9, stream("rare"))) == 0


def test_streams_are_normal_in_double_precision_and_apart() -> None:
    a, b = (stream("noise", k).standard_normal(200_000) for k in (0, 1))
    assert kstest(a, "norm").pvalue > 1e-4
    assert kstest(1.05 * a, "norm").pvalue < 1e-4
    assert abs(float(a @ b) / len(a)) < 0.02
    assert a.dtype == np.float64
