"""Many linear models in one pass: K private models of the same features train as one matrix product.

For a linear layer the gradient of one example is the outer product of its residual p - y and its features x, so
its norm is |p - y| |x| and no per-example gradient is ever built (Goodfellow, arXiv:1510.01799). The models of a
bank share Poisson batches; each has its own noise. Features end in a constant 1, which is the bias.

The clipping bound must hold for the numbers that are added, not for those that were meant: residuals are rounded
to bf16 first and clipped from the rounded values, products accumulate and return in fp32, and every example is
clipped to slightly less than max_grad_norm, which pays for the rounding of the sum. That is enough for sums in random
order, as batches come (errors seen: 0.0005 of max_grad_norm), not for an order somebody has contrived (seen: 0.06).
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import BadInput
from engine.privacy.streams import Draws

CHUNK = 1024  # rows a product: bounds memory, and the rounding error of each fp32 sum
MARGIN = 1 / 64  # share of max_grad_norm kept back for rounding


@dataclass(frozen=True)
class Features:
    """`x` bf16 (N, F), last column 1; `y` int64 (N,); `norms` float32 (N,), of the rounded rows.

    `basis` names the coordinates they are in: weights on others mean nothing here.
    """

    x: Tensor
    y: Tensor
    norms: Tensor
    basis: str = ""


def as_features(x: Tensor, y: Tensor, basis: str = "") -> Features:
    """Features for a bank; BadInput when one is not finite, for then no bound on its gradient holds."""
    norms = _norms(x)
    if not bool(norms.isfinite().all()):
        bad = int((~norms.isfinite()).nonzero()[0])
        raise BadInput(f"features of image {bad} are not finite, so its gradient cannot be clipped")
    return Features(x, y, norms, basis)


def _norms(x: Tensor) -> Tensor:
    """Norm of each row, computed in float64, (N,)."""
    # in one piece of memory: glibc does not use again what a list of .double() frees, 1.8 GB for 60,000 images
    room = torch.empty(min(CHUNK, len(x)), x.shape[1], dtype=torch.float64)
    each = (torch.linalg.vector_norm(room[: len(part)].copy_(part), dim=1) for part in x.split(CHUNK))
    return torch.cat(list(each)).float()


@dataclass(frozen=True)
class Column:
    """One model of a bank; `noise_multiplier` in units of `max_grad_norm`; inf and 0 train without privacy."""

    key: tuple[str | int | float, ...]  # names the stream of its noise
    learning_rate: float
    noise_multiplier: float
    max_grad_norm: float

    def __post_init__(self) -> None:
        if self.noise_multiplier > 0 and not isfinite(self.max_grad_norm):
            raise BadInput(f"max_grad_norm={self.max_grad_norm:g} bounds no gradient, so no noise keeps a promise")


@dataclass
class State:
    """What a checkpoint holds: weights and velocity (F, K * n_classes) in fp32, and the next step."""

    weights: Tensor
    velocity: Tensor
    step: int = 0


def blank(n_features: int, n_columns: int, n_classes: int) -> State:
    """Zero weights: nothing of the data, and the same start for all."""
    shape = (n_features, n_columns * n_classes)
    return State(torch.zeros(shape), torch.zeros(shape))


@contextmanager
def bf16_products() -> Iterator[None]:
    """Products of fp32 tensors may round their operands to bf16; sums and results stay fp32."""
    products: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = products.fp32_precision
    products.fp32_precision = "bf16"
    try:
        yield
    finally:
        products.fp32_precision = before


def clipped_residuals(logits: Tensor, y: Tensor, norms: Tensor, bounds: Tensor) -> Tensor:
    """Residuals (n, K, classes), bf16 values in fp32, such that |residual| |x| <= bounds[k] (1 - MARGIN)."""
    residuals = _softmax(logits)
    residuals[torch.arange(len(y), device=y.device), :, y] -= 1
    residuals = residuals.nan_to_num_(0.0).bfloat16().float()
    sizes = residuals.norm(dim=2) * norms[:, None]
    scale = (bounds * (1 - MARGIN) / sizes).clamp_(max=1.0).nan_to_num_(1.0)
    # rounding again after scaling lengthens a residual by 2^-8 at most: well inside MARGIN
    scaled: Tensor = residuals * scale[:, :, None]
    return scaled.bfloat16().float()


def _softmax(logits: Tensor) -> Tensor:
    """Softmax over the last dimension; torch's own takes three times as long for ten classes (docs/results.md)."""
    raised = (logits - logits.amax(dim=-1, keepdim=True)).exp_()
    return raised.div_(raised.sum(dim=-1, keepdim=True))


