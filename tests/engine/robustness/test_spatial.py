"""Transforms by hand, and what the grid finds."""

from math import radians

import pytest
import torch

from engine.robustness import spatial
from tests.engine.robustness.nets import standing, trained


def shares(**named: float) -> torch.Tensor:
    names = ("rotation", "down", "across", "scale", "shear")
    return torch.tensor([[named.get(name, 0.0) for name in names]])


def test_nothing_changes_nothing() -> None:
    x = torch.rand(1, 1, 10, 10)
    torch.testing.assert_close(spatial.transform(x, shares()), x)
    torch.testing.assert_close(spatial.transform(x, shares(), mirrored=True), x.flip(-1))


def test_a_full_shift_is_a_tenth_of_the_picture() -> None:
    x = torch.rand(1, 1, 10, 10)
    torch.testing.assert_close(spatial.transform(x, shares(down=1.0))[:, :, 1:], x[:, :, :-1])
    torch.testing.assert_close(spatial.transform(x, shares(across=-1.0))[..., :-1], x[..., 1:])
    assert float(spatial.transform(x, shares(down=1.0))[:, :, :1].abs().max()) < 1e-6


def test_a_rotation_turns_and_three_of_thirty_degrees_are_a_right_angle(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(1, 1, 9, 9)
    monkeypatch.setattr(spatial, "ROTATION", radians(90.0))
    turned = spatial.transform(x, shares(rotation=1.0))
    assert any(torch.allclose(turned, x.rot90(k, (2, 3)), atol=1e-4) for k in (1, 3))


def test_scale_keeps_the_middle_and_shear_moves_the_top_against_the_bottom() -> None:
    x = torch.zeros(1, 1, 21, 21)
    x[..., 5:16, 5:16] = 1
    grown, shrunk = (float(spatial.transform(x, shares(scale=s)).sum()) for s in (1.0, -1.0))
    assert grown / float(x.sum()) == pytest.approx(1.44, abs=0.05)
    assert shrunk / float(x.sum()) == pytest.approx(0.64, abs=0.05)
    sheared = spatial.transform(x, shares(shear=1.0))[0, 0]
    places = torch.arange(21.0)
    top, bottom = ((sheared[row] * places).sum() / sheared[row].sum() for row in (6, 14))
    assert abs(float(top - bottom)) == pytest.approx(8 * 0.268, abs=0.3)


def test_breaks_more_with_larger_magnitudes_and_mirrors_only_at_the_largest() -> None:
    model, x, y = trained()
    x, y = x[:60], y[:60]
    stands = [standing(model, spatial.spatial(model, x, y, norm="spatial", eps=eps), y) for eps in (0.1, 0.5, 1.0)]
    assert 1 >= stands[0] > stands[1] >= stands[2]

    def left(x: torch.Tensor) -> torch.Tensor:
        """Class 1 when the left half is the brighter one: only a mirror can change it here."""
        half = x.shape[-1] // 2
        return torch.stack([x[..., half:].sum((1, 2, 3)), x[..., :half].sum((1, 2, 3))], 1)

    picture = torch.zeros(1, 1, 20, 20)
    picture[..., 8:12, 2:4] = 1
    found = [
        spatial.spatial(left, picture, torch.tensor([1]), norm="spatial", eps=eps)  # type: ignore[arg-type]
        for eps in (0.99, 1.0)
    ]
    assert [int(left(one).argmax(1)) for one in found] == [1, 0]
