"""What releasing several private models of the same data amounts to, as mechanisms to be composed. No torch.

Models that draw the same Poisson batches and add noise of their own are, step by step, one subsampled Gaussian of less
noise: with sensitivity C_k and noise sigma_k C_k each, one of sigma = (sum of sigma_k^-2)^(-1/2) in units of a common
bound. Amplification by sampling is then paid for once. Models with batches of their own compose one after another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanism:
    """`steps` times a Gaussian on a Poisson batch; noise in units of the clipping norm. One trained model is one."""

    sample_rate: float
    noise_multiplier: float
    steps: int


def released(models: Sequence[Mechanism], *, shared: bool) -> tuple[Mechanism, ...]:
    """What is to be composed when all of `models` are released; `shared`: in each step they drew the same batch.

    Models that share batches have one sample rate; those with fewer steps are in fewer of the joint steps.

    >>> both = released([Mechanism(0.1, 2.0, 5), Mechanism(0.1, 2.0, 8)], shared=True)
    >>> [(round(joint.noise_multiplier, 3), joint.steps) for joint in both]
    [(1.414, 5), (2.0, 3)]
    """
    if not shared:
        return tuple(models)
    ends = sorted({model.steps for model in models})
    starts = [0, *ends[:-1]]
    return tuple(
        Mechanism(models[0].sample_rate, together(m.noise_multiplier for m in models if m.steps >= end), end - start)
        for start, end in zip(starts, ends, strict=True)
    )


def together(noise_multipliers: Iterable[float]) -> float:
    """The noise multiplier of several Gaussians on one batch, as one.

    >>> together([2.0, 2.0, 2.0, 2.0])
    1.0
    """
    return float(sum(sigma**-2 for sigma in noise_multipliers) ** -0.5)
