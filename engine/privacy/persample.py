"""Gradients of single examples, from one backward pass that computes no parameter's gradient (arXiv:2210.00038).

A layer's input and its output's gradient say what each example contributes to the gradient of the layer's weights.
Both are noted on the way, and every layer gets by with the cheaper of two forms: `Rows` holds each example's
gradient, `Outer` keeps its two factors, whose Gram matrices give the norm (arXiv:2009.03106, arXiv:2205.10683).
Linear layers, convolutions, GroupNorm and LayerNorm are our own; every other layer goes through Opacus.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from opacus.grad_sample import GradSampleModule
from opacus.grad_sample.functorch import ft_compute_per_sample_gradient
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional

GRAM_FROM = 64  # Gram matrices where a weight has more numbers than this times the square of the positions
GRAM_ERROR = 8  # rounding units that a squared norm by Gram matrices may be off, of what it would be uncancelled


@dataclass(frozen=True)
class Rows:
    """The gradient of each example for a parameter, flat: (n, size)."""

    rows: Tensor

    @property
    def held(self) -> tuple[Tensor, ...]:
        """What it keeps in memory."""
        return (self.rows,)

    def squares(self) -> Tensor:
        """Squared norm of each example's gradient, (n,)."""
        # vector_norm reads once and writes n numbers; square().sum(1) took two to sixteen times as long
        sizes: Tensor = torch.linalg.vector_norm(self.rows, dim=1)
        return sizes.square()

    def at_most(self) -> Tensor:
        """Squared norm of each example's gradient, (n,), never less than the true one but for MARGIN's part."""
        return self.squares()

    def without(self, bad: Tensor) -> "Rows":
        """The same with nothing in the examples that are `bad`, (n,)."""
        return Rows(self.rows.masked_fill(bad[:, None], 0))

    def weighted(self, weights: Tensor) -> Tensor:
        """Sum of the examples' gradients, each times its weight, flat."""
        return weights @ self.rows


@dataclass(frozen=True)
class Outer:
    """Gradients as sums over positions of outer products: example i's is right[i] @ left[i].T.

    `left` (n, inputs, positions) and `right` (n, outputs, positions).
    """

    left: Tensor
    right: Tensor

    @property
    def held(self) -> tuple[Tensor, ...]:
        """What it keeps in memory."""
        return self.left, self.right

    @property
    def rows(self) -> Tensor:
        """What it stands for, written out: (n, outputs * inputs)."""
        return torch.bmm(self.right, self.left.mT).flatten(1)

    def squares(self) -> Tensor:
        """Squared norm of each example's gradient, (n,)."""
        if self.left.shape[2] == 1:
            return _squares(self.left) * _squares(self.right)
        return (torch.bmm(self.left.mT, self.left) * torch.bmm(self.right.mT, self.right)).sum((1, 2)).clamp(min=0)

    def at_most(self) -> Tensor:
        """As in Rows: positions that cancel leave a small number with the rounding of large ones.

        In float32 that grows with the length of the products: float64 has the last word where it finds more. Where
        it does not, numbers are those of float32 with its usual error, as they were for models trained earlier.
        """
        if self.left.shape[2] == 1:
            return self.squares()
        sizes = torch.linalg.vector_norm(self.left, dim=1) * torch.linalg.vector_norm(self.right, dim=1)
        error = GRAM_ERROR * torch.finfo(sizes.dtype).eps * sizes.sum(1).square()
        return torch.maximum(self.squares() + error, Outer(self.left.double(), self.right.double()).squares().to(error))

    def without(self, bad: Tensor) -> "Outer":
        """As in Rows."""
        mask = bad[:, None, None]
        return Outer(self.left.masked_fill(mask, 0), self.right.masked_fill(mask, 0))

    def weighted(self, weights: Tensor) -> Tensor:
        """As in Rows: one product over all examples and positions."""
        right = (self.right * weights[:, None, None]).mT.flatten(0, 1)
        return (right.T @ self.left.mT.flatten(0, 1)).flatten()


@dataclass(frozen=True)
class Turned:
    """A convolution's gradients with the channels of a patch last: in the order of the weight once they are summed.

    `shape` is (outputs, *kernel, channels).
    """

    found: Rows | Outer
    shape: tuple[int, ...]

    @property
    def held(self) -> tuple[Tensor, ...]:
        """What it keeps in memory."""
        return self.found.held

    @property
    def rows(self) -> Tensor:
        """As in Outer."""
        return self.found.rows.view(-1, *self.shape).movedim(-1, 2).flatten(1)

    def squares(self) -> Tensor:
        """As in Rows."""
        return self.found.squares()

    def at_most(self) -> Tensor:
        """As in Rows."""
        return self.found.at_most()

    def without(self, bad: Tensor) -> "Turned":
        """As in Rows."""
        return Turned(self.found.without(bad), self.shape)

    def weighted(self, weights: Tensor) -> Tensor:
        """As in Rows."""
        return self.found.weighted(weights).view(self.shape).movedim(-1, 1).flatten()


