"""Robust accuracy against radius: for each image the smallest radius at which any of the chosen attacks broke it.

A perturbation found at one radius lies in every larger ball, so an image that is broken stays broken, and the curve
falls by construction. That makes most of attack x radius superfluous. An attack that looks for the smallest
perturbation answers all radii at once; any other one is asked, image by image, for the largest radius that the image
still withstands, all images in one batch, each with a radius of its own. Where it succeeds, the next smaller radius is
asked for; where it fails, the image is left to the next attack. What nobody broke counts as recognised: the curve is an
upper bound on robust accuracy.

Images that are wrong without an attack are not attacked. Every success is put back into ball and box and measured again
on the exact model in evaluation mode; an attack's own opinion counts for nothing.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.fixed import OnFeatures
from engine.models.layers import Layered
from engine.registry import Entry
from engine.robustness.gradient import BALLS, length, project, put_back, random_start

BATCH, LIGHT_BATCH = 128, 500  # images at once; small networks lose a quarter of their speed in small batches
NEAR = 0.9  # a radius below this share of the smallest perturbation known is not worth a second attack's time
FURTHER = (1.0, 1.02, 1.05, 1.1)  # a picture on the boundary of the bf16 copy may lie before that of the model


@dataclass(frozen=True)
class Tool:
    """An attack as the curve uses it: `run(model, x, y, *, eps, start) -> x_adv`.

    `minimal`: it looks for the smallest perturbation within eps. `own`: eps may differ from image to image.
    `white_box`: it takes gradients, which a bf16 copy gives for less.
    """

    run: Callable[..., Tensor]
    norm: str
    minimal: bool = False
    own: bool = True
    white_box: bool = True
    seed: int = 0

    @staticmethod
    def of(entry: Entry, *, norm: str, steps: int, seed: int, **more: Any) -> "Tool":
        run = partial(entry.load(), norm=norm, steps=steps, seed=seed, **more)
        minimal, own, white_box = (
            entry.facts.get("minimal", False),
            entry.facts["own"],
            entry.facts["access"] == "white-box",
        )
        return Tool(run, norm, minimal, own, white_box, seed)


@dataclass(frozen=True)
class Standing:
    """How N images stand against R ascending radii, the first one 0.

    `broken` (N,): the index of the smallest radius that broke an image, R where none did. `by` (N,): the number of the
    attack that did, -1 for none. `x_adv`: its picture, or the image itself. `least` (N,): an attack that looks for the
    smallest perturbation found that picture, so that one much smaller is unlikely.
    """

    radii: tuple[float, ...]
    broken: Tensor
    by: Tensor
    x_adv: Tensor
    least: Tensor

    def correct(self, eps: float) -> Tensor:
        """Which images stand after every radius up to `eps`, (N,); eps is one of the radii."""
        return self.broken > self.radii.index(eps)

    @property
    def target(self) -> Tensor:
        """The largest radius that each image withstands so far, (N,); 0 where there is nothing left to break."""
        return torch.tensor(self.radii, dtype=self.x_adv.dtype)[(self.broken - 1).clamp_min(0)]


def clean(model: nn.Module, x: Tensor, y: Tensor, radii: Sequence[float]) -> Standing:
    """Before any attack: what the model gets wrong by itself is broken at radius 0."""
    right = predict(model, x) == y
    broken = torch.where(right, len(radii), 0)
    return Standing(tuple(radii), broken, torch.full_like(y, -1), x.clone(), torch.zeros_like(right))


@torch.no_grad()
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Classes (N,), in evaluation mode, batch by batch; -1 where the model gives no number."""
    model.eval()
    return torch.cat([_class(model(part)) for part in x.split(BATCH)])


def _class(logits: Tensor) -> Tensor:
    return torch.where(logits.isfinite().all(1), logits.argmax(1), -1)


def advance(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    standing: Standing,
    tool: Tool,
    number: int,
    *,
    on_batch: Callable[[Standing], None] = lambda _: None,
) -> Standing:
    """What stands after one more attack, which is the `number`th; `on_batch` hears how it stands after each batch.

    Gradients may come from a bf16 copy of the model. Whoever fooled the copy but not the model is attacked again
    with the model's own gradients.
    """
    rough, standing = _looked_at(model, tool), _copied(standing)
    at_once = LIGHT_BATCH if isinstance(model, Layered) else BATCH
    waiting = _at_stake(standing, x, tool).nonzero()[:, 0]
    while len(waiting):
        rows, waiting = waiting[:at_once], waiting[at_once:]
        eps = standing.target[rows]
        found, misread = _attacked(model, rough, x[rows], y[rows], standing, rows, tool, eps)
        _settle(standing, rows[misread], found[misread], x, eps[misread], tool, number)
        again = rows[misread & (standing.target[rows] > 0)] if not tool.minimal else rows[:0]
        waiting = torch.cat([waiting, again])  # at smaller radii, in full batches
        on_batch(standing)
    return standing


def _copied(standing: Standing) -> Standing:
    parts = {name: getattr(standing, name).clone() for name in ("broken", "by", "x_adv", "least")}
    return replace(standing, **parts)


