"""What cannot be trained privately is refused before training: layers that couple images, gradients that escape.

Clipping bounds what one image adds only if no other image's gradient depends on it. Known offenders are refused by
name; what a model does in code of its own is found by asking it: a few random images, alone and in two companies of
other sizes, on a copy in float64. There rounding is of the size of 1e-14, so that coupling cannot pass for it.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.errors import BadInput
from engine.models.loss import losses
from engine.privacy import persample

_TOLERANCE = 1e-9  # relative, in float64: no registered model is off by more than 2e-15
_COMPANIES = ((0, 1, 2), (3, 2, 4, 0, 1))  # whose answers must be those of each image alone, wherever it stands

_FAILURES = (RuntimeError, TypeError, AttributeError, NotImplementedError, ValueError)


def check(model: nn.Module, shape: tuple[int, ...]) -> None:
    """BadInput, in one sentence, unless each image's gradient depends on that image alone and can be had.

    `shape` is that of one input. The model, its mode and its buffers stay as they are.
    """
    for sentence in _refused(model):
        raise BadInput(sentence)
    with torch.random.fork_rng(devices=[]):  # what a model draws, and weights in place of zeros
        _ask(_asked(model), shape)


def _refused(model: nn.Module) -> Iterator[str]:
    for name, layer in model.named_modules():
        kind = type(layer).__name__
        here = f"layer '{name}' ({kind})"
        if isinstance(layer, nn.modules.instancenorm._InstanceNorm):
            if layer.track_running_stats:
                yield f"{here} keeps statistics of all images: use track_running_stats=False, or GroupNorm"
        elif isinstance(layer, nn.modules.batchnorm._NormBase):
            yield f"{here} mixes the images of a batch, so no clipping bounds what one image adds: use GroupNorm"
        elif isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:
            yield f"{here} drops by place in the batch, so one image changes all others: leave it out, or p=0"
        elif isinstance(layer, nn.RNNBase) and any(p.requires_grad for p in layer.parameters()):
            yield f"{here} gives no gradient of single images: build its cell of nn.Linear layers"


def _asked(model: nn.Module) -> nn.Module:
    """A copy in float64, in the mode of training."""
    asked = copy.deepcopy(model).double().train()
    for parameter in asked.parameters():
        if not parameter.any():  # zero weights would hide what comes before them
            nn.init.normal_(parameter, std=0.05)
    return asked


def _ask(model: nn.Module, shape: tuple[int, ...]) -> None:
    weight = next(model.parameters())
    images = 1 + max(map(max, _COMPANIES))
    x = torch.rand(images, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(weight)
    y = torch.arange(images, device=x.device) % _n_classes(model, x)
    alone = _alone(model, x, y)
    true = [_gradients(model, loss) for loss in alone]
    for company in map(list, _COMPANIES):
        _same(losses(model, x[company], y[company]), [alone[i] for i in company])
        _compare(model, x[company], y[company], [true[i] for i in company])


def _alone(model: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    """Each image's loss; BadInput when asking leaves a trace, or the answer hangs on more than the image."""
    buffers, state = [buffer.clone() for buffer in model.buffers()], torch.random.get_rng_state()
    found = [losses(model, x[[i]], y[[i]]) for i in range(len(x))]
    if any(not torch.equal(a, b) for a, b in zip(buffers, model.buffers(), strict=True)):
        raise BadInput("the model keeps statistics of the images it sees, so no clipping bounds what one adds")
    drawn = not torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(1)  # for generators of other devices
    again = [losses(model, x[[i]], y[[i]]) for i in range(len(x))]
    if drawn or any(not torch.equal(a, b) for a, b in zip(found, again, strict=True)):
        raise BadInput("the model draws random numbers, by an image's place in its batch: leave dropout and noise out")
    return found


def _n_classes(model: nn.Module, x: Tensor) -> int:
    """How many logits it gives; BadInput when it cannot be asked in float64."""
    try:
        with torch.no_grad():
            logits: Tensor = model(x[:1])
    except _FAILURES as error:
        raise BadInput(f"the model gives no logits in float64: {_first_line(error)}") from error
    if logits.dtype != torch.float64:
        raise BadInput(f"the model answers in {logits.dtype} when asked in float64: convert to the weights' dtype")
    return logits.shape[1]


@torch.no_grad()
def _same(together: Tensor, alone: list[Tensor]) -> None:
    if together.shape != (len(alone),) or any(loss.shape != (1,) for loss in alone):
        raise BadInput(f"the model gives losses of shape {tuple(together.shape)} for {len(alone)} images, not one each")
    expected = torch.cat(alone)
    if not torch.allclose(together, expected, rtol=_TOLERANCE, atol=_TOLERANCE * float(expected.abs().max())):
        raise BadInput("the model mixes the images of a batch: the loss of one image changes with the others")


def _gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    """By autograd, of one image alone."""
    names = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    found = torch.autograd.grad(loss.sum(), list(names.values()), materialize_grads=True, allow_unused=True)
    return {name: gradient.flatten() for name, gradient in zip(names, found, strict=True)}


def _compare(model: nn.Module, x: Tensor, y: Tensor, true: list[dict[str, Tensor]]) -> None:
    """Each image's gradient by ours, in company, and by autograd, alone."""
    try:
        with persample.recorded(model) as calls:
            loss = losses(model, x, y).sum()
        found = {parameter: gradient.rows for parameter, gradient in persample.gradients(calls, loss).items()}
    except _FAILURES as error:
        raise BadInput(f"{_foreign(model)} gives no gradient of single images: {_first_line(error)}") from error
    for i, expected in enumerate(true):
        size = float(torch.cat(list(expected.values())).norm())
        for name, gradient in expected.items():
            parameter = model.get_parameter(name)
            ours = found[parameter][i] if parameter in found else torch.zeros_like(parameter)
            _agree(name, ours.flatten().detach(), gradient, size)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _foreign(model: nn.Module) -> str:
    """The layers that are not our own, of which one must be to blame."""
    found = {name: type(unit) for name, unit in persample.units(model).items()}
    return ", ".join(f"layer '{name}' ({kind.__name__})" for name, kind in found.items() if kind not in persample.OWN)


def _agree(name: str, ours: Tensor, true: Tensor, size: float) -> None:
    """`size`: of the image's whole gradient, which is what is clipped."""
    if not float((ours - true).norm()) <= _TOLERANCE * size:
        outside = "is used outside its layer's own call, or with other images"
        raise BadInput(f"parameter '{name}' {outside}, so its gradient cannot be clipped")
