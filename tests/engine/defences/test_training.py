"""Training defences against what they are said to do, closed forms where there are any, and their guard."""

from math import inf, pi
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data.builtin import digits
from engine.defences import augment, overfitting, perturb
from engine.defences.adversarial import adversarial, n_fgsm, trades
from engine.defences.training import Defended
from engine.models.convnets import FastCnn
from engine.privacy import keyed
from engine.privacy.bank import Column
from engine.privacy.dpsgd import Trainer
from engine.privacy.keyed import Keyed
from engine.privacy.streams import Seeded
from engine.recipes import Recipe
from engine.robustness.gradient import fgsm, pgd

KEY = ("id", inf, 0)
RECIPE = Recipe(batch=8, steps=6, learning_rate=0.1)


def linear(scale: float = 1.0) -> tuple[nn.Module, Tensor, Tensor]:
    """Two classes, images far from 0 and 1, and their labels."""
    torch.manual_seed(0)
    layer = nn.Linear(16, 2).double()
    with torch.no_grad():
        layer.weight *= scale
    x = 0.5 + 0.05 * torch.randn(9, 1, 4, 4, dtype=torch.float64)
    return nn.Sequential(nn.Flatten(), layer), x, torch.arange(9) % 2


def noise_of(x: Tensor) -> Keyed:
    return keyed.of_rows(1, 2, torch.arange(len(x)))


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_adversarial_training_learns_from_the_worst_picture_of_a_linear_model(steps: int) -> None:
    """Its loss is the softplus of the margin lessened by eps |w|_1; few steps from a random start fall short."""
    model, x, y = linear()
    w, b = model[1].weight, model[1].bias  # type: ignore[index]
    own, eps = torch.arange(9), 0.02
    margin = ((x.flatten(1) @ w.T + b) * torch.tensor([[-1.0, 1.0]], dtype=torch.float64)).sum(1) * (2 * y - 1)
    worst = functional.softplus(-(margin - eps * (w[1] - w[0]).abs().sum()))
    found = adversarial(model, x, y, eps=eps, noise=noise_of(x), attacked=model, steps=steps)
    assert bool((found <= worst + 1e-9).all())
    torch.testing.assert_close(found[own], worst[own], rtol=1e-9 if steps == 10 else 0.05, atol=1e-9)


def test_n_fgsm_is_noise_of_twice_the_radius_and_a_step_outside_the_ball() -> None:
    model, x, y = linear()
    eps, w = 0.02, model[1].weight  # type: ignore[index]
    start = x + 2 * eps * (2 * noise_of(x).uniform((1, 4, 4)).double() - 1)
    towards = ((w[1] - w[0]) * (1 - 2 * y)[:, None]).sign().view_as(x)
    expected = functional.cross_entropy(model(start + eps * towards), y, reduction="none")
    found = n_fgsm(model, x, y, eps=eps, noise=noise_of(x), attacked=model)
    torch.testing.assert_close(found, expected)
    careful = n_fgsm(model, x, y, eps=eps, noise=noise_of(x), attacked=model, careful=True)
    torch.testing.assert_close(careful, adversarial(model, x, y, eps=eps, noise=noise_of(x), attacked=model))


def test_trades_weighs_a_divergence_that_is_largest_at_a_corner_of_the_ball() -> None:
    model, x, y = linear()
    plain = functional.cross_entropy(model(x), y, reduction="none")
    nothing = trades(model, x, y, eps=0.02, noise=noise_of(x), attacked=model, weight=0.0)
    torch.testing.assert_close(nothing, plain)
    found = trades(model, x, y, eps=0.02, noise=noise_of(x), attacked=model, weight=1.0) - plain
    w = (model[1].weight[1] - model[1].weight[0]).sign().view(1, 4, 4)  # type: ignore[index]
    said = model(x).softmax(1)
    corners = [(said * (said.log() - model(x + s * 0.02 * w).log_softmax(1))).sum(1) for s in (-1, 1)]
    assert bool((found <= torch.maximum(*corners) + 1e-12).all())
    assert bool((found >= torch.minimum(*corners) - 1e-12).all())


def test_training_pictures_stay_in_ball_and_box() -> None:
    model, x, y = linear(50.0)
    edge = (x - 0.45).clamp(0, 1)
    found = perturb.climbed(
        edge, perturb.started(edge, noise_of(x), 0.1), perturb.cross_entropy(model, y), eps=0.1, steps=3
    )
    assert float((found - edge).abs().max()) <= 0.1 + 1e-12
    assert float(found.min()) >= 0


def test_gaussian_noise_has_the_deviation_that_is_asked_for() -> None:
    drawn = keyed.of_rows(0, 0, torch.arange(500)).normal((10, 10))
    assert float(drawn.std()) == pytest.approx(1, abs=0.015)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.015)
    model, x, y = linear()
    still = augment.gaussian(model, x, y, eps=0.0, noise=noise_of(x), attacked=model)
    torch.testing.assert_close(still, functional.cross_entropy(model(x), y, reduction="none"))


class Given(Keyed):
    """Chances that a test chooses."""

    def __init__(self, *chances: float) -> None:
        object.__setattr__(self, "chances", torch.tensor([chances]))

    def uniform(self, shape: tuple[int, ...], purpose: int = 0) -> Tensor:
        return self.chances  # type: ignore[attr-defined]


