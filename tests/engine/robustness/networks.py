"""Networks and digits for tests of attacks and certificates: small, quickly trained, always the same."""

from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from engine.models.convnets import TemperedCnn
from engine.models.layers import Layer, Layered, Monotone


class ReluNet(Layered):
    """Two convolutions and two linear layers with ReLU between."""

    def __init__(self, channels: int = 1, side: int = 8, n_classes: int = 10) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 8, 4, 2, 1), nn.Conv2d(8, 16, 4, 2, 1, bias=False)
        self.fc1, self.fc2 = nn.Linear(16 * (side // 4) ** 2, 32), nn.Linear(32, n_classes)

    def layers(self) -> tuple[Layer, ...]:
        relu, flat = Monotone(torch.relu), Monotone(lambda x: x.flatten(1))
        return self.conv1, relu, self.conv2, relu, flat, self.fc1, relu, self.fc2


class LinearNet(Layered):
    """One linear layer on pixels."""

    def __init__(self, n_pixels: int, n_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(n_pixels, n_classes)

    def layers(self) -> tuple[Layer, ...]:
        return Monotone(lambda x: x.flatten(1)), self.fc


@cache
def digits() -> tuple[Tensor, Tensor]:
    """1,797 handwritten digits, (N, 1, 8, 8) in [0, 1], and their classes."""
    found = load_digits()
    return torch.tensor(found.images[:, None] / 16).float(), torch.tensor(found.target)


@cache
def trained(name: str) -> Layered:
    """`cnn` or `relu`, trained on digits with a little noise; global random state untouched."""
    x, y = digits()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: Layered = TemperedCnn((1, 8, 8), 10) if name == "cnn" else ReluNet()
        optimiser = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(120):
            rows = torch.randint(0, 1500, (128,))
            noisy = (x[rows] + 0.1 * torch.randn(128, 1, 8, 8)).clamp(0, 1)
            optimiser.zero_grad()
            functional.cross_entropy(model(noisy), y[rows]).backward()
            optimiser.step()
    return model.eval().requires_grad_(False)
