"""What releasing several private models of the same data amounts to, as mechanisms to be composed. No torch.

Models that draw the same Poisson batches and add noise of their own are, step by step, one subsampled Gaussian of less
noise: with sensitivity C_k and noise sigma_k C_k each, one of sigma = (sum of sigma_k^-2)^(-1/2) in units of a common
bound. Amplification by sampling is then paid for once. Models with batches of their own compose one after another.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
from dp_accounting.dp_event import RepeatAndSelectDpEvent
from dp_accounting.rdp import RdpAccountant

from engine.mechanism import Mechanism
from engine.privacy.accounting import FINE, MADE_BY, affordable, composed
from engine.privacy.remembered import remembered

__all__ = ["Mechanism", "best_of", "interval", "joint_epsilon", "merged", "released", "together"]

GEOMETRIC, LOGARITHMIC = 1.0, 0.0  # how a random number of tries is distributed
ORDERS = (*range(2, 65), 80, 96, 128, 192, 256, 384, 512, 1024)  # of Renyi divergences; others do not always converge
SECONDS = 1.0  # about what a joint guarantee may take that was not asked for before


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


def merged(mechanisms: Iterable[Mechanism]) -> list[Mechanism]:
    """The same composition with equal ones done one after another, in one order whatever the order given.

    >>> merged([Mechanism(0.1, 2.0, 5), Mechanism(0.1, 1.0, 5), Mechanism(0.1, 2.0, 8)])[1].steps
    13
    """
    steps: dict[tuple[float, float], int] = {}
    for one in mechanisms:
        terms = one.sample_rate, one.noise_multiplier
        steps[terms] = steps.get(terms, 0) + one.steps
    return [Mechanism(rate, noise, steps[rate, noise]) for rate, noise in sorted(steps)]


def interval(mechanisms: Iterable[Mechanism]) -> float:
    """On what interval of the privacy loss these are composed, so that it takes about SECONDS."""
    return affordable(merged(mechanisms), FINE, SECONDS)


def joint_epsilon(mechanisms: Iterable[Mechanism], delta: float, cache: Path) -> float:
    """Epsilon at `delta` of doing all of `mechanisms`, one after another: pessimistic, remembered on disk.

    0 for none. The first time may take a few seconds.
    """
    parts = merged(mechanisms)
    if not parts:
        return 0.0
    question = ["joint", *MADE_BY, interval(parts), delta, [list(vars(part).values()) for part in parts]]

    def answer() -> float:
        return float(composed(parts, interval(parts)).get_epsilon_for_delta(delta))

    found: float = remembered(cache, question, answer)
    return found


def best_of(model: Mechanism, tries: float, delta: float, *, shape: float = GEOMETRIC) -> float:
    """Epsilon at `delta` of releasing only the best of about `tries` models like `model` (arXiv:2110.03620).

    It holds when their number is random, drawn beforehand, with mean `tries` (GEOMETRIC: after each try stop with
    chance 1 / tries; LOGARITHMIC: the logarithmic distribution); when each draws its own hyperparameters, batches and
    noise; when "best" is judged on public data, or privately within each model's own epsilon; and when nobody sees
    the others. A fixed grid of tries composes instead: `joint_epsilon`. By Renyi curves, which are some percent
    larger than the PLD figures of a single model.

    >>> trained = Mechanism(8192 / 60000, 3.2, 219)  # epsilon 2.8
    >>> [round(best_of(trained, 10, 1e-5, shape=shape), 1) for shape in (LOGARITHMIC, GEOMETRIC)]
    [4.9, 5.7]
    """
    one = SelfComposedDpEvent(
        PoissonSampledDpEvent(model.sample_rate, GaussianDpEvent(model.noise_multiplier)), model.steps
    )
    books = RdpAccountant(ORDERS)
    books.compose(RepeatAndSelectDpEvent(one, tries, shape))
    return float(books.get_epsilon(delta))
