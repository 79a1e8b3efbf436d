"""Rebuilds images from a gradient, and draws what a model holds of a class: for what is shipped, and for the lab."""

import base64
import io
import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from engine import planning, runs
from engine.data import entry
from engine.lab import catalogue
from engine.leakage import gradients, inversion
from engine.leakage.gradients import Guard, sent
from engine.leakage.likeness import Likeness, matched, ssim
from engine.leakage.reconstruction import OnStep, analytic, cosine, dlg
from engine.settings import Settings
from engine.study import Study
from engine.threats.rebuilt import (
    ATTACKS,
    BOUNDS,
    COUNTS,
    DATASET,
    NOISES,
    SHIPPED,
    VERSION,
    Cell,
    Held,
    Original,
    Rebuilt,
    judge_of,
    study,
    written,
)

LAYER = "1"  # of `linear`
STEPS = {"cosine": 300, "dlg": 40}
RESTARTS = 4  # of a trained network, shared among the images
PAIRS = 100  # of different images, whose likeness is that of chance
SEED = 0  # of initial weights and of noise
LEVELS = 64  # shades of grey of what is shipped


def linear(about: Study) -> nn.Module:
    """One linear layer on the pixels, at initial weights."""
    facts = entry.of(about).facts
    channels, height, width = facts["shape"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, len(facts["classes"]))).eval()


def initial(about: Study, root: Path | None = None) -> nn.Module:
    """The study's network before its training, with the seed of this page."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return runs.new_model(about, root).eval()


def rebuilt(given: gradients.Sent, model: nn.Module, attack: str, tries: int, on_step: OnStep) -> tuple[Tensor, Tensor]:
    """Pictures (n, C, H, W) and labels (n,), told by a gradient alone."""
    labels = gradients.labels(model, given)
    if attack == "analytic":
        return analytic(given, LAYER), labels
    run = {"cosine": cosine, "dlg": dlg}[attack]
    return run(model, given, labels, steps=STEPS[attack], restarts=tries, on_step=on_step), labels


def tries_of(network: str, n: int) -> int:
    """How often an attack by descent starts: trained networks are harder to climb down from."""
    return max(1, RESTARTS // n) if network == "trained" else 1


def guard_of(max_grad_norm: float | None, noise_multiplier: float) -> Guard:
    return Guard(inf if max_grad_norm is None else max_grad_norm, noise_multiplier)


def told(labels: Tensor, y: Tensor) -> int:
    """How many labels of y (n,) are among those that the gradient told, each as often as it occurs."""
    return sum(min(int((labels == one).sum()), int((y == one).sum())) for one in y.unique())


def chance(x: Tensor) -> float:
    """The mean SSIM of different images: of each of the first PAIRS and the one after it."""
    first = x[: PAIRS + 1]
    return float(ssim(first[:-1], first[1:]).mean())


def png(x: Tensor, levels: int = 256) -> str:
    """A picture (C, H, W) in [0, 1] as PNG in base64; `levels` shades, of which fewer are shorter."""
    pixels = ((x.clamp(0, 1) * (levels - 1)).round() * (255 / (levels - 1))).round().byte().numpy()
    plane = Image.fromarray(pixels[0]) if len(pixels) == 1 else Image.fromarray(pixels.transpose(1, 2, 0))
    out = io.BytesIO()
    plane.save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def cell(
    attack: str, guard: Guard, x: Tensor, y: Tensor, found: tuple[Tensor, Tensor], seconds: float, levels: int = 256
) -> Cell:
    """What an attack `found`, its pictures matched with the images x."""
    pictures, labels = found
    alike: Likeness = matched(x, pictures)
    return Cell(
        attack,
        None if guard.max_grad_norm == inf else guard.max_grad_norm,
        guard.noise_multiplier,
        tuple(png(one, levels) for one in pictures[alike.order]),
        tuple(round(one, 1) for one in alike.psnr.tolist()),
        tuple(round(one, 3) for one in alike.ssim.tolist()),
        told(labels, y),
        round(seconds, 2),
    )


def guards() -> Iterator[Guard]:
    """Each bound with each noise; without a bound none."""
    for bound in BOUNDS:
        yield from (guard_of(bound, noise) for noise in (NOISES if bound else (0.0,)))


def shipped_cell(attack: str, guard: Guard, x: Tensor, y: Tensor) -> Cell:
    """One cell of what is shipped, of the network at initial weights or of one linear layer."""
    model = linear(study()) if attack == "analytic" else initial(study())
    began = time.process_time()
    found = rebuilt(sent(model, x, y, guard, seed=SEED), model, attack, 1, lambda _: None)
    return cell(attack, guard, x, y, found, time.process_time() - began, LEVELS)


def make() -> dict[Path, bytes]:
    """What is shipped, by the file that it belongs into: five minutes on one core. DataMissing without the images."""
    return {SHIPPED: written(everything())}


def everything() -> Rebuilt:
    """What is shipped: test images, each of another class, from gradients; and what models hold of classes."""
    x, y = runs.tensors(DATASET, Settings().data_root, train=False)
    rows = [int((y == label).nonzero()[0]) for label in dict.fromkeys(y[:PAIRS].tolist())][: max(COUNTS)]
    grid = [(attack, n, guard) for attack in ATTACKS for n in COUNTS for guard in guards()]
    cells = tuple(shipped_cell(attack, guard, x[rows[:n]], y[rows[:n]]) for attack, n, guard in grid)
    originals = tuple(Original(row, int(y[row]), png(x[row])) for row in rows)
    return Rebuilt(VERSION, planning.digest(study()), round(chance(x), 4), originals, cells, all_held())


def all_held() -> tuple[Held, ...]:
    """Of every model that comes with Frontier."""
    models = [model for model in catalogue.offered() if model.shipped]
    judged = [(model, judge_of(model, models)) for model in models]
    return tuple(
        held(
            _load(one),
            None if judge is None else _load(judge),
            one.name,
            judge.name if judge else "",
            one.study,
            levels=LEVELS,
        )
        for one, judge in judged
    )


def _load(model: catalogue.Model) -> nn.Module:
    return runs.load_model(model.study, model.path, Settings().data_root)


def held(
    model: nn.Module,
    judge: nn.Module | None,
    name: str,
    judged_by: str,
    about: Study,
    on_step: Callable[[inversion.Shown], None] = lambda _: None,
    levels: int = 256,
) -> Held:
    """The picture that a model holds of each class, and which of them the judge recognises; none without one."""
    facts = entry.of(about).facts
    classes = torch.arange(len(facts["classes"]))
    pictures = inversion.class_pictures(model, classes, facts["shape"], on_step=on_step)
    sure = inversion.sureness(model, pictures, classes)
    found = None if judge is None else inversion.recognised(judge, pictures, classes)
    return Held(
        name,
        judged_by,
        tuple(png(one, levels) for one in pictures),
        tuple(round(one, 4) for one in sure.tolist()),
        () if found is None else tuple(found.right.tolist()),
        0.0 if found is None else round(found.low, 4),
        1.0 if found is None else round(found.high, 4),
    )
