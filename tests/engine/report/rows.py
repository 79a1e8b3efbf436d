"""Result tables made up for tests."""

from dataclasses import replace
from math import inf, nan

import pandas as pd

from engine.results import CHECK, COLUMNS, Row, as_dict
from engine.robustness.selfcheck import Shares

CLEAN = Row(
    study="0123456789abcdef",
    dataset="digits",
    model="scattering-linear",
    defence="none",
    epsilon=3.0,
    delta=1e-5,
    noise_multiplier=5.5,
    sample_rate=0.5,
    train_steps=60,
    max_grad_norm=0.1,
    accountant="PLD",
    mode="reproducible",
    unit="one image added or removed",
    seed=0,
    metric="accuracy",
    attack="none",
    norm="none",
    eps=nan,
    attack_steps=0,
    restarts=0,
    value=0.9,
    low=0.87,
    high=0.92,
    interval_method="wilson-95",
    n=360,
    seconds=0.1,
    engine_version="0.1.0",
)
ROBUST = replace(CLEAN, metric="robust_accuracy", attack="pgd", norm="linf", eps=0.1, attack_steps=40, restarts=1)
OPEN = replace(CLEAN, epsilon=inf, delta=nan, noise_multiplier=0.0, max_grad_norm=inf, accountant="none", value=0.98)


def frame(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame([as_dict(row) for row in rows], columns=list(COLUMNS))


def checked(one: Shares) -> Row:
    """A measurement of the self-check, as a row."""
    return replace(
        CLEAN,
        metric=CHECK + one.name,
        attack=one.attack,
        norm="linf",
        eps=one.eps,
        attack_steps=one.steps,
        value=one.value,
        low=nan,
        high=nan,
        interval_method="none",
        n=one.n,
    )
