"""An exported model is the same function, differentiable in its input, and needs nothing of this project."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.data import datasets
from engine.errors import FrontierError
from engine.models import models
from engine.report.portable import write_program
from engine.runs import load_model, new_model
from engine.study import Study

ALONE = """
import sys
import torch
assert not any(name.split(".")[0] == "engine" for name in sys.modules)
program = torch.export.load(sys.argv[1]).module()
given = torch.load(sys.argv[2], weights_only=True)
answers = []
for x in given:
    x.requires_grad_()
    logits = program(x)
    logits.logsumexp(1).sum().backward()
    answers.append((logits.detach(), x.grad))
torch.save(answers, sys.argv[3])
"""


@pytest.fixture(params=models.names)
def trained(request: pytest.FixtureRequest, tmp_path: Path, published: Path) -> tuple[Study, Path]:
    """A study and weights that are not zero."""
    study = Study(model=request.param)
    torch.manual_seed(0)
    weights = {name: torch.randn_like(value) / 10 for name, value in new_model(study).state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    return study, tmp_path / "weights.safetensors"


def test_the_program_alone_gives_logits_and_gradients(trained: tuple[Study, Path], tmp_path: Path) -> None:
    study, weights = trained
    shape = datasets[study.dataset].facts["shape"]
    images = [torch.rand(n, *shape) for n in (1, 2, 33)] + [torch.zeros(1, *shape), torch.ones(2, *shape)]
    torch.save(images, tmp_path / "images.pt")
    write_program(study, weights, tmp_path / "model.pt2")
    files = [str(tmp_path / name) for name in ("model.pt2", "images.pt", "answers.pt")]
    subprocess.run([sys.executable, "-c", ALONE, *files], cwd=tmp_path, check=True, timeout=60)
    model = load_model(study, weights)
    for x, (logits, gradient) in zip(images, torch.load(files[2], weights_only=True), strict=True):
        x.requires_grad_()
        expected = model(x)
        expected.logsumexp(1).sum().backward()
        assert x.grad is not None
        torch.testing.assert_close(logits, expected.detach())
        torch.testing.assert_close(gradient, x.grad, rtol=1e-4, atol=1e-5)
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0


@pytest.mark.parametrize("trained", ["cnn"], indirect=True)
def test_a_file_that_cannot_be_written_is_named(trained: tuple[Study, Path], tmp_path: Path) -> None:
    study, weights = trained
    (tmp_path / "taken").mkdir()
    with pytest.raises(FrontierError, match="taken cannot be written"):
        write_program(study, weights, tmp_path / "taken")
