"""How each model is trained. Chosen on a validation split of training data, never on test data (docs/decisions.md)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import inf, isinf

SMALL = 10_000  # training images; below, noise rules and steps are few


@dataclass(frozen=True)
class Recipe:
    """`batch` is the expected size of a Poisson batch: sample_rate = batch / N. From `decay` on the rate falls to 0.

    Networks only: `optimizer` is "sgd" or "adam"; `average` the share of the old in a running mean of the weights
    (0: the last weights); each image is seen `views` times, moved by up to `shift` pixels and with `flip` mirrored.
    """

    batch: int
    steps: int
    learning_rate: float
    max_grad_norm: float = inf
    momentum: float = 0.9
    decay: float = 0.7
    optimizer: str = "sgd"
    average: float = 0.0
    views: int = 1
    shift: int = 0
    flip: bool = False


def recipe(model: str, epsilon: float, n_train: int, defence: str = "none") -> Recipe:
    """The recipe of one budget. Private budgets share batch and steps, so that they can train in one pass.

    `defence` is that of training; a model that has no recipe for it is trained as without.
    """
    known = _RECIPES.get(model, _network)
    return _DEFENDED.get((model, defence), known)(epsilon, n_train)


def _linear(epsilon: float, n_train: int) -> Recipe:
    if n_train < SMALL:
        if isinf(epsilon):
            return Recipe(batch=n_train // 6, steps=600, learning_rate=0.1)
        return Recipe(batch=n_train // 2, steps=60, learning_rate=(epsilon / 0.5) ** 0.75, max_grad_norm=0.1)
    if isinf(epsilon):
        return Recipe(batch=1024, steps=1000, learning_rate=0.03)
    rate = min(48.0, 8.0 * (epsilon / 0.5) ** 0.7)
    return Recipe(batch=min(8192, n_train // 3), steps=219, learning_rate=rate, max_grad_norm=0.1)


def _logarithms(epsilon: float, n_train: int) -> Recipe:
    if n_train < SMALL:
        return _linear(epsilon, n_train)
    if isinf(epsilon):
        return Recipe(batch=1024, steps=1000, learning_rate=0.01)
    rate = min(48.0, 3.2 * epsilon**0.85)
    return Recipe(batch=min(8192, n_train // 3), steps=439, learning_rate=rate, max_grad_norm=0.1)


def _network(epsilon: float, n_train: int) -> Recipe:
    if n_train < SMALL:
        if isinf(epsilon):
            return Recipe(batch=n_train // 6, steps=600, learning_rate=0.1)
        rate = 4.0 * (epsilon / 3) ** 0.7
        return Recipe(batch=n_train // 2, steps=120, learning_rate=rate, max_grad_norm=0.1)
    if isinf(epsilon):
        return Recipe(batch=512, steps=1800, learning_rate=0.1)
    rate = min(12.0, 8.0 * (epsilon / 3) ** 0.7)
    return Recipe(batch=min(4096, n_train // 3), steps=600, learning_rate=rate, max_grad_norm=0.1)


def _deeper(epsilon: float, n_train: int, *, rate: tuple[float, float], steps: tuple[int, int]) -> Recipe:
    """Private `rate` at epsilon 3 and `steps`, on small and on large data; what two cores have time for."""
    large = n_train >= SMALL
    if isinf(epsilon):
        batch, length = (512, 1200) if large else (n_train // 6, 300)
        return Recipe(batch=batch, steps=length, learning_rate=0.1)
    grown = min(12.0, rate[large] * (epsilon / 3) ** 0.7)
    return Recipe(batch=2048 if large else n_train // 2, steps=steps[large], learning_rate=grown, max_grad_norm=0.1)


_RECIPES: dict[str, Callable[[float, int], Recipe]] = {
    "scattering-linear": _linear,
    "log-scattering": _logarithms,
    "pretrained-linear": _linear,
    "cnn": _network,
    "scattering-cnn": partial(_deeper, rate=(2.0, 4.0), steps=(120, 600)),
    "autoencoder": partial(_deeper, rate=(2.0, 4.0), steps=(120, 600)),
    "resnet": partial(_deeper, rate=(2.0, 4.0), steps=(60, 400)),
    "lstm": partial(_deeper, rate=(2.0, 4.0), steps=(120, 400)),
}


def _attacked(epsilon: float, n_train: int, *, plain: Callable[[float, int], Recipe], steps: int) -> Recipe:
    """Without privacy: Adam on small batches, `steps` of them on large data; with it, as without a defence.

    On small data the private rate is halved: the noise of large steps undoes what the defence teaches.
    """
    if not isinf(epsilon):
        how = plain(epsilon, n_train)
        return replace(how, learning_rate=how.learning_rate / 2) if n_train < SMALL else how
    batch, length = (128, steps) if n_train >= SMALL else (n_train // 12, 600)
    return Recipe(batch=batch, steps=length, learning_rate=2e-3, decay=0.3, optimizer="adam")


_DEFENDED: dict[tuple[str, str], Callable[[float, int], Recipe]] = {
    (model, defence): partial(_attacked, plain=_network, steps=steps)
    for model in ("cnn", "fast-cnn")
    for defence, steps in (("adversarial", 7000), ("n-fgsm", 7000), ("trades", 7000))
}
