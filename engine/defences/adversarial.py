"""Adversarial training: the loss of the worst picture in a ball around each, found on the network as it is.

`(model, x, y, *, eps, noise, attacked) -> loss (N,)`: `model` is what is trained, `attacked` the same network bare, on
which perturbations are made. An example's loss hangs on that example, its noise and the weights alone, so a clipped
gradient bounds what one image adds, as without a defence.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.defences.perturb import climbed, cross_entropy, raised, started
from engine.models.loss import losses
from engine.privacy.keyed import Keyed
from engine.registry import register

STEPS = 2
WEIGHT = 1.0  # of TRADES' second term: the paper's 6 costs clean accuracy and does what `adversarial` does


@register(
    "adversarial",
    title="adversarial training",
    kind="training",
    random=True,
    differentiable=True,
    dearer=3.0,
    source="arXiv:1706.06083",
)
def adversarial(
    model: nn.Module, x: Tensor, y: Tensor, *, eps: float, noise: Keyed, attacked: nn.Module, steps: int = STEPS
) -> Tensor:
    """Learns from the worst picture that a few gradient steps find around each."""
    found = climbed(x, started(x, noise, eps), cross_entropy(attacked, y), eps=eps, steps=steps)
    return losses(model, found, y)


@register(
    "n-fgsm",
    title="adversarial training, one step",
    kind="training",
    random=True,
    differentiable=True,
    dearer=2.0,
    watched=True,
    source="arXiv:2202.01181",
)
def n_fgsm(
    model: nn.Module, x: Tensor, y: Tensor, *, eps: float, noise: Keyed, attacked: nn.Module, careful: bool = False
) -> Tensor:
    """One gradient step from noise of twice the radius, so half as dear; a guard watches that it is not fooled.

    The step is not put back into the ball: that is what keeps one step honest. `careful`: a few steps, as in
    `adversarial`, while the guard has found the weights to be robust against single steps alone.
    """
    if careful:
        return adversarial(model, x, y, eps=eps, noise=noise, attacked=attacked)
    start = started(x, noise, 2 * eps)
    found = (start + eps * raised(start, cross_entropy(attacked, y))).clamp(0, 1)
    return losses(model, found, y)


@register(
    "trades",
    version=2,
    title="adversarial training, weighed (TRADES)",
    kind="training",
    random=True,
    differentiable=True,
    dearer=4.5,
    source="arXiv:1901.08573",
)
def trades(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    eps: float,
    noise: Keyed,
    attacked: nn.Module,
    steps: int = STEPS,
    weight: float = WEIGHT,
) -> Tensor:
    """Learns from each picture, and to say the same of every picture around it."""
    with torch.no_grad():
        said = attacked(x).softmax(1)
    found = climbed(x, started(x, noise, eps / 2), lambda z: _divergence(attacked(z), said), eps=eps, steps=steps)
    clean = model(x)
    own = getattr(model, "losses", None)
    loss: Tensor = own(x, y) if own else functional.cross_entropy(clean, y, reduction="none")
    return loss + weight * _divergence(model(found), clean.softmax(1))


def _divergence(logits: Tensor, said: Tensor) -> Tensor:
    """Kullback-Leibler divergence of what `logits` say from the probabilities `said`, (N,)."""
    return functional.kl_div(logits.log_softmax(1), said, reduction="none").sum(1)
