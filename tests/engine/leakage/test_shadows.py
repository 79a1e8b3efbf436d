"""Shadow models: who is left out changes nothing, who trains with whom, what they promise, and that they leak."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from engine import runs
from engine.errors import BadInput
from engine.leakage import curve, membership, shadows
from engine.leakage.membership import Masks
from engine.leakage.shadows import Bank, Budget
from engine.leakage.statistics import of_columns
from engine.models.scattering import ScatteringLinear
from engine.privacy.accounting import epsilon_spent
from engine.privacy.bank import Features, State, as_features, blank
from engine.privacy.streams import Seeded, poisson_batch, stream
from engine.recipes import Recipe, recipe

HOW = Recipe(batch=12, steps=6, learning_rate=0.5, max_grad_norm=0.3)
PRIVATE = (Budget(1.0, HOW, 0.4, 2.0), Budget(3.0, replace(HOW, learning_rate=1.0), 0.4, 1.0))
PLAIN = Budget(inf, Recipe(batch=6, steps=9, learning_rate=0.1), 0.2, 0.0)


def some_features(n: int = 60, f: int = 7, seed: int = 0) -> Features:
    g = torch.Generator().manual_seed(seed)
    x = torch.cat([torch.randn(n, f - 1, generator=g), torch.ones(n, 1)], 1).bfloat16()
    return as_features(x, torch.randint(3, (n,), generator=g))


def trained(pool: Features, which: Bank, masks: Masks, on_step: Callable[[State], None] | None = None) -> torch.Tensor:
    quiet = on_step or (lambda state: None)
    return shadows.train(pool, which, masks, "test", Seeded(), n_classes=3, on_step=quiet).view(7, -1, 3)


def test_coins_are_fair_independent_and_reproducible() -> None:
    masks = shadows.coins(40, 2000, "a", Seeded())
    assert binomtest(int(masks.sum()), masks.size, 0.5).pvalue > 0.001
    assert binomtest(int((masks[0] == masks[1]).sum()), 2000, 0.5).pvalue > 0.001
    assert binomtest(int((masks[:, 0] == masks[:, 1]).sum()), 40, 0.5).pvalue > 0.001
    by_column = masks.mean(axis=0).std() / (0.5 / 40**0.5)
    assert by_column == pytest.approx(1.0, abs=0.06), "coins, not exactly half the shadows for each"
    np.testing.assert_array_equal(masks[:5], shadows.coins(5, 2000, "a", Seeded()))
    assert (masks != shadows.coins(40, 2000, "b", Seeded())).any(axis=1).all()


@pytest.mark.parametrize("budgets", [PRIVATE, (PLAIN,)])
@pytest.mark.parametrize("together", [1, 3])
def test_who_is_left_out_changes_no_bit_of_a_model(budgets: tuple[Budget, ...], together: int) -> None:
    pool, masks = some_features(), shadows.coins(3, 60, "a", Seeded())
    which = shadows.banks(budgets, 3, together)[0]
    before = trained(pool, which, masks)
    out = int(np.flatnonzero(~masks[0] & masks[1] & masks[2])[0])
    x, y = pool.x.clone(), pool.y.clone()
    x[out], y[out] = 5 * torch.randn(7).bfloat16(), (y[out] + 1) % 3
    after = trained(as_features(x, y), which, masks)
    for k, (shadow, _) in enumerate(which.columns):
        assert torch.equal(before[:, k], after[:, k]) == (shadow == 0), "those that have it learn another model"


def test_a_shadow_is_the_model_that_a_plain_loop_trains_on_its_half() -> None:
    """Only its own rows are ever looked at, each clipped by itself, and the divisor is the expected batch of a half."""
    pool, masks = some_features(), shadows.coins(4, 60, "a", Seeded())
    which = shadows.banks(PRIVATE, 4, 2)[1]
    found = trained(pool, which, masks)
    for k, (shadow, budget) in enumerate(which.columns):
        weights = torch.zeros(7, 3, dtype=torch.float64, requires_grad=True)
        sgd = torch.optim.SGD([weights], lr=budget.recipe.learning_rate, momentum=0.9)
        for t in range(6):
            drawn = poisson_batch(60, 0.4, stream("test", "shadows", 2, 3, *map(repr, PRIVATE), "batch", t))
            total = torch.zeros(7, 3, dtype=torch.float64)
            for i in [i for i in drawn if masks[shadow, i]]:
                w = weights.detach().bfloat16().double().requires_grad_()
                loss = torch.nn.functional.cross_entropy((pool.x[i].double() @ w)[None], pool.y[i : i + 1])
                (grad,) = torch.autograd.grad(loss, w)
                total += grad * min(1.0, 0.3 * (1 - 1 / 64) / float(grad.norm()))
            z = stream("test", repr(budget), shadow, "noise", t).standard_normal((7, 3))
            weights.grad = (total + budget.noise_multiplier * 0.3 * torch.from_numpy(z)) / (0.4 * 60 / 2)
            sgd.param_groups[0]["lr"] = budget.recipe.learning_rate * min(1.0, (6 - t) / (6 * (1 - 0.7)))
            sgd.step()
        torch.testing.assert_close(found[:, k].double(), weights.detach(), rtol=0.03, atol=0.01)


def test_budgets_that_agree_in_batches_train_together_and_no_two_shadows_by_default() -> None:
    alone = shadows.banks((*PRIVATE, PLAIN), 3)
    assert [(one.shadows, one.budgets) for one in alone] == [((s,), b) for b in (PRIVATE, (PLAIN,)) for s in range(3)]
    larger = shadows.banks(PRIVATE, 5, 2)
    assert [one.shadows for one in larger] == [(0, 1), (2, 3), (4,)]
    number = shadows.bank_of(5, 2)
    for one in larger:
        assert len(set(number[list(one.shadows)])) == 1, "bank_of says the same as banks"
    assert len(set(number)) == 3


def test_every_bank_draws_batches_of_its_own() -> None:
    seen: list[tuple[str | int | float, ...]] = []

    class Watched(Seeded):
        def batch(self, n: int, sample_rate: float, *words: str | int | float) -> np.ndarray:
            seen.append(words)
            return super().batch(n, sample_rate, *words)

    pool, masks = some_features(), shadows.coins(4, 60, "a", Seeded())
    for which in shadows.banks((*PRIVATE, PLAIN), 4, 2):
        shadows.train(pool, which, masks, "test", Watched(), n_classes=3, on_step=lambda state: None)
    assert len(seen) == len(set(seen)) == 2 * (6 + 9)


def test_a_bank_is_the_same_whatever_was_trained_before_it() -> None:
    pool, masks = some_features(), shadows.coins(4, 60, "a", Seeded())
    last = shadows.banks(PRIVATE, 4)[3]

    def die(state: State) -> None:
        if state.step == 3:
            raise KeyboardInterrupt

    alone = trained(pool, last, masks)
    for which in shadows.banks(PRIVATE, 4)[:3]:
        trained(pool, which, masks)
    with pytest.raises(KeyboardInterrupt):
        trained(pool, last, masks, die)
    assert torch.equal(alone, trained(pool, last, masks))


def test_a_budget_is_kept_by_one_shadow_and_its_half(tmp_path: Path) -> None:
    one = shadows.budget("scattering-linear", 3.0, 20_000, 1e-5, tmp_path)
    assert one.recipe == recipe("scattering-linear", 3.0, 10_000)
    assert one.sample_rate == one.recipe.batch / 10_000
    assert epsilon_spent(one.noise_multiplier, one.sample_rate, one.recipe.steps, 1e-5) == pytest.approx(3.0, rel=1e-3)
    assert shadows.budget("scattering-linear", inf, 20_000, 1e-5, tmp_path).mechanism is None
    with pytest.raises(BadInput, match="more than half"):
        shadows.of_recipe(Recipe(batch=600, steps=1, learning_rate=1.0), inf, 1000, 1e-5, tmp_path)


def test_answers_are_by_shadow_and_budget() -> None:
    pool, masks = some_features(), shadows.coins(4, 60, "a", Seeded())
    which = shadows.banks(PRIVATE, 4, 2)[1]
    found = of_columns(pool, trained(pool, which, masks).flatten(1), 3).reshape(2, 2, 60)
    weights = trained(pool, which, masks)[:, 2]  # the second shadow at the first budget
    logits = (pool.x @ weights.bfloat16()).float()
    own = logits[torch.arange(60), pool.y]
    others = logits.scatter(1, pool.y[:, None], -torch.inf).logsumexp(1)
    np.testing.assert_allclose(found[1, 0], own - others, atol=1e-3)


def test_banks_abreast_are_the_models_that_they_are_one_by_one() -> None:
    pool, masks = some_features(3000, 40), shadows.coins(3, 3000, "a", Seeded())
    cores = torch.get_num_threads()

    def one(which: Bank, on_step: shadows.OnStep) -> torch.Tensor:
        return shadows.train(pool, which, masks, "test", Seeded(), n_classes=3, on_step=on_step)

    banks = shadows.banks(PRIVATE, 3)
    alone = [one(which, lambda state: None) for which in banks]
    found = shadows.abreast([partial(one, which) for which in banks], lambda: None)
    for here, there in zip(found, alone, strict=True):
        assert torch.equal(here, there)
    assert torch.get_num_threads() == cores
    products: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    assert products.fp32_precision != "bf16", "a setting of the process is put back"


def test_whoever_ends_the_job_ends_all_that_trains_abreast() -> None:
    began: list[int] = []

    def forever(number: int, on_step: shadows.OnStep) -> None:
        began.append(number)
        while True:
            on_step(blank(1, 1, 1))
            time.sleep(0.01)

    def end() -> None:
        if began:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shadows.abreast([partial(forever, 1), partial(forever, 2)], end)


def test_a_training_that_fails_abreast_ends_the_others_and_is_told() -> None:
    def forever(on_step: shadows.OnStep) -> None:
        while True:
            on_step(blank(1, 1, 1))
            time.sleep(0.01)

    def fail(on_step: shadows.OnStep) -> None:
        raise BadInput("nothing to learn from")

    with pytest.raises(BadInput, match="nothing to learn from"):
        shadows.abreast([fail, forever], lambda: None)


@lru_cache
def digits() -> Features:
    """The linear model's features of 1,000 digits."""
    x, y = runs.tensors("digits", Path("data"), train=True)
    extractor = ScatteringLinear((1, 8, 8), 10)
    with torch.no_grad():
        made = extractor.seen(x[:1000])
    return as_features(torch.cat([made, torch.ones(1000, 1)], 1).bfloat16(), y[:1000])


