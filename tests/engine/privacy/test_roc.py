"""The ROC that no attack can beat, against closed forms, published values and an attack that reaches it."""

from math import exp
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from engine.mechanism import Mechanism
from engine.privacy.accounting import noise_multiplier
from engine.privacy.mechanisms import members_found
from engine.privacy.roc import EXPONENTS, curve, roc

FPRS = np.array([0.0, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 1.0])


def test_a_gaussian_mechanism_has_the_trade_off_of_two_gaussians(tmp_path: Path) -> None:
    """f-DP (arXiv:1905.02383): TPR = Phi(Phi^-1(FPR) + 1/sigma), which thresholding the output reaches."""
    found = roc(FPRS, Mechanism(1.0, 2.0, 9), tmp_path)  # nine at 2 are one at 2/3
    exact = norm.cdf(norm.ppf(FPRS) + 1.5)
    assert (found >= exact - 1e-9).all()
    assert found == pytest.approx(exact, rel=2e-3, abs=1e-6)
    assert (norm.cdf(norm.ppf(FPRS[1:-1]) + 1.5 * 1.05) > found[1:-1]).all(), "five percent less noise beats it"


def test_both_ends_of_the_curve_are_those_of_the_closed_form(tmp_path: Path) -> None:
    deltas = curve(Mechanism(1.0, 2.0, 1), tmp_path)
    for e in (-2.0, -0.5, 0.0, 0.5, 1.0):
        exact = norm.cdf(0.25 - 2 * e) - exp(e) * norm.cdf(-0.25 - 2 * e)
        assert np.interp(e, EXPONENTS, deltas) == pytest.approx(exact, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(("epsilon", "percent"), [(1, 2.0), (3, 5.2), (8, 21.9)])
def test_published_values(epsilon: float, percent: float, tmp_path: Path) -> None:
    rate, steps = 8192 / 60_000, 219
    trained = Mechanism(rate, noise_multiplier(epsilon, 1e-5, rate, steps), steps)
    assert 100 * roc([0.01], trained, tmp_path)[0] == pytest.approx(percent, abs=0.06)
    curves = roc(np.linspace(0, 1, 50), trained, tmp_path)
    assert (np.diff(curves) >= 0).all()
    pure = np.minimum(1, np.exp(epsilon) * np.linspace(0, 1, 50) + 1e-5)
    assert (curves <= pure + 1e-12).all(), "the whole curve says at least as much as its one point"


def test_a_curve_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = roc(FPRS, Mechanism(0.5, 3.0, 5), tmp_path)
    monkeypatch.setattr("engine.privacy.roc.composed", None)
    assert (roc(FPRS, Mechanism(0.5, 3.0, 5), tmp_path) == before).all()


def test_a_promise_alone_says_less_than_the_training_that_keeps_it(tmp_path: Path) -> None:
    alarms = np.array([0.001, 0.01, 0.1, 0.5])
    noise = noise_multiplier(3.0, 1e-5, 0.1, 100)
    trained = roc(alarms, Mechanism(0.1, noise, 100), tmp_path)
    promised = members_found(3.0, 1e-5, alarms)
    assert (trained <= promised + 1e-9).all()
    assert (trained >= alarms).all()
    noisier = roc(alarms, Mechanism(0.1, 2 * noise, 100), tmp_path)
    assert (noisier < trained).all()


def test_other_exponents_are_another_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of them, so that an answer to the old ones would fit and be wrong."""
    trained = Mechanism(1.0, 2.0, 1)
    before = curve(trained, tmp_path)
    monkeypatch.setattr("engine.privacy.roc.EXPONENTS", EXPONENTS + 0.5)
    moved = curve(trained, tmp_path)
    assert moved == pytest.approx(np.interp(EXPONENTS + 0.5, EXPONENTS, before), abs=1e-3)
    assert abs(moved - before).max() > 0.1
