"""Models whose first part is fixed, so that its output is made once for each image and kept."""

from torch import Tensor, nn


class OnFeatures(nn.Module):
    """`features` has nothing to be trained, `head` everything; only `head` is in the state that is kept."""

    head: nn.Module
    basis = ""  # names what `seen` is made with, besides the features

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] -> (N, F)."""
        raise NotImplementedError

    def seen(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, K): what is kept of images and trained on: the features, or coordinates of them."""
        return self.features(x)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(x))
        return logits


class Linear(OnFeatures):
    """One linear layer on `n_features` fixed features, from zero weights: what privacy/bank.py trains."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    @property
    def head(self) -> nn.Module:  # type: ignore[override]
        return self.linear

    def kept(self, matrix: Tensor) -> dict[str, Tensor]:
        """The state of a model from weights (K + 1, n_classes) on what was `seen`, the last row the bias."""
        return {"linear.weight": matrix[:-1].T.contiguous(), "linear.bias": matrix[-1].contiguous()}
