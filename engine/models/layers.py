"""Networks told as a sequence of layers, of which the forward pass and bounds of it are both made.

A bound that was computed from a copy of the architecture could drift away from it; here there is no copy.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Monotone:
    """A layer without weights whose outputs never fall when an input rises: tanh, ReLU, max pooling, enlarging."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x)


Layer = nn.Conv2d | nn.Linear | Monotone


class Layered(nn.Module):
    """A network that is its `layers()`, one after the other; the last one is linear and gives the logits."""

    def layers(self) -> tuple[Layer, ...]:
        """From pixels in [0, 1] to logits."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers():
            x = layer(x)
        return x
