"""Guards before a model: what they do to pictures, and that an attack which knows them is the stronger one."""

from functools import lru_cache, partial

import numpy as np
import pytest
import torch
from scipy.ndimage import median_filter
from torch import Tensor, nn

from engine.data.builtin import digits
from engine.defences.guarded import Averaged, Guarded
from engine.defences.guards import jpeg, random_noise, squeeze
from engine.models.convnets import FastCnn
from engine.robustness import attacks, curve
from engine.robustness.gradient import pgd

EPS = 0.15


def test_squeezing_is_fewer_shades_then_a_median() -> None:
    x = torch.rand(3, 2, 9, 9, dtype=torch.float64)
    shades = (x * 15).round() / 15
    ours = squeeze(x).numpy()
    theirs = np.sort(np.stack([shades.numpy()[:, :, i : i + 8, j : j + 8] for i in (0, 1) for j in (0, 1)]), axis=0)
    np.testing.assert_allclose(ours[:, :, :8, :8], theirs[1], atol=1e-12)
    assert median_filter(shades.numpy(), (1, 1, 2, 2)).shape == ours.shape


def test_jpeg_keeps_soft_pictures_and_drops_fine_patterns() -> None:
    soft = torch.linspace(0, 1, 28).expand(1, 1, 28, 28)
    assert float((jpeg(soft) - soft).abs().max()) < 0.06
    fine = 0.5 + 0.02 * (-1.0) ** torch.arange(28).add(torch.arange(28)[:, None]).expand(1, 1, 28, 28)
    assert float((jpeg(fine) - 0.5).abs().mean()) < 0.25 * 0.02


def test_jpeg_of_colours_is_a_coloured_file() -> None:
    red = torch.zeros(1, 3, 16, 16)
    red[:, 0] = 1
    torch.testing.assert_close(jpeg(red), red, atol=0.05, rtol=0)


@lru_cache(maxsize=1)
def trained() -> tuple[nn.Module, Tensor, Tensor]:
    """A network that reads digits, and test images."""
    from pathlib import Path

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, images = FastCnn((1, 8, 8), 10), digits(Path(), train=True)
        x, y = torch.from_numpy(images.x), torch.from_numpy(images.y)
        adam = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(150):
            rows = torch.randint(len(x), (128,))
            adam.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            adam.step()
    test = digits(Path(), train=False)
    return model.eval().requires_grad_(False), torch.from_numpy(test.x)[:200], torch.from_numpy(test.y)[:200]


def right(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float((model(x).argmax(1) == y).float().mean())


@pytest.mark.parametrize("name", ["squeeze", "jpeg", "random-noise", "denoiser"])
def test_an_attack_that_knows_the_guard_breaks_more_than_one_that_does_not(name: str) -> None:
    """Pictures made for the bare model are what a guard was once said to stop (arXiv:1802.00420)."""
    model, x, y = trained()
    guarded = Guarded(model, name)
    attack = partial(pgd, norm="linf", eps=EPS, steps=20)
    naive, adaptive = attack(model, x, y), attack(guarded.surrogate, x, y)
    known, unknown = right(guarded, adaptive, y), right(guarded, naive, y)
    assert right(model, naive, y) < 0.35
    assert known < unknown - 0.1


def test_a_gradient_that_stops_at_the_guard_flatters_it() -> None:
    """The negative control of the test above: rounding without its straight-through gradient looks robust."""
    model, x, y = trained()

    class Rounded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return model((x * 15).round() / 15 + 0 * x)

    found = pgd(Rounded(), x, y, norm="linf", eps=EPS, steps=20)
    assert right(Rounded(), found, y) > 0.6


def test_the_mean_of_many_draws_is_what_an_attack_on_a_random_guard_climbs() -> None:
    """Its gradient is that of the expected loss: close to the mean over other draws, where a single draw is not."""
    model, x, y = trained()
    guarded = Guarded(model, "random-noise", seed=7)
    assert isinstance(curve.climbed(guarded), Averaged)
    x = x[:20].requires_grad_(True)

    def direction(model: nn.Module) -> Tensor:
        (grad,) = torch.autograd.grad(nn.functional.nll_loss(model(x), y[:20], reduction="sum"), x)
        return grad.flatten(1)

    far = direction(Averaged(Guarded(model, "random-noise", seed=1000), draws=300))
    many, one = (direction(Averaged(guarded, draws=draws)) for draws in (24, 1))
    alike = [nn.functional.cosine_similarity(far, found).mean() for found in (many, one)]
    assert float(alike[0]) > 0.9
    assert float(alike[1]) < float(alike[0]) - 0.05


def test_noise_is_that_of_the_picture() -> None:
    guarded = Guarded(nn.Flatten(), "random-noise")
    x = torch.rand(2, 1, 5, 5).repeat(2, 1, 1, 1)
    seen = guarded.seen(x, 0)
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(guarded(x)[0], guarded(x)[2])
    assert not torch.equal(seen[0] - x[0], seen[1] - x[1])
    moved = x.clone()
    moved[0, 0, 0, 0] += 1e-6
    assert float((guarded.seen(moved, 0)[0] - seen[0]).abs().mean()) > 0.02
    assert random_noise.__doc__


class Once(Guarded):
    """A guard that answers by one draw."""

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(self.seen(x, self.seed))
        return logits


def misread_again(guarded: Guarded, x: Tensor, y: Tensor) -> float:
    """Of pictures that tries by chance broke: how many of a hundred other draws misread them, on the mean."""
    standing = curve.clean(guarded, x, y, [0.0, 0.1])
    tool = curve.Tool.of(attacks["square"], norm="linf", steps=150, seed=0)
    after = curve.advance(guarded, x, y, standing, tool, 0)
    broken = after.by == 0
    assert broken.sum() >= 3
    pictures, labels = after.x_adv[broken], y[broken]
    draws = [guarded.model(guarded.seen(pictures, seed)).argmax(1) != labels for seed in range(1000, 1100)]
    return float(torch.stack(draws).float().mean())


def test_a_random_guard_is_no_lottery() -> None:
    """Who tries often meets a bad draw; of the mean of many draws there is none."""
    model, x, y = trained()
    fair, lottery = (misread_again(kind(model, "random-noise").eval(), x[:80], y[:80]) for kind in (Guarded, Once))
    assert fair > 0.45
    assert lottery < fair - 0.1
