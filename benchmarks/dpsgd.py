"""One private step of the small network beside Opacus, torch.func and a plain step: seconds, and peak memory."""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from opacus import GradSampleModule
from opacus.grad_sample import GradSampleModuleFastGradientClipping
from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from benchmarks.timing import Work, side_by_side
from engine.models import models
from engine.privacy.bank import Column
from engine.privacy.dpsgd import Trainer
from engine.privacy.streams import Seeded
from engine.recipes import Recipe

BATCH, BOUND, SIGMA, RATE = 1024, 0.1, 1.0, 0.5
IN_A_ROW = 5
USUAL = "plain, usual format"  # what the others are compared with: PyTorch as it comes, the only one they all know
Data = tuple[nn.Module, Tensor, Tensor, Tensor]


class Whole(Seeded):
    """Every batch is everybody, so that all of them work on the same images."""

    def batch(self, n: int, sample_rate: float, *words: Any) -> NDArray[np.int64]:
        return np.arange(n)


def data(batch: int, *, usual: bool = False) -> Data:
    """The model, images, labels and the rows of a batch; each way gathers its own images.

    `usual`: images in PyTorch's usual memory format, not channels last. Opacus 1.6 and vmap know no other.
    """
    torch.manual_seed(0)
    model: Any = models["cnn"].load()((1, 28, 28), 10)
    if usual:
        model.memory_format = torch.contiguous_format
    return model, torch.rand(batch, 1, 28, 28), torch.randint(10, (batch,)), torch.randperm(batch)


def plain(batch: int = BATCH, *, usual: bool = False) -> Work:
    model, x, y, rows = data(batch, usual=usual)
    sgd = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)

    def work() -> None:
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        sgd.step()
        sgd.zero_grad()

    return work


def ours(batch: int = BATCH) -> Work:
    model, x, y, rows = data(batch)
    recipe = Recipe(batch=batch, steps=10**6, learning_rate=RATE, max_grad_norm=BOUND)
    trainer = Trainer(model, Column(("bench",), RATE, SIGMA, BOUND), recipe, 1.0)
    trainer.prepare(x)
    return lambda: trainer.advance(x, y, rows, Whole())


def hooks(batch: int = BATCH) -> Work:
    model, x, y, rows = data(batch, usual=True)
    wrapped = GradSampleModule(model)
    sgd = torch.optim.SGD(wrapped.parameters(), lr=RATE, momentum=0.9)
    optimizer = DPOptimizer(sgd, noise_multiplier=SIGMA, max_grad_norm=BOUND, expected_batch_size=batch)

    def work() -> None:
        nn.functional.cross_entropy(wrapped(x[rows]), y[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()

    return work


def ghost(batch: int = BATCH) -> Work:
    model, x, y, rows = data(batch, usual=True)
    wrapped = GradSampleModuleFastGradientClipping(model, max_grad_norm=BOUND, use_ghost_clipping=True)
    sgd = torch.optim.SGD(wrapped.parameters(), lr=RATE, momentum=0.9)
    optimizer = DPOptimizerFastGradientClipping(
        sgd, noise_multiplier=SIGMA, max_grad_norm=BOUND, expected_batch_size=batch
    )
    criterion = DPLossFastGradientClipping(wrapped, optimizer, nn.CrossEntropyLoss())

    def work() -> None:
        criterion(wrapped(x[rows]), y[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()

    return work


def by_vmap(batch: int = BATCH) -> Work:
    model, x, y, rows = data(batch, usual=True)
    weights = {name: p.detach() for name, p in model.named_parameters()}
    sgd = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)

    def loss(weights: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(model, weights, (image[None],)), label[None])

    each = vmap(grad(loss), in_dims=(None, 0, 0))

    def work() -> None:
        found = each(weights, x[rows], y[rows])
        size = torch.stack([part.flatten(1).norm(dim=1) for part in found.values()]).norm(dim=0)
        scale = (BOUND / size).clamp(max=1)
        for name, p in model.named_parameters():
            total = torch.einsum("n,n...->...", scale, found[name])
            p.grad = (total + SIGMA * BOUND * torch.randn_like(total)) / batch
        sgd.step()
        sgd.zero_grad()

    return work


WAYS: dict[str, Callable[[int], Work]] = {
    USUAL: partial(plain, usual=True),
    "plain, channels last": plain,
    "ours": ours,
    "hooks": hooks,
    "ghost": ghost,
    "vmap": by_vmap,
}


def step_memory(name: str) -> dict[str, float]:
    """MB that a step takes at its peak above what was resident before it, in this fresh process.

    A small step comes first, so that what libraries set up once is not taken for the step's own.
    """
    WAYS[name](8)()
    work = WAYS[name](BATCH)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _status("VmRSS")
    work()
    return {"before_mb": before, "step_mb": _status("VmHWM") - before}


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1e3 for line in lines if line.startswith(field))


def apart(name: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.dpsgd", name], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def in_a_row(step: Work) -> Work:
    """Several steps, one after the other as training has them: the first pays for the memory others left behind."""

    def work() -> None:
        for _ in range(IN_A_ROW):
            step()

    return work


def run(rounds: int = 9) -> dict[str, Any]:
    warnings.filterwarnings("ignore")
    works = {name: in_a_row(way(BATCH)) for name, way in WAYS.items()}
    taken, worked = (side_by_side(works, rounds, clock) for clock in (time.perf_counter, time.process_time))
    memory = {name: apart(name) for name in WAYS}
    return {
        "batch": BATCH,
        "threads": torch.get_num_threads(),
        "steps": IN_A_ROW,
        "seconds": taken,
        "over_plain": _ratios(taken),
        "processor_seconds": worked,
        "processor_over_plain": _ratios(worked),
        "memory": memory,
        "memory_over_plain": {name: m["step_mb"] / memory[USUAL]["step_mb"] for name, m in memory.items()},
        "targets": {"over_plain": 1.4, "memory_over_plain": 1.5},
    }


def _ratios(taken: dict[str, dict[str, float]]) -> dict[str, float]:
    return {name: t["median"] / taken[USUAL]["median"] for name, t in taken.items()}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    print(json.dumps(step_memory(sys.argv[1])))
