"""Small trained networks and their images, made on the spot."""

from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional


@cache
def trained(noise: float = 0.0) -> tuple[nn.Module, Tensor, Tensor]:
    """A network that reads handwritten digits (8 x 8), trained under noise; 300 images it had not seen and reads."""
    raw = load_digits()
    x = torch.tensor(raw.images[:, None] / 16, dtype=torch.float32)
    y = torch.tensor(raw.target)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64)]
        model = nn.Sequential(*layers, nn.ReLU(), nn.Linear(64, 10))
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        for rows in torch.randint(0, 1400, (300, 100)):
            optimizer.zero_grad()
            seen = (x[rows] + noise * torch.randn_like(x[rows])).clamp(0, 1)
            functional.cross_entropy(model(seen), y[rows]).backward()
            optimizer.step()
    model.eval().requires_grad_(False)
    held = x[1400:], y[1400:]
    right = (model(held[0]).argmax(1) == held[1]).nonzero()[:300, 0]
    return model, held[0][right], held[1][right]


@torch.no_grad()
def standing(model: nn.Module, x_adv: Tensor, y: Tensor) -> float:
    """Share of pictures that are read right."""
    return float((model(x_adv).argmax(1) == y).float().mean())
