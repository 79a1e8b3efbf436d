"""Exact where there is a closed form, good enough to be recognised elsewhere, and no better than a guess in noise."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from engine.errors import BadInput, Cancelled
from engine.leakage.gradients import Guard, labels, sent
from engine.leakage.likeness import matched
from engine.leakage.reconstruction import Step, analytic, cosine, dlg
from tests.engine.leakage.nets import digits, fresh, layers, state

NOISES = (0.0, 1e-3, 1e-2, 0.1, 1.0)


@pytest.mark.parametrize("sizes", [(64, 10), (64, 100, 10)])
def test_a_linear_layer_gives_one_image_away_exactly(sizes: tuple[int, ...]) -> None:
    x, y = digits()
    model = layers(*sizes)
    for i in range(5):
        one = slice(i, i + 1)
        torch.testing.assert_close(analytic(sent(model, x[one], y[one]), "1"), x[one], atol=1e-5, rtol=0)
        clipped = sent(model, x[one], y[one], Guard(1e-3))  # only shortens a single image's gradient
        torch.testing.assert_close(analytic(clipped, "1"), x[one], atol=1e-4, rtol=0)


def test_a_wide_layer_gives_several_images_away_exactly() -> None:
    """Neurons that only one image reaches: here they are made, by a bias between what each image brings."""
    x, y = digits()
    x, y, model = x[:4], y[:4], layers(64, 400, 10)
    first = model.get_submodule("1")
    brought = first.get_parameter("weight") @ x.flatten(1).T  # (neurons, images)
    highest = brought.sort(1).values
    first.get_parameter("bias").copy_(-(highest[:, -1] + highest[:, -2]) / 2)
    found = matched(x, analytic(sent(model, x, y), "1"))
    assert float(found.psnr.min()) > 60
    assert sorted(found.order.tolist()) == [0, 1, 2, 3]


def test_a_layer_of_classes_shows_mostly_the_image_of_each() -> None:
    x, y = digits()
    rows = torch.tensor([int((y == label).nonzero()[0]) for label in range(4)])
    model = layers(64, 10)
    right = matched(x[rows], analytic(sent(model, x[rows], y[rows]), "1"))
    wrong = matched(x[rows], x[rows + 200])
    assert float(right.psnr.mean()) > float(wrong.psnr.mean()) + 5
    assert float(right.ssim.min()) > 0.5


def test_noise_destroys_what_the_layer_tells() -> None:
    x, y = digits()
    model = layers(64, 10)

    def mean(sigma: float) -> float:
        guard = Guard(1.0, sigma)
        found = [sent(model, x[i : i + 1], y[i : i + 1], guard, seed=i) for i in range(20)]
        return float(torch.cat([matched(x[i : i + 1], analytic(g, "1")).psnr for i, g in enumerate(found)]).mean())

    ladder = [mean(sigma) for sigma in NOISES]
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[0] > 60
    assert ladder[-1] < 12


def test_a_layer_that_does_not_see_pixels_is_refused() -> None:
    x, y = digits()
    with pytest.raises(BadInput, match="layer 'fc2' has 32 inputs"):
        analytic(sent(fresh("cnn"), x[:1], y[:1]), "fc2")


ATTACKS: dict[str, tuple[str, Callable[..., Tensor]]] = {
    "dlg": ("fast-cnn", partial(dlg, steps=15)),
    "cosine": ("fast-cnn", partial(cosine, steps=120)),
    "cosine on cnn": ("cnn", partial(cosine, steps=120, restarts=2)),
}


def rebuilt(name: str, guard: Guard, rows: slice = slice(3, 4)) -> tuple[float, float]:
    """Mean PSNR and SSIM of what an attack makes of some digits."""
    kind, attack = ATTACKS[name]
    model, (x, y) = fresh(kind), digits()
    given = sent(model, x[rows], y[rows], guard)
    found = matched(x[rows], attack(model, given, labels(model, given)))
    return float(found.psnr.mean()), float(found.ssim.mean())


@pytest.mark.parametrize("name", ATTACKS)
def test_a_gradient_gives_a_picture_away_and_noise_hides_it(name: str) -> None:
    bare, noisy = rebuilt(name, Guard()), rebuilt(name, Guard(1.0, 1.0))
    assert bare[0] > 15
    assert bare[1] > 0.5
    assert noisy[0] < 10
    assert noisy[1] < 0.3


@pytest.mark.parametrize("name", ["dlg", "cosine"])
def test_clipping_alone_hides_nothing_of_one_image(name: str) -> None:
    psnr, ssim = rebuilt(name, Guard(0.01))
    assert psnr > 15
    assert ssim > 0.5


def test_several_images_at_once() -> None:
    psnr, ssim = rebuilt("cosine", Guard(), slice(0, 3))
    assert psnr > 15
    assert ssim > 0.5


@pytest.mark.parametrize("attack", [partial(dlg, steps=2), partial(cosine, steps=5)])
def test_the_same_seed_and_nothing_else_touched(attack: Callable[..., Tensor]) -> None:
    model, (x, y) = fresh("cnn"), digits()
    given = sent(model, x[:2], y[:2])
    before, drawn, threads = state(model), torch.get_rng_state(), torch.get_num_threads()
    seen: list[Step] = []
    first = attack(model, given, y[:2], seed=1, restarts=2, on_step=seen.append)
    torch.rand(5)
    torch.set_rng_state(drawn)
    assert torch.equal(attack(model, given, y[:2], seed=1, restarts=2), first)
    assert not torch.equal(attack(model, given, y[:2], seed=2, restarts=2), first)
    assert state(model) == before
    assert torch.equal(torch.get_rng_state(), drawn)
    assert torch.get_num_threads() == threads
    assert [s.step for s in seen] == list(range(1, seen[0].steps + 1))
    assert all(bool(((s.pictures >= 0) & (s.pictures <= 1)).all()) for s in seen)
    nearest = min((seen[len(seen) // 2 - 1], seen[-1]), key=lambda s: s.distance)
    assert torch.equal(first, nearest.pictures)


def test_it_can_be_stopped() -> None:
    model, (x, y) = fresh("cnn"), digits()
    threads = torch.get_num_threads()

    def stop(step: Step) -> None:
        if step.step == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        cosine(model, sent(model, x[:1], y[:1]), y[:1], on_step=stop)
    assert torch.get_num_threads() == threads
