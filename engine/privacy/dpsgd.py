"""DP-SGD for a network, one model at a time (arXiv:1607.00133), on the gradients of privacy/persample.py.

Batches are truly Poisson and the expected batch size is the divisor. As in the bank, a share of max_grad_norm is kept
back for rounding; sums over chunks and noise are float64, so that what is left to round is a chunk's own product.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import isinf
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.models.loss import losses
from engine.privacy import coupling, keyed, persample
from engine.privacy.bank import MARGIN, Column, schedule
from engine.privacy.keyed import Keyed
from engine.privacy.streams import Draws
from engine.privacy.views import CHANCES, seen
from engine.recipes import Recipe

CHUNK = 512  # images at once, views counted: what bounds memory; twice as many are a fifteenth faster
MEMORY = 2**28  # bytes that a chunk's noted inputs, outputs and gradients may take

Sums = dict[Tensor, Tensor]  # by parameter of the twin
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]  # (model, x, y) -> (N,), each of its own example alone


class Defence(Protocol):
    """A loss with perturbations of its own: that of an example hangs on it, its `noise` and the weights alone.

    `model` is what is trained, `attacked` the same network bare, which perturbations are made on.
    """

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, attacked: nn.Module, noise: Keyed) -> Tensor: ...

    def look(self, model: nn.Module, step: int) -> None:
        """Before each step: a defence that watches the weights may do so; it sees no data."""

    def state(self) -> dict[str, Any]:
        """What has to be kept to go on with the same numbers."""

    def restore(self, state: Mapping[str, Any]) -> None: ...


class Trainer:
    """A network in training: `model` is the bare network, `state` what a checkpoint holds.

    Training runs on a twin with the same weights but hooks, mode and gradients of its own: between two steps, or
    beside them, `model` can be used and attacked like any other. A model whose max_grad_norm is infinite is trained
    without clipping; the noise multiplier may be 0 either way.
    """

    def __init__(
        self, model: nn.Module, column: Column, recipe: Recipe, sample_rate: float, defence: Defence | None = None
    ) -> None:
        self.column, self.recipe, self.sample_rate, self.defence = column, recipe, sample_rate, defence
        self.step = 0
        self.model = model
        self.twin = twin(model).train()
        self.names: dict[Tensor, str] = {p: name for name, p in self.twin.named_parameters() if p.requires_grad}
        self.optimizer = _optimizer(self.names, recipe)
        self.averages = {name: torch.zeros_like(p) for p, name in self.names.items()} if recipe.average else {}
        self.chunk = 0

    def state(self) -> dict[str, object]:
        """Weights, optimiser, averages and step: enough to go on with the same numbers."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "averages": self.averages,
            "step": self.step,
            "defence": self.defence.state() if self.defence else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, average in self.averages.items():
            average.copy_(state["averages"][name])
        if self.defence:
            self.defence.restore(state["defence"])
        self.step = int(state["step"])

    def train(
        self,
        x: Tensor,
        y: Tensor,
        draws: Draws,
        *,
        batch_key: tuple[str | int | float, ...],
        on_step: Callable[[], None],
    ) -> None:
        """Train to the last step; `on_step` is called after each and may raise.

        BadInput, before the first step, when the model's gradients cannot be clipped image by image.
        """
        if not self.chunk:
            self.prepare(x)
        while self.step < self.recipe.steps:
            batch = draws.batch(len(y), self.sample_rate, *batch_key, "batch", self.step)
            self.advance(x, y, torch.from_numpy(batch), draws)
            on_step()

    def prepare(self, x: Tensor) -> None:
        """Refuse what cannot be clipped; choose how many images a chunk holds."""
        images = CHUNK
        if not isinf(self.column.max_grad_norm):
            coupling.check(self.model, tuple(x.shape[1:]))
            images = min(CHUNK, MEMORY // footprint(self.twin, x[:1]))
        self.chunk = max(1, images // self.recipe.views)

    def advance(self, x: Tensor, y: Tensor, rows: Tensor, draws: Draws) -> None:
        """One step, on the images `rows`."""
        if self.defence:
            self.defence.look(self.model.eval(), self.step)
        self._descend(self.sums(x, y, rows, draws), draws)
        self.step += 1

    def sums(self, x: Tensor, y: Tensor, rows: Tensor, draws: Draws) -> Sums:
        """Sum over `rows` of each image's clipped gradient, in float64, a chunk at a time."""
        chances = self._chances(len(y), draws)
        totals = {p: torch.zeros_like(p, dtype=torch.float64) for p in self.names}
        device = next(iter(totals)).device
        with _dropping(self.twin, draws, *self.column.key, "dropout", self.step):
            for part in rows.split(self.chunk) if len(rows) else ():
                images, labels = x[part].to(device), y[part].to(device)
                if chances is not None:
                    images = seen(images, chances[part.numpy()], shift=self.recipe.shift, flip=self.recipe.flip)
                    labels = labels.repeat_interleave(self.recipe.views)
                for parameter, total in self._of_chunk(images, labels, self._loss(part, draws)).items():
                    totals[parameter] += total
        return totals

    def _loss(self, rows: Tensor, draws: Draws) -> Loss:
        """What is minimised on the images `rows`; each has random numbers of its own, whoever else is in the batch."""
        if self.defence is None:
            return losses
        seed = draws.seed(*self.column.key, "defence")
        noise = keyed.of_rows(seed, self.step, rows, self.recipe.views)
        return partial(self.defence, attacked=self.model.eval(), noise=noise)

    def _chances(self, n: int, draws: Draws) -> Any:
        """Random numbers for the views of this step, (n, views, 3): an image's own, whoever else is in the batch."""
        if self.recipe.views == 1 and not (self.recipe.shift or self.recipe.flip):
            return None
        return draws.normal((n, self.recipe.views, CHANCES), *self.column.key, "views", self.step)

    def _of_chunk(self, x: Tensor, y: Tensor, loss: Loss) -> Sums:
        if isinf(self.column.max_grad_norm):
            total = loss(self.twin, x, y).sum() / self.recipe.views
            found = torch.autograd.grad(total, list(self.names), materialize_grads=True)
            return dict(zip(self.names, found, strict=True))
        return clipped_sum(self.twin, x, y, self.column.max_grad_norm, self.recipe.views, loss)

    def _descend(self, sums: Sums, draws: Draws) -> None:
        """One step of the optimiser on the noisy sum over the expected batch size."""
        rate = self.recipe.learning_rate * schedule(self.step, self.recipe.steps, self.recipe.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for parameter, name in self.names.items():
            noisy = sums[parameter] + self._noise(parameter, name, draws)
            parameter.grad = (noisy / self.recipe.batch).to(parameter)
        self.optimizer.step()
        self.optimizer.zero_grad()
        for parameter, name in self.names.items():
            if self.averages:
                self.averages[name].lerp_(parameter.detach(), 1 - self.recipe.average)

    def _noise(self, parameter: Tensor, name: str, draws: Draws) -> Tensor | float:
        """Gaussian noise for one parameter's sum, float64, standard deviation sigma C."""
        if not self.column.noise_multiplier:
            return 0.0
        drawn = draws.normal(tuple(parameter.shape), *self.column.key, "noise", self.step, name)
        scale = self.column.noise_multiplier * self.column.max_grad_norm
        return torch.from_numpy(drawn * scale).to(parameter.device)

    def released(self) -> nn.Module:
        """The network to be used: with weights averaged over the steps where the recipe asks for it, else `model`.

        The average starts from nothing, so it is divided by the weight of what it has seen (as Adam does).
        """
        if not (self.averages and self.step):
            return self.model
        average = copy.deepcopy(self.model)
        with torch.no_grad():
            for name, value in self.averages.items():
                average.get_parameter(name).copy_(value / (1 - self.recipe.average**self.step))
        return average

    @torch.no_grad()
    def loss(self, x: Tensor, y: Tensor, n_rows: int = 2048) -> float:
        """Mean loss on the first rows: for models without privacy only, since it is not private."""
        model = self.released()
        device = next(model.parameters()).device
        return float(losses(model, x[:n_rows].to(device), y[:n_rows].to(device)).mean())


def twin(model: nn.Module) -> nn.Module:
    """A copy whose parameters and buffers lie in the same memory, with nothing else in common."""
    shared = {id(p): nn.Parameter(p.data, requires_grad=p.requires_grad) for p in model.parameters()}
    return copy.deepcopy(model, shared | {id(b): b for b in model.buffers()})


@contextmanager
def _dropping(model: nn.Module, draws: Draws, *words: str | int | float) -> Iterator[None]:
    """For training without clipping (the check refuses dropout otherwise), so that the same study has the same numbers.

    Dropout knows the global generator only: lent to it from a seed of our own, and put back as it was. Without dropout
    nothing is touched, so that others may draw meanwhile.
    """
    if not any(isinstance(layer, nn.modules.dropout._DropoutNd) for layer in model.modules()):
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(draws.normal((1,), *words).view("int64")[0]))
        yield


def clipped_sum(
    model: nn.Module, x: Tensor, y: Tensor, max_grad_norm: float, views: int = 1, loss: Loss = losses
) -> Sums:
    """Sum of each image's gradient, clipped to slightly less than `max_grad_norm`: rounding has the rest.

    `x` (n * views, ...), the views of an image side by side; its gradient is the mean over them.
    """
    with persample.recorded(model) as calls:
        total = loss(model, x, y).sum()
    found = persample.gradients(calls, total, views)
    return persample.clipped_sums(found, max_grad_norm * (1 - MARGIN), views)


def footprint(model: nn.Module, x: Tensor) -> int:
    """Bytes that a chunk takes for each image, roughly: what layers are given, and gradients that are written out."""
    device = next(model.parameters()).device
    with persample.recorded(model) as calls:
        loss = losses(model, x.to(device), torch.zeros(1, dtype=torch.int64, device=device)).sum()
    held = [tensor for gradient in persample.gradients(calls, loss).values() for tensor in gradient.held]
    given = [part for call in calls for part in call.given]
    return sum(4 * tensor.numel() * tensor.element_size() for tensor in [*held, *given])


def _optimizer(names: Mapping[Tensor, str], recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "adam":
        return torch.optim.Adam(names, lr=recipe.learning_rate)
    return torch.optim.SGD(names, lr=recipe.learning_rate, momentum=recipe.momentum)
