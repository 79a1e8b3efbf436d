"""What is drawn and said of one training step."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from engine.privacy import inside
from engine.privacy.inside import Inside
from engine.report import step

GENERATOR = np.random.default_rng(0)


@pytest.fixture(scope="module")
def seen() -> Inside:
    flat = np.hstack([GENERATOR.random((200, 4)), np.ones((200, 1))]).astype(np.float32)
    y = GENERATOR.integers(0, 3, 200)
    return inside.taken_apart(inside.residuals(flat, y, np.zeros((3, 5), np.float32)), flat, 0.5)


def test_lengths_are_in_units_of_the_bound(seen: Inside) -> None:
    normal = np.zeros_like(seen.plain)
    normal[0, 0] = 3.0
    info = step.step(seen, 2, 2.0, normal)
    assert info.bound == pytest.approx(float(seen.bounds[2]))
    assert info.noise == pytest.approx(6.0)
    assert info.signal == pytest.approx(float(np.linalg.norm(seen.clipped[2])) / info.bound, rel=1e-5)
    assert info.shortened == pytest.approx((seen.lengths > seen.bounds[2]).mean())
    assert np.allclose(info.noisy - seen.clipped[2], 2.0 * info.bound * normal, atol=1e-5)


def test_without_noise_and_with_a_high_bound_the_step_is_the_true_one_and_noise_turns_it(seen: Inside) -> None:
    normal = GENERATOR.standard_normal(seen.plain.shape, dtype=np.float32)
    still = step.step(seen, len(seen.bounds) - 1, 0.0, normal)
    assert still.agreement > 0.999
    assert "promises nothing" in step.finding(still)
    noisy = step.step(seen, len(seen.bounds) - 1, 100.0, normal)
    assert abs(noisy.agreement) < 0.7
    assert "**100** times along any one image" in step.finding(noisy)


def test_shortened_gradients_pile_up_at_the_bound(seen: Inside) -> None:
    bound = float(seen.bounds[3])
    figure = step.draw_lengths(seen, bound)
    before, after = figure["data"]
    assert sum(before["y"]) == sum(after["y"]) == len(seen.lengths)
    beyond = [y for x, y in zip(after["x"], after["y"], strict=True) if x > bound + (after["x"][1] - after["x"][0])]
    assert not any(beyond)
    assert figure["layout"]["shapes"][0]["x0"] == bound


def test_the_chart_of_pulls_shows_one_image_beside_all(seen: Inside) -> None:
    info = step.step(seen, 3, 1.0, np.ones_like(seen.plain))
    (bars,) = step.draw_pull(info, 50.0)["data"]
    assert bars["x"] == [1.0, round(info.noise, 2), round(info.signal, 2)]


def test_a_picture_is_blue_where_a_step_raises_a_weight() -> None:
    uri = step.picture(np.array([-1.0, 1.0, 0.0, 0.5, 9.0], np.float32), (1, 2, 2))  # the last one is the bias
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    assert pixels[0, 0].tolist() == step.BLUE.astype(int).tolist()
    assert pixels[0, 1].tolist() == step.ORANGE.astype(int).tolist()
    assert pixels[1, 0].tolist() == [255, 255, 255]


def test_an_empty_gradient_is_a_white_picture() -> None:
    assert step.picture(np.zeros(5, np.float32), (1, 2, 2)).startswith("data:image/png")
