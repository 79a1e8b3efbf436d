"""What `Rebuilt images` opens with: pictures rebuilt from a gradient, and what models hold of classes. No torch.

Computed by `rebuilding` (`python -m engine starter --pages rebuilt`) and kept in assets/threats/rebuilt.json, pictures
as PNG in base64. What is said of them is said from the numbers here, for what is shipped and for what is run alike.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine import planning
from engine.lab.catalogue import Model, defended
from engine.study import Study, parse

SHIPPED = Path(__file__).parents[2] / "assets" / "threats" / "rebuilt.json"
VERSION = 1  # raised when the numbers change and no digest tells so
DATASET, MODEL = "fashion-mnist", "cnn"  # of what is shipped; MIT licence, Xiao et al., arXiv:1708.07747
ATTACKS = ("cosine", "dlg", "analytic")
NETWORKS = ("initial", "trained", "linear")  # whose gradient; linear: one layer on the pixels, at initial weights
BOUNDS = (None, 10.0, 1.0)  # max_grad_norm; None: not clipped
NOISES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1)  # noise multipliers
COUNTS = (1, 2, 4)  # images of a gradient that are shipped
MOST_SAID = (1, 2, 4, 8)  # that can be asked for
CLEAR = 0.5  # SSIM from which a picture is called redrawn
CALLED = {"cosine": "Geiping's attack", "dlg": "DLG", "analytic": "the analytic attack"}


@dataclass(frozen=True)
class Cell:
    """Images rebuilt from one gradient: PNGs, PSNR in dB and SSIM of each, and how many labels the gradient told.

    `seconds` are of the processor.
    """

    attack: str
    max_grad_norm: float | None
    noise_multiplier: float
    pictures: tuple[str, ...]
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    told: int
    seconds: float

    @property
    def n(self) -> int:
        return len(self.ssim)

    @property
    def like(self) -> float:
        """Mean SSIM."""
        return sum(self.ssim) / self.n


@dataclass(frozen=True)
class Held:
    """The picture that a model holds of each class: PNGs, how sure it is of each, which the judge recognises.

    `low` and `high`: 95 % Wilson interval of the share that is recognised.
    """

    model: str
    judge: str
    pictures: tuple[str, ...]
    sure: tuple[float, ...]
    right: tuple[bool, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Original:
    """A test image: its number, its class, and itself as a PNG."""

    index: int
    label: int
    picture: str


@dataclass(frozen=True)
class Rebuilt:
    """What is shipped; `chance` is the mean SSIM of two different test images."""

    version: int
    digest: str
    chance: float
    originals: tuple[Original, ...]
    cells: tuple[Cell, ...]
    held: tuple[Held, ...]


def study() -> Study:
    """The study whose network, at initial weights, the shipped gradients are of."""
    return planning.resolve(parse({"dataset": DATASET, "model": MODEL}))


def written(rebuilt: Rebuilt) -> bytes:
    return json.dumps(asdict(rebuilt), separators=(",", ":")).encode() + b"\n"


def read(text: bytes) -> Rebuilt:
    """What `written` wrote."""
    held: dict[str, Any] = json.loads(text)
    return Rebuilt(**held | {name: tuple(kind(**_frozen(one)) for one in held[name]) for name, kind in KINDS.items()})


KINDS: dict[str, Any] = {"originals": Original, "cells": Cell, "held": Held}


def _frozen(one: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in one.items()}


@lru_cache(maxsize=1)
def shipped() -> Rebuilt | None:
    """What came with Frontier; None where it is of another version's numbers."""
    found = read(SHIPPED.read_bytes())
    current = found.version == VERSION and found.digest == planning.digest(study())
    return found if current else None


def finding(cell: Cell, chance: float, others: Sequence[Cell] = ()) -> str:
    """What an attack makes of a gradient; of `others`, the same with more noise, the first that leaves nothing.

    >>> seen = Cell("cosine", 1.0, 0.0, ("",), (24.6,), (0.83,), 1, 1.3)
    >>> noisy = Cell("cosine", 1.0, 0.1, ("",), (7.7,), (0.07,), 1, 1.3)
    >>> finding(seen, 0.1, [seen, noisy])
    "From the gradient of one image, Geiping's attack redraws it at **SSIM 0.83** (1 is the same picture); with noise \
multiplier **0.1** nothing of it is left (0.07)."
    >>> finding(noisy, 0.1)
    "From the gradient of one image, clipped to 1 with noise multiplier 0.1, Geiping's attack gets **nothing**: SSIM \
0.07, where two different images have 0.10."
    """
    begin = f"From the {gradient_of(cell.n)}{_guarded(cell)}, {CALLED[cell.attack]}"
    them = "it" if cell.n == 1 else "them"
    if cell.like <= chance:
        return f"{begin} gets **nothing**: SSIM {cell.like:.2f}, where two different images have {chance:.2f}."
    how = f"redraws {them} at" if cell.like >= CLEAR else f"gets no closer to {them} than"
    gone = next((one for one in others if one.like <= chance), None)
    end = "" if gone is None else f"; {_gone(gone, them)}"
    return f"{begin} {how} **SSIM {cell.like:.2f}** (1 is the same picture){end}."


def gradient_of(n: int) -> str:
    """
    >>> gradient_of(1), gradient_of(4)
    ('gradient of one image', 'mean gradient of 4 images')
    """
    return "gradient of one image" if n == 1 else f"mean gradient of {n} images"


def _guarded(cell: Cell) -> str:
    """How the gradient was guarded, where that matters: clipping alone leaves its direction."""
    if cell.noise_multiplier == 0:
        return ""
    return f", clipped to {cell.max_grad_norm:g} with noise multiplier {cell.noise_multiplier:g}"


def _gone(cell: Cell, them: str) -> str:
    return f"with noise multiplier **{cell.noise_multiplier:g}** nothing of {them} is left ({cell.like:.2f})"


def judge_of(model: Model, among: Sequence[Model]) -> Model | None:
    """Who shall recognise what `model` holds: another model of these images, of another study where there is one.

    Models of one study may have shared batches. Defended ones first, so that a private model and one without privacy
    have the same judge.
    """
    others = [one for one in among if one.name != model.name and _images(one) == _images(model)]
    return min(others, key=lambda one: (one.digest == model.digest, defended(one.study) == "none"), default=None)


def _images(model: Model) -> tuple[object, ...]:
    return model.study.dataset, model.study.own
