"""Attack strength and speed on Fashion-MNIST: our curve beside torchattacks' PGD and the standard AutoAttack.

On three models, trained here by the engine's own jobs and kept in HOME: without privacy, private at epsilon 3,
adversarially trained. `defences` adds what adversarial training costs and gives, with privacy too.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import inf
from typing import Any

import torch
import torchattacks
from torch import Tensor, nn

from benchmarks.timing import seconds
from benchmarks.training import HOME
from engine import planning, runs
from engine.events import Event
from engine.results import SECONDS, Row
from engine.robustness import attacks, curve
from engine.robustness.curve import Tool
from engine.study import WORST, Attack, parse

N, EPS = 1000, 0.1
RADII = {  # nine each, where the models' curves fall
    "natural": (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.1),
    "private": (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.1),
    "adversarial": (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2),
}
STUDIES: dict[str, dict[str, Any]] = {
    "natural": {"model": "cnn", "privacy": {"epsilons": [inf]}},
    "private": {"model": "cnn", "privacy": {"epsilons": [3]}},
    "adversarial": {"model": "fast-cnn", "defence": {"training": "adversarial"}, "privacy": {"epsilons": [inf]}},
    "weighed": {"model": "fast-cnn", "defence": {"training": "trades"}, "privacy": {"epsilons": [inf]}},
    "private, adversarial": {
        "model": "cnn",
        "defence": {"training": "adversarial", "eps": 0.015},  # wider costs more clean accuracy (docs/decisions.md)
        "privacy": {"epsilons": [3]},
    },
}


@lru_cache
def trained(name: str) -> tuple[nn.Module, float]:
    """A model, and the seconds its training took; both are kept from one run to the next."""
    study = planning.resolve(parse({"dataset": "fashion-mnist", "attack": {"eps": [0], "images": 1}} | STUDIES[name]))
    (job,) = planning.plan(study)
    folder = HOME / "robustness" / planning.digest(study)
    took: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Row) and event.metric == SECONDS:
            took.append(event.value)

    places = runs.Places(HOME / "data", HOME / "cache", folder)
    runs.execute(job, note, places=places, threads=torch.get_num_threads())
    (file,) = folder.glob("*.safetensors")
    return runs.load(file), took[0]


@lru_cache
def test_images() -> tuple[Tensor, Tensor]:
    return runs.tensors("fashion-mnist", HOME / "data", train=False)


def images() -> tuple[Tensor, Tensor]:
    x, y = test_images()
    return x[:N], y[:N]


def ours(model: nn.Module, radii: tuple[float, ...]) -> curve.Standing:
    """The curve as a study has it unless told otherwise."""
    x, y = images()
    standing = curve.clean(model, x, y, (0.0, *radii))
    for number, name in enumerate(WORST):
        tool = Tool.of(attacks[name], norm="linf", steps=Attack().steps, seed=0)
        standing = curve.advance(model, x, y, standing, tool, number)
    return standing


def shares(standing: curve.Standing) -> list[float]:
    return [100 * float(standing.correct(eps).float().mean()) for eps in standing.radii[1:]]


def pgd_by_radius(model: nn.Module, radii: tuple[float, ...]) -> list[float]:
    """torchattacks' PGD, 20 steps as long as its authors' relation of step to radius asks for, from scratch each."""
    x, y = images()
    left = []
    for eps in radii:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            found = torchattacks.PGD(model, eps=eps, alpha=2.5 * eps / 20, steps=20)(x, y)
        left.append(100 * float((curve.predict(model, found) == y).float().mean()))
    return left


def robust(model: nn.Module, run: Callable[..., Tensor]) -> float:
    """Percent of the first N test images that stand after an attack at EPS."""
    x, y = images()
    right = curve.predict(model, x) == y
    found = run(model, x[right], y[right], norm="linf", eps=EPS)
    return 100 * float((curve.predict(model, found) == y[right]).sum()) / N


def taken(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and how long it took."""
    kept: list[Any] = []
    return kept, seconds(lambda: kept.append(work()))


def against_pgd(name: str) -> dict[str, Any]:
    """One after the other, twice; the better of two times each."""
    model, radii = trained(name)[0], RADII[name]
    tries = [(taken(partial(ours, model, radii)), taken(partial(pgd_by_radius, model, radii))) for _ in range(2)]
    mine, peer = shares(tries[0][0][0][0]), tries[0][1][0][0]
    here, there = min(t[0][1] for t in tries), min(t[1][1] for t in tries)
    return {
        "radii": radii,
        "ours": mine,
        "torchattacks PGD-20": peer,
        "most above it, points": max(a - b for a, b in zip(mine, peer, strict=True)),
        "seconds": {"ours": here, "torchattacks PGD-20": there},
        "times faster": there / here,
    }


def against_autoattack(name: str) -> dict[str, Any]:
    """Our whole curve beside the standard AutoAttack at one radius."""
    model = trained(name)[0]
    (standing,), here = taken(partial(ours, model, RADII[name]))
    (left,), there = taken(partial(robust, model, attacks["autoattack"].load()))
    mine = 100 * float(standing.correct(EPS).float().mean())
    return {
        "ours": mine,
        "autoattack": left,
        "above it, points": mine - left,
        "seconds": {"ours": here, "autoattack": there},
        "share of its time": here / there,
    }


def restarts(model: nn.Module, steps: int = 50, tries: int = 5) -> float:
    """Percent standing at EPS after PGD from several random points of the ball."""
    x, y = images()
    left = (curve.predict(model, x) == y).nonzero()[:, 0]
    for seed in range(tries):
        found = attacks["pgd"].load()(model, x[left], y[left], norm="linf", eps=EPS, steps=steps, seed=seed)
        left = left[curve.predict(model, found) == y[left]]
    return 100 * len(left) / N


def worth(name: str) -> dict[str, float]:
    """Clean accuracy on all test images, and what PGD-50 with 5 restarts leaves of the first N."""
    model, took = trained(name)
    x, y = test_images()
    clean = 100 * float((curve.predict(model, x) == y).float().mean())
    return {"clean": clean, "PGD-50, 5 restarts": restarts(model), "training seconds": took}


def defences() -> dict[str, Any]:
    found = {name: worth(name) for name in STUDIES}
    alone, both = found["private"], found["private, adversarial"]
    return found | {
        "privacy and adversarial training beside privacy alone, points": {
            "clean": both["clean"] - alone["clean"],
            "robust": both["PGD-50, 5 restarts"] - alone["PGD-50, 5 restarts"],
        }
    }


def run() -> dict[str, Any]:
    return {
        "against torchattacks PGD": {name: against_pgd(name) for name in RADII},
        "against autoattack": {name: against_autoattack(name) for name in RADII},
        "defences": defences(),
        "targets": {
            "times faster than PGD": 3, "aim": 5, "above PGD": 0.2, "above autoattack": 1.0,
            "share of autoattack's time": {"adversarial": 0.1, "natural": 1 / 3, "private": 1 / 3},
            "adversarial training": {"clean": 85, "robust": 64, "seconds": 600, "aim": [90, 70]},
            "both beside privacy alone": {"clean": -3, "robust": 30},
        },
    }  # fmt: skip
