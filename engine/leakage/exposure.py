"""Which examples a kind of training gives away most: each one's own exposure, over many models. No torch."""

import numpy as np
from numpy.typing import NDArray

from engine.leakage.curve import cut
from engine.leakage.membership import Masks, Reals, gaussians


def gap(said: NDArray[np.floating], members: Masks) -> Reals:
    """How far each example's statistic lies apart under models with and without it, in standard deviations, (N,).

    `said` (M, N) are statistics of M models, `members` (M, N) bool. The deviation is the root mean square of both sides
    (`membership.gaussians`). An example that changes nothing has a gap of about +-sqrt(1 / with + 1 / without), 0.25
    for 64 models: the largest of thousands are partly luck, so whoever shows the most exposed ones measures them on
    other models than they were chosen by.

    >>> said, members = np.array([[2.0], [4.0], [-1.0], [1.0]]), np.array([[True], [True], [False], [False]])
    >>> float(gap(said, members)[0]) == 3 / 2**0.5
    True
    """
    fit = gaussians(said, members)
    return (fit.mean_in - fit.mean_out) / np.sqrt((fit.variance_in + fit.variance_out) / 2)


def advantage(scores: Reals, members: Masks, false_alarms: float) -> Reals:
    """Share of targets that trained on an example and are found out, less that of the others accused wrongly, (N,).

    `scores` and `members` (T, N), of T targets. Each target accuses as many as it can while a share of at most
    `false_alarms` of the examples outside it are among them. In [-1, 1]; NaN where all targets had an example, or none.
    """
    accused = scores > np.array([[cut(*one, false_alarms)] for one in zip(scores, members, strict=True)])
    counts = members.sum(axis=0), (~members).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((accused & members).sum(axis=0) / counts[0] - (accused & ~members).sum(axis=0) / counts[1])
