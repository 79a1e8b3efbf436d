"""DP-SGD for a network, one model at a time, with Opacus's per-sample gradients (arXiv:1607.00133).

Opacus supplies the per-sample gradients and the clipping. Batches and noise are ours: truly Poisson, the expected
batch size as divisor, and every step's noise from a stream of its own, in float64 (torch's generators have 32 bits of
seed on a CPU). As in the bank, a share of max_grad_norm is kept back for the rounding of the sum.
"""

import warnings
from collections.abc import Callable, Mapping
from math import isfinite

import numpy as np
import torch
from opacus import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn
from torch.nn import functional

from engine.privacy.bank import MARGIN, Column, schedule
from engine.privacy.streams import poisson_batch, stream
from engine.recipes import Recipe

warnings.filterwarnings("ignore", message="Full backward hook is firing")  # images need no gradient in training

CHUNK = 512  # images whose per-sample gradients are held at once


class Optimizer(DPOptimizer):  # type: ignore[misc]
    """Opacus's, with noise of standard deviation `scale` from the stream `noise`, which is set before each step."""

    noise: np.random.Generator
    scale: float

    def add_noise(self) -> None:
        """Each parameter's summed gradient and its noise become the gradient."""
        for p in self.params:
            drawn = torch.from_numpy(self.scale * self.noise.standard_normal(tuple(p.shape)))
            p.grad = p.summed_grad.view_as(p) + drawn.to(p)


class Trainer:
    """A network in training: `model` is the bare network, `state` what a checkpoint holds."""

    def __init__(self, model: nn.Module, column: Column, recipe: Recipe, sample_rate: float) -> None:
        self.column, self.recipe, self.sample_rate = column, recipe, sample_rate
        self.private = isfinite(column.max_grad_norm)  # clipped, at least: the clip-only baseline adds noise of size 0
        self.step = 0
        self.model = model
        self.wrapped = GradSampleModule(model, loss_reduction="sum") if self.private else model
        self.sgd = torch.optim.SGD(self.wrapped.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
        self.optimizer = self._private_optimizer() if self.private else self.sgd

    def _private_optimizer(self) -> Optimizer:
        optimizer = Optimizer(
            self.sgd,
            noise_multiplier=self.column.noise_multiplier,
            max_grad_norm=self.column.max_grad_norm * (1 - MARGIN),
            expected_batch_size=None,  # sums: the division by the expected batch size is in the learning rate
            loss_reduction="sum",
        )
        optimizer.scale = self.column.noise_multiplier * self.column.max_grad_norm
        return optimizer

    def state(self) -> dict[str, object]:
        """Weights, optimiser and step: enough to go on with the same numbers."""
        return {"model": self.model.state_dict(), "sgd": self.sgd.state_dict(), "step": self.step}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on from `state()`."""
        self.model.load_state_dict(state["model"])  # type: ignore[arg-type]
        self.sgd.load_state_dict(state["sgd"])  # type: ignore[arg-type]
        self.step = int(state["step"])  # type: ignore[call-overload]

    def train(
        self, x: Tensor, y: Tensor, *, batch_key: tuple[str | int | float, ...], on_step: Callable[[], None]
    ) -> None:
        """Train to the last step; `on_step` is called after each and may raise."""
        while self.step < self.recipe.steps:
            batch = poisson_batch(len(y), self.sample_rate, stream(*batch_key, "batch", self.step))
            rows = torch.from_numpy(batch)
            rate = self.recipe.learning_rate * schedule(self.step, self.recipe.steps, self.recipe.decay)
            for group in self.sgd.param_groups:
                group["lr"] = rate / self.recipe.batch
            self._descend(x, y, rows)
            self.step += 1
            on_step()

    def _descend(self, x: Tensor, y: Tensor, rows: Tensor) -> None:
        """One step on the summed gradient of `rows` (clipped and noisy when private), a chunk at a time."""
        if isinstance(self.optimizer, Optimizer):
            self.optimizer.noise = stream(*self.column.key, "noise", self.step)
        self.wrapped.train()
        parts = rows.split(CHUNK) if len(rows) else (rows,)
        for i, part in enumerate(parts):
            functional.cross_entropy(self.wrapped(x[part]), y[part], reduction="sum").backward()
            if isinstance(self.optimizer, Optimizer):
                self.optimizer.signal_skip_step(do_skip=i < len(parts) - 1)
                self.optimizer.step()
                self.optimizer.zero_grad()
        if self.optimizer is self.sgd:
            self.sgd.step()
            self.sgd.zero_grad()

    @torch.no_grad()
    def loss(self, x: Tensor, y: Tensor, n_rows: int = 2048) -> float:
        """Mean cross-entropy on the first rows: for models without privacy only, since it is not private."""
        return float(functional.cross_entropy(self.model(x[:n_rows]), y[:n_rows]))
