"""A model that sees its pictures through a guard, and what an attack on it climbs."""

import numpy as np
import torch
from torch import Tensor, nn

from engine.defences import defences
from engine.privacy.keyed import Keyed, mixed

DRAWS = 24  # of a guard's noise, which an attack averages over (EOT, arXiv:1707.07397)
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Guarded(nn.Module):
    """`model` behind the input defence `name`: (N, C, H, W) in [0, 1] -> logits.

    A random guard draws from each picture's own bytes and `seed`: the same picture gets the same answer, alone and in a
    batch, and one that differs in a bit other noise.
    """

    def __init__(self, model: nn.Module, name: str, seed: int = 0) -> None:
        super().__init__()
        self.model, self.name, self.seed = model, name, seed
        self.entry = defences[name]
        self.guard = self.entry.load()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(self.seen(x, self.seed))
        return logits

    def seen(self, x: Tensor, seed: int) -> Tensor:
        """What the model is shown."""
        noise = of_pictures(x, seed) if self.entry.facts["random"] else None
        seen: Tensor = self.guard(x, noise=noise)
        return seen

    @property
    def surrogate(self) -> nn.Module:
        """What gradients are to be taken of: itself, or the mean over draws that are not those it will answer with."""
        return Averaged(self) if self.entry.facts["random"] else self


class Averaged(nn.Module):
    """The mean log-probabilities of a randomly guarded model, over DRAWS draws that follow from the pictures alone."""

    def __init__(self, guarded: Guarded, draws: int = DRAWS) -> None:
        super().__init__()
        self.guarded, self.draws = guarded, draws

    def forward(self, x: Tensor) -> Tensor:
        seeds = range(self.guarded.seed + 1, self.guarded.seed + 1 + self.draws)
        seen = torch.cat([self.guarded.seen(x, seed) for seed in seeds])
        logits: Tensor = self.guarded.model(seen)
        return logits.log_softmax(1).view(self.draws, len(x), -1).mean(0)


def of_pictures(x: Tensor, seed: int) -> Keyed:
    """Random numbers of each picture, from its bytes and `seed`."""
    pixels = x.detach().float().cpu().contiguous().flatten(1).numpy().view(np.uint32).astype(np.uint64)
    places = np.arange(1, pixels.shape[1] + 1, dtype=np.uint64) * _ODD
    keys = mixed(pixels + places).sum(1, dtype=np.uint64)
    return Keyed(mixed(keys + np.full(1, seed, np.uint64) * _ODD))