N_MODELS = 17


@lru_cache
def attacked(budget: Budget) -> tuple[np.ndarray, np.ndarray]:
    """LiRA's scores of 17 models of digits, each attacked with the 16 others, and who was in them."""
    masks = shadows.coins(N_MODELS, 1000, "digits", Seeded())
    quiet = [
        shadows.train(digits(), which, masks, "digits", Seeded(), n_classes=10, on_step=lambda state: None)
        for which in shadows.banks([budget], N_MODELS)
    ]
    said = np.concatenate([of_columns(digits(), weights, 10) for weights in quiet])
    return membership.scores(membership.lira, said, masks, shadows.bank_of(N_MODELS)), masks


def test_a_model_that_learns_by_heart_leaks(tmp_path: Path) -> None:
    by_heart = shadows.of_recipe(Recipe(batch=80, steps=400, learning_rate=0.3), inf, 1000, 1e-4, tmp_path)
    scores, masks = attacked(by_heart)
    area, low, _ = curve.over_targets(curve.auc(scores, masks))
    assert low > 0.55
    _, least, _ = curve.over_targets([one.true_positives for one in curve.points(scores, masks, (0.01,))])
    assert least > 0.02, "twice chance"
    shuffled = np.roll(masks, 1, axis=0)  # other models' members: the same scores say nothing of them
    assert abs(float(curve.auc(scores, shuffled).mean()) - 0.5) < 0.02 < area - 0.5


def test_a_private_model_does_not_pass_what_theory_allows(tmp_path: Path) -> None:
    private = shadows.budget("scattering-linear", 1.0, 1000, 1e-4, tmp_path)
    scores, masks = attacked(private)
    assert private.mechanism is not None
    measured = curve.points(scores, masks)
    assert not any(one.broken for one in curve.beside(measured, private.mechanism, tmp_path))
    high = curve.over_targets(curve.auc(scores, masks))[2]
    assert high < 0.55
