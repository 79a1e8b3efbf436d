"""Counts: those of one radius or severity at a time, in the order asked for."""

import pytest
import torch

from engine.corruptions import SEVERITIES, corruptions
from engine.errors import Cancelled
from engine.robustness.certificates import interval
from engine.robustness.extras import certified_counts, corrupted_counts, joined, smoothed_counts
from engine.robustness.smoothing import Smoothed, certify
from tests.engine.robustness.networks import digits, trained


def test_certified_counts_are_those_of_each_radius_alone() -> None:
    model, (x, y) = trained("relu"), digits()
    radii = (0.01, 0.0, 0.004, 0.5)
    alone = [int(interval(model, x[:200], y[:200], eps=eps).sum()) for eps in radii]
    assert certified_counts(model, x[:200], y[:200], radii) == alone
    assert alone[1] > alone[2] > alone[0] > alone[3] == 0


def test_smoothed_counts_leave_out_abstentions_and_wrong_classes() -> None:
    found = Smoothed(
        torch.tensor([1, 1, 2, 0]), torch.tensor([False, True, False, False]), torch.tensor([0.5, 0, 1, 2])
    )
    assert smoothed_counts(found, torch.tensor([1, 1, 2, 1]), (0.0, 0.5, 0.7, 1.0)) == [2, 1, 1, 0]


def test_parts_certified_one_after_the_other_are_the_whole() -> None:
    model, (x, _) = trained("relu"), digits()
    whole = certify(model, x[:5], sigma=0.2, n=100)
    parts = joined([certify(model, part, sigma=0.2, n=100) for part in x[:5].split(2)])
    assert torch.equal(whole.radius, parts.radius)
    assert torch.equal(whole.prediction, parts.prediction)
    assert torch.equal(whole.abstained, parts.abstained)


def test_corrupted_counts_come_one_by_one_and_fall_with_severity() -> None:
    model, (x, y) = trained("relu"), digits()
    x, y = x[1500:1700], y[1500:1700]
    found = list(corrupted_counts(model, x, y))
    assert [(name, severity) for name, severity, _ in found] == [(n, s) for n in corruptions.names for s in SEVERITIES]
    name, severity, right = found[7]
    assert right == int((model(corruptions[name].load()(x, severity=severity, seed=0)).argmax(1) == y).sum())
    clean = int((model(x).argmax(1) == y).sum())
    first, last = (sum(right for _, s, right in found if s == severity) / 15 for severity in (1, 5))
    assert clean > first > last


def test_corrupted_counts_can_be_stopped() -> None:
    seen = 0

    def stop() -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(corrupted_counts(trained("relu"), *digits(), on_batch=stop))
    assert seen == 3
