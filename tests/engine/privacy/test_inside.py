"""One step from inside, against gradients that torch computes one by one."""

import numpy as np
import torch

from engine.privacy import inside

GENERATOR = np.random.default_rng(1)
X = GENERATOR.random((40, 1, 3, 3)).astype(np.float32)
Y = GENERATOR.integers(0, 4, 40)


def one_by_one(flat: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The gradient of each image's cross-entropy by autograd: (B, classes, pixels + 1)."""
    found = []
    for row, label in zip(flat, y, strict=True):
        w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(
            (w @ torch.tensor(row, dtype=torch.float64))[None], torch.tensor([label])
        )
        loss.backward()
        assert w.grad is not None
        found.append(w.grad.numpy())
    return np.stack(found)


def test_lengths_and_sums_are_those_of_the_gradients_themselves() -> None:
    flat = np.hstack([X.reshape(40, -1), np.ones((40, 1), np.float32)])
    weights = GENERATOR.normal(size=(4, 10)).astype(np.float32)
    seen = inside.taken_apart(inside.residuals(flat, Y, weights), flat, 0.5)
    true = one_by_one(flat, Y, weights)
    lengths = np.linalg.norm(true.reshape(40, -1), axis=1)
    assert np.allclose(seen.lengths, lengths, rtol=1e-5)
    assert np.allclose(seen.plain, true.sum(axis=0), atol=1e-4)
    for bound, clipped in zip(seen.bounds, seen.clipped, strict=True):
        shortened = true * np.minimum(1, bound / lengths)[:, None, None]
        assert np.linalg.norm(shortened.reshape(40, -1), axis=1).max() <= bound * (1 + 1e-6)
        assert np.allclose(clipped, shortened.sum(axis=0), atol=1e-4)
    assert not np.allclose(seen.clipped[0], seen.plain, atol=1e-2), "the lowest bound has to matter"


def test_one_image_moves_a_clipped_sum_by_the_bound_at_most() -> None:
    flat = np.hstack([X.reshape(40, -1), np.ones((40, 1), np.float32)])
    weights = np.zeros((4, 10), np.float32)
    residual = inside.residuals(flat, Y, weights)
    lengths = np.linalg.norm(residual, axis=1) * np.linalg.norm(flat, axis=1)
    bound = float(np.median(lengths))

    def clipped(keep: slice) -> np.ndarray:
        return inside.summed(residual[keep] * inside.factors(lengths[keep], bound)[:, None], flat[keep])

    moved = np.linalg.norm(clipped(slice(0, 40)) - clipped(slice(1, 40)))
    assert moved <= bound * (1 + 1e-5)
    longest = int(lengths.argmax())
    assert np.linalg.norm(residual[longest]) * np.linalg.norm(flat[longest]) > bound, (
        "without clipping it would not hold"
    )


def test_a_look_is_at_a_poisson_batch_of_a_model_that_has_learned() -> None:
    seen = inside.look(X, Y, 4, 0.5, np.random.default_rng(0))
    assert 8 <= len(seen.lengths) <= 32
    assert seen.sample_rate == 0.5
    assert seen.plain.shape == (4, 10)
    assert seen.clipped.shape == (len(seen.bounds), 4, 10)
    assert list(seen.bounds) == sorted(set(seen.bounds.tolist()))
    shares = [(seen.lengths > bound).mean() for bound in seen.bounds]
    assert shares[0] > 0.9
    assert shares[-1] < 0.1
