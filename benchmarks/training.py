"""The one-pass trainer against Opacus on the same features, and a whole Fashion-MNIST sweep."""

import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from opacus import GradSampleModule
from opacus.grad_sample import GradSampleModuleFastGradientClipping
from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
from torch import nn

from benchmarks.timing import Clock, Work, seconds, side_by_side
from engine import features, planning, runs, training
from engine.data import datasets
from engine.events import Event
from engine.models.scattering import ScatteringLinear
from engine.privacy.accounting import calibrated
from engine.privacy.bank import CHUNK, Column, Features, bf16_products, blank, train
from engine.privacy.streams import Seeded
from engine.recipes import recipe
from engine.study import parse

BUDGETS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
SEEDS = 5
BATCH, STEPS_TIMED = 8192, 3
HOME = Path(tempfile.gettempdir()) / "frontier-bench"


@lru_cache
def fashion_features() -> tuple[Features, Features]:
    """The default model's features of Fashion-MNIST, from the engine's own cache."""
    study = planning.resolve(parse({"dataset": "fashion-mnist"}))
    train_set, test_set = (runs.tensors("fashion-mnist", HOME / "data", train=split) for split in (True, False))
    extractor = ScatteringLinear((1, 28, 28), 10)
    return features.of_splits(study, extractor, (train_set, test_set), _quiet, HOME / "cache", 10.0)


def _quiet(event: Event) -> None:
    """Nobody listens."""


def bank_steps(features: Features, n_columns: int) -> Callable[[], object]:
    """STEPS_TIMED steps of `n_columns` private models in one pass."""
    columns = [Column(("bench", k), 16.0, 3.0, 0.1) for k in range(n_columns)]

    def work() -> object:
        return train(
            features,
            columns,
            blank(features.x.shape[1], n_columns, 10),
            Seeded(),
            batch_key=("bench",),
            sample_rate=BATCH / len(features.y),
            steps=STEPS_TIMED,
            momentum=0.9,
            decay=1.0,
            on_step=lambda state: None,
        )

    return work


def opacus_steps(features: Features, ghost: bool, batch: int = BATCH) -> Callable[[], object]:
    """STEPS_TIMED steps of one model in Opacus, hooks or ghost clipping, on batches of the same size."""
    x, y = features.x[:batch, :-1].float(), features.y[:batch]
    model = nn.Linear(x.shape[1], 10)
    wrap: Any = GradSampleModuleFastGradientClipping if ghost else GradSampleModule
    how: Any = {"max_grad_norm": 0.1, "use_ghost_clipping": True} if ghost else {}
    wrapped = wrap(model, **how)
    make: Any = DPOptimizerFastGradientClipping if ghost else DPOptimizer
    sgd = torch.optim.SGD(wrapped.parameters(), lr=16.0, momentum=0.9)
    optimizer = make(sgd, noise_multiplier=3.0, max_grad_norm=0.1, expected_batch_size=batch)
    plain = nn.CrossEntropyLoss(reduction="mean")
    criterion: Any = DPLossFastGradientClipping(wrapped, optimizer, plain) if ghost else plain

    def work() -> None:
        for _ in range(STEPS_TIMED):
            criterion(wrapped(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()

    return work


def against_opacus() -> dict[str, Any]:
    """Seconds a step and a model; the bank's are of 30 models that share one pass."""
    warnings.filterwarnings("ignore")
    features, _ = fashion_features()
    n = len(BUDGETS) * SEEDS
    works = {
        "bank": bank_steps(features, n),
        "hooks": opacus_steps(features, ghost=False),
        "ghost": opacus_steps(features, ghost=True),
    }
    taken = side_by_side(works, rounds=3)
    a_model = {name: t["median"] / STEPS_TIMED / (n if name == "bank" else 1) for name, t in taken.items()}
    return {
        "seconds_per_step_and_model": a_model,
        "hooks_over_bank": a_model["hooks"] / a_model["bank"],
        "ghost_over_bank": a_model["ghost"] / a_model["bank"],
        "targets": {"hooks_over_bank": 50, "ghost_over_bank": 4},
    }


def share_of_the_machine() -> dict[str, Any]:
    """How much of a whole step is its two products, at the speed that they have alone, operands at hand.

    Logits in bf16 and the sum of the gradients in fp32, from operands rounded to bf16, over the chunks of a step.
    """
    features, _ = fashion_features()
    n, width = len(BUDGETS) * SEEDS, features.x.shape[1]
    chunks = features.x[:BATCH].split(CHUNK)
    wide, weights = [chunk.float() for chunk in chunks], torch.rand(width, n * 10).bfloat16()
    residuals = torch.rand(CHUNK, n * 10).bfloat16().float()

    def gradients() -> None:
        with bf16_products():
            for chunk in wide:
                chunk.T @ residuals

    works: dict[str, Work] = {
        "logits": lambda: [chunk @ weights for chunk in chunks],
        "gradients": gradients,
        "step": bank_steps(features, n),
    }
    taken, cores = (_medians(works, clock) for clock in (time.perf_counter, time.process_time))
    flops = 2 * BATCH * width * n * 10
    return {
        "seconds": taken,
        "core_seconds": cores,
        "gflops": {name: flops / taken[name] / 1e9 for name in ("logits", "gradients")},
        "share": {"by the clock": _products(taken), "in core time": _products(cores)},
        "target": 0.6,
    }


def _medians(works: dict[str, Work], clock: Clock) -> dict[str, float]:
    """Median seconds of each; of one step where STEPS_TIMED were timed."""
    taken = side_by_side(works, rounds=7, clock=clock)
    return {name: t["median"] / (STEPS_TIMED if name == "step" else 1) for name, t in taken.items()}


def _products(taken: dict[str, float]) -> float:
    """The products' share of a step."""
    return (taken["logits"] + taken["gradients"]) / taken["step"]


def sweep() -> dict[str, Any]:
    """All of Fashion-MNIST, 6 budgets x 5 seeds: seconds of training, test accuracy at epsilon 3, peak memory."""
    train_set, test_set = fashion_features()
    n = datasets["fashion-mnist"].facts["n_train"]
    models = []
    for epsilon in BUDGETS:
        how = recipe("scattering-linear", epsilon, n)
        by = calibrated(HOME / "cache", epsilon, 1e-5, how.batch / n, how.steps)
        models += [training.Candidate(epsilon, seed, how, how.batch / n, by.noise_multiplier) for seed in range(SEEDS)]
    final: dict[tuple[float, int], float] = {}

    def report(progress: training.Progress) -> None:
        for model, hit in zip(progress.models, progress.accuracies, strict=True):
            final[model.epsilon, model.seed] = hit

    session = training.Session({}, _no_save, report, lambda models: None, lambda models, steps: None, Seeded())
    taken = seconds(lambda: training.train_linear(train_set, test_set, models, "bench", session, n_classes=10))
    by_budget = {str(e): [final[e, s] for s in range(SEEDS)] for e in BUDGETS}
    return {
        "models": len(models),
        "steps": models[0].recipe.steps,
        "train_seconds": taken,
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "accuracy_mean": {e: sum(v) / len(v) for e, v in by_budget.items()},
        "accuracy": by_budget,
        "targets": {"train_seconds": 75, "aim_seconds": 45, "peak_memory_gb": 4, "accuracy at epsilon 3": 0.893},
    }


def _no_save(name: str, state: dict[str, Any], due: bool) -> None:
    """A benchmark resumes nothing."""


def run() -> dict[str, Any]:
    return {"sweep": sweep(), "share_of_the_machine": share_of_the_machine(), "against_opacus": against_opacus()}
