"""What `Rebuilt images` opens with is made by the code that is here, and says what its numbers say."""

import base64
import io
from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine import runs
from engine.lab import catalogue
from engine.leakage.likeness import ssim
from engine.threats import rebuilding
from engine.threats.rebuilt import (
    ATTACKS,
    BOUNDS,
    CLEAR,
    COUNTS,
    NOISES,
    SHIPPED,
    Cell,
    Rebuilt,
    finding,
    judge_of,
    read,
    shipped,
    written,
)

SIDE, CLASSES = 28, 10
DIGITS = "digits-cnn-no-privacy-seed-0"


@pytest.fixture(scope="module")
def held() -> Rebuilt:
    found = shipped()
    assert found is not None, "another version's numbers: compute it anew"
    return found


def decoded(png: str) -> Tensor:
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png, validate=True))), np.float32) / 255
    return torch.from_numpy(pixels)[None, None]


def images(held: Rebuilt, n: int) -> tuple[Tensor, Tensor]:
    of = held.originals[:n]
    return torch.cat([decoded(one.picture) for one in of]), torch.tensor([one.label for one in of])


def cells(held: Rebuilt, attack: str, n: int, bound: float | None) -> list[Cell]:
    found = [one for one in held.cells if (one.attack, one.n, one.max_grad_norm) == (attack, n, bound)]
    return sorted(found, key=lambda one: one.noise_multiplier)


def test_every_place_of_the_sliders_is_there_once_and_the_file_is_small(held: Rebuilt) -> None:
    places = [(one.attack, one.n, one.max_grad_norm, one.noise_multiplier) for one in held.cells]
    guards = [(bound, noise) for bound in BOUNDS for noise in (NOISES if bound else NOISES[:1])]
    assert sorted(places, key=str) == sorted(
        ((attack, n, *guard) for attack in ATTACKS for n in COUNTS for guard in guards), key=str
    )
    assert SHIPPED.stat().st_size < 400_000
    assert len({one.label for one in held.originals}) == len(held.originals) == max(COUNTS)
    assert read(written(held)) == held


def test_pictures_are_as_like_as_is_said(held: Rebuilt) -> None:
    for one in held.cells:
        x, _ = images(held, one.n)
        pictures = torch.cat([decoded(png) for png in one.pictures])
        assert pictures.shape == (one.n, 1, SIDE, SIDE)
        assert ssim(x, pictures).tolist() == pytest.approx(one.ssim, abs=0.03)  # fewer shades are shipped
        assert all(0 < value <= 100 for value in one.psnr)
        assert 0 <= one.told <= one.n


def test_the_same_code_rebuilds_the_same(held: Rebuilt) -> None:
    analytic = [one for one in held.cells if one.attack == "analytic"]
    quick = [*analytic, *cells(held, "cosine", 1, 1.0)[:1]]
    for one in quick:
        guard = rebuilding.guard_of(one.max_grad_norm, one.noise_multiplier)
        again = rebuilding.shipped_cell(one.attack, guard, *images(held, one.n))
        assert again.ssim == pytest.approx(one.ssim, abs=0.1 if one.attack == "cosine" else 0.01)
        assert again.told == one.told


def test_one_image_stays_under_clipping_alone_and_goes_under_noise(held: Rebuilt) -> None:
    opened, *_ = cells(held, "cosine", 1, None)
    clipped, *noisy = cells(held, "cosine", 1, 1.0)
    assert opened.like > CLEAR
    assert clipped.like > CLEAR
    assert noisy[-1].like <= held.chance < CLEAR
    exact, *_ = cells(held, "analytic", 1, None)
    assert exact.ssim == (1.0,)


def test_the_finding_is_that_of_the_numbers(held: Rebuilt) -> None:
    row = cells(held, "cosine", 1, 1.0)
    gone = next(one for one in row if one.like <= held.chance)
    said = finding(row[0], held.chance, row)
    assert f"SSIM {row[0].like:.2f}" in said
    assert f"multiplier **{gone.noise_multiplier:g}**" in said
    clearer = [replace(one, ssim=(0.9,)) for one in row]
    assert "nothing" not in finding(clearer[0], held.chance, clearer), "where no noise is enough, none is named"
    assert "no closer" in finding(replace(row[0], ssim=(0.3,)), held.chance)


def test_a_model_holds_what_is_shipped_of_it(held: Rebuilt) -> None:
    shipped_one = next(one for one in held.held if one.model == DIGITS)
    model, judge = catalogue.find(DIGITS), catalogue.find(shipped_one.judge)
    first, second = (runs.load_model(one.study, one.path) for one in (model, judge))
    again = rebuilding.held(first, second, DIGITS, "", model.study)
    assert again.sure == pytest.approx(shipped_one.sure, abs=0.05)
    assert abs(sum(again.right) - sum(shipped_one.right)) <= 1
    assert {len(one.pictures) for one in held.held} == {CLASSES}
    assert all(one.low <= sum(one.right) / CLASSES <= one.high for one in held.held)


def test_the_judge_is_another_model_of_the_same_images_the_same_for_private_and_not(home: object) -> None:
    offered = catalogue.offered()
    judges = {one.name: judge_of(one, offered) for one in offered}
    for one in offered:
        judge = judges[one.name]
        assert judge is not None
        assert judge.study.dataset == one.study.dataset
        assert judge.digest != one.digest, "models of one study may have shared batches"
    digits = [judges[one.name] for one in offered if one.study.dataset == "digits" and one.study.defence.name == "none"]
    assert len({one.name for one in digits if one}) == 1
    assert judge_of(offered[0], offered[:1]) is None


def test_labels_are_counted_as_often_as_they_occur() -> None:
    assert rebuilding.told(torch.tensor([1, 1, 2]), torch.tensor([1, 2, 2])) == 2
    assert rebuilding.told(torch.tensor([3]), torch.tensor([4])) == 0


def test_fewer_shades_are_still_the_picture() -> None:
    x = torch.linspace(0, 1, SIDE * SIDE).view(1, SIDE, SIDE)
    assert (decoded(rebuilding.png(x, 64))[0] - x).abs().max() < 0.5 / 63 + 0.5 / 255
    assert rebuilding.guard_of(None, 0.0).max_grad_norm == inf
