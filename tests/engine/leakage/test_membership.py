"""Every attack against contracts and against a naive copy of its paper, one example at a time."""

from math import log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from engine.errors import BadInput
from engine.leakage import membership
from engine.leakage.curve import auc, point, roc
from engine.leakage.membership import ATTACKS, FEW, Masks, Reals, lira, lira_offline, rmia, scores

EVERY = pytest.mark.parametrize("attack", ATTACKS)


def some(n_shadows: int, n: int = 40, seed: int = 0, gain: float = 1.5) -> tuple[Reals, Masks]:
    """Statistics and coins of models whose members say `gain` more, each example around a place of its own."""
    g = np.random.default_rng(seed)
    members = g.random((n_shadows, n)) < 0.5
    members[:2] = [np.ones(n, bool), np.zeros(n, bool)]  # so that every example has both sides
    return g.normal(3 * g.normal(size=n), 0.5 + g.random(n), (n_shadows, n)) + gain * members, members


def naive_lira(target: Reals, shadows: Reals, members: Masks, online: bool) -> list[float]:
    """Algorithm 1 of arXiv:2112.03570, a double loop, with its global variance when shadows are few."""
    inside, outside = [], []
    for j in range(len(target)):
        inside.append([shadows[s, j] for s in range(len(shadows)) if members[s, j]])
        outside.append([shadows[s, j] for s in range(len(shadows)) if not members[s, j]])

    def deviation(side: list[list[float]], j: int) -> float:
        if len(shadows) >= FEW:
            return float(np.std(side[j], ddof=1))
        squares = sum((x - np.mean(each)) ** 2 for each in side for x in each)
        return float(np.sqrt(squares / sum(len(each) - 1 for each in side)))

    found = []
    for j, x in enumerate(target):
        out = norm(np.mean(outside[j]), deviation(outside, j))
        if online:
            found.append(norm.logpdf(x, np.mean(inside[j]), deviation(inside, j)) - out.logpdf(x))
        else:
            found.append(1 - out.sf(x))
    return found


@pytest.mark.parametrize("n_shadows", [6, 70])
def test_lira_is_the_papers_algorithm(n_shadows: int) -> None:
    shadows, members = some(n_shadows)
    target = some(3, seed=1)[0][2]
    np.testing.assert_allclose(lira(target, shadows, members), naive_lira(target, shadows, members, True), rtol=1e-9)
    above = norm.cdf(lira_offline(target, shadows, members))
    np.testing.assert_allclose(above, naive_lira(target, shadows, members, False), rtol=1e-9, atol=1e-12)


def naive_rmia(target: Reals, shadows: Reals, members: Masks) -> list[float]:
    """arXiv:2312.03262, equation 4 and section 2.3: the share of z that x beats, by a double loop."""

    def ratio(j: int) -> float:
        p_in = np.mean([expit(shadows[s, j]) for s in range(len(shadows)) if members[s, j]])
        p_out = np.mean([expit(shadows[s, j]) for s in range(len(shadows)) if not members[s, j]])
        return float(expit(target[j]) / (0.5 * (p_in + p_out)))

    every = range(len(target))
    return [float(np.mean([ratio(x) / ratio(z) >= 1 for z in every])) for x in every]


def test_rmia_is_the_papers_score() -> None:
    shadows, members = some(6)
    target = some(3, seed=1)[0][2]
    np.testing.assert_allclose(rmia(target, shadows, members), naive_rmia(target, shadows, members), rtol=1e-9)


def test_one_reference_model_is_enough_for_rmia() -> None:
    """Half of the examples have no model with them, half none without: both sides are made from the one there is."""
    g = np.random.default_rng(2)
    place, inside = 2 * g.normal(size=4000), g.random((2, 4000)) < 0.5
    said = place + 0.3 * g.normal(size=(2, 4000)) + 1.0 * inside
    found = rmia(said[0], said[1:], inside[1:])
    alone = auc(said[0], inside[0])
    assert auc(found, inside[0]) > alone + 0.05
    kept = [auc(found[inside[1] == side], inside[0, inside[1] == side]) for side in (False, True)]
    assert min(kept) > alone + 0.05, "neither half alone carries it"


@EVERY
def test_many_targets_at_once_are_each_alone(attack: str) -> None:
    shadows, members = some(70)
    targets = some(5, seed=3)[0]
    together = ATTACKS[attack](targets, shadows, members)
    assert together.shape == targets.shape
    np.testing.assert_array_equal(together, [ATTACKS[attack](one, shadows, members) for one in targets])


