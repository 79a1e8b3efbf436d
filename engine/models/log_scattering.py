"""Logarithms of the wavelet scattering, trained in coordinates that vary evenly: the most accurate at small budgets."""

from functools import lru_cache

import torch
from torch import Tensor, nn

from engine.models.basis import Basis, even
from engine.models.fixed import Linear
from engine.models.scattering import CHANNELS, Scattering
from engine.registry import register

FAINT = 3e-3  # coefficients below are told apart less: a first-order coefficient of an edge is about ten times that


class LogScattering(Linear):
    """log(FAINT + scattering) and one linear layer."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        channels, height, width = self.shape = shape
        scattering = Scattering(height, width)
        super().__init__(channels * CHANNELS * scattering.out[0] * scattering.out[1], n_classes)
        self.scattering = scattering

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F)."""
        return _logarithms(self.scattering, x)


def _logarithms(scattering: Scattering, x: Tensor) -> Tensor:
    return (scattering(x).clamp(min=0) + FAINT).log().flatten(1)


@lru_cache(maxsize=2)
def basis(shape: tuple[int, int, int]) -> Basis:
    scattering = Scattering(*shape[1:])
    return even(lambda x: _logarithms(scattering, x), shape)
