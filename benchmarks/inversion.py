"""Images rebuilt from one gradient, Fashion-MNIST, `cnn`: how soon, how well, and what clipping and noise leave of it.

The network at its initial weights, and trained without and with privacy (assets/models). Images are of the test set.
`class pictures` tells how many of ten classes each of the other models recognises in what one holds.
"""

import time
from functools import lru_cache
from itertools import product
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.training import HOME
from engine import runs
from engine.lab.catalogue import SHIPPED
from engine.leakage.gradients import OPEN, Guard, labels, sent
from engine.leakage.inversion import class_pictures, recognised, sureness
from engine.leakage.likeness import matched
from engine.leakage.reconstruction import cosine, dlg
from engine.models import models

SHAPE, IMAGES = (1, 28, 28), 3
TARGET = 10.0  # s to a picture with an SSIM above 0.5 or a PSNR above 15 dB
SSIM, PSNR = 0.5, 15.0
TRAINED = {
    "no privacy": "fashion-mnist-cnn-no-privacy-seed-0",
    "epsilon 3": "fashion-mnist-cnn-epsilon-3-seed-0",
    "adversarial": "fashion-mnist-cnn-adversarial-no-privacy-seed-0",
}
NOISES = (0.0, 0.001, 0.01, 0.03, 0.1, 1.0)
ATTACKS = {"cosine": cosine, "dlg": dlg}


@lru_cache
def model(name: str) -> nn.Module:
    if name in TRAINED:
        return runs.load(SHIPPED / f"{TRAINED[name]}.safetensors")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fresh: nn.Module = models[name].load()(SHAPE, 10)
        return fresh.eval().requires_grad_(False)


@lru_cache
def images() -> tuple[Tensor, Tensor]:
    x, y = runs.tensors("fashion-mnist", HOME / "data", train=False)
    return x[:IMAGES], y[:IMAGES]


def rebuilt(name: str, attack: str, rows: slice, guard: Guard = OPEN, **how: Any) -> tuple[float, float, float, float]:
    """Seconds, mean PSNR, mean SSIM, and seconds of the processor: it runs on one thread, whoever else is there."""
    x, y = images()
    given = sent(model(name), x[rows], y[rows], guard)
    began, busy = time.perf_counter(), time.process_time()
    found = ATTACKS[attack](model(name), given, labels(model(name), given), **how)
    took, used = time.perf_counter() - began, time.process_time() - busy
    alike = matched(x[rows], found)
    return took, float(alike.psnr.mean()), float(alike.ssim.mean()), used


def each(name: str, attack: str, guard: Guard = OPEN, n: int = IMAGES, **how: Any) -> dict[str, Any]:
    """One image at a time."""
    found = [rebuilt(name, attack, slice(i, i + 1), guard, **how) for i in range(n)]
    seconds, psnr, ssim, used = zip(*found, strict=True)
    return {
        "seconds": {"median": median(seconds), "most": max(seconds), "processor, median": median(used)},
        "psnr": {"mean": mean(psnr), "each": [round(p, 1) for p in psnr]},
        "ssim": {"mean": mean(ssim), "each": [round(s, 2) for s in ssim]},
        "recognisable": sum(p > PSNR or s > SSIM for p, s in zip(psnr, ssim, strict=True)) / n,
    }


def guards() -> dict[str, Any]:
    """The cosine attack on the network at its initial weights: noise on top of clipping to 1, and clipping alone."""
    noisy = {sigma: each("cnn", "cosine", Guard(1.0, sigma), n=3) for sigma in NOISES}
    clipped = {bound: each("cnn", "cosine", Guard(bound), n=3) for bound in (10.0, 0.1, 0.001)}
    return {"noise_multiplier": noisy, "clipping alone, max_grad_norm": clipped}


def several() -> dict[int, dict[str, float]]:
    """Of the mean gradient of n images; 400 steps."""
    found = {n: rebuilt("fast-cnn", "cosine", slice(0, n), steps=400) for n in (1, 2, 4)}
    return {n: dict(zip(("seconds", "psnr", "ssim", "processor"), one, strict=True)) for n, one in found.items()}


def class_by_class() -> dict[str, Any]:
    classes = torch.arange(10)
    pictures = {name: class_pictures(model(name), classes, SHAPE) for name in TRAINED}
    return {
        holder: {
            "sure": float(sureness(model(holder), pictures[holder], classes).mean()),
            "recognised by": {
                judge: recognised(model(judge), pictures[holder], classes).share for judge in TRAINED if judge != holder
            },
        }
        for holder in TRAINED
    }


def run() -> dict[str, Any]:
    rebuilt("cnn", "cosine", slice(0, 1), steps=10)  # what is loaded once
    return {
        "at initial weights": {
            f"{name}, {attack}": each(name, attack) for name, attack in product(("cnn", "fast-cnn"), ATTACKS)
        },
        "trained": {name: each(name, "cosine", restarts=4) for name in TRAINED},
        "guarded": guards(),
        "several images, fast-cnn": several(),
        "class pictures": class_by_class(),
        "targets": {"seconds": TARGET, "ssim": SSIM, "or psnr": PSNR},
    }
