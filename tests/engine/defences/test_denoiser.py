"""The denoiser that comes with Frontier: it cleans what it never saw, and was made as the code says."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.data.builtin import digits
from engine.defences import defences, denoiser
from engine.models.basis import pictures


def unrest(found: Tensor, clean: Tensor) -> float:
    """Mean squared distance."""
    return float((found - clean).square().mean())


def check_cleaning(clean: Tensor, share: float) -> None:
    noisy = denoiser.noisy(clean, torch.Generator().manual_seed(100))
    assert unrest(denoiser.denoiser(noisy), clean) < share * unrest(noisy, clean)


@pytest.mark.parametrize(("side", "share"), [(8, 0.7), (28, 0.3), (31, 0.3)])
def test_pictures_of_another_seed_come_out_nearer_to_what_they_were(side: int, share: float) -> None:
    check_cleaning(pictures(100, (1, side, side), torch.Generator().manual_seed(99)), share)


def test_so_do_digits_which_it_never_saw() -> None:
    check_cleaning(torch.from_numpy(digits(Path(), train=False).x[:200]), 0.9)


def test_without_training_it_cleans_nothing() -> None:
    """The control: the same network, fresh."""
    clean = pictures(100, (1, 28, 28), torch.Generator().manual_seed(99))
    noisy = denoiser.noisy(clean, torch.Generator().manual_seed(100))
    torch.manual_seed(0)
    assert unrest(denoiser.Denoiser().requires_grad_(False)(noisy), clean) > 0.9 * unrest(noisy, clean)


def test_training_starts_from_its_seed_and_learns() -> None:
    state = torch.random.get_rng_state()
    first, again, longer = denoiser.make(2), denoiser.make(2), denoiser.make(40)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    clean = pictures(50, (1, 16, 16), torch.Generator().manual_seed(99))
    noisy = denoiser.noisy(clean, torch.Generator().manual_seed(100))
    assert unrest(longer(noisy), clean) < unrest(first(noisy), clean)


def test_other_weights_are_another_version() -> None:
    """A study is named by the version: raise it with the file, and write the new hash here."""
    found = hashlib.sha256(denoiser.WEIGHTS.read_bytes()).hexdigest()[:16]
    assert (defences["denoiser"].version, found) == (1, "3b46c8448eabee88")