def summed_gradient(
    features: Features, rows: Tensor, weights: Tensor, bounds: Tensor, members: Tensor | None = None
) -> Tensor:
    """Sum over `rows` of each model's clipped gradient, (F, K * classes) in fp32; an empty batch gives zeros.

    Adding or removing one row moves the sum of model k by at most bounds[k] in L2, rounding included, when the order of
    `rows` is random. With `members`, bool (N, K), model k sums over the rows that are its own.
    """
    total = weights.new_zeros(
        weights.shape[1], weights.shape[0]
    )  # the product is faster this way round (docs/results.md)
    rounded = weights.bfloat16()
    n_classes = weights.shape[1] // len(bounds)
    for part in rows.split(CHUNK):
        x = features.x.index_select(0, part)
        logits = (x @ rounded).float().view(len(part), len(bounds), n_classes)
        residuals = clipped_residuals(logits, features.y[part], features.norms[part], bounds)
        if members is not None:
            residuals.mul_(members[part].unsqueeze(2))
        with bf16_products():
            total += residuals.flatten(1).T @ x.float()
    return total.T


def noise(draws: Draws, columns: Sequence[Column], step: int, n_features: int, n_classes: int) -> Tensor:
    """Each column's own Gaussian noise of one step, (F, K * classes), standard deviation sigma_k C_k."""
    out = np.zeros((n_features, len(columns), n_classes), np.float32)

    def draw(k: int) -> None:
        column = columns[k]
        normal = draws.normal((n_features, n_classes), *column.key, "noise", step)
        out[:, k] = normal * (column.noise_multiplier * column.max_grad_norm)

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:  # numpy draws without the interpreter's lock
        list(threads.map(draw, [k for k, column in enumerate(columns) if column.noise_multiplier > 0]))
    return torch.from_numpy(out).flatten(1)


def train(
    features: Features,
    columns: Sequence[Column],
    state: State,
    draws: Draws,
    *,
    batch_key: tuple[str | int | float, ...],
    sample_rate: float,
    steps: int,
    momentum: float,
    decay: float,
    on_step: Callable[[State], None],
    members: Tensor | None = None,
    share: float = 1.0,
) -> State:
    """Train all columns from `state` to `steps`; `on_step` sees the state after each step and may raise.

    Batches are Poisson with `sample_rate`, drawn under the name `batch_key`; the divisor is the expected batch size.
    With `members`, bool (N, K), column k learns from its own examples alone: a Poisson sample of them at `sample_rate`.
    `share` is the chance that an example is a member, fixed beforehand: how many there are would tell of one of them.
    The rate falls linearly to 0 over the last 1 - `decay` of the steps. Classic momentum, as torch.optim.SGD has it.
    Everything is computed where the features lie; batches and noise are drawn on the CPU, the same on every device.
    """
    n_features, n_classes, device = features.x.shape[1], state.weights.shape[1] // len(columns), features.x.device
    state.weights, state.velocity = state.weights.to(device), state.velocity.to(device)
    bounds = torch.tensor([column.max_grad_norm for column in columns], device=device)
    rates = torch.tensor([column.learning_rate for column in columns], device=device).repeat_interleave(n_classes)
    expected = sample_rate * len(features.y) * share
    members = None if members is None else members.to(device)
    while state.step < steps:
        drawn = torch.from_numpy(draws.batch(len(features.y), sample_rate, *batch_key, "batch", state.step)).to(device)
        rows = drawn if members is None else drawn[members[drawn].any(1)]  # nobody's rows need no product
        total = summed_gradient(features, rows, state.weights, bounds, members)
        noisy = total + noise(draws, columns, state.step, n_features, n_classes).to(device)
        state.velocity.mul_(momentum).add_(noisy, alpha=1 / expected)
        state.weights.sub_(state.velocity * (rates * schedule(state.step, steps, decay)))
        state.step += 1
        on_step(state)
    return state


def schedule(step: int, steps: int, decay: float) -> float:
    """1 until `decay` of the steps, then linearly to 0 at the end.

    >>> [schedule(t, 10, 0.6) for t in (0, 6, 8)]
    [1.0, 1.0, 0.5]
    """
    return min(1.0, (steps - step) / (steps * (1 - decay))) if decay < 1 else 1.0


def accuracies(features: Features, state: State, n_columns: int) -> NDArray[np.float32]:
    """Share of rows each model gets right, (K,)."""
    logits = (features.x @ state.weights.bfloat16()).float().view(len(features.y), n_columns, -1)
    right: NDArray[np.float32] = (logits.argmax(2) == features.y[:, None]).float().mean(0).cpu().numpy()
    return right


def losses(features: Features, state: State, n_columns: int, n_rows: int = 2048) -> list[float]:
    """Mean cross-entropy on the first `n_rows` rows: for models without privacy only, since it is not private."""
    n_classes = state.weights.shape[1] // n_columns
    logits = (features.x[:n_rows] @ state.weights.bfloat16()).float().view(-1, n_columns, n_classes)
    y = features.y[:n_rows, None].expand(-1, n_columns)
    loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), y, reduction="none")
    return [float(v) for v in loss.mean(0)]
