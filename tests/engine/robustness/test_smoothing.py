"""Randomised smoothing: radii are the formula's, and too long in no more than the stated share of trials."""

from math import comb
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import BadInput
from engine.robustness import smoothing
from engine.robustness.gradient import project, steepest
from engine.robustness.smoothing import certified, certify
from tests.engine.robustness.networks import LinearNet, digits, trained

SIGNIFICANCE, SIGMA = 0.05, 0.25


def test_the_longest_radius_of_a_thousand_draws() -> None:
    longest = certified(np.array([1000]), 1000, sigma=1.0, significance=0.001)
    assert longest[0] == pytest.approx(norm.ppf(0.001 ** (1 / 1000)))  # all draws agree: p^n = significance
    assert longest[0] == pytest.approx(2.463, abs=1e-3)


@pytest.mark.parametrize(("hits", "n"), [(9, 10), (28, 30), (70, 80)])
def test_the_lower_bound_is_where_so_many_hits_are_as_unlikely_as_stated(hits: int, n: int) -> None:
    share = norm.cdf(certified(np.array([hits]), n, sigma=1.0, significance=0.05)[0])
    tail = sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(hits, n + 1))
    assert tail == pytest.approx(0.05)


def test_radii_grow_with_hits_and_with_sigma() -> None:
    hits = np.arange(0, 101)
    radii = certified(hits, 100, sigma=0.5, significance=0.001)
    assert (np.diff(radii) >= 0).all()
    assert (radii[:51] == 0).all()
    np.testing.assert_allclose(certified(hits, 100, sigma=1.0, significance=0.001), 2 * radii)


def half_space(n: int) -> tuple[LinearNet, Tensor, Tensor]:
    """Two classes divided by a plane, images around it, and their exact distances from it in L2.

    Noise is symmetric, so the smoothed model is the model: these are the exact radii.
    """
    torch.manual_seed(0)
    model, x = LinearNet(9, 2), torch.rand(n, 1, 3, 3)
    with torch.no_grad():
        model.fc.bias[1] += (model(x)[:, 0] - model(x)[:, 1]).median()
        gap, slope = model(x)[:, 0] - model(x)[:, 1], model.fc.weight[0] - model.fc.weight[1]
        return model, x, (gap.abs() / slope.norm()).double()


def test_radii_of_a_plane_are_too_long_in_no_more_than_the_stated_share_of_trials() -> None:
    model, x, exact = half_space(1000)
    found = certify(model, x, sigma=SIGMA, n0=50, n=200, significance=SIGNIFICANCE)
    most = binom.ppf(0.9999, len(x), SIGNIFICANCE)
    assert int((found.radius > exact).sum()) <= most
    assert found.radius.mean() > 0.7 * exact.clamp(max=SIGMA * 2.2).mean(), "and they are of use"
    hopeful = SIGMA * torch.tensor(norm.ppf(shares(model, x)))  # the share itself, not its lower bound
    assert int((hopeful > exact).sum()) > most


def shares(model: nn.Module, x: Tensor, n: int = 200) -> np.ndarray:
    """How often the class of each image is given in noise."""
    noisy = x[:, None] + SIGMA * torch.randn(len(x), n, *x.shape[1:])
    same = model(noisy.flatten(0, 1)).argmax(1).view(len(x), n) == model(x).argmax(1)[:, None]
    return same.double().mean(1).clamp(0.5, 1 - 1e-6).numpy()


def test_draws_that_chose_the_class_may_not_count_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images on the plane itself: every radius is too long. Counting what chose finds a majority twice as often."""
    model, x, _ = half_space(1500)
    with torch.no_grad():
        slope = model.fc.weight[0] - model.fc.weight[1]
        gap = model(x)[:, 0] - model(x)[:, 1]
        on_it = x - (gap[:, None] * slope / slope.square().sum()).view_as(x)
    most = binom.ppf(0.9999, len(x), SIGNIFICANCE)
    settings: dict[str, Any] = {"sigma": SIGMA, "n0": 200, "n": 200, "significance": SIGNIFICANCE}
    assert int((~certify(model, on_it, **settings).abstained).sum()) <= most
    counted = smoothing._counted
    monkeypatch.setattr(smoothing, "_counted", lambda *given: [counted(*given)[0]] * 2)
    assert int((~certify(model, on_it, **settings).abstained).sum()) > most


def test_attacks_on_the_smoothed_model_pass_its_radii_in_no_more_than_the_stated_share() -> None:
    model, (x, y) = trained("relu"), digits()
    x, y = x[1600:1680], y[1600:1680]
    found = certify(model, x, sigma=SIGMA, significance=0.001)
    rows = (found.correct(y, 0.0)).nonzero()[:, 0]
    assert len(rows) > 40
    x, y, radius = x[rows], y[rows], found.radius[rows].float()
    assert broken(model, x, y, 0.99 * radius) <= binom.ppf(0.999, len(rows), 0.001)
    assert broken(model, x, y, 4 * radius) > len(rows) / 4, "this attack proves nothing"


def broken(model: nn.Module, x: Tensor, y: Tensor, radius: Tensor) -> int:
    """Images whose class in noise an attack in L2 changes, by gradients through many draws."""
    torch.manual_seed(3)
    x_adv = x.clone()
    for _ in range(30):
        x_adv = x_adv.detach().requires_grad_(True)
        noisy = (x_adv[:, None] + SIGMA * torch.randn(len(x), 32, *x.shape[1:])).flatten(0, 1)
        likely = functional.softmax(model(noisy), 1).view(len(x), 32, -1).mean(1)
        loss = functional.nll_loss(likely.log(), y, reduction="sum")
        moved = x_adv + radius.view(-1, 1, 1, 1) / 5 * steepest(torch.autograd.grad(loss, x_adv)[0], "l2")
        x_adv = torch.stack([inside(*each) for each in zip(moved, x, radius.tolist(), strict=True)])
    noisy = (x_adv.detach()[:, None] + SIGMA * torch.randn(len(x), 2000, *x.shape[1:])).flatten(0, 1)
    given = model(noisy).argmax(1).view(len(x), -1)
    return int((given.mode(1).values != y).sum())


def inside(moved: Tensor, x: Tensor, radius: float) -> Tensor:
    return project(moved[None], x[None], radius, "l2")[0]


def test_an_image_is_certified_alike_alone_and_in_a_batch_and_the_global_state_is_untouched() -> None:
    model, (x, _) = trained("relu"), digits()
    before = torch.get_rng_state()
    together = certify(model, x[:6], sigma=SIGMA, n=200)
    alone = certify(model, x[3:4], sigma=SIGMA, n=200)
    assert torch.equal(together.radius[3:4], alone.radius)
    assert torch.equal(together.prediction[3:4], alone.prediction)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(certify(model, x[:6], sigma=SIGMA, n=200, seed=1).radius, together.radius)


def test_what_is_abstained_from_is_correct_at_no_radius() -> None:
    found = smoothing.Smoothed(torch.tensor([1, 1, 2]), torch.tensor([True, False, False]), torch.tensor([0.0, 0.5, 1]))
    assert found.correct(torch.tensor([1, 1, 1]), 0.0).tolist() == [False, True, False]
    assert found.correct(torch.tensor([1, 1, 2]), 0.5).tolist() == [False, False, True]


@pytest.mark.parametrize("wrong", [{"sigma": 0.0}, {"n": 0}, {"n0": 0}, {"significance": 0.0}])
def test_settings_have_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=rf"^{next(iter(wrong))}="):
        certify(trained("relu"), digits()[0][:1], **({"sigma": SIGMA} | wrong))  # type: ignore[arg-type]