MIDDLE = 0.5  # of all chances: nothing is turned, moved, scaled or sheared


def test_transforms_leave_be_mirror_and_move_as_they_are_told() -> None:
    x = torch.rand(1, 1, 10, 10, dtype=torch.float64)
    rest = [MIDDLE] * 5
    torch.testing.assert_close(augment.moved(x, Given(0.9, *rest), mirror=True), x)
    torch.testing.assert_close(augment.moved(x, Given(0.1, *rest), mirror=True), x.flip(3))
    torch.testing.assert_close(augment.moved(x, Given(0.1, *rest), mirror=False), x)
    lower = augment.moved(x, Given(0.9, MIDDLE, 0.0, MIDDLE, MIDDLE, MIDDLE), mirror=False)
    torch.testing.assert_close(lower[:, :, 1:], x[:, :, :-1])  # a tenth of ten pixels
    assert not lower[:, :, 0].any()


def test_transforms_turn_by_no_more_than_their_angle() -> None:
    """A dot at the side stays at its distance from the middle, and climbs by the sine of the angle."""
    x = torch.zeros(1, 1, 81, 81, dtype=torch.float64)
    x[0, 0, 40, 70] = 1
    turned = augment.moved(x, Given(0.9, 1.0, MIDDLE, MIDDLE, MIDDLE, MIDDLE), mirror=False)[0, 0]
    down, along = (turned.sum(1 - axis) @ torch.arange(81.0).double() / turned.sum() - 40 for axis in (0, 1))
    assert float(torch.hypot(down, along)) == pytest.approx(30, abs=0.3)
    assert abs(float(torch.atan2(down, along))) == pytest.approx(15 * pi / 180, abs=0.02)


def test_a_killed_training_goes_on_with_the_same_perturbations() -> None:
    x, y = torch.rand(20, 1, 8, 8), torch.arange(20) % 3

    def fresh() -> Trainer:
        torch.manual_seed(0)
        return Trainer(
            FastCnn((1, 8, 8), 3), Column(KEY, 0.1, 0.0, inf), RECIPE, 0.4, Defended("n-fgsm", 0.1, (1, 8, 8))
        )

    def killed() -> None:
        if half.step == 3:
            raise KeyboardInterrupt

    whole, half, again = fresh(), fresh(), fresh()
    whole.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    with pytest.raises(KeyboardInterrupt):
        half.train(x, y, Seeded(), batch_key=("b",), on_step=killed)
    again.restore(half.state())
    again.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def robust_against(model: nn.Module, eps: float) -> tuple[float, float]:
    """Shares of test digits read right after one step and after many."""
    images = digits(Path(), train=False)
    x, y = torch.from_numpy(images.x), torch.from_numpy(images.y)
    found = [fgsm(model, x, y, norm="linf", eps=eps), pgd(model, x, y, norm="linf", eps=eps, steps=20)]
    one, many = (float((model(x_adv).argmax(1) == y).float().mean()) for x_adv in found)
    return one, many


def trained_by_single_steps(eps: float, *, watched: bool) -> tuple[nn.Module, Defended]:
    images, defence = digits(Path(), train=True), Defended("n-fgsm", eps, (1, 8, 8))
    x, y = torch.from_numpy(images.x), torch.from_numpy(images.y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = FastCnn((1, 8, 8), 10)
        adam = torch.optim.Adam(model.parameters(), 3e-3)
        for step in range(200):
            if watched:
                defence.look(model, step)
            rows = torch.randint(len(x), (128,))
            adam.zero_grad()
            defence(model, x[rows], y[rows], attacked=model, noise=keyed.of_rows(1, step, rows)).mean().backward()
            adam.step()
    return model, defence


def test_overfitting_to_single_steps_is_seen_on_pictures_of_nothing() -> None:
    """At a radius too large for single steps they teach to hide."""
    fooled, _ = trained_by_single_steps(0.4, watched=False)
    one, many = robust_against(fooled, 0.4)
    assert one > 0.2
    assert many < 0.05
    assert overfitting.hides(fooled, (1, 8, 8), 0.4)


def test_who_watches_ends_overfitting() -> None:
    fooled, kept = (trained_by_single_steps(0.3, watched=watched) for watched in (False, True))
    assert not fooled[1].careful
    assert kept[1].careful
    assert robust_against(fooled[0], 0.3)[1] < 0.03
    assert robust_against(kept[0], 0.3)[1] > 0.06  # 0.10 on one thread, 0.11 on two, and 0.01 of the other


def test_a_network_that_does_not_hide_is_not_accused() -> None:
    honest, defence = trained_by_single_steps(0.1, watched=True)
    assert not defence.careful
    one, many = robust_against(honest, 0.1)
    assert one - many < 0.1 < many
    assert not overfitting.hides(honest, (1, 8, 8), 0.1)


def test_looking_touches_no_random_state_and_no_weight() -> None:
    model, defence = FastCnn((1, 8, 8), 10), Defended("n-fgsm", 0.1, (1, 8, 8))
    weights, state = [p.clone() for p in model.parameters()], torch.random.get_rng_state()
    defence.look(model, overfitting.EVERY)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())
