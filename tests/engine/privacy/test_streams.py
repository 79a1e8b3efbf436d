"""Batches are truly Poisson, and streams depend on their names alone."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import binomtest, kstest, norm

from engine.privacy.streams import Secret, Seeded, Word, draws, poisson_batch, stream


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


class Bits:
    """Numbers in [0, 2^64) where Secret expects its stream."""

    def __init__(self, *words: int) -> None:
        self.words = np.array(words, dtype=np.uint64)

    def __call__(self, n: int, words: tuple[Word, ...]) -> np.ndarray:
        return self.words[:n]


def test_secret_noise_is_normal_and_has_a_key_of_its_own() -> None:
    secret = Secret()
    a = secret.normal((400, 500), "noise", 0)
    assert a.shape == (400, 500)
    assert a.dtype == np.float64
    assert kstest(a.ravel(), "norm").pvalue > 1e-4
    assert kstest(1.05 * a.ravel(), "norm").pvalue < 1e-4
    others = (Secret().normal((400, 500), "noise", 0), secret.normal((400, 500), "noise", 1))
    assert all(abs(float(np.corrcoef(a.ravel(), b.ravel())[0, 1])) < 0.02 for b in others)


def test_secret_numbers_are_drawn_once_also_by_several_threads() -> None:
    secret = Secret()
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(secret.normal, (3,), "noise", step % 50) for step in range(400)]
    assert sum(draw.exception() is None for draw in asked) == 50
    for again in (lambda: secret.normal((1,), "noise", 0), lambda: secret.batch(9, 0.5, "noise", 0)):
        with pytest.raises(RuntimeError, match="drawn before"):
            again()
    assert secret.seed("initial", 0) == secret.seed("initial", 0), "every budget begins with the same weights"


def test_secret_noise_reaches_far_beyond_six_sigma_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's float32 normals end at 5.77; here the two ends of the stream's words are 8.3 sigma apart from 0."""
    secret, tiny, wide = Secret(), 2**11, 2**64 - 1
    monkeypatch.setattr(secret, "_bits", Bits(0, 1, tiny, wide - 1))
    ends = secret.normal((4,), "noise")
    assert ends[0] == -ends[1]
    assert 8.2 < abs(ends[0]) < 8.5
    assert 8.0 < abs(ends[2]) < abs(ends[0])
    assert abs(ends[3]) < 1e-15
    assert norm.sf(6) > 2.0**-53, "what lies beyond six sigma is millions of words, not one"


def test_secret_batches_are_poisson_and_in_random_order() -> None:
    secret, n, rate, batches = Secret(), 500, 0.2, 400
    present = np.zeros((batches, n))
    risen = 0
    for t in range(batches):
        rows = secret.batch(n, rate, "batch", t)
        assert len(set(rows.tolist())) == len(rows)
        present[t, rows] = 1
        risen += int((np.diff(rows) > 0).sum())
    assert binomtest(int(present.sum()), present.size, rate).pvalue > 1e-4
    assert 0.7 < present.sum(1).var() / (n * rate * (1 - rate)) < 1.35  # four sigma: the key is new each time
    assert abs(np.asarray(np.corrcoef(present.T))[np.triu_indices(n, 1)].mean()) < 6e-4
    assert 0.45 < risen / (present.sum() - batches) < 0.55
    assert len(secret.batch(3, 1e-12, "rare")) == 0


def test_a_key_leaves_its_process_in_no_form() -> None:
    secret = Secret()
    with pytest.raises(TypeError, match="not to leave"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not to leave"):
        copy.deepcopy(secret)
    assert secret._key.hex() not in repr(secret)
    assert repr(secret._key) not in repr(secret)
    assert (len(secret._key), secret._key != Secret()._key) == (32, True)


def test_initial_weights_have_seeds_of_63_bits() -> None:
    for source in (Seeded(), Secret()):
        found = [source.seed("initial", k) for k in range(200)]
        assert all(0 <= seed < 2**63 for seed in found)
        assert max(found) > 2**62
        assert len(set(found)) == 200


def test_the_mode_says_where_random_bits_come_from() -> None:
    assert isinstance(draws("private"), Secret)
    assert isinstance(draws("reproducible"), Seeded)
