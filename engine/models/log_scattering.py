"""Logarithms of the wavelet scattering, trained in coordinates that vary evenly."""

import hashlib
from functools import lru_cache

from torch import Tensor, nn

from engine.models.basis import Basis, even
from engine.models.fixed import Linear
from engine.models.scattering import CHANNELS, Scattering
from engine.registry import register

FAINT = 3e-3  # coefficients below are told apart less: a first-order coefficient of an edge is about ten times that


class LogScattering(Linear):
    """log(FAINT + scattering) and one linear layer, which is trained in the coordinates of `basis`.

    Those are another way to write the same linear layer: what is kept is the layer on the logarithms themselves.
    """

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        channels, height, width = self.shape = shape
        scattering = Scattering(height, width)
        super().__init__(channels * CHANNELS * scattering.out[0] * scattering.out[1], n_classes)
        self.scattering = scattering

    @property
    def basis(self) -> str:  # type: ignore[override]
        made = basis(self.shape)
        return hashlib.sha256(made.mean.numpy().tobytes() + made.directions.numpy().tobytes()).hexdigest()

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F): logarithms; no parameter is involved."""
        return logarithms(self.scattering, x)

    def seen(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, K): coordinates of the logarithms."""
        made = basis(self.shape)
        return (self.features(x) - made.mean) @ made.directions

    def kept(self, matrix: Tensor) -> dict[str, Tensor]:
        """The layer on the logarithms that says the same as `matrix` (K + 1, n_classes) on their coordinates."""
        made = basis(self.shape)
        weights = made.directions @ matrix[:-1]
        return {"linear.weight": weights.T.contiguous(), "linear.bias": matrix[-1] - made.mean @ weights}


def logarithms(scattering: Scattering, x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, F), in the order of the scattering."""
    logs: Tensor = (scattering(x) + FAINT).clamp(min=FAINT / 2).log().flatten(1)  # rounding may be below 0
    return logs


@lru_cache(maxsize=2)
def basis(shape: tuple[int, int, int]) -> Basis:
    """The coordinates for images of this shape: some seconds of work."""
    scattering = Scattering(*shape[1:])
    return even(lambda x: logarithms(scattering, x), shape)


@register(
    "log-scattering",
    title="fast model, logarithms",
    one_pass=True,
    features="log-scattering",
    source="arXiv:2011.11660",
)
def log_scattering(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Logarithms of the fast model's wavelet features, learned in coordinates that vary evenly: of many images more is
    recognised at the same privacy budget; of few, and under attack, less."""
    return LogScattering(shape, n_classes)
