"""Square no weaker than the library's at equal looks; noise weaker than everything; transfer through its source."""

import numpy as np
import pytest
import torch
import torchattacks

from engine.robustness import blackbox
from engine.robustness.gradient import length, mifgsm, pgd
from engine.robustness.transfer import transfer
from tests.engine.robustness.nets import standing, trained


@pytest.mark.parametrize(("norm", "eps", "theirs"), [("linf", 0.1, "Linf"), ("l2", 1.0, "L2")])
def test_square_is_no_weaker_than_the_library_at_equal_looks(norm: str, eps: float, theirs: str) -> None:
    model, x, y = trained(0.2)
    ours = standing(model, blackbox.square(model, x, y, norm=norm, eps=eps, steps=500), y)
    with torch.random.fork_rng():
        peer = standing(model, torchattacks.Square(model, norm=theirs, eps=eps, n_queries=500)(x, y), y)
    assert 0.02 < ours < 0.98
    assert ours <= peer + 0.02


def test_square_asks_for_no_gradient() -> None:
    model, x, y = trained(0.2)
    rounded = torch.nn.Sequential(Rounded(), model)
    assert standing(rounded, blackbox.square(rounded, x, y, norm="linf", eps=0.15, steps=300), y) < 0.9
    assert standing(rounded, pgd(rounded, x, y, norm="linf", eps=0.15, steps=1, start=x), y) == 1.0


class Rounded(torch.nn.Module):
    """A gradient of zero everywhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * 32).round() / 32


def test_each_picture_has_squares_of_its_own() -> None:
    x = torch.full((3, 1, 8, 8), 0.5)
    draws = torch.tensor([[0.0, 0.0, 0, 0, 0, 0.0], [0.99, 0.99, 0, 0, 0, 0.9], [0.0, 0.99, 0, 0, 0, 0.0]])
    now = blackbox._patch_linf(x, x, torch.tensor([0.1, 0.2, 0.3]), draws, share=9 / 64)
    moved = (now - x)[:, 0]
    assert moved[0, :3, :3].flatten().tolist() == pytest.approx([-0.1] * 9)
    assert moved[1, 5:, 5:].flatten().tolist() == pytest.approx([0.2] * 9)
    assert moved[2, :3, 5:].flatten().tolist() == pytest.approx([-0.3] * 9)
    assert [int((m != 0).sum()) for m in moved] == [9, 9, 9]


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8])
def test_the_bump_has_unit_length_and_two_signs(side: int) -> None:
    bump = blackbox.bump(side)
    assert float(bump.norm()) == pytest.approx(1)
    assert side == 1 or (float(bump.min()) < 0 < float(bump.max()))


def test_the_streams_are_uniform_and_differ() -> None:
    drawn = blackbox.uniform(np.array([1, 2, 2**63], dtype=np.uint64), 7, 20_000)
    assert np.abs(np.histogram(drawn, bins=10, range=(0, 1))[0] / drawn.size - 0.1).max() < 0.005
    assert (
        np.abs(
            np.corrcoef(np.vstack([drawn, blackbox.uniform(np.array([1], dtype=np.uint64), 8, 20_000)])) - np.eye(4)
        ).max()
        < 0.03
    )


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 0.9)])
def test_noise_is_weaker_than_gradients_and_grows_with_its_draws(norm: str, eps: float) -> None:
    model, x, y = trained(0.2)
    few, many = (standing(model, blackbox.noise(model, x, y, norm=norm, eps=eps, steps=n), y) for n in (1, 30))
    assert standing(model, pgd(model, x, y, norm=norm, eps=eps, steps=20), y) < many <= few


def test_transfer_from_the_model_itself_is_a_white_box_attack_and_from_another_a_weaker_one() -> None:
    model, x, y = trained(0.2)
    other = trained(0.0)[0]
    own, from_other = (
        transfer(model, x, y, norm="linf", eps=0.1, steps=20, source=source) for source in (model, other)
    )
    assert standing(model, own, y) <= standing(model, mifgsm(model, x, y, norm="linf", eps=0.1, steps=20), y) + 0.01
    assert standing(model, own, y) < standing(model, from_other, y) < 1
    assert float(length(from_other - x, "linf").max()) <= 0.1 + 1e-6
