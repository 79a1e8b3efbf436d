"""The curve: falls with the radius, trusts no attack, wastes none, never above a peer's attack radius by radius."""

from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
import torchattacks
from torch import Tensor, nn

from engine.robustness import attacks, curve
from engine.robustness.curve import Standing, Tool
from engine.study import WORST


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


def network(width: int, n: int) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 5)).eval()
    x = torch.rand(n, 1, 8, 8)
    return model, x, model(x).argmax(1)


def ran(
    model: nn.Module, x: Tensor, y: Tensor, names: tuple[str, ...], norm: str, radii: list[float], steps: int = 40
) -> Standing:
    standing = curve.clean(model, x, y, [0.0, *radii])
    for number, name in enumerate(names):
        tool = Tool.of(attacks[name], norm=norm, steps=steps, seed=0)
        standing = curve.advance(model, x, y, standing, tool, number)
    return standing


def told(run: Any, norm: str = "linf", **how: Any) -> Tool:
    """An attack that a test makes up."""
    return Tool(run, norm, **how)


@pytest.mark.parametrize("names", [WORST, ("pgd",), ("deepfool", "apgd")])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_equals_the_closed_form_on_a_linear_model(norm: str, names: tuple[str, ...]) -> None:
    model, x, y = linear_task()
    w = model[1].weight[1] - model[1].weight[0]  # type: ignore[index]
    margin = ((model(x)[:, 1] - model(x)[:, 0]) * (2 * y - 1)).detach()
    reach = float((w.abs().sum() if norm == "linf" else w.norm()).detach())
    radii = [0.1 * float(margin.abs().max()) / reach * k for k in (1, 3, 6)]
    standing = ran(model, x, y, names, norm, radii)
    for eps in radii:
        stands, exact = standing.correct(eps), margin > eps * reach
        assert bool((stands >= exact).all()), "an attack passed what no attack can"
        assert float(stands.float().mean() - exact.float().mean()) <= 0.02


def test_falls_and_counts_wrong_images_without_attacking_them() -> None:
    model, x, y = linear_task()
    seen: list[int] = []

    def watched(model: nn.Module, x: Tensor, y: Tensor, *, eps: Tensor, start: Tensor | None) -> Tensor:
        seen.append(int((model(x).argmax(1) == y).sum()) - len(x))
        return x

    standing = curve.clean(model, x, y, [0.0, 0.1])
    assert int(standing.correct(0.0).sum()) == 180
    after = curve.advance(model, x, y, standing, told(watched), 0)
    assert seen
    assert not any(seen)
    assert torch.equal(after.correct(0.1), standing.correct(0.0))
    found = ran(model, x, y, ("pgd",), "linf", [0.001, 0.01, 0.05], steps=10)
    assert all(bool((found.correct(b) <= found.correct(a)).all()) for a, b in pairwise(found.radii))


def test_an_attack_that_leaves_the_ball_wins_nothing() -> None:
    model, x, y = linear_task()

    def cheat(model: nn.Module, x: Tensor, y: Tensor, *, eps: Tensor, start: Tensor | None) -> Tensor:
        return 1 - x * 100

    fair = ran(model, x, y, ("pgd",), "linf", [0.01]).correct(0.01)
    standing = curve.advance(model, x, y, curve.clean(model, x, y, [0.0, 0.01]), told(cheat), 0)
    assert bool((standing.correct(0.01) >= fair).all())


