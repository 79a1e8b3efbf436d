"""Two models on the same images: the interval holds what it says, and knows of the pairing."""

from dataclasses import replace
from itertools import product
from math import inf

import numpy as np
import pytest

from engine.events import Stands
from engine.report import lines, paired
from engine.report.points import Point
from engine.rows import share

RADII = (0.0, 0.1, 0.2)


def stands(broken: list[int], epsilon: float = 3.0, by: list[int] | None = None, **more: object) -> Stands:
    given = {"epsilon": epsilon, "seed": 0, "attacks": ("fmn", "apgd"), "radii": RADII, "done": True, **more}
    return Stands(broken=bytes(broken), by=bytes([255] * len(broken) if by is None else by), **given)  # type: ignore[arg-type]


def naive(first: list[int], second: list[int], place: int) -> tuple[int, int, int, int]:
    """Images recognised by both, one alone, the other alone, neither; counted one by one."""
    counts = [0, 0, 0, 0]
    for a, b in zip(first, second, strict=True):
        counts[(0 if b > place else 1) if a > place else (2 if b > place else 3)] += 1
    return counts[0], counts[1], counts[2], counts[3]


@pytest.mark.parametrize("counts", [(300, 60, 40, 100), (120, 30, 5, 45), (700, 20, 70, 210)])
def test_the_interval_is_about_that_of_a_paired_bootstrap(counts: tuple[int, int, int, int]) -> None:
    n, rng = sum(counts), np.random.default_rng(0)
    drawn = rng.multinomial(n, np.array(counts) / n, size=20_000)
    low, high = np.quantile((drawn[:, 1] - drawn[:, 2]) / n, [0.025, 0.975])
    gap, below, above = paired.difference(*counts)
    assert gap == pytest.approx((counts[1] - counts[2]) / n)
    assert (below, above) == pytest.approx((low, high), abs=0.1 * (high - low))


@pytest.mark.parametrize("shares", [(0.5, 0.15, 0.05, 0.3), (0.9, 0.05, 0.03, 0.02), (0.05, 0.02, 0.02, 0.91)])
def test_the_interval_covers_the_truth_in_95_of_100_studies(shares: tuple[float, ...]) -> None:
    rng, truth = np.random.default_rng(1), shares[1] - shares[2]
    found = [paired.difference(*map(int, counts)) for counts in rng.multinomial(200, shares, size=1000)]
    covered = float(np.mean([low <= truth <= high for _, low, high in found]))
    assert 0.93 <= covered <= 0.99


def test_it_is_the_same_seen_from_the_other_model() -> None:
    for counts in product((0, 3, 40), repeat=4):
        if sum(counts):
            both, first, second, neither = counts
            gap, low, high = paired.difference(*counts)
            assert paired.difference(both, second, first, neither) == pytest.approx((-gap, -high, -low))
            assert -1 <= low <= gap <= high <= 1


def test_pairing_makes_the_interval_narrower_when_models_agree_and_wider_when_they_do_not() -> None:
    def width(*counts: int) -> float:
        _, low, high = paired.difference(*counts)
        return high - low

    def point(right: int) -> Point:
        found = share(right, 200)
        return Point(found.value, found.low, found.high, 1, 200)

    _, low, high = point(100).minus(point(100))
    assert width(100, 0, 0, 100) < width(80, 20, 20, 80) < width(50, 50, 50, 50) < width(0, 100, 100, 0)
    assert width(50, 50, 50, 50) == pytest.approx(high - low)


FIRST, SECOND = [0, 1, 2, 3, 3, 3, 2, 0], [0, 1, 1, 3, 2, 3, 3, 1]


@pytest.mark.parametrize("eps", RADII)
def test_images_are_paired_one_by_one(eps: float) -> None:
    found = paired.attacked([stands(FIRST, inf), stands(SECOND, 3.0)], inf, 3.0, eps)
    assert found == paired.difference(*naive(FIRST, SECOND, RADII.index(eps)))


def test_clipping_alone_is_a_line_of_its_own() -> None:
    standing = [stands(FIRST, inf), stands(SECOND, inf, clip_only=True)]
    there = paired.attacked(standing, inf, lines.CLIPPING, 0.1)
    assert there == paired.difference(*naive(FIRST, SECOND, 1))
    assert paired.attacked(standing[:1], inf, lines.CLIPPING, 0.1) is None


@pytest.mark.parametrize(
    "standing",
    [
        [],
        [stands(FIRST, inf)],
        [stands(FIRST, inf), stands(SECOND, 3.0, done=False)],
        [stands(FIRST, inf), stands(SECOND[:-1], 3.0)],
        [stands(FIRST, inf), stands(SECOND, 3.0, radii=(0.0, 0.2, 0.3))],
        [stands(FIRST, inf), stands(SECOND, 3.0), stands(FIRST, 3.0, seed=1)],
        [stands(FIRST, inf), stands(SECOND, 8.0)],
    ],
    ids=["nothing", "one", "not done", "other images", "other radii", "repeats", "another budget"],
)
def test_what_cannot_be_paired_is_not(standing: list[Stands]) -> None:
    assert paired.attacked(standing, inf, 3.0, 0.1) is None


def test_shares_are_the_curve() -> None:
    assert paired.shares(stands(FIRST)) == (6 / 8, 5 / 8, 3 / 8)
    assert paired.shares(replace(stands(FIRST), done=False)) == (6 / 8, 5 / 8, 3 / 8)


def test_what_each_attack_broke_is_counted_up_to_the_radius() -> None:
    one = stands([0, 1, 2, 2, 3, 1], by=[255, 0, 1, 0, 255, 1])
    assert [paired.breakers(one, eps) for eps in RADII] == [
        {"fmn": 0, "apgd": 0},
        {"fmn": 1, "apgd": 1},
        {"fmn": 2, "apgd": 2},
    ]
