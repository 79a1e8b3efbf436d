"""What nobody can do better than: the ROC of any attack on one trained model, from its whole privacy curve. No torch.

Whoever wants to tell whether an image was trained on finds a share of the members (TPR) for a share of false alarms
(FPR), and for every real e, negative ones too: TPR <= exp(e) FPR + delta(e) (arXiv:1311.0776, arXiv:1905.02383).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.mechanism import Mechanism
from engine.privacy.accounting import FINE, MADE_BY, affordable, composed
from engine.privacy.remembered import remembered

SECONDS = 1.0  # about what a curve may take that was not asked for before
EXPONENTS = np.concatenate([np.linspace(-40, -12.1, 280), np.linspace(-12, 12, 2401), np.linspace(12.1, 40, 280)])


def curve(mechanism: Mechanism, cache: Path) -> NDArray[np.float64]:
    """delta(e) at each of EXPONENTS, for adding or removing one image whichever is larger; remembered on disk.

    Pessimistic: never below the true one. Nothing but the trained model is seen, not the batches.
    """
    interval = affordable([mechanism], FINE, SECONDS)
    asked = hashlib.sha256(EXPONENTS.tobytes()).hexdigest()
    question = ["curve", *MADE_BY, interval, asked, *vars(mechanism).values()]
    return np.array(remembered(cache, question, lambda: _curve(mechanism, interval)))


def _curve(mechanism: Mechanism, interval: float) -> list[float]:
    return [float(delta) for delta in composed([mechanism], interval).get_delta_for_epsilon(list(EXPONENTS))]


def roc(fprs: Sequence[float] | NDArray[np.float64], mechanism: Mechanism, cache: Path) -> NDArray[np.float64]:
    """The largest TPR in [0, 1] that an attack can have at each of `fprs` in [0, 1]; never below chance.

    The first time takes a second, later ones milliseconds.
    """
    false_alarms = np.asarray(fprs, dtype=np.float64)
    bounds = np.exp(EXPONENTS) * false_alarms[:, None] + curve(mechanism, cache)
    reached: NDArray[np.float64] = np.clip(bounds.min(axis=1), false_alarms, 1.0)
    return reached