def test_each_image_is_asked_for_the_largest_radius_it_withstands_and_no_smaller_one_after_a_failure() -> None:
    """A made-up attack that breaks image i from radius 0.01 (i + 1) on: every image costs one failure at most."""
    n, radii = 6, [0.0, 0.01, 0.02, 0.04, 0.08]
    least = 0.01 * torch.arange(1, n + 1)
    x = torch.full((n, 1, 2, 2), 0.5)
    asked: list[tuple[float, ...]] = []

    class Reads(nn.Module):
        """Class 1 where the first pixel moved by at least what breaks that image, which its last pixel names."""

        def forward(self, x: Tensor) -> Tensor:
            wrong = (x[:, 0, 0, 0] - 0.5).abs() >= x[:, 0, 1, 1] - 1e-6
            return torch.stack([~wrong, wrong], 1).float()

    x[:, 0, 1, 1] = least

    def push(model: nn.Module, x: Tensor, y: Tensor, *, eps: Tensor, start: Tensor | None) -> Tensor:
        asked.append(tuple(round(float(e), 4) for e in eps))
        moved = x.clone()
        moved[:, 0, 0, 0] += eps
        return moved

    model, y = Reads(), torch.zeros(n, dtype=torch.int64)
    standing = curve.advance(model, x, y, curve.clean(model, x, y, radii), told(push), 0)
    assert standing.broken.tolist() == [1, 2, 3, 3, 4, 4]
    assert asked == [(0.08,) * 6, (0.04,) * 6, (0.02,) * 4, (0.01,) * 2]
    assert standing.by.tolist() == [0] * n


def test_a_smallest_perturbation_answers_every_radius_in_one_run() -> None:
    model, x, y = linear_task()
    runs: list[int] = []
    fmn = attacks["fmn"].load()

    def counted(model: nn.Module, x: Tensor, y: Tensor, **how: Any) -> Tensor:
        runs.append(len(x))
        found: Tensor = fmn(model, x, y, norm="linf", steps=40, seed=0, **how)
        return found

    standing = curve.clean(model, x, y, [0.0, 0.001, 0.003, 0.01, 0.03, 0.1])
    after = curve.advance(model, x, y, standing, told(counted, minimal=True), 0)
    assert sum(runs) <= 2 * int(standing.correct(0.0).sum())  # twice: gradients in bf16, then what those missed
    assert len(set(after.broken.tolist())) > 3


def test_what_is_far_below_the_smallest_perturbation_known_is_left_alone() -> None:
    model, x, y = linear_task()
    radii = (0.0, 0.01, 0.02, 0.03)
    pictures = (x + 0.03).clamp(0, 1)
    all_broken = Standing(radii, torch.full_like(y, 3), torch.zeros_like(y), pictures, y >= 0)  # stand at 0.02
    seen: list[int] = []

    def watched(model: nn.Module, x: Tensor, y: Tensor, **how: Any) -> Tensor:
        seen.append(len(x))
        return x

    curve.advance(model, x, y, all_broken, told(watched), 1)
    assert sum(seen) == (len(x) if curve.NEAR * 0.03 <= 0.02 else 0)
    far = Standing((0.0, 0.01, 0.03), torch.full_like(y, 2), torch.zeros_like(y), pictures, y >= 0)  # stand at 0.01
    seen.clear()
    curve.advance(model, x, y, far, told(watched), 1)
    assert not seen


def test_a_library_attack_is_asked_for_one_radius_at_a_time() -> None:
    model, x, y = network(16, 40)
    asked: list[float] = []

    def library(model: nn.Module, x: Tensor, y: Tensor, *, eps: float, start: Tensor | None) -> Tensor:
        assert isinstance(eps, float)
        asked.append(eps)
        found: Tensor = attacks["pgd"].load()(model, x, y, norm="linf", eps=eps, steps=20, seed=0)
        return found

    standing = curve.advance(model, x, y, curve.clean(model, x, y, [0.0, 0.02, 0.1]), told(library, own=False), 0)
    assert [round(eps, 4) for eps in asked] == [0.1, 0.02]
    assert len(set(standing.broken.tolist())) == 3


