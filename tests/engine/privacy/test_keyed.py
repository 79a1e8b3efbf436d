"""Numbers of examples: SplitMix64 as published, uniform, and of the row alone."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from engine.privacy import keyed


def plain(state: int) -> int:
    """SplitMix64's next output after `state`, in Python's whole numbers."""
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


@pytest.mark.parametrize("state", [0, 1, 2**64 - 1, 0x123456789ABCDEF])
def test_it_is_splitmix64(state: int) -> None:
    word = np.full(1, (state + 0x9E3779B97F4A7C15) % 2**64, np.uint64)
    assert int(keyed.mixed(word)[0]) == plain(state)


def test_numbers_are_uniform_and_hang_on_seed_step_row_view_and_purpose() -> None:
    rows = torch.arange(300)
    sets = [
        keyed.of_rows(1, 1, rows).uniform((99,)),
        keyed.of_rows(2, 1, rows).uniform((99,)),
        keyed.of_rows(1, 2, rows).uniform((99,)),
        keyed.of_rows(1, 1, rows + 300).uniform((99,)),
        keyed.of_rows(1, 1, rows).uniform((99,), purpose=1),
    ]
    for numbers in sets:
        assert numbers.dtype == torch.float32
        assert float(numbers.min()) >= 0
        assert float(numbers.max()) < 1
        assert kstest(numbers.flatten().double().numpy(), "uniform").pvalue > 1e-3
        assert kstest(numbers.flatten().double().numpy() ** 1.05, "uniform").pvalue < 1e-3  # it would be seen
    together = torch.stack([numbers.flatten() for numbers in sets])
    apart = torch.corrcoef(together) - torch.eye(len(sets))
    assert float(apart.abs().max()) < 0.03
    assert float(torch.corrcoef(sets[0].T).fill_diagonal_(0).abs().max()) < 0.3  # places of a picture, of 300


@pytest.mark.parametrize("views", [1, 3])
def test_an_image_has_the_same_numbers_in_any_batch(views: int) -> None:
    rows = torch.tensor([5, 70_000, 0])
    together = keyed.of_rows(9, 4, rows, views).uniform((2, 3)).unflatten(0, (3, views))
    alone = keyed.of_rows(9, 4, rows[1:2], views).uniform((2, 3))
    assert torch.equal(together[1], alone)
    assert len(together.flatten().unique()) == together.numel()


def test_seeds_as_large_as_they_come_are_told_apart() -> None:
    high = [keyed.of_rows(2**63 - 1 - k, 0, torch.arange(1)).uniform((4,)) for k in (0, 1)]
    assert not torch.equal(*high)
