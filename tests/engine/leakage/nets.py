"""Networks and images for attacks on privacy, made on the spot."""

from functools import cache
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from engine.models import models


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Handwritten digits (1797, 1, 8, 8) and labels."""
    raw = load_digits()
    return torch.tensor(raw.images[:, None] / 16, dtype=torch.float32), torch.tensor(raw.target)


def fresh(name: str, seed: int = 0) -> nn.Module:
    """An engine's model of digits at its initial weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return models[name].load()((1, 8, 8), 10).eval().requires_grad_(False)


def layers(*sizes: int, seed: int = 0) -> nn.Module:
    """Linear layers on flat pixels with ReLU between them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(sizes):
            found += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*found[:-1]).requires_grad_(False)


def state(model: nn.Module) -> tuple[bytes, list[bool], list[bool], bool]:
    """All that an attack is to leave as it was: weights, what is trained, gradients, mode."""
    weights = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
    trained = [p.requires_grad for p in model.parameters()]
    return weights, trained, [p.grad is not None for p in model.parameters()], model.training


@cache
def taught(name: str, seed: int) -> nn.Module:
    """The same, having learnt half of the first 1,400 digits: seeds 0 and 1 share neither images nor weights."""
    x, y = digits()
    model = fresh(name, seed).requires_grad_(True).train()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(150):
        rows = 700 * seed + torch.randint(0, 700, (64,), generator=generator)
        optimizer.zero_grad()
        functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return model.eval().requires_grad_(False)
