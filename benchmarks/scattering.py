"""Our scattering against kymatio's torch frontend, batch 128 of 28 x 28."""

import resource
import subprocess
import sys
import time
from functools import partial
from typing import Any

import torch
from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D
from torch import Tensor, nn

from benchmarks.timing import Work, side_by_side
from engine.models.scattering import Scattering

N = 128


def forward(transform: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        transform(x)


def backward(transform: nn.Module, x: Tensor) -> None:
    x = x.clone().requires_grad_()
    transform(x).float().square().sum().backward()


def run() -> dict[str, Any]:
    x = torch.rand(N, 1, 28, 28)
    ours, theirs = Scattering(28, 28), ScatteringTorch2D(2, shape=(28, 28), L=8)
    half, x_half = Scattering(28, 28).bfloat16(), x.bfloat16()
    works: dict[str, Work] = {
        "kymatio forward": partial(forward, theirs, x),
        "ours forward, fp32": partial(forward, ours, x),
        "kymatio forward and backward": partial(backward, theirs, x),
        "ours forward and backward, fp32": partial(backward, ours, x),
        "ours forward and backward, bf16": partial(backward, half, x_half),
    }
    wall = {name: 1e3 * t["median"] / N for name, t in side_by_side(works, 9).items()}
    cores = {name: 1e3 * t["median"] / N for name, t in side_by_side(works, 9, time.process_time).items()}
    return {
        "ms_per_image": wall,
        "core_ms_per_image": cores,
        "kymatio_over_ours": {"by the clock": ratios(wall), "in core time": ratios(cores)},
        "largest_difference": float((ours(x) - theirs(x).flatten(1, 2)).abs().max()),
        "targets": {"kymatio_over_ours": 1.5, "aim": 3, "largest_difference": 1e-4},
        "features_of_70000": features_memory(),
    }


def ratios(ms: dict[str, float]) -> dict[str, float]:
    """Kymatio's time over ours."""
    return {way: ms[f"kymatio {way}"] / ms[f"ours {way}, fp32"] for way in ("forward", "forward and backward")}


def features_memory() -> dict[str, float]:
    """Seconds, by the clock and of all cores, and peak memory of making all features, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.scattering"], capture_output=True, text=True, check=True)
    taken, cores, peak = (float(word) for word in done.stdout.split())
    return {"seconds": taken, "core_seconds": cores, "peak_memory_gb": peak, "target_gb": 2.0}


def main() -> None:
    import shutil

    from benchmarks.training import HOME, fashion_features

    shutil.rmtree(HOME / "cache", ignore_errors=True)
    began, worked = time.perf_counter(), time.process_time()
    fashion_features()
    taken, cores = time.perf_counter() - began, time.process_time() - worked
    print(taken, cores, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


if __name__ == "__main__":
    main()
