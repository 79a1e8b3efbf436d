"""What every registered corruption promises."""

import time
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor

from engine.corruptions import SEVERITIES, corruptions
from engine.errors import BadInput

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 9, 13), (3, 48, 17)]
GROUPS = {"noise": 3, "blur": 3, "weather": 5, "digital": 2, "geometry": 2}


@cache
def photographs(shape: tuple[int, int, int], n: int = 60) -> Tensor:
    """Pieces of a real photograph, (n, C, H, W) in [0, 1]."""
    whole = torch.tensor(load_sample_image("china.jpg")).permute(2, 0, 1).float() / 255
    channels, height, width = shape
    rng = np.random.default_rng(0)
    corners = zip(rng.integers(0, 427 - 2 * height, n), rng.integers(0, 640 - 2 * width, n), strict=True)
    pieces = [whole[:channels, top : top + 2 * height, left : left + 2 * width] for top, left in corners]
    return torch.nn.functional.avg_pool2d(torch.stack(pieces), 2)


def corrupted(name: str, x: Tensor, severity: int, seed: int = 0) -> Tensor:
    found: Tensor = corruptions[name].load()(x, severity=severity, seed=seed)
    return found


def test_fifteen_of_five_kinds() -> None:
    assert len(corruptions.names) == 15
    groups = [corruptions[name].facts["group"] for name in corruptions.names]
    assert {group: groups.count(group) for group in groups} == GROUPS
    assert all(corruptions[name].doc and corruptions[name].facts["title"] for name in corruptions.names)


@pytest.mark.parametrize("name", corruptions.names)
@pytest.mark.parametrize("shape", SHAPES)
def test_gives_pictures_of_the_box_that_are_further_off_the_more_severe(name: str, shape: tuple[int, int, int]) -> None:
    x = photographs(shape)
    before = x.clone()
    found = [corrupted(name, x, severity) for severity in SEVERITIES]
    assert torch.equal(x, before)
    for y in found:
        assert y.shape == x.shape
        assert y.dtype == torch.float32
        assert bool(((y >= 0) & (y <= 1)).all())
    distances = [0.0, *(float((y - x).square().sum((1, 2, 3)).sqrt().mean()) for y in found)]
    assert all(a < b for a, b in pairwise(distances)), distances


@pytest.mark.parametrize("name", corruptions.names)
def test_an_image_is_corrupted_alike_alone_and_in_a_batch(name: str) -> None:
    x = photographs((3, 32, 32), 5)
    together = corrupted(name, x, 3)
    for i in range(5):
        torch.testing.assert_close(corrupted(name, x[i : i + 1], 3), together[i : i + 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", corruptions.names)
def test_follows_from_the_seed_and_leaves_the_global_random_state_alone(name: str) -> None:
    x = photographs((1, 28, 28), 5)
    ours, theirs = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    first, again, other = corrupted(name, x, 4), corrupted(name, x, 4), corrupted(name, x, 4, seed=1)
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), ours)
    assert (np.random.get_state()[1] == theirs).all()  # type: ignore[index]  # noqa: NPY002
    random = name not in ("defocus-blur", "zoom-blur", "brightness", "contrast", "pixelate", "jpeg")
    assert torch.equal(first, other) is not random


@pytest.mark.parametrize("name", corruptions.names)
@pytest.mark.parametrize("severity", [0, 6, 2.5, -1])
def test_a_severity_that_is_none_is_refused(name: str, severity: int) -> None:
    with pytest.raises(BadInput, match=rf"^severity={severity} is not one of 1, 2, 3, 4, 5$"):
        corrupted(name, photographs((1, 8, 8), 2), severity)


@pytest.mark.parametrize("name", corruptions.names)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_images_stay_in_the_box(name: str, value: float) -> None:
    for severity in SEVERITIES:
        found = corrupted(name, torch.full((2, 3, 16, 16), value), severity)
        assert bool(((found >= 0) & (found <= 1)).all())


def test_all_of_five_hundred_images_take_seconds() -> None:
    x = photographs((1, 28, 28), 500)
    started = time.process_time()
    for name in corruptions.names:
        for severity in SEVERITIES:
            corrupted(name, x, severity)
    assert time.process_time() - started < 15
