"""Long work that lets others have their turn: whoever computes asks here before each look at a model.

The process puts its own function in place; without one nobody waits. Not passed along as an argument, because attacks
copy the models they are given.
"""

from collections.abc import Callable

from torch import Tensor, nn

from engine.robustness.curve import climbed

_take: list[Callable[[], None]] = []


def give(take: Callable[[], None]) -> None:
    """From now on `take` is called at each turn; what it raises ends the work."""
    _take[:] = [take]


def take() -> None:
    """Let others have their turn."""
    for one in _take:
        one()


class Polite(nn.Module):
    """A model that takes turns: same logits, same gradients."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        take()
        logits: Tensor = self.model(x)
        return logits

    @property
    def surrogate(self) -> nn.Module:
        """What gradients are to be taken of, as politely."""
        inner = climbed(self.model)
        return self if inner is self.model else Polite(inner)
