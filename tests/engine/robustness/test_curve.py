"""The curve: falls with the radius, trusts no attack, never above a peer's attack radius by radius."""

from functools import partial
from itertools import pairwise

import pytest
import torch
import torchattacks
from torch import Tensor, nn

from engine.robustness import attacks, curve


def linear_task(n: int = 200) -> tuple[nn.Module, Tensor, Tensor]:
    """Images whose class is the sign of a fixed direction: the exact robust accuracy is known in closed form."""
    g = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    w = torch.randn(64, generator=g)
    with torch.no_grad():
        model[1].weight.copy_(torch.stack([-w, w]))  # type: ignore[operator]
        model[1].bias.copy_(torch.tensor([w.sum(), -w.sum()]) * 0.5)  # type: ignore[operator]
    x = 0.5 + 0.08 * torch.randn(n, 1, 8, 8, generator=g).clamp(-3, 3)
    y = model(x).argmax(1)
    y[: n // 10] = 1 - y[: n // 10]  # a tenth is wrong from the start
    return model.eval(), x, y


def ran(model: nn.Module, x: Tensor, y: Tensor, name: str, norm: str, radii: list[float], **how: int) -> list[Tensor]:
    standing, curves = curve.clean(model, x, y), []
    for eps in radii:
        attack = partial(attacks[name].load(), norm=norm, eps=eps, seed=0, **how)
        standing = curve.advance(model, x, y, standing, attack, norm=norm, eps=eps, on_batch=lambda: None)
        curves.append(standing.correct(eps))
    return curves


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_equals_the_closed_form_on_a_linear_model(norm: str) -> None:
    model, x, y = linear_task()
    w = model[1].weight[1] - model[1].weight[0]  # type: ignore[index]
    margin = ((model(x)[:, 1] - model(x)[:, 0]) * (2 * y - 1)).detach()
    reach = float((w.abs().sum() if norm == "linf" else w.norm()).detach())
    radii = [0.1 * float(margin.abs().max()) / reach * k for k in (1, 3, 6)]
    for eps, stands in zip(radii, ran(model, x, y, "pgd", norm, radii, steps=40), strict=True):
        exact = margin > eps * reach
        assert bool((stands >= exact).all()), "an attack passed what no attack can"
        assert float(stands.float().mean() - exact.float().mean()) <= 0.02


def test_falls_and_counts_wrong_images_without_attacking_them() -> None:
    model, x, y = linear_task()
    seen: list[int] = []

    def watched(model: nn.Module, x: Tensor, y: Tensor, *, start: Tensor | None) -> Tensor:
        seen.append(int((model(x).argmax(1) == y).sum()) - len(x))
        return x

    standing = curve.clean(model, x, y)
    assert int(standing.correct(0.0).sum()) == 180
    after = curve.advance(model, x, y, standing, watched, norm="linf", eps=0.1, on_batch=lambda: None)
    assert seen
    assert not any(seen)
    assert torch.equal(after.correct(0.1), standing.correct(0.0))
    curves = ran(model, x, y, "pgd", "linf", [0.001, 0.01, 0.05], steps=10)
    assert all(bool((b <= a).all()) for a, b in pairwise(curves))


def test_an_attack_that_leaves_the_ball_wins_nothing() -> None:
    model, x, y = linear_task()

    def cheat(model: nn.Module, x: Tensor, y: Tensor, *, start: Tensor | None) -> Tensor:
        return 1 - x * 100

    fair = ran(model, x, y, "pgd", "linf", [0.01], steps=40)[0]
    standing = curve.advance(model, x, y, curve.clean(model, x, y), cheat, norm="linf", eps=0.01, on_batch=lambda: None)
    assert bool((standing.correct(0.01) >= fair).all())


def test_never_above_torchattacks_pgd_at_each_radius() -> None:
    """The peer attacks every radius from scratch with 40 steps of its own; ours breaks as many, within 1 %."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 5)).eval()
    x = torch.rand(300, 1, 8, 8)
    y = model(x).argmax(1)
    radii = [0.01, 0.03, 0.06]
    for eps, stands in zip(radii, ran(model, x, y, "pgd", "linf", radii, steps=40), strict=True):
        with torch.random.fork_rng():
            theirs = torchattacks.PGD(model, eps=eps, alpha=eps / 10, steps=40)(x, y)
        peer = float((model(theirs).argmax(1) == y).float().mean())
        assert 0 < peer < 1 or eps != 0.03
        assert float(stands.float().mean()) <= peer + 0.01


def test_bf16_gradients_break_as_many_as_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(6)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 5)).eval()
    x = torch.rand(400, 1, 8, 8)
    y = model(x).argmax(1)
    shares = []
    for surrogate in (curve.Bf16, lambda model: model):
        monkeypatch.setattr(curve, "surrogate", surrogate)
        shares.append(float(ran(model, x, y, "pgd", "linf", [0.1], steps=40)[0].float().mean()))
    assert 0.05 < shares[1] < 0.95
    assert abs(shares[0] - shares[1]) <= 0.01