def test_never_above_torchattacks_pgd_at_each_radius() -> None:
    """The peer attacks every radius from scratch with 40 steps of its own; ours breaks as many, within 0.2 points."""
    model, x, y = network(32, 300)
    radii = [0.01, 0.03, 0.06]
    standing = ran(model, x, y, WORST, "linf", radii)
    for eps in radii:
        with torch.random.fork_rng():
            theirs = torchattacks.PGD(model, eps=eps, alpha=eps / 10, steps=40)(x, y)
        peer = float((model(theirs).argmax(1) == y).float().mean())
        assert 0 < peer < 1 or eps != 0.03
        assert float(standing.correct(eps).float().mean()) <= peer + 0.002


def test_bf16_gradients_break_as_many_as_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = network(64, 400)
    shares = []
    for surrogate in (curve.Bf16, lambda model: model):
        monkeypatch.setattr(curve, "surrogate", surrogate)
        shares.append(float(ran(model, x, y, WORST, "linf", [0.02, 0.05, 0.1]).correct(0.05).float().mean()))
    assert 0.05 < shares[1] < 0.95
    assert abs(shares[0] - shares[1]) <= 0.01


def test_turns_and_shifts_have_a_curve_of_their_own_which_no_ball_cuts() -> None:
    model, x, y = network(32, 60)
    found = ran(model, x, y, ("spatial",), "spatial", [0.25, 0.5, 1.0])
    shares = [float(found.correct(eps).float().mean()) for eps in found.radii]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1 > shares[-1]
    x_adv = attacks["spatial"].load()(model, x, y, norm="spatial", eps=1.0, steps=1, seed=0)
    assert shares[-1] == float((curve.predict(model, x_adv) == y).float().mean())


@pytest.mark.parametrize("first", [("fgsm",), ("noise", "pgd"), ("deepfool",)])
def test_more_attacks_never_leave_more_standing(first: tuple[str, ...]) -> None:
    """What a weak attack found first must not keep a strong one from looking at smaller radii."""
    model, x, y = network(64, 200)
    radii = [0.005, 0.02, 0.05, 0.1]
    alone = ran(model, x, y, ("apgd-t",), "linf", radii)
    both = ran(model, x, y, (*first, "apgd-t"), "linf", radii)
    for eps in radii:
        assert float(both.correct(eps).float().mean()) <= float(alone.correct(eps).float().mean()) + 0.01


def test_a_gradient_that_is_no_number_breaks_nothing() -> None:
    """Black pixels have no slope under a root; a picture of NaN would be misread by whatever model."""
    inner, x, y = network(16, 60)
    x[:, :, :4] = 0

    class Rooted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = inner(x.sqrt().square())
            return logits

    y = inner(x).argmax(1)
    plain = ran(inner, x, y, WORST, "l2", [0.001])
    rooted = ran(Rooted().eval(), x, y, WORST, "l2", [0.001])
    assert bool(rooted.x_adv.isfinite().all())
    assert int(rooted.correct(0.001).sum()) >= int(plain.correct(0.001).sum())


def test_logits_that_are_no_numbers_recognise_nothing() -> None:
    class Silent(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.full((len(x), 3), torch.nan)

    assert curve.predict(Silent(), torch.rand(2, 1, 4, 4)).tolist() == [-1, -1]


def test_attacks_without_gradients_do_not_begin_where_others_ended() -> None:
    model, x, y = network(16, 30)
    begun: list[Tensor | None] = []

    def watched(model: nn.Module, x: Tensor, y: Tensor, *, eps: Tensor, start: Tensor | None) -> Tensor:
        begun.append(start)
        return x

    broken = ran(model, x, y, ("fgsm",), "linf", [0.01, 0.1])
    curve.advance(model, x, y, broken, told(watched, white_box=False), 1)
    assert begun
    assert all(start is None for start in begun)


def test_an_attack_that_knows_nothing_of_other_radii_is_partial() -> None:
    tool = Tool.of(attacks["fgsm"], norm="linf", steps=1, seed=3)
    assert isinstance(tool.run, partial)
    assert tool.run.keywords == {"norm": "linf", "steps": 1, "seed": 3}
