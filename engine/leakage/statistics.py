"""What an attacker reads off a model: how sure it is of each example's true label, on clean or attacked pictures."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.privacy.bank import Features

ROWS = 2000  # examples at a time: bounds memory

Logits = Callable[[Tensor], Tensor]
Perturb = Callable[[Tensor, Tensor], Tensor]


def confidence(logits: Tensor, y: Tensor) -> Tensor:
    """log(p / (1 - p)) of the true label, (N, ...) from logits (N, ..., classes) and labels (N,).

    From the logits, z_y - logsumexp of the others: as p it would be lost where p rounds to 1 (arXiv:2112.03570).

    >>> confidence(torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([1]))  # log of 1 to 2
    tensor([-0.6931])
    """
    index = y.view(-1, *[1] * (logits.dim() - 1)).expand(*logits.shape[:-1], 1)
    own = logits.gather(-1, index).squeeze(-1)
    return own - logits.scatter(-1, index, -torch.inf).logsumexp(-1)


@torch.no_grad()
def of_columns(features: Features, weights: Tensor, n_classes: int) -> NDArray[np.float32]:
    """Confidence of each linear model of a bank in each example, (K, N); weights (F, K * classes)."""
    rounded = weights.bfloat16()
    parts = zip(features.x.split(ROWS), features.y.split(ROWS), strict=True)
    said = [confidence((x @ rounded).float().view(len(x), -1, n_classes), y).cpu() for x, y in parts]
    return np.ascontiguousarray(torch.cat(said).T.numpy())


def of_images(model: Logits, x: Tensor, y: Tensor, perturb: Perturb | None = None) -> NDArray[np.float32]:
    """Confidence of any model in each image, (N,); `model` maps images (N, C, H, W) to logits (N, classes).

    A column of a bank becomes such a model by `models.fixed.Linear.kept`.

    With `perturb(x, y) -> pictures` in what it sees after an attack on it: then leaks too what the margin around an
    image tells (arXiv:1905.10291). Shadows have to be attacked as the target is, each with pictures of its own.
    """
    said = []
    for part, labels in zip(x.split(ROWS), y.split(ROWS), strict=True):
        pictures = part if perturb is None else perturb(part, labels)
        with torch.no_grad():
            said.append(confidence(model(pictures).float(), labels).cpu())
    return torch.cat(said).numpy()
