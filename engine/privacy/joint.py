"""What releasing several private models of the same data amounts to, as mechanisms to be composed. No torch.

Models that draw the same Poisson batches and add noise of their own are, step by step, one subsampled Gaussian of less
noise: with sensitivity C_k and noise sigma_k C_k each, one of sigma = (sum of sigma_k^-2)^(-1/2) in units of a common
bound. Amplification by sampling is then paid for once. Models with batches of their own compose one after another.
"""

from collections.abc import Iterable, Sequence

from engine.mechanism import Mechanism

__all__ = ["Mechanism", "released", "together"]


def released(models: Sequence[Mechanism], *, shared: bool) -> tuple[Mechanism, ...]:
    """What is to be composed when all of `models` are released.

    `shared`: models of one sample rate and number of steps train in one pass, on the same batches; models that differ
    in either have batches of their own. Without it every model has.

    >>> first, second = released([Mechanism(0.1, 2.0, 5), Mechanism(0.1, 2.0, 5), Mechanism(0.1, 2.0, 8)], shared=True)
    >>> (round(first.noise_multiplier, 3), first.steps), (second.noise_multiplier, second.steps)
    ((1.414, 5), (2.0, 8))
    """
    if not shared:
        return tuple(models)
    passes: dict[tuple[float, int], list[float]] = {}
    for model in models:
        passes.setdefault((model.sample_rate, model.steps), []).append(model.noise_multiplier)
    return tuple(Mechanism(rate, together(noise), steps) for (rate, steps), noise in passes.items())


def together(noise_multipliers: Iterable[float]) -> float:
    """The noise multiplier of several Gaussians on one batch, as one.

    >>> together([2.0, 2.0, 2.0, 2.0])
    1.0
    """
    return float(sum(sigma**-2 for sigma in noise_multipliers) ** -0.5)
