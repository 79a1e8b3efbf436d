"""A denoising autoencoder before a model (Gu and Rigazio, arXiv:1412.5068), trained on pictures of nothing.

A denoiser that learns from private images is private training itself, and its budget would have to be added to every
model's behind it. This one sees made-up pictures alone (models/basis.py): it costs no privacy, is the same for every
data set, and comes with Frontier. Each channel is cleaned by itself, whatever its size.
"""

from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from engine.models.basis import one_thread, pictures
from engine.privacy.keyed import Keyed
from engine.registry import register

WEIGHTS = Path(__file__).parents[2] / "assets" / "models" / "denoiser.safetensors"
SIDES, LOUDEST = (8, 16, 28, 32), 0.25  # pixels of the pictures it learns from; most noise they are given
STEPS, BATCH, RATE, SEED = 3000, 64, 2e-3, 5


class Denoiser(nn.Module):
    """(N, 1, H, W) in [0, 1] -> the same, cleaned: what it takes away is drawn from half the sides."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 16, 5, padding=2)
        self.encode = nn.Conv2d(16, 32, 4, stride=2, padding=1)
        self.within = nn.Conv2d(32, 32, 3, padding=1)
        self.decode = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1)
        self.draw = nn.Conv2d(16, 1, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        even = functional.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        within = self.within(self.encode(self.look(even).relu()).relu()).relu()
        cleaned: Tensor = even + self.draw(self.decode(within).relu())
        return cleaned[..., :height, :width]


def make(steps: int = STEPS) -> Denoiser:
    """Train it: on soft made-up shapes under normal noise, or under noise that moves every pixel up or down alike.

    On one thread, so that the same machine makes the same weights; a few minutes.
    """
    generator = torch.Generator().manual_seed(SEED)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = Denoiser()
        adam = torch.optim.Adam(model.parameters(), RATE)
        for step in range(steps):
            for group in adam.param_groups:
                group["lr"] = RATE * (1 - step / steps)
            clean = pictures(BATCH, (1, SIDES[step % len(SIDES)], SIDES[step % len(SIDES)]), generator)
            adam.zero_grad()
            (model(noisy(clean, generator)) - clean).square().mean().backward()
            adam.step()
    return model.eval().requires_grad_(False)


def noisy(x: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures with noise of up to LOUDEST, normal or of signs, each as loud as chance has it."""
    loud = LOUDEST * torch.rand(len(x), 1, 1, 1, generator=generator)
    normal = torch.randn(x.shape, generator=generator)
    signs = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return (x + loud * torch.where(signs, normal.sign(), normal)).clamp(0, 1)


@lru_cache(maxsize=4)
def shipped(dtype: torch.dtype) -> Denoiser:
    """The one that comes with Frontier; `starter --models denoiser` makes it."""
    with torch.device("meta"):  # no weights are drawn
        model = Denoiser()
    model.load_state_dict(load_file(WEIGHTS), assign=True)
    return model.to(dtype).eval().requires_grad_(False)


@register(
    "denoiser",
    title="a denoising autoencoder",
    kind="input",
    random=False,
    differentiable=True,
    dearer=2.0,
    source="arXiv:1412.5068",
)
def denoiser(x: Tensor, *, noise: Keyed | None = None) -> Tensor:
    """A small network cleans every picture first; it learned on made-up pictures, so it costs no privacy."""
    cleaned: Tensor = shipped(x.dtype).to(x.device)(x.flatten(0, 1)[:, None])
    return cleaned.view(x.shape).clamp(0, 1)
