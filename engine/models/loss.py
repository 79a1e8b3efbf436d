"""What a model minimises: the loss of each example, cross-entropy unless the model has its own."""

from torch import Tensor, nn
from torch.nn import functional


def losses(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Loss of each example, (N,): what the model's own method `losses(x, y)` says, else cross-entropy of its logits.

    The loss of an example may depend on no other, or clipping its gradient bounds nothing.
    """
    own = getattr(model, "losses", None)
    found: Tensor = own(x, y) if own else functional.cross_entropy(model(x), y, reduction="none")
    return found