def _squares(x: Tensor) -> Tensor:
    """Squared norms, (n,), and what is lost of squares too small for their type: the other factor may be huge."""
    sizes: Tensor = torch.linalg.vector_norm(x, dim=(1, 2))
    return sizes.square() + 2 * x[0].numel() * torch.finfo(x.dtype).tiny


Gradient = Rows | Outer | Turned
Gradients = dict[Tensor, Gradient]  # by parameter


@dataclass(frozen=True)
class Call:
    """One call of a layer: what it was given, and where in the graph its output arises."""

    layer: nn.Module
    given: Sequence[Any]
    made: GradientEdge


Pairs = Sequence[tuple[Tensor, Tensor]]  # of each call of a layer: input and gradient of the output


def units(model: nn.Module) -> dict[str, nn.Module]:
    """The outermost layers that own something to be trained, by name; each is treated as one piece."""
    if any(p.requires_grad for p in model.parameters(recurse=False)):
        return {"": model}
    inner = {name: units(child) for name, child in model.named_children()}
    return {f"{name}.{rest}".rstrip("."): unit for name, found in inner.items() for rest, unit in found.items()}


@contextmanager
def recorded(model: nn.Module) -> Iterator[list[Call]]:
    """Notes every call of every unit while it lasts."""
    calls: list[Call] = []

    def note(layer: nn.Module, given: tuple[Any, ...], made: Tensor) -> None:
        calls.append(Call(layer, [part.detach() for part in given], get_gradient_edge(made)))

    hooks = [unit.register_forward_hook(note) for unit in set(units(model).values())]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def gradients(calls: Sequence[Call], loss: Tensor, views: int = 1) -> Gradients:
    """Each example's gradient of `loss`, a sum over examples, for every trained parameter of the layers called.

    An example is `views` neighbouring inputs, and its gradient the sum of theirs. The parameters themselves are not
    touched: the backward pass ends at the layers' outputs.
    """
    arrived = torch.autograd.grad(loss, [call.made for call in calls], allow_unused=True)
    pairs: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {}
    for call, grad in zip(calls, arrived, strict=True):
        if grad is not None:
            pairs.setdefault(call.layer, []).append((call.given[0], grad))
    return _of_layers(pairs, views)


@torch.no_grad()
def _of_layers(pairs: Mapping[nn.Module, Pairs], views: int) -> Gradients:
    found: dict[Tensor, list[Gradient]] = {}
    for layer, of_calls in pairs.items():
        for parameter, gradient in OWN.get(type(layer), _by_opacus)(layer, of_calls, views).items():
            if parameter.requires_grad:
                found.setdefault(parameter, []).append(gradient)
    return {parameter: _together(several) for parameter, several in found.items()}


def _together(several: Sequence[Gradient]) -> Gradient:
    """One gradient of a parameter that several layers share: they add before any norm is taken."""
    return several[0] if len(several) == 1 else Rows(torch.stack([part.rows for part in several]).sum(0))


def norms(found: Gradients) -> Tensor:
    """Norm of each example's gradient over all parameters, (n,)."""
    return torch.stack([gradient.squares() for gradient in found.values()]).sum(0).sqrt()


def clipped_sums(found: Gradients, bound: float, views: int = 1) -> dict[Tensor, Tensor]:
    """Sum over examples of the mean over views of each one's gradient, scaled down to a norm of at most `bound`.

    An example whose gradient is not finite adds nothing.
    """
    squares = torch.stack([gradient.at_most() for gradient in found.values()]).sum(0)
    bad = ~squares.isfinite()
    if bool(bad.any()):
        found = {parameter: gradient.without(bad) for parameter, gradient in found.items()}
    weights = (bound / (squares.sqrt() / views)).clamp(max=1.0).masked_fill(bad, 0) / views
    return {parameter: gradient.weighted(weights).view_as(parameter) for parameter, gradient in found.items()}


def _beside(of_calls: Sequence[Tensor]) -> Tensor:
    """The positions of all calls, (n, size, positions); torch.cat copies even when there is but one."""
    return of_calls[0] if len(of_calls) == 1 else torch.cat(list(of_calls), 2)


def _joined(x: Tensor, views: int) -> Tensor:
    """Views as further positions: (n * views, size, positions) -> (n, size, views * positions)."""
    return x if views == 1 else x.unflatten(0, (-1, views)).transpose(1, 2).flatten(2)


def _added(of_calls: Sequence[Tensor], views: int) -> Rows:
    """Gradients of each call and view, (n * views, ...), added up."""
    added = of_calls[0].flatten(1)
    for rows in of_calls[1:]:
        added = added + rows.flatten(1)
    return Rows(added if views == 1 else added.unflatten(0, (-1, views)).sum(1))


def _products(layer: Any, left: Tensor, right: Tensor) -> Gradients:
    """Gradients of a weight and a bias from both factors, (n, size, positions)."""
    return _affine(layer, _cheaper(left, right), Rows(right.sum(2)))


