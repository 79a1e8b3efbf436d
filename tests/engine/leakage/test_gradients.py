"""What a client sends is what its training would use, clipped and in noise; and it tells the labels."""

from math import inf

import pytest
import torch
from torch.nn import functional

from engine.errors import BadInput
from engine.leakage.gradients import Guard, guarded, labels, sent
from engine.privacy.bank import MARGIN
from tests.engine.leakage.nets import digits, fresh, layers, state


def flat(gradient: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.flatten() for part in gradient.values()])


@pytest.mark.parametrize("name", ["cnn", "fast-cnn"])
def test_it_is_the_gradient_of_the_mean_loss(name: str) -> None:
    model, (x, y) = fresh(name).requires_grad_(True), digits()
    functional.cross_entropy(model(x[:3]), y[:3]).backward()
    found = sent(model, x[:3], y[:3]).gradient
    for key, parameter in model.named_parameters():
        torch.testing.assert_close(found[key], parameter.grad, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("unit", ["image", "client"])
@pytest.mark.parametrize("bound", [0.05, 1.0, 1e4])
def test_what_an_attacker_computes_is_what_a_client_sends(unit: str, bound: float) -> None:
    """The trainer clips by layers, the attacker by whole gradients: two ways to one number."""
    model, (x, y) = fresh("cnn").requires_grad_(True), digits()
    guard = Guard(bound, unit=unit)
    tried = guarded(model, x[:4], y[:4], guard).detach()
    torch.testing.assert_close(flat(sent(model, x[:4], y[:4], guard).gradient), tried, atol=1e-6, rtol=1e-3)
    assert float(tried.norm()) <= bound * (1 + 1e-5)


def test_each_image_is_clipped_before_they_are_added() -> None:
    model, (x, y) = layers(64, 10).requires_grad_(True), digits()
    singles = [flat(sent(model, x[i : i + 1], y[i : i + 1]).gradient) for i in range(3)]
    bound = float(min(one.norm() for one in singles)) / 2
    by_hand = torch.stack([one * bound * (1 - MARGIN) / one.norm() for one in singles]).mean(0)
    torch.testing.assert_close(flat(sent(model, x[:3], y[:3], Guard(bound)).gradient), by_hand, atol=1e-6, rtol=1e-3)
    whole = flat(sent(model, x[:3], y[:3], Guard(bound, unit="client")).gradient)
    assert not torch.allclose(whole, by_hand, atol=1e-3)


@pytest.mark.parametrize(("unit", "deviation"), [("image", 2.0 * 0.5 / 4), ("client", 2.0 * 0.5)])
def test_the_noise_has_the_deviation_that_was_asked_for(unit: str, deviation: float) -> None:
    model, (x, y) = fresh("fast-cnn"), digits()
    bare, noisy = (flat(sent(model, x[:4], y[:4], Guard(0.5, sigma, unit), seed=3).gradient) for sigma in (0.0, 2.0))
    assert float((noisy - bare).std()) == pytest.approx(deviation, rel=0.02)
    again = flat(sent(model, x[:4], y[:4], Guard(0.5, 2.0, unit), seed=3).gradient)
    other = flat(sent(model, x[:4], y[:4], Guard(0.5, 2.0, unit), seed=4).gradient)
    assert torch.equal(noisy, again)
    assert not torch.equal(noisy, other)


@pytest.mark.parametrize("name", ["cnn", "fast-cnn"])
def test_one_image_always_tells_its_label(name: str) -> None:
    model, (x, y) = fresh(name), digits()
    told = [int(labels(model, sent(model, x[i : i + 1], y[i : i + 1]))) for i in range(40)]
    assert told == y[:40].tolist()
    noisy = [int(labels(model, sent(model, x[i : i + 1], y[i : i + 1], Guard(1.0, 10.0), seed=i))) for i in range(40)]
    assert sum(a == b for a, b in zip(noisy, y[:40].tolist(), strict=True)) < 20


def test_several_images_tell_theirs_repeated_ones_too() -> None:
    model, (x, y) = fresh("cnn"), digits()
    for first in range(0, 80, 8):
        given = sent(model, x[first : first + 8], y[first : first + 8])
        assert labels(model, given).tolist() == sorted(y[first : first + 8].tolist())


def test_a_client_leaves_its_model_and_the_global_random_state_alone() -> None:
    model, (x, y) = fresh("cnn").train(), digits()
    before, drawn = state(model), torch.get_rng_state()
    labels(model, sent(model, x[:2], y[:2], Guard(0.5, 1.0)))
    assert state(model) == before
    assert torch.equal(torch.get_rng_state(), drawn)


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ((inf, 1.0), "noise_multiplier=1 is a multiple of max_grad_norm"),
        ((0.0, 1.0), "max_grad_norm=0 is not in"),
        ((1.0, -1.0), "noise_multiplier=-1 is not in"),
        ((1.0, 1.0, "batch"), "unit 'batch' is unknown"),
    ],
)
def test_a_guard_that_means_nothing_is_refused(guard: tuple, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Guard(*guard)


def test_too_many_images_are_refused() -> None:
    x, y = digits()
    with pytest.raises(BadInput, match="images=9 is not in"):
        sent(fresh("cnn"), x[:9], y[:9])
