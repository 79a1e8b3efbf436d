"""What cannot be trained privately is refused before training: layers that couple images, gradients that escape.

Clipping bounds what one image adds only if no other image's gradient depends on it. Known offenders are refused by
name; what a model does in code of its own is found by asking it: a few random images, alone and in other company.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.errors import BadInput
from engine.models.loss import losses
from engine.privacy import persample

_TOLERANCE = 1e-3  # relative; float32 rounds differently in another batch, coupling is of the size of the outputs


def check(model: nn.Module, shape: tuple[int, ...]) -> None:
    """BadInput, in one sentence, unless each image's gradient depends on that image alone and can be had.

    `shape` is that of one input. The model, its mode and its buffers stay as they are.
    """
    for sentence in _refused(model):
        raise BadInput(sentence)
    with torch.random.fork_rng(devices=[]):  # dropout draws from the global generator
        torch.manual_seed(0)
        _ask(model, shape)


def _refused(model: nn.Module) -> Iterator[str]:
    for name, layer in model.named_modules():
        kind = type(layer).__name__
        here = f"layer '{name}' ({kind})"
        if isinstance(layer, nn.modules.instancenorm._InstanceNorm):
            if layer.track_running_stats:
                yield f"{here} keeps statistics of all images: use track_running_stats=False, or GroupNorm"
        elif isinstance(layer, nn.modules.batchnorm._NormBase):
            yield f"{here} mixes the images of a batch, so no clipping bounds what one image adds: use GroupNorm"
        elif isinstance(layer, nn.RNNBase) and any(p.requires_grad for p in layer.parameters()):
            yield f"{here} gives no gradient of single images: build its cell of nn.Linear layers"


def _ask(model: nn.Module, shape: tuple[int, ...]) -> None:
    """On a copy, in the mode of training."""
    asked = copy.deepcopy(model).train()
    for parameter in asked.parameters():
        if not parameter.any():  # zero weights would hide what comes before them
            nn.init.normal_(parameter, std=0.05)
    weight = next(asked.parameters())
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0)).to(weight)
    before = [buffer.clone() for buffer in asked.buffers()]
    logits = _seeded(asked, x)
    y = torch.arange(3, device=x.device) % logits.shape[1]
    _same("its logits", logits[:1], _seeded(asked, torch.cat([x[:1], 1 - x[1:]]))[:1])
    if any(not torch.equal(a, b) for a, b in zip(before, asked.buffers(), strict=True)):
        raise BadInput("the model keeps statistics of the images it sees, so no clipping bounds what one adds")
    _compare(asked, x, y)


def _seeded(model: nn.Module, x: Tensor) -> Tensor:
    torch.manual_seed(0)
    with torch.no_grad():
        logits: Tensor = model(x)
    return logits


def _same(what: str, a: Tensor, b: Tensor) -> None:
    if not torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE * float(a.abs().max())):
        raise BadInput(f"the model mixes the images of a batch: {what} for one image change with the others")


def _compare(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Each image's gradient by ours and by autograd, image by image."""
    try:
        torch.manual_seed(0)
        with persample.recorded(model) as calls:
            loss = losses(model, x, y).sum()
        found = {parameter: gradient.rows for parameter, gradient in persample.gradients(calls, loss).items()}
    except (RuntimeError, TypeError, AttributeError, NotImplementedError, ValueError) as error:
        raise BadInput(f"{_foreign(model)} gives no gradient of single images: {str(error).splitlines()[0]}") from error
    torch.manual_seed(0)
    each = losses(model, x, y).unbind()
    names = {parameter: name for name, parameter in model.named_parameters() if parameter.requires_grad}
    for i, one in enumerate(each):
        true = torch.autograd.grad(one, list(names), retain_graph=True, materialize_grads=True, allow_unused=True)
        for (parameter, name), expected in zip(names.items(), true, strict=True):
            ours = found[parameter][i] if parameter in found else torch.zeros_like(parameter)
            _agree(name, ours.flatten().detach(), expected.flatten())


def _foreign(model: nn.Module) -> str:
    """The layers that are not our own, of which one must be to blame."""
    found = {name: type(unit) for name, unit in persample.units(model).items()}
    return ", ".join(f"layer '{name}' ({kind.__name__})" for name, kind in found.items() if kind not in persample.OWN)


def _agree(name: str, ours: Tensor, true: Tensor) -> None:
    if float((ours - true).norm()) > _TOLERANCE * (float(true.norm()) + 1e-6):
        raise BadInput(f"parameter '{name}' is used outside its layer's own call, so its gradient cannot be clipped")
