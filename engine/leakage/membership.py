"""Was this image trained on? The attacks, as functions of what models say of examples. No torch.

Every attack is `(target, shadows, members) -> scores`. `target` (..., N) holds a statistic of each example under the
attacked model, or under several, `shadows` (S, N) the same under S models that the attacker trained, and `members`
bool (S, N) whose examples those were: an independent coin each. A score is larger the likelier its example was a member
of the target. The statistic is the confidence log(p / (1 - p)), where p is the probability of the true label
(`statistics.confidence`): normal enough to be modelled, and the log-loss or p itself can be had from it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from engine.errors import BadInput

Reals = NDArray[np.float64]
Masks = NDArray[np.bool_]
Attack = Callable[[NDArray[np.floating], NDArray[np.floating], Masks], Reals]

FEW = 64  # shadow models below which a variance of each example's own is too rough (arXiv:2112.03570, section VI-B)
LEAST = 1e-12  # variance: shadows that all say the same are not infinitely sure


@dataclass(frozen=True)
class Gaussians:
    """What shadows say of each example, as two normals, (N,) each: of those that trained on it, and of the others."""

    mean_in: Reals
    variance_in: Reals
    mean_out: Reals
    variance_out: Reals


def threshold(target: NDArray[np.floating], shadows: NDArray[np.floating], members: Masks) -> Reals:
    """Members have a small loss (arXiv:1709.01604); the confidence orders examples as the loss does, asks no shadow."""
    return _finite(target)


def lira(target: NDArray[np.floating], shadows: NDArray[np.floating], members: Masks) -> Reals:
    """LiRA, online (arXiv:2112.03570): log-likelihood ratio of each example's two Gaussians.

    >>> shadows, members = np.array([[2.0], [4.0], [-1.0], [1.0]]), np.array([[True], [True], [False], [False]])
    >>> lira(np.array([3.0]), shadows, members)  # variances are 2 and 2, so (3 - 0)^2 / (2 * 2)
    array([2.25])
    """
    _need_both(members)
    fit, x = gaussians(shadows, members), _finite(target)
    return _log_normal(x, fit.mean_in, fit.variance_in) - _log_normal(x, fit.mean_out, fit.variance_out)


def lira_offline(target: NDArray[np.floating], shadows: NDArray[np.floating], members: Masks) -> Reals:
    """LiRA, offline: how many standard deviations an example lies above what models without it say.

    The paper's 1 - P(Z > .) is an increasing function of this, which runs into 1 where doubles end. It needs no shadow
    that trained on any example; those that did serve examples that all had (`gaussians`).
    """
    fit = gaussians(shadows, members)
    return (_finite(target) - fit.mean_out) / np.sqrt(fit.variance_out)


def rmia(target: NDArray[np.floating], shadows: NDArray[np.floating], members: Masks) -> Reals:
    """RMIA (arXiv:2312.03262): the share of examples z that x beats, p(x | target) / p(x) >= p(z | target) / p(z).

    p(x) is the mean of reference models with and without x. Few do, one even: a side that no model stands for is made
    from the other, 1 - p_in = a (1 - p_out), as in the paper, with the a of all examples together. gamma is 1: a larger
    one changes no order, but ties all examples of a model that hardly tells them apart.
    """
    _need_both(members)
    p, known = expit(_finite(target)), expit(_finite(shadows))
    ratios = p / np.maximum(_both_sides(known, members).mean(axis=0), np.finfo(float).tiny)
    return np.asarray(rankdata(ratios, method="max", axis=-1) / ratios.shape[-1])


ATTACKS: dict[str, Attack] = {"threshold": threshold, "lira": lira, "lira-offline": lira_offline, "rmia": rmia}


def scores(attack: Attack, said: NDArray[np.floating], members: Masks, banks: NDArray[np.int64]) -> Reals:
    """Every model as a target, (M, N): `said` (M, N) are the models' statistics, `banks` (M,) with whom each trained.

    A target is attacked with the models of the other banks only: those of its own drew the same batches, which an
    attacker could not know, and which would flatter him. Targets serve as each other's shadows, so their curves are
    not independent. BadInput when there is but one bank.
    """
    if len(np.unique(banks)) < 2:
        raise BadInput("all models share their batches, so none can be attacked with the others: train 2 banks or more")
    out = np.empty(said.shape)
    for bank in np.unique(banks):
        own = banks == bank
        out[own] = attack(said[own], said[~own], members[~own])
    return out


def gaussians(shadows: NDArray[np.floating], members: Masks) -> Gaussians:
    """Mean and variance of each example's statistic under models with it and without it.

    With fewer than FEW shadows one variance serves all examples: that around their own means. An example that no model
    had, or all had, gets the mean that it lacks from the mean difference of all.
    """
    x = _finite(shadows)
    means = _both_sides(x, members, additive=True)
    sides = zip((members, ~members), means, strict=True)
    variances = [_variance(x, side, mean, own=len(x) >= FEW) for side, mean in sides]
    return Gaussians(means[0], variances[0], means[1], variances[1])


def _both_sides(x: Reals, members: Masks, *, additive: bool = False) -> Reals:
    """Mean over models with, and without, each example, (2, N); what is missing made from the other side.

    Either by adding the difference of the means over all, or for probabilities as RMIA has it.
    """
    counts = np.stack([members.sum(axis=0), (~members).sum(axis=0)])
    sums = np.stack([np.where(members, x, 0).sum(axis=0), np.where(members, 0, x).sum(axis=0)])
    means = sums / np.maximum(counts, 1)
    over_all = sums.sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    if additive:
        filled = means[::-1] + (over_all - over_all[::-1])[:, None]
    else:
        a = np.clip((1 - over_all[0]) / max(1 - over_all[1], LEAST), LEAST, 1.0)
        filled = 1 - np.minimum((1 - means[::-1]) * np.array([[a], [1 / a]]), 1.0)
    return np.asarray(np.where(counts > 0, means, filled))


def _variance(x: Reals, side: Masks, mean: Reals, *, own: bool) -> Reals:
    """Unbiased variance around `mean` over the models of a `side`: each example's own where two models tell, or one."""
    squares, n = (np.where(side, x - mean, 0) ** 2).sum(axis=0), side.sum(axis=0)
    freedom = np.maximum(n - 1, 0)
    of_all = squares.sum() / max(freedom.sum(), 1)
    each = np.where(freedom > 0, squares / np.maximum(freedom, 1), of_all) if own else np.full(len(mean), of_all)
    return np.asarray(np.maximum(each, LEAST))


def _need_both(members: Masks) -> None:
    if members.all() or not members.any():
        raise BadInput("shadow models must have trained on some of the examples and not on others")


def _log_normal(x: Reals, mean: Reals, variance: Reals) -> Reals:
    """Log density, less a constant."""
    return np.asarray(-0.5 * ((x - mean) ** 2 / variance + np.log(variance)))


def _finite(x: NDArray[np.floating]) -> Reals:
    found = np.asarray(x, dtype=np.float64)
    if not np.isfinite(found).all():
        raise BadInput("a model's answer for some example is not finite, so its score would mean nothing")
    return found
