"""Canaries: examples put into one training run, each by a fair coin of its own, so that guessing the coins is an audit.

Three kinds: `mislabelled` training examples, `strange` pictures of nothing with random labels, and `orthogonal` ones,
whose gradient points where no other example's does (arXiv:2305.08846, "Dirac canaries"). The last are the strongest:
noise is all that hides them. They go through the trainer like any example, by its own clipping,
batches and noise, and are told from the released weights alone.

A trainer shows its faults best at weights where canaries are still unlearnt. The learning rate is no part of what is
promised, so an audit with orthogonal canaries may choose a small one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.checks import within
from engine.models.basis import BATCH, pictures
from engine.models.loss import losses
from engine.privacy.bank import Features, as_features
from engine.privacy.streams import stream


@dataclass(frozen=True)
class Planted:
    """A training set with canaries in it: `x` (N, ...), `y` (N,), canaries at `rows` (m,), their coins `included` (m,).

    Rows of canaries whose coin fell the other way are there, too: `images` and `features` leave them out.
    """

    x: Tensor
    y: Tensor
    rows: Tensor
    included: Tensor

    @property
    def canaries(self) -> tuple[Tensor, Tensor]:
        """All canaries, those left out as well, and their labels."""
        return self.x[self.rows], self.y[self.rows]


def mislabelled(x: Tensor, y: Tensor, n_classes: int, m: int, seed: int) -> Planted:
    """m of the examples (pictures or features, (N, ...)), taken at random, with a label of another class."""
    within("m", m, 1, len(y))
    draw = stream("canaries", "mislabelled", seed)
    rows = torch.from_numpy(draw.choice(len(y), m, replace=False))
    wrong = y.clone()
    wrong[rows] = (y[rows] + torch.from_numpy(draw.integers(1, n_classes, m))) % n_classes
    return Planted(x, wrong, rows, coins(m, seed))


def strange(shape: tuple[int, int, int], n_classes: int, m: int, seed: int) -> tuple[Tensor, Tensor]:
    """m made-up pictures (m, C, H, W) in [0, 1], each with a label by chance: out of any distribution."""
    draw = stream("canaries", "out of distribution", seed)
    generator = torch.Generator().manual_seed(int(draw.integers(2**63)))
    made = [pictures(min(BATCH, m - start), shape, generator) for start in range(0, m, BATCH)]
    return torch.cat(made), torch.from_numpy(draw.integers(0, n_classes, m))


def out_of_distribution(x: Tensor, y: Tensor, n_classes: int, m: int, seed: int) -> Planted:
    """`strange` pictures behind the images x (N, C, H, W) in [0, 1]."""
    return behind(x, y, *strange((x.shape[1], x.shape[2], x.shape[3]), n_classes, m, seed), seed)


def orthogonal(x: Tensor, y: Tensor, n_classes: int, m: int, size: float, seed: int) -> Planted:
    """m rows behind the features x (N, F), each with a feature that is its own, of value `size`, and no other.

    The new features come first, (N + m, m + F), so that the bias stays last. A linear model's gradient of such a row is
    its residual times `size` in the weights of that feature, where no other row's is anything but 0. Take a `size` far
    above max_grad_norm: clipping brings it down to that, and nothing else does.
    """
    labels = torch.from_numpy(stream("canaries", "orthogonal", seed).integers(0, n_classes, m))
    own = torch.cat([size * torch.eye(m), torch.zeros(m, x.shape[1])], 1).to(x.dtype)
    return behind(torch.cat([x.new_zeros(len(x), m), x], 1), y, own, labels, seed)


def behind(x: Tensor, y: Tensor, canaries: Tensor, labels: Tensor, seed: int) -> Planted:
    """Canaries (m, ...) with their labels behind the examples x (N, ...), each with a coin."""
    rows = torch.arange(len(x), len(x) + len(canaries))
    return Planted(torch.cat([x, canaries]), torch.cat([y, labels]), rows, coins(len(canaries), seed))


def coins(m: int, seed: int) -> Tensor:
    """A fair coin for each canary, bool (m,); their stream is not the one that chose the canaries."""
    return torch.from_numpy(stream("canaries", "coins", seed).random(m) < 0.5)


def images(planted: Planted) -> tuple[Tensor, Tensor]:
    """What a network trains on, without the canaries left out.

    Sample rate and expected batch size must be those of all N, as privacy/dpsgd.py is told them: they are public.
    """
    keep = torch.ones(len(planted.y), dtype=torch.bool)
    keep[planted.rows] = planted.included
    return planted.x[keep], planted.y[keep]


def features(planted: Planted, basis: str = "") -> Features:
    """What a bank trains on: canaries left out are rows of zeros, which add nothing, so that N stays what it was."""
    x = planted.x.to(torch.bfloat16, copy=True)
    x[planted.rows[~planted.included]] = 0
    return as_features(x, planted.y, basis)


def scores_of_bank(planted: Planted, weights: Tensor, n_classes: int) -> Tensor:
    """Score of each canary by each model of a bank, float32 (K, m); `weights` (F, K * n_classes)."""
    x, y = planted.canaries
    logits = (x.float() @ weights.float().to(x.device)).view(len(y), -1, n_classes)
    return above_the_mean(logits, y[:, None].expand(logits.shape[:2])).T


def above_the_mean(logits: Tensor, y: Tensor) -> Tensor:
    """How far the logit of a label lies above the mean of all, (...) of logits (..., n_classes).

    For a linear model: the inner product of its weights and the way that the first step on this example goes.
    """
    return logits.gather(-1, y[..., None])[..., 0] - logits.mean(-1)


@torch.no_grad()
def scores_of_network(model: nn.Module, planted: Planted) -> Tensor:
    """Score of each canary, (m,): how small its loss is, by any model, in evaluation mode, where it is left."""
    x, y = planted.canaries
    device = next(model.eval().parameters()).device
    parts = zip(x.split(BATCH), y.split(BATCH), strict=True)
    return torch.cat([-losses(model, part.to(device), labels.to(device)).to(x.device) for part, labels in parts])


def told_apart(planted: Planted, scores: Tensor) -> tuple[list[float], list[float]]:
    """Scores (m,) of the canaries that were in, and of those that were not, as engine.leakage.audit takes them."""
    kept = scores.double()
    return kept[planted.included].tolist(), kept[~planted.included].tolist()