def _cheaper(left: Tensor, right: Tensor) -> Rows | Outer:
    outer = Outer(left, right)
    size, positions = left.shape[1] * right.shape[1], left.shape[2]
    gram = positions == 1 or size > GRAM_FROM * positions**2
    return outer if gram else Rows(outer.rows)


def _affine(layer: Any, weight: Gradient, bias: Gradient) -> Gradients:
    return {layer.weight: weight} | ({} if layer.bias is None else {layer.bias: bias})


def _linear(layer: Any, pairs: Pairs, views: int) -> Gradients:
    """(n, ..., features): what lies between are positions."""
    left, right = (_beside([_columns(pair[side]) for pair in pairs]) for side in (0, 1))
    return _products(layer, _joined(left, views), _joined(right, views))


def _columns(x: Tensor) -> Tensor:
    return x.reshape(len(x), -1, x.shape[-1]).mT


def _convolution(layer: Any, pairs: Pairs, views: int) -> Gradients:
    """A linear layer on patches, a position each."""
    last = layer.groups == 1 and all(_channels_last(x) for x, _ in pairs)
    left = _joined(_beside([patches(layer, x, last) for x, _ in pairs]), views)
    right = _joined(_beside([_at_positions(grad) for _, grad in pairs]), views)
    if layer.groups > 1:
        apart = Outer(*(x.unflatten(1, (layer.groups, -1)).flatten(0, 1) for x in (left, right))).rows
        return _affine(layer, Rows(apart.view(len(left), -1)), Rows(right.sum(2)))
    weight = _cheaper(left, right)
    turned = Turned(weight, (layer.out_channels, *layer.kernel_size, layer.in_channels)) if last else weight
    return _affine(layer, turned, Rows(right.sum(2)))


def _channels_last(x: Tensor) -> bool:
    return x.dim() == 4 and x.shape[1] > 1 and x.is_contiguous(memory_format=torch.channels_last)


def _at_positions(x: Tensor) -> Tensor:
    """(n, channels, ...) -> (n, channels, positions), without a copy where channels lie last in memory."""
    return x.movedim(1, -1).flatten(1, -2).mT if _channels_last(x) else x.flatten(2)


def patches(layer: Any, x: Tensor, last: bool = False) -> Tensor:
    """What each position of a convolution sees: (n, channels, ...) -> (n, channels * kernel, positions).

    `last`: within a patch, channels come last: (n, kernel * channels, positions).
    """
    around = layer._reversed_padding_repeated_twice
    if any(around):
        x = functional.pad(x, around, mode="constant" if layer.padding_mode == "zeros" else layer.padding_mode)
    sizes = zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)
    for axis, (kernel, stride, dilation) in enumerate(sizes, start=2):
        x = x.unfold(axis, dilation * (kernel - 1) + 1, stride)[..., ::dilation]
    n_axes = len(layer.kernel_size)
    positions, kernel = range(2, 2 + n_axes), range(2 + n_axes, 2 + 2 * n_axes)
    # one copy of strided windows in the order that has the longest runs: functional.unfold took five times as long
    if last:
        return x.permute(0, *positions, *kernel, 1).flatten(1 + n_axes).flatten(1, n_axes).mT
    return x.permute(0, 1, *kernel, *positions).flatten(2 + n_axes).flatten(1, 1 + n_axes)


def _group_norm(layer: Any, pairs: Pairs, views: int) -> Gradients:
    scales = [(functional.group_norm(x, layer.num_groups, eps=layer.eps) * g).flatten(2).sum(2) for x, g in pairs]
    shifts = [g.flatten(2).sum(2) for _, g in pairs]
    return _affine(layer, _added(scales, views), _added(shifts, views))


def _layer_norm(layer: Any, pairs: Pairs, views: int) -> Gradients:
    shape, size = layer.normalized_shape, layer.weight.numel()
    scales = [(functional.layer_norm(x, shape, eps=layer.eps) * g).view(len(g), -1, size).sum(1) for x, g in pairs]
    shifts = [g.reshape(len(g), -1, size).sum(1) for _, g in pairs]
    return _affine(layer, _added(scales, views), _added(shifts, views))


def _by_opacus(layer: nn.Module, pairs: Pairs, views: int) -> Gradients:
    """Any other layer: Opacus's sampler of its kind, or else its way through torch.func."""
    sampler = GradSampleModule.GRAD_SAMPLERS.get(type(layer), ft_compute_per_sample_gradient)
    found: dict[Tensor, list[Tensor]] = {}
    for x, grad in pairs:
        for parameter, rows in sampler(layer, [x], grad).items():
            found.setdefault(parameter, []).append(rows)
    return {parameter: _added(of_calls, views) for parameter, of_calls in found.items()}


OWN: dict[type[nn.Module], Callable[[Any, Pairs, int], Gradients]] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.GroupNorm: _group_norm,
    nn.LayerNorm: _layer_norm,
}
