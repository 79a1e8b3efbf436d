"""Certificates by interval bounds (arXiv:1810.12715): no picture within eps is read otherwise, whatever the attack.

Each layer is told which values it may get and says which it may give. The bounds hold for the network as it is computed
in float32, sums in any order: every interval is widened by what rounding may add (Higham, Accuracy and Stability of
Numerical Algorithms, section 3.1). Convolutions by FFT or in TF32 round more and are not covered.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.checks import within
from engine.errors import BadInput
from engine.models.layers import Layer, Layered

BATCH = 128
UNIT = 2.0**-24  # relative error of one float32 operation
FUNCTION_UNITS = 16  # of a tanh, an interpolation: of the value, or of 1 where that is more
HALVINGS = 16  # the largest eps is found to within `most` / 65,536


def interval(model: nn.Module, x: Tensor, y: Tensor, *, eps: float) -> Tensor:
    """Which images (N,) are certified: class y for every picture of [0, 1] within `eps` a pixel, proven by intervals.

    x is (N, C, H, W) in [0, 1], y (N,) the true labels, eps in [0, 1]. BadInput for a network that does not tell its
    layers. False proves nothing: intervals are loose, most of all for networks that were not trained with them.
    """
    within("eps", eps, 0, 1)
    return _certified(layers_of(model), x, y, torch.full((len(x),), float(eps), dtype=torch.float64, device=x.device))


def certified_radius(model: nn.Module, x: Tensor, y: Tensor, *, most: float = 1.0) -> Tensor:
    """The largest eps up to `most` at which `interval` certifies each image, (N,), by bisection.

    0 means at no radius above `most` / 65,536; -1 that not even the image itself is surely recognised.
    """
    within("most", most, 0, 1)
    layers = layers_of(model)
    low = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    high = torch.full_like(low, most)
    known, all_the_way = _certified(layers, x, y, low), _certified(layers, x, y, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        holds = _certified(layers, x, y, middle)
        low, high = torch.where(holds, middle, low), torch.where(holds, high, middle)
    return low.masked_fill(all_the_way, most).masked_fill(~known, -1)


def layers_of(model: nn.Module) -> tuple[Layer, ...]:
    """The layers from which the model's forward pass is made; BadInput for a network that has others."""
    if not isinstance(model, Layered) or type(model).forward is not Layered.forward:
        name = type(model).__name__
        raise BadInput(f"interval bounds need a network that tells its layers, as cnn does; {name} does not")
    return model.layers()


@torch.no_grad()
def _certified(layers: Sequence[Layer], x: Tensor, y: Tensor, eps: Tensor) -> Tensor:
    parts = zip(x.split(BATCH), y.split(BATCH), eps.split(BATCH), strict=True)
    return torch.cat([margins(layers, *part).amin(1) > 0 for part in parts])


def margins(layers: Sequence[Layer], x: Tensor, y: Tensor, eps: Tensor) -> Tensor:
    """The least by which logit y exceeds each other one, (N, classes - 1), within `eps` (N,): below it, if anything.

    The last layer is bounded for differences of logits: what raises both cancels (the elision of the paper).
    """
    *inner, last = layers
    if not isinstance(last, nn.Linear):
        raise BadInput("interval bounds need a network whose last layer is linear")
    low, high = _pixels(x, eps)
    for layer in inner:
        low, high = through(layer, low, high)
    others = (y[:, None] + torch.arange(1, last.out_features, device=y.device)) % last.out_features
    weight, bias = last.weight.double(), _bias(last)
    rows, gap = weight[y][:, None] - weight[others], bias[y][:, None] - bias[others]
    middle, radius = (low + high) / 2, (high - low) / 2
    rounding = _gamma(last.in_features) * (functional.linear(middle.abs() + radius, weight.abs()) + bias.abs())
    least = (rows @ middle[:, :, None] - rows.abs() @ radius[:, :, None])[:, :, 0] + gap
    return least - rounding.gather(1, y[:, None]) - rounding.gather(1, others)  # each logit rounds by itself


def _pixels(x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
    """What pixels may be: in the box, and in the ball, which x + delta may leave by a rounding."""
    wide = (eps.double() + 2 * UNIT).view(-1, 1, 1, 1)
    return (x.double() - wide).clamp(0, 1), (x.double() + wide).clamp(0, 1)


def through(layer: Layer, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds behind a layer, in float64: a monotone one keeps the ends, of the others the size of weights counts."""
    if isinstance(layer, nn.Linear):
        return _affine(functional.linear, layer, low, high)
    if isinstance(layer, nn.Conv2d):
        return _affine(lambda x, weight: layer._conv_forward(x, weight, None), layer, low, high)
    low, high = layer(low), layer(high)
    rounding = FUNCTION_UNITS * UNIT
    return low - rounding * low.abs().clamp_min(1), high + rounding * high.abs().clamp_min(1)


def _affine(
    apply: Callable[[Tensor, Tensor], Tensor], layer: nn.Linear | nn.Conv2d, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor]:
    weight, gamma = layer.weight.double(), _gamma(layer.weight[0].numel())
    bias = _bias(layer).view(-1, *(1,) * (low.dim() - 2))
    middle, radius = (low + high) / 2, (high - low) / 2
    radius = apply(radius + gamma * (middle.abs() + radius), weight.abs()) + gamma * bias.abs()
    middle = apply(middle, weight) + bias
    return middle - radius, middle + radius


def _bias(layer: nn.Linear | nn.Conv2d) -> Tensor:
    return layer.weight.new_zeros(layer.weight.shape[0]).double() if layer.bias is None else layer.bias.double()


def _gamma(terms: int) -> float:
    """What a sum of so many products and a bias may be off, in any order, as a share of the sum of their sizes.

    >>> f"{_gamma(784):.1e}"
    '4.7e-05'
    """
    return 1.01 * (terms + 1) * UNIT  # n u / (1 - n u), and what float64 rounds itself
