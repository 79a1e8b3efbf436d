"""DP-SGD for a network, one model at a time, with Opacus's per-sample gradients (arXiv:1607.00133).

Opacus supplies the per-sample gradients, the clipping and the noisy step. Batches are ours: truly Poisson, the
expected batch size as divisor, and every step's noise from a stream of its own.
"""

import warnings
from collections.abc import Callable, Mapping

import torch
from opacus import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn
from torch.nn import functional

from engine.privacy.bank import Column, schedule
from engine.privacy.streams import poisson_batch, stream
from engine.recipes import Recipe

warnings.filterwarnings("ignore", message="Full backward hook is firing")  # images need no gradient in training

CHUNK = 512  # images whose per-sample gradients are held at once


class Trainer:
    """A network in training: `model` is the bare network, `state` what a checkpoint holds."""

    def __init__(self, model: nn.Module, column: Column, recipe: Recipe, n_train: int) -> None:
        self.column, self.recipe, self.n_train = column, recipe, n_train
        self.private = column.noise_multiplier > 0
        self.step = 0
        self.noise = torch.Generator()
        self.model = model
        self.wrapped = GradSampleModule(model, loss_reduction="sum") if self.private else model
        self.sgd = torch.optim.SGD(self.wrapped.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
        self.optimizer = self._private_optimizer() if self.private else self.sgd

    def _private_optimizer(self) -> DPOptimizer:
        return DPOptimizer(
            self.sgd,
            noise_multiplier=self.column.noise_multiplier,
            max_grad_norm=self.column.max_grad_norm,
            expected_batch_size=None,  # sums: the division by the expected batch size is in the learning rate
            loss_reduction="sum",
            generator=self.noise,
        )

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
            sample_rate = self.recipe.batch / self.n_train
            batch = poisson_batch(len(y), sample_rate, stream(*batch_key, "batch", self.step))
            rows = torch.from_numpy(batch)
            rate = self.recipe.learning_rate * schedule(self.step, self.recipe.steps, self.recipe.decay)
            for group in self.sgd.param_groups:
                group["lr"] = rate / self.recipe.batch
            self._descend(x, y, rows)
            self.step += 1
            on_step()

    def _descend(self, x: Tensor, y: Tensor, rows: Tensor) -> None:
        """One step on the summed gradient of `rows` (clipped and noisy when private), a chunk at a time."""
        self.noise.manual_seed(int(stream(*self.column.key, "noise", self.step).integers(2**63)))
        self.wrapped.train()
        parts = rows.split(CHUNK) if len(rows) else (rows,)
        for i, part in enumerate(parts):
            functional.cross_entropy(self.wrapped(x[part]), y[part], reduction="sum").backward()
            if isinstance(self.optimizer, DPOptimizer):
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
