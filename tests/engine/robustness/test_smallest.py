"""Smallest perturbations: exactly those of linear models, in the box too; near the best known of a trained network."""

import pytest
import torch
from torch import Tensor, nn

from engine.robustness.apgd import apgd, looked
from engine.robustness.gradient import length
from engine.robustness.smallest import deepfool, fmn, nearer
from tests.engine.robustness.nets import standing, trained


def boxed(n: int = 60) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear model of two classes, images of which many pixels lie at or near 0 and 1, and w, in which they fall."""
    torch.manual_seed(0)
    layer = nn.Linear(36, 2).double()
    model = nn.Sequential(nn.Flatten(), layer).requires_grad_(False)
    x = (torch.rand(n, 1, 6, 6, dtype=torch.float64) * 1.6 - 0.3).clamp(0, 1)
    y = model(x).argmax(1)
    return model, x, y, layer.weight[1 - y] - layer.weight[y]


def smallest_linf(x: Tensor, w: Tensor, gap: Tensor) -> Tensor:
    """Least r with sum |w| min(r, room) = gap, exactly: the sum is piecewise linear, with bends at the sorted rooms."""
    flat = x.flatten(1)
    room, order = torch.where(w > 0, 1 - flat, flat).sort(1)
    pull = w.abs().gather(1, order)
    beyond = pull.sum(1, keepdim=True) - pull.cumsum(1) + pull  # of the pixels that still have room at each bend
    steps = torch.diff(room, dim=1, prepend=torch.zeros_like(room[:, :1])) * beyond
    full = steps.cumsum(1)
    bend = (full < gap[:, None]).sum(1, keepdim=True).clamp_max(room.shape[1] - 1)
    before = full.gather(1, bend) - steps.gather(1, bend)
    start = room.gather(1, bend) - steps.gather(1, bend) / beyond.gather(1, bend)
    return (start + (gap[:, None] - before) / beyond.gather(1, bend))[:, 0]


def smallest_l2(x: Tensor, w: Tensor, gap: Tensor) -> Tensor:
    """The shortest is min(t |w|, room) in each pixel for one t of the image, found by halving (KKT)."""
    flat = x.flatten(1)
    room = torch.where(w > 0, 1 - flat, flat)
    low, high = torch.zeros_like(gap), torch.full_like(gap, 1e3)
    for _ in range(200):
        t = (low + high) / 2
        short = (w.abs() * torch.minimum(t[:, None] * w.abs(), room)).sum(1) < gap
        low, high = torch.where(short, t, low), torch.where(short, high, t)
    return torch.minimum(high[:, None] * w.abs(), room).norm(dim=1)


@pytest.mark.parametrize(("norm", "exact"), [("linf", smallest_linf), ("l2", smallest_l2)])
def test_exact_on_a_linear_model_where_the_box_cuts_in(norm: str, exact: object) -> None:
    model, x, y, w = boxed()
    gap, _ = looked(model, x, y)
    best = exact(x, w, gap)  # type: ignore[operator]
    cut = length((x + best[:, None, None, None] * w.sign().view_as(x)).clamp(0, 1) - x, "l2") < 0.99 * best * 6
    assert bool(cut.all()), "the box does not matter here"
    x_adv = fmn(model, x, y, norm=norm, eps=10.0, steps=60)
    size = length(x_adv - x, norm)
    assert standing(model, x_adv, y) == 0
    assert bool((size >= best * (1 - 1e-9)).all()), "smaller than possible"
    assert float((size / best).max()) <= 1.05
    assert float((size / best).median()) <= 1.01


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.12), ("l2", 0.9)])
def test_one_run_breaks_nearly_what_a_strong_attack_breaks_at_each_radius(norm: str, eps: float) -> None:
    model, x, y = trained(0.2)
    x_adv = fmn(model, x, y, norm=norm, eps=eps, steps=30)
    misread = model(x_adv).argmax(1) != y
    size = length(x_adv - x, norm)
    for radius in (eps / 2, eps * 0.75, eps):
        strong = standing(model, apgd(model, x, y, norm=norm, eps=radius, steps=50), y)
        ours = 1 - float((misread & (size <= radius)).float().mean())
        assert ours <= strong + 0.02
    assert 0.05 < ours < 0.95


def test_what_it_cannot_break_inside_eps_comes_back_as_its_best_try() -> None:
    model, x, y = trained(0.2)
    x_adv = fmn(model, x, y, norm="linf", eps=0.02, steps=20)
    stands = model(x_adv).argmax(1) == y
    before, after = looked(model, x, y)[0], looked(model, x_adv, y)[0]
    assert float(stands.float().mean()) > 0.5
    assert bool((after < before)[stands].all())
    assert float(length(x_adv - x, "linf").max()) <= 0.02 + 1e-6


def test_misread_from_the_start_is_a_perturbation_of_nothing() -> None:
    model, x, y = trained()
    wrong = (y + 1) % 10
    for attack in (fmn, deepfool):
        assert torch.equal(attack(model, x[:20], wrong[:20], norm="l2", eps=1.0, steps=5), x[:20])


def test_deepfool_is_larger_than_fmn_but_not_by_much() -> None:
    model, x, y = trained(0.2)
    sizes = [length(a(model, x, y, norm="l2", eps=5.0, steps=40) - x, "l2").median() for a in (fmn, deepfool)]
    assert sizes[0] <= sizes[1] <= 1.3 * sizes[0]


def test_drawn_nearer_stays_misread_and_what_stands_stays_where_it_is() -> None:
    model, x, y = trained(0.2)
    far = apgd(model, x, y, norm="linf", eps=0.15, steps=10)
    near = nearer(model, x, y, far)
    misread = model(far).argmax(1) != y
    assert bool((model(near).argmax(1) != y)[misread].all())
    assert torch.equal(near[~misread], far[~misread])
    assert bool((length(near - x, "linf") <= length(far - x, "linf") + 1e-6).all())
    assert float((length(near - x, "linf") < 0.9 * length(far - x, "linf"))[misread].float().mean()) > 0.3
