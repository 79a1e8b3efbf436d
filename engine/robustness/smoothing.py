"""Randomised smoothing (arXiv:1902.02918): the class given most often in Gaussian noise, and how far it holds.

What is certified is the smoothed model, not the model itself, in the L2 norm, and each image with a probability: of
many images, a share of at most `significance` may be certified too far.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta, norm
from torch import Tensor, nn

from engine import draws
from engine.checks import within

BATCH = 128  # pictures in noise at a time
MOST_DRAWS = 1_000_000


@dataclass(frozen=True)
class Smoothed:
    """Of each image (N,): the class most often given in noise, whether nothing is claimed, and the L2 radius certified.

    The radius is 0 where the model abstains; elsewhere the smoothed class is the same for every change shorter than it.
    """

    prediction: Tensor
    abstained: Tensor
    radius: Tensor

    def correct(self, y: Tensor, radius: float) -> Tensor:
        """Which images (N,) are certified to be class y up to the L2 distance `radius`; none that is abstained from."""
        return (self.prediction == y) & (self.radius > radius)


def certify(
    model: nn.Module,
    x: Tensor,
    *,
    sigma: float,
    n0: int = 100,
    n: int = 1000,
    significance: float = 0.001,
    seed: int = 0,
) -> Smoothed:
    """The smoothed model's classes of images x (N, C, H, W) in [0, 1], and their radii in pixel units.

    `n0` draws choose the class, `n` others count it. Draws belong to an image, so parts of `x` may be certified one
    after the other. sigma in [0.001, 10], BadInput outside. Noise leaves [0, 1]: what is certified is the model there.
    """
    within("sigma", sigma, 0.001, 10)
    within("n0", n0, 1, MOST_DRAWS)
    within("n", n, 1, MOST_DRAWS)
    within("significance", significance, 1e-12, 0.5)
    counts = [_counted(model.eval(), image, sigma, (n0, n), seed) for image in x]
    chosen = torch.tensor([int(first.argmax()) for first, _ in counts], device=x.device)
    hits = np.array([int(then[first.argmax()]) for first, then in counts])
    radius = torch.tensor(certified(hits, n, sigma=sigma, significance=significance), device=x.device)
    return Smoothed(chosen, radius == 0, radius)


def certified(hits: NDArray[np.int64], n: int, *, sigma: float, significance: float) -> NDArray[np.float64]:
    """L2 radius for `hits` of `n` draws: sigma times the normal quantile of the share they stand for; 0 under half.

    The share is the lower Clopper-Pearson bound, one-sided.

    >>> certified(np.array([1000, 900, 500]), 1000, sigma=1.0, significance=0.001).round(3).tolist()
    [2.463, 1.114, 0.0]
    """
    share = np.where(hits > 0, beta.ppf(significance, np.maximum(hits, 1), n - hits + 1), 0.0)
    radius: NDArray[np.float64] = sigma * norm.ppf(np.maximum(share, 0.5))
    return radius


@torch.no_grad()
def _counted(
    model: nn.Module, image: Tensor, sigma: float, draws_: Sequence[int], seed: int
) -> list[NDArray[np.int64]]:
    """How often each class is given, in so many draws, and then in so many others."""
    generator = draws.of_image(image, seed)
    logits = torch.cat([model(_in_noise(image, sigma, n, generator)) for n in _batches(sum(draws_))])
    answers, classes = logits.argmax(1).split(list(draws_)), logits.shape[1]
    return [np.bincount(part.cpu().numpy(), minlength=classes) for part in answers]


def _in_noise(image: Tensor, sigma: float, n: int, generator: np.random.Generator) -> Tensor:
    noise = generator.standard_normal((n, *image.shape), dtype=np.float32)
    return image + sigma * torch.from_numpy(noise).to(image)


def _batches(n: int) -> list[int]:
    """
    >>> _batches(300)
    [128, 128, 44]
    """
    return [min(BATCH, n - done) for done in range(0, n, BATCH)]
