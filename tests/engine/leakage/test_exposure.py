"""Each example's own exposure: planted ones are found, and the rest are as exposed as chance."""

import numpy as np
import pytest

from engine.leakage.exposure import advantage, gap


def planted(gain: float) -> tuple[np.ndarray, np.ndarray]:
    """64 models that remember the first of 500 examples by `gain`, and no other."""
    g = np.random.default_rng(0)
    members = g.random((64, 500)) < 0.5
    said = g.normal(size=(64, 500))
    said[:, 0] += gain * members[:, 0]
    return said, members


def test_a_remembered_example_stands_out_and_others_are_as_chance_has_them() -> None:
    found = gap(*planted(4.0))
    assert found.argmax() == 0
    assert found[0] == pytest.approx(4.0, abs=1.0)
    assert found[1:].std() == pytest.approx(0.25, rel=0.15), "the docstring's figure"
    assert abs(found[1:].mean()) < 0.05


def test_advantage_is_hits_less_false_alarms() -> None:
    said, members = planted(8.0)
    found = advantage(said, members, 0.01)
    assert found[0] == pytest.approx(1.0, abs=0.1)
    assert found[1:].mean() == pytest.approx(0.0, abs=0.006), "one example in 250 more or less"
    assert found.max() == found[0]


def test_advantage_by_hand() -> None:
    scores = np.array([[3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 1.0, 0.0]])
    members = np.array([[True, False, True, False], [False, True, False, False]])
    found = advantage(scores, members, 0.4)  # no other of two may be accused by the first, one of three by the second
    assert found[:3].tolist() == [1 - 1, 1 - 0, 0 - 0]
    assert np.isnan(found[3])
