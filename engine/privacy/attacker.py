"""What no attack can beat: the share of members that whoever sees a private model can find, by false alarms.

An attack decides whether one image was trained on. Of members it finds a share TPR, of outsiders it accuses a share
FPR, and the promise bounds one by the other whatever the attack knows and computes (Wasserman and Zhou, 2010; Kairouz,
Oh and Viswanath, arXiv:1311.0776). No torch.
"""

import numpy as np
from dp_accounting.pld import privacy_loss_distribution as pld
from numpy.typing import NDArray

from engine.privacy.joint import Mechanism

INTERVAL = 1e-3  # discretisation of the privacy loss, pessimistic: the bound is never too low
EPSILONS = np.linspace(-8.0, 16.0, 481)

Shares = NDArray[np.float64]


def from_training(trained: Mechanism, fpr: Shares, epsilons: Shares = EPSILONS) -> Shares:
    """The largest TPR at each FPR against one released model, from the whole privacy curve of its training.

    TPR <= exp(e) FPR + delta(e) holds for every real e, where delta belongs to one image more in the training set. Its
    batches stay hidden. Any grid of e gives a bound, a finer one a closer bound.
    """
    step = pld.from_gaussian_mechanism(
        trained.noise_multiplier,
        sampling_prob=trained.sample_rate,
        value_discretization_interval=INTERVAL,
        pessimistic_estimate=True,
    )
    curve = step.self_compose(trained.steps)
    delta = np.asarray(curve.get_delta_for_epsilon(list(epsilons)))  # the worse of one more and one fewer
    found: Shares = np.clip((np.exp(epsilons) * fpr[:, None] + delta).min(axis=1), 0.0, 1.0)
    return found
