"""A trained classifier as one file that PyTorch alone can load."""

import io
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram, export, save

from engine.data import entry
from engine.report.export import write
from engine.runs import load_model
from engine.study import Study


def write_program(study: Study, weights: Path, out: Path) -> None:
    """Write the classifier trained for `study` to `out`; FrontierError when it cannot be written.

    `torch.export.load(out).module()` then maps pixels in [0, 1], float32 (N, C, H, W), any N >= 1, to logits, and is
    differentiable in its input.
    """
    buffer = io.BytesIO()
    save(program(load_model(study, weights), entry.of(study).facts["shape"]), buffer)
    write(out.parent, {out.name: buffer.getvalue()})


def program(model: torch.nn.Module, shape: tuple[int, ...]) -> ExportedProgram:
    """The whole model, frozen, in evaluation mode, with a batch of any size."""
    model = model.eval().requires_grad_(False)
    example = torch.full((2, *shape), 0.5)
    return export(model, (example,), dynamic_shapes=({0: Dim("batch")},))