def _looked_at(model: nn.Module, tool: Tool) -> nn.Module:
    """What an attack is shown of a model: what it answers, or what gradients are taken of."""
    if not tool.white_box:
        return model
    return surrogate(climbed(model)) if tool.own else climbed(model)


def _at_stake(standing: Standing, x: Tensor, tool: Tool) -> Tensor:
    """Images (N,) that stand at some radius above 0 which is not far below what was found to be the smallest one."""
    if tool.norm not in BALLS:
        return standing.target > 0
    near = standing.target >= NEAR * length(standing.x_adv - x, tool.norm)
    return (standing.target > 0) & (near | ~standing.least)


def _attacked(
    model: nn.Module,
    rough: nn.Module,
    x: Tensor,
    y: Tensor,
    standing: Standing,
    rows: Tensor,
    tool: Tool,
    eps: Tensor,
) -> tuple[Tensor, Tensor]:
    """Pictures for some images within `eps` of each, and which of them the model misreads."""
    start = _starts(x, standing.x_adv[rows], standing.by[rows] >= 0, eps, tool)
    found = _run(tool, rough, x, y, eps, start)
    found, misread = _just_over(model, x, y, found, eps, tool)
    exact = climbed(model) if tool.white_box else model
    missed = torch.zeros_like(misread) if rough is exact else ~misread & (predict(rough, found) != y)
    if missed.any():
        again = _run(tool, exact, x[missed], y[missed], eps[missed], None if start is None else found[missed])
        found[missed], misread[missed] = _just_over(model, x[missed], y[missed], again, eps[missed], tool)
    return found, misread


def _starts(x: Tensor, x_adv: Tensor, known: Tensor, eps: Tensor, tool: Tool) -> Tensor | None:
    """Where to begin: the smallest perturbation known, drawn into the ball; a random point where there is none.

    Attacks without gradients begin where they like: what they find is theirs alone.
    """
    if tool.minimal or not tool.white_box or tool.norm not in BALLS or not known.any():
        return None
    begin = project(x_adv, x, eps, tool.norm)
    if not known.all():
        begin[~known] = random_start(x[~known], eps[~known], tool.norm, tool.seed)
    return begin


def _run(tool: Tool, model: nn.Module, x: Tensor, y: Tensor, eps: Tensor, start: Tensor | None) -> Tensor:
    """The attack's pictures, put back into ball and box whatever it did; one radius after another where it must be."""
    if tool.own:
        return put_back(tool.run(model, x, y, eps=eps, start=start), x, eps, tool.norm)
    found = x.clone()
    for radius in eps.unique():
        same = eps == radius
        begin = None if start is None else start[same]
        found[same] = tool.run(model, x[same], y[same], eps=float(radius), start=begin)
    return put_back(found, x, eps, tool.norm)


def _just_over(model: nn.Module, x: Tensor, y: Tensor, found: Tensor, eps: Tensor, tool: Tool) -> tuple[Tensor, Tensor]:
    """Pictures and whether they are misread; those of a smallest perturbation are pushed a little if they are not."""
    misread = predict(model, found) != y
    for factor in FURTHER[1:] if tool.minimal else ():
        rest = ~misread
        if rest.any():
            pushed = project(x[rest] + factor * (found[rest] - x[rest]), x[rest], eps[rest], tool.norm)
            fooled = predict(model, pushed) != y[rest]
            found[rest.nonzero()[fooled, 0]] = pushed[fooled]
            misread[rest.nonzero()[fooled, 0]] = True
    return found, misread


def _settle(standing: Standing, rows: Tensor, found: Tensor, x: Tensor, eps: Tensor, tool: Tool, number: int) -> None:
    """Note that `rows` are broken by the pictures `found`: at the smallest radius that holds each."""
    radii = torch.tensor(standing.radii, dtype=x.dtype)
    reached = torch.searchsorted(radii, eps)
    if tool.norm in BALLS:
        held = torch.searchsorted(radii, length(found - x[rows], tool.norm))
        reached = torch.minimum(reached, held.clamp_min(1))
    standing.broken[rows], standing.by[rows] = reached, number
    standing.x_adv[rows], standing.least[rows] = found, tool.minimal


def climbed(model: nn.Module) -> nn.Module:
    """What gradients are to be taken of: the model, unless it says something else (one that draws: a mean of draws)."""
    found: nn.Module = getattr(model, "surrogate", model)
    return found


def surrogate(model: nn.Module) -> nn.Module:
    """A bf16 copy of a model on fixed features, whose gradients cost about half where the processor computes in bf16.

    A small network gains a seventh and loses half a point of strength by it: that is attacked as it is.
    """
    wide = isinstance(getattr(model, "model", model), OnFeatures) and torch.cpu._is_avx512_bf16_supported()
    return Bf16(model) if wide else model


class Bf16(nn.Module):
    """The model in bf16, fed and read in the caller's precision."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).bfloat16().eval()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(x.bfloat16()).float()
        return logits
