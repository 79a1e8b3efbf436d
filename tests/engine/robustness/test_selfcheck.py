"""The self-check sees what it was made for: gradients that are hidden or lead astray, and a model that rolls dice."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.planning import CHECKED_BY
from engine.report.verdict import Verdict, in_a_sentence, verdicts
from engine.robustness import attacks, curve, selfcheck
from engine.robustness.curve import Standing, Tool
from engine.robustness.selfcheck import Shares, most_telling
from engine.study import WORST
from tests.engine.report.rows import checked, frame
from tests.engine.robustness.nets import trained

RADII, STEPS = (0.0, 0.02, 0.05, 0.1, 0.2), 20
EVERY = {
    "zero_gradients",
    "randomised",
    "noise",
    "one_step",
    "many_steps",
    "twice_the_steps",
    "half_the_radius",
    "every_picture",
    "black_box",
}


class Seen(nn.Module):
    """The trained network behind something that is done to its pictures, and before something done to its answers."""

    def __init__(self, before: Callable[[Tensor], Tensor], after: Callable[[Tensor], Tensor] = lambda z: z) -> None:
        super().__init__()
        self.before, self.after, self.network = before, after, trained(0.15)[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.network(self.before(x)))


class Astray(torch.autograd.Function):
    """The picture itself, with a gradient that has nothing to do with the loss."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return torch.randn(grads[0].shape, generator=torch.Generator().manual_seed(1))


def honest() -> nn.Module:
    return Seen(lambda x: x)


def rounded() -> nn.Module:
    return Seen(lambda x: (x * 4).round() / 4)


def saturated() -> nn.Module:
    """Every logit at its bound, where there is no slope; the largest stays the largest."""
    return Seen(lambda x: x, lambda z: (1e3 * (z - z.mean(1, keepdim=True))).clamp(-1, 1) + 1e-6 * z.detach())


def astray() -> nn.Module:
    return Seen(Astray.apply)


def randomised() -> nn.Module:
    return Seen(lambda x: x + 0.1 * torch.randn_like(x))


def attacked(model: nn.Module, x: Tensor, y: Tensor, norm: str, radii: tuple[float, ...] = RADII) -> Standing:
    standing = curve.clean(model, x, y, radii)
    for number, name in enumerate(WORST):
        standing = curve.advance(model, x, y, standing, Tool.of(attacks[name], norm=norm, steps=STEPS, seed=0), number)
    return standing


def measured(model: nn.Module, norm: str = "linf", **more: Any) -> list[Shares]:
    _, x, y = trained(0.15)
    x, y = x[:60], y[:60]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        standing = attacked(model.eval(), x, y, norm)
        return list(selfcheck.check(model, x, y, standing, norm=norm, steps=STEPS, seed=0, **more))


def verdict(model: nn.Module, norm: str = "linf") -> Verdict:
    (one,) = verdicts(frame(*map(checked, measured(model, norm))))
    return one


def test_every_attack_of_its_own_names_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a study is called follows the versions of all that measure it."""
    run: list[str] = []
    broken = selfcheck.Subject.broken

    def noted(subject: selfcheck.Subject, attack: str, *spent: Any) -> Tensor:
        run.append(attack)
        return broken(subject, attack, *spent)

    monkeypatch.setattr(selfcheck.Subject, "broken", noted)
    measured(honest())
    assert {*run} == {*CHECKED_BY}


def warned(found: Verdict) -> set[str]:
    return {sign.name for sign in found.warnings}


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_honest_model_passes_without_a_warning(norm: str) -> None:
    found = verdict(honest(), norm)
    assert not found.warnings
    assert {sign.name for sign in found.signs} == EVERY - {"many_steps"}
    assert "passed" in in_a_sentence([found])


@pytest.mark.parametrize(
    ("model", "signs"),
    [
        (rounded, {"zero_gradients", "every_picture", "black_box"}),
        (saturated, {"zero_gradients", "every_picture", "black_box"}),
        (astray, {"black_box"}),
        (randomised, {"randomised"}),
    ],
)
def test_a_model_that_hides_is_seen(model: Callable[[], nn.Module], signs: set[str]) -> None:
    found = verdict(model())
    assert signs <= warned(found)
    assert "may flatter the model" in in_a_sentence([found])


def test_a_picture_made_for_another_model_counts_where_the_gradients_failed() -> None:
    """The same network without its rounding lends what the rounding hid; pictures of nothing lend nothing."""
    _, x, y = trained(0.15)
    x, y = x[:60], y[:60]
    lent = attacked(honest(), x, y, "linf").x_adv
    share = {one.name: one.value for one in measured(rounded(), others=[lent])}
    assert share["transfer"] > 0.3
    harmless = measured(rounded(), others=[x])
    assert {one.name: one.value for one in harmless}["transfer"] == 0.0
    assert "transfer" in {sign.name for sign in verdicts(frame(*map(checked, harmless)))[0].signs}
    (accused,) = verdicts(frame(*map(checked, measured(rounded(), others=[lent]))))
    assert "transfer" in warned(accused)


def test_nothing_is_said_without_a_radius_an_image_or_a_ball() -> None:
    model, x, y = trained(0.15)
    x, y = x[:5], y[:5]
    how: dict[str, Any] = {"steps": 2, "seed": 0}
    alone, both = curve.clean(model, x, y, (0.0,)), curve.clean(model, x, y, (0.0, 0.1))
    assert list(selfcheck.check(model, x, y, alone, norm="linf", **how)) == []
    assert list(selfcheck.check(model, x, y, both, norm="spatial", **how)) == []
    assert list(selfcheck.check(model, x, y, curve.clean(model, x, y + 10, (0.0, 0.1)), norm="linf", **how)) == []
    assert {one.name for one in selfcheck.check(model, x, y, both, norm="linf", **how)} == EVERY


def test_only_images_that_are_recognised_are_checked() -> None:
    model, x, y = trained(0.15)
    x, y = x[:20], y[:20].clone()
    y[:7] = (y[:7] + 1) % 10
    standing = curve.clean(model, x, y, (0.0, 0.1))
    assert {one.n for one in selfcheck.check(model, x, y, standing, norm="linf", steps=2, seed=0)} == {13}


def test_a_check_leaves_the_model_and_the_random_state_alone() -> None:
    model, x, y = trained(0.15)
    before, state = [p.clone() for p in model.parameters()], torch.get_rng_state()
    first, second = (
        list(
            selfcheck.check(
                model, x[:10], y[:10], curve.clean(model, x[:10], y[:10], (0.0, 0.1)), norm="linf", steps=2, seed=0
            )
        )
        for _ in range(2)
    )
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("broken", "eps"),
    [
        ([0, 1, 1, 2, 3], 0.1),  # recognised 4, 2, 1 of 5: half of 4 is nearest at 0.1
        ([3, 3, 3, 3, 3], 0.2),  # nothing breaks: the largest radius has most to tell
        ([1, 1, 1, 1, 1], 0.1),  # all is broken at once: the smallest
        ([0, 0, 0, 0, 0], 0.1),
    ],
)
def test_the_most_telling_radius(broken: list[int], eps: float) -> None:
    assert most_telling(Standing((0.0, 0.1, 0.2), torch.tensor(broken), *3 * [torch.zeros(5)])) == eps
