"""Small convolutional networks."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.layers import Layer, Layered, Monotone
from engine.registry import register

SMALLEST = 16  # the first two layers need 16 pixels a side


class TemperedCnn(Layered):
    """conv 16 (8, stride 2), pool, conv 32 (4, stride 2), pool, fc 32; tanh throughout (arXiv:2007.14191)."""

    memory_format = torch.channels_last  # a step takes half as long: pooling is vectorised over channels

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.resize = (max(height, SMALLEST), max(width, SMALLEST)) if min(height, width) < SMALLEST else None
        sides = [_after_convolutions(max(side, SMALLEST)) for side in (height, width)]
        self.conv1 = nn.Conv2d(channels, 16, 8, stride=2, padding=3)
        self.conv2 = nn.Conv2d(16, 32, 4, stride=2)
        self.fc1 = nn.Linear(32 * sides[0] * sides[1], 32)
        self.fc2 = nn.Linear(32, n_classes)

    def layers(self) -> tuple[Layer, ...]:
        return (
            Monotone(self._laid_out),
            Monotone(_around_zero),
            self.conv1,
            Monotone(_tanh_pooled),
            self.conv2,
            Monotone(_tanh_pooled),
            Monotone(_flat),
            self.fc1,
            Monotone(torch.tanh),
            self.fc2,
        )

    def _laid_out(self, x: Tensor) -> Tensor:
        """Enlarged where it is too small (bilinear weights are not negative), in the order that is quickest."""
        if self.resize:
            x = functional.interpolate(x, self.resize, mode="bilinear")
        return x.to(memory_format=self.memory_format)


def _around_zero(x: Tensor) -> Tensor:
    return 2 * x - 1


def _tanh_pooled(x: Tensor) -> Tensor:
    return functional.max_pool2d(x.tanh(), 2, 1)


def _flat(x: Tensor) -> Tensor:
    return x.flatten(1)


def _after_convolutions(side: int) -> int:
    pooled = (side + 6 - 8) // 2 + 1 - 1
    return (pooled - 4) // 2 + 1 - 1


@register(
    "cnn",
    title="small neural network",
    one_pass=False,
    features="",
    layered=True,
    source="arXiv:2007.14191",
    version=3,
)
def cnn(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Two convolutions with bounded activations, which clipping hurts less; images under 16 pixels are enlarged."""
    return TemperedCnn(shape, n_classes)


class FastCnn(Layered):
    """conv 32 (4, stride 2), conv 64 (4, stride 2), fc 100; ReLU throughout."""

    memory_format = torch.channels_last  # a quarter faster

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        quarter = height // 2 // 2 * (width // 2 // 2)
        self.conv1 = nn.Conv2d(channels, 32, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 4, stride=2, padding=1)
        self.fc1 = nn.Linear(64 * quarter, 100)
        self.fc2 = nn.Linear(100, n_classes)

    def layers(self) -> tuple[Layer, ...]:
        return (
            Monotone(self._laid_out),
            Monotone(_around_zero),
            self.conv1,
            Monotone(torch.relu),
            self.conv2,
            Monotone(torch.relu),
            Monotone(_flat),
            self.fc1,
            Monotone(torch.relu),
            self.fc2,
        )

    def _laid_out(self, x: Tensor) -> Tensor:
        return x.to(memory_format=self.memory_format)


@register(
    "fast-cnn",
    title="network for robust training",
    one_pass=False,
    features="",
    layered=True,
    source="arXiv:2001.03994",
)
def fast_cnn(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Two convolutions and a wide layer, quick enough to be attacked at every step of its training."""
    return FastCnn(shape, n_classes)