@EVERY
def test_who_says_the_same_of_members_and_others_gives_nothing_away(attack: str) -> None:
    """Examples in pairs that every model says the same of, one of each pair a member: the area is a half exactly."""
    shadows, members = some(70, n=50)
    target = some(3, n=50, seed=1)[0][2]
    twice = np.concatenate([target, target])
    found = ATTACKS[attack](twice, np.hstack([shadows, shadows]), np.hstack([members, members]))
    assert auc(found, np.arange(100) < 50) == 0.5


@EVERY
def test_perfect_separation_is_found(attack: str) -> None:
    g = np.random.default_rng(0)
    members = g.random((71, 200)) < 0.5
    said = 20.0 * members - 10 + g.normal(size=members.shape)
    found = ATTACKS[attack](said[0], said[1:], members[1:])
    assert auc(found, members[0]) == 1.0
    assert point(found, members[0], 0.001).true_positives == 1.0


@EVERY
def test_a_monotone_transformation_of_scores_leaves_the_curve_alone(attack: str) -> None:
    shadows, members = some(70, n=100)
    target, inside = some(3, n=100, seed=1)
    found = ATTACKS[attack](target[2], shadows, members)
    before, after = roc(found, inside[2]), roc(np.arctan(found / 50) - 7, inside[2])
    np.testing.assert_array_equal(before.true_positives, after.true_positives)
    np.testing.assert_array_equal(before.false_positives, after.false_positives)


@EVERY
def test_larger_means_member(attack: str) -> None:
    said, members = some(80, n=1000, seed=5)
    found = ATTACKS[attack](said[2], said[3:], members[3:])
    assert auc(found, members[2]) > 0.55
    assert auc(-found, members[2]) < 0.45


def test_knowing_each_examples_place_helps() -> None:
    """Examples lie three times as far apart as membership moves them: a threshold hardly sees it, LiRA does."""
    said, members = some(80, n=2000, seed=5)
    at = {name: auc(attack(said[2], said[3:], members[3:]), members[2]) for name, attack in ATTACKS.items()}
    assert at["lira"] > at["threshold"] + 0.1
    assert at["lira"] >= at["lira-offline"] - 0.01


def test_an_example_that_every_shadow_had_is_compared_with_the_usual_difference() -> None:
    shadows, members = some(70, n=3000, gain=2.0)
    lacking = members.copy()
    lacking[:, 0], lacking[:, 1] = True, False
    fit = membership.gaussians(shadows, lacking)
    gain = shadows[lacking].mean() - shadows[~lacking].mean()
    assert fit.mean_out[0] == pytest.approx(shadows[:, 0].mean() - gain)
    assert fit.mean_in[1] == pytest.approx(shadows[:, 1].mean() + gain)
    assert np.isfinite(lira(shadows[0], shadows, lacking)).all()


def test_offline_needs_no_model_with_the_example() -> None:
    shadows, members = some(70)
    outside = shadows[:, :1] * 0 + shadows
    found = lira_offline(shadows[3], outside, np.zeros_like(members))
    np.testing.assert_allclose(found, (shadows[3] - outside.mean(0)) / outside.std(0, ddof=1))
    for attack in (lira, rmia):
        with pytest.raises(BadInput, match="some of the examples and not on others"):
            attack(shadows[3], outside, np.zeros_like(members))


def test_shadows_that_all_agree_do_not_divide_by_zero() -> None:
    _, members = some(70)
    assert np.isfinite(lira(np.ones(40), np.zeros((70, 40)), members)).all()


def test_answers_that_are_not_finite_are_refused() -> None:
    shadows, members = some(6)
    shadows[1, 2] = np.nan
    with pytest.raises(BadInput, match="not finite"):
        lira(shadows[0], shadows, members)


def test_a_target_never_meets_its_own_bank() -> None:
    said, members = some(6)
    banks = np.array([0, 0, 1, 1, 2, 2])
    seen: list[tuple[Reals, Reals, Masks]] = []

    def watch(target: NDArray[np.floating], shadows: NDArray[np.floating], of: Masks) -> Reals:
        seen.append((np.asarray(target), np.asarray(shadows), of))
        return np.asarray(target) + log(2)

    np.testing.assert_array_equal(scores(watch, said, members, banks), said + log(2))
    for bank, (targets, shadows, of) in enumerate(seen):
        np.testing.assert_array_equal(targets, said[banks == bank])
        np.testing.assert_array_equal(shadows, said[banks != bank])
        np.testing.assert_array_equal(of, members[banks != bank])
    with pytest.raises(BadInput, match="2 banks"):
        scores(watch, said, members, np.zeros(6, np.int64))
