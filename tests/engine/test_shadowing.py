"""What shadows are asked: about images as they are, about others that were nobody's, and as attacks leave them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine import leaking, planning, runs, shadowing
from engine.data import entry
from engine.leakage import membership
from engine.leakage.statistics import of_images
from engine.models import models
from engine.models.fixed import Linear
from engine.robustness import attacks
from engine.shadowing import Asked, Ground
from engine.study import parse

Made = Callable[..., Ground]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(**asked: object) -> Ground:
        study = planning.resolve(parse({"dataset": "digits", "privacy": {"epsilons": [1, "inf"]}, **asked}))
        job = planning.plan(study)[0]
        data = runs.tensors("digits", tmp_path, train=True), runs.tensors("digits", tmp_path, train=False)
        return runs._ground(job, data, lambda event: None, runs.Places(tmp_path, tmp_path, tmp_path / "job"))

    return make


def weights(f: int, seed: int = 0) -> Tensor:
    return torch.randn(f, 10, generator=torch.Generator().manual_seed(seed)) / 20


def some(said: np.ndarray, masks: np.ndarray, n_outsiders: int, tampered: list[int]) -> Asked:
    n = masks.shape[1]
    rows, outsiders = 10 * np.arange(n), 7 * np.arange(n_outsiders)
    return Asked(said, masks, np.arange(len(said)), rows, outsiders, np.array(tampered), ())


def test_tampered_pictures_are_each_models_own_and_it_is_asked_about_those(made: Made) -> None:
    ground = made()
    assert ground.train.features is not None
    asked = shadowing._unasked(ground)
    rows, eps = asked.rows[asked.tampered][:40], entry.of(ground.job.study).facts["trained_eps"]
    x, y = ground.train.x[rows], ground.train.y[rows]
    said: dict[int, np.ndarray] = {}
    for seed in (1, 2, 1):
        own = weights(ground.train.features.x.shape[1], seed)
        found = shadowing._said_tampered(ground, asked, own, lambda n: None)[:40]
        model = models["scattering-linear"].load()((1, 8, 8), 10)
        assert isinstance(model, Linear)
        model.load_state_dict(model.kept(own))
        attacked = attacks["fgsm"].load()(model, x, y, norm="linf", eps=eps, steps=1, seed=0)
        np.testing.assert_allclose(found, of_images(model, attacked, y), rtol=1e-4, atol=1e-4)
        assert (found < of_images(model, x, y)).all()
        assert seed not in said or (said[seed] == found).all(), "no weights of another model are left behind"
        said[seed] = found


@pytest.mark.parametrize("model", ["cnn", "scattering-cnn"])
def test_networks_are_asked_whole_and_as_they_were_trained(made: Made, model: str) -> None:
    ground = made(model=model)
    trained = ground.make()
    whole = shadowing.whole(ground, trained)
    x, y = ground.test.x[:20], ground.test.y[:20]
    found = of_images(whole, x, y)
    np.testing.assert_allclose(found, of_images(trained.eval(), ground.test.seen[:20], y), atol=0.05)
    again = ground.make()
    assert not np.allclose(of_images(shadowing.whole(ground, again), x, y), found), "another network says other things"


def test_as_many_shadows_speak_of_outsiders_and_everyone_is_looked_up_by_row() -> None:
    said = np.arange(3 * 1 * 8, dtype=np.float32).reshape(3, 1, 8)  # four of the pool, two outsiders, two tampered
    masks = np.array([[True, False, True, False], [False, True, True, False], [True, True, False, False]])
    asked = some(said, masks, 2, [1, 3])
    found, members = asked.about(0, np.array([30, 0]), np.array([7, 0]))
    assert found.tolist() == said[:, 0, [3, 0, 5, 4]].tolist()
    assert members.tolist() == [[False, True] * 2, [False, False] * 2, [False, True] * 2]
    plain, tampered = asked.of(0), asked.of_tampered(0)
    assert plain[0].tolist() == said[:, 0, :4].tolist()
    assert tampered[0].tolist() == said[:, 0, 6:].tolist()
    assert tampered[1].tolist() == masks[:, [1, 3]].tolist()


def test_guesses_with_shadows_know_hard_images_from_foreign_ones() -> None:
    """Members gain 1, images differ by 5: one threshold on the confidence tells little, LiRA nearly all."""
    rng, n = np.random.default_rng(0), 400
    hard = 5 * rng.normal(size=2 * n)
    coins = rng.random((65, n)) < 0.5
    members = np.concatenate([coins, coins], axis=1)
    shadows = hard + members + 0.1 * rng.normal(size=members.shape)
    target = hard + np.repeat([1, 0], n) + 0.1 * rng.normal(size=2 * n)
    assert leaking.guessed_with_shadows(target, shadows, members).value > 0.97
    assert leaking.guessed(*np.split(target, 2)).value < 0.6


def test_scores_of_outsiders_are_no_rougher_and_no_finer_than_those_of_insiders() -> None:
    """Were outsiders compared with all shadows and insiders with half of them, that alone would tell them apart."""
    sizes, guesses = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        hard, masks = 5 * rng.normal(size=800), rng.random((7, 400)) < 0.5
        said = (hard + rng.normal(size=(7, 800))).astype(np.float32)[:, None]
        asked = some(said, masks, 400, [])
        shadows, members = asked.about(0, asked.rows, asked.outsiders)
        target = hard + rng.normal(size=800)
        sizes.append(np.abs(np.split(membership.lira_offline(target, shadows, members), 2)).mean(axis=1))
        guesses.append(leaking.guessed_with_shadows(target, shadows, members).value)
    inside, outside = np.mean(sizes, axis=0)
    assert inside / outside == pytest.approx(1.0, abs=0.02), "6 % apart if as many spoke of one as of two"
    assert np.mean(guesses) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(800 * 60))
