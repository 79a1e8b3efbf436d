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

    A random guard draws DRAWS times, from each picture's own bytes and `seed`, and the model answers by the mean of
    what it then believes: the same picture gets the same answer, alone and in a batch. One draw alone would be a
    lottery, in which an attack that tries often enough wins against any model.
    """

    def __init__(self, model: nn.Module, name: str, seed: int = 0) -> None:
        super().__init__()
        self.model, self.name, self.seed = model, name, seed
        self.entry = defences[name]
        self.guard = self.entry.load()

    def forward(self, x: Tensor) -> Tensor:
        if self.entry.facts["random"]:
            return self.mean(x, range(self.seed, self.seed + DRAWS))
        logits: Tensor = self.model(self.seen(x, self.seed))
        return logits

    def mean(self, x: Tensor, seeds: range) -> Tensor:
        """Logarithms of what the model believes on the mean over draws, (N, classes)."""
        seen = torch.cat([self.seen(x, seed) for seed in seeds])
        believed: Tensor = self.model(seen).softmax(1).view(len(seeds), len(x), -1).mean(0)
        return believed.clamp_min(torch.finfo(believed.dtype).tiny).log()

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
    """What a randomly guarded model believes on the mean, over as many draws, none of which it will answer with."""

    def __init__(self, guarded: Guarded, draws: int = DRAWS) -> None:
        super().__init__()
        self.guarded, self.draws = guarded, draws

    def forward(self, x: Tensor) -> Tensor:
        first = self.guarded.seed + DRAWS
        return self.guarded.mean(x, range(first, first + self.draws))


def of_pictures(x: Tensor, seed: int) -> Keyed:
    """Random numbers of each picture, from its bytes and `seed`."""
    pixels = x.detach().float().cpu().contiguous().flatten(1).numpy().view(np.uint32).astype(np.uint64)
    places = np.arange(1, pixels.shape[1] + 1, dtype=np.uint64) * _ODD
    keys = mixed(pixels + places).sum(1, dtype=np.uint64)
    return Keyed(mixed(keys + np.full(1, seed, np.uint64) * _ODD))
