"""The network trainer against a loop of autograd calls: Poisson batch, clip, noise, expected batch size."""

from math import inf

import torch
from scipy.stats import kstest
from torch import Tensor, nn

from engine.privacy import dpsgd
from engine.privacy.bank import MARGIN, Column
from engine.privacy.dpsgd import Trainer
from engine.privacy.streams import Seeded, poisson_batch, stream
from engine.recipes import Recipe

KEY = ("id", 3.0, 0)
PRIVATE = Recipe(batch=8, steps=4, learning_rate=0.7, max_grad_norm=0.2, decay=0.5)


def task() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3))
    return model, torch.rand(20, 1, 4, 4), torch.randint(3, (20,))


def trainer(model: nn.Module, recipe: Recipe = PRIVATE, noise: float = 1.1) -> Trainer:
    return Trainer(model, Column(KEY, recipe.learning_rate, noise, recipe.max_grad_norm), recipe, recipe.batch / 20)


def naive_step(model: nn.Module, x: Tensor, y: Tensor, rows: list[int], bound: float) -> list[Tensor]:
    """Sum of the gradients of single examples, each clipped over all parameters."""
    parameters = list(model.parameters())
    total = [torch.zeros_like(p) for p in parameters]
    for i in rows:
        loss = nn.functional.cross_entropy(model(x[i : i + 1]), y[i : i + 1])
        grads = torch.autograd.grad(loss, parameters)
        size = float(torch.sqrt(sum((g.square().sum() for g in grads), torch.tensor(0.0))))
        for t, g in zip(total, grads, strict=True):
            t += g * min(1.0, bound / (size + 1e-6))
    return total


def test_training_equals_a_plain_loop() -> None:
    model, x, y = task()
    twin, _, _ = task()
    ours = trainer(model)
    ours.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    sgd = torch.optim.SGD(twin.parameters(), lr=0.7, momentum=0.9)
    for t in range(4):
        rows = poisson_batch(20, 8 / 20, stream("b", "batch", t)).tolist()
        totals = naive_step(twin, x, y, rows, 0.2 * (1 - MARGIN))
        for (name, p), total in zip(twin.named_parameters(), totals, strict=True):
            drawn = stream(*KEY, "noise", t, name).normal(0, 1.1 * 0.2, tuple(p.shape))
            p.grad = (total + torch.from_numpy(drawn).float()) / 8
        sgd.param_groups[0]["lr"] = 0.7 * min(1.0, (4 - t) / 2)
        sgd.step()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_chunks_make_no_difference_and_noise_is_drawn_once() -> None:
    import pytest

    with pytest.MonkeyPatch.context() as patch:
        whole, x, y = task()
        trainer(whole).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
        patch.setattr(dpsgd, "CHUNK", 3)
        split, _, _ = task()
        trainer(split).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    for a, b in zip(whole.parameters(), split.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_empty_batches_still_get_noise_of_the_stated_size() -> None:
    linear = nn.Linear(16, 500)
    model, x, y = nn.Sequential(nn.Flatten(), linear), torch.rand(20, 1, 4, 4), torch.zeros(20).long()
    before = linear.weight.detach().clone()
    recipe = Recipe(batch=0.001, steps=1, learning_rate=0.001, max_grad_norm=0.2, decay=1.0)  # type: ignore[arg-type]
    trainer(model, recipe, noise=3.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    moved = (linear.weight.detach() - before).flatten().numpy()
    assert kstest(moved / (3.0 * 0.2), "norm").pvalue > 1e-4
    assert kstest(moved / (3.0 * 0.2 * 0.95), "norm").pvalue < 1e-2


def test_global_generator_is_neither_read_nor_moved() -> None:
    results = []
    for seed in (1, 2):
        model, x, y = task()
        torch.manual_seed(seed)
        state = torch.random.get_rng_state()
        trainer(model).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
        assert torch.equal(state, torch.random.get_rng_state())
        results.append([p.detach().clone() for p in model.parameters()][-1])
    assert torch.equal(*results)


def test_resumed_training_ends_with_the_same_bits() -> None:
    whole, x, y = task()
    trainer(whole).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    first, _, _ = task()
    half = trainer(first)

    states: list[dict[str, object]] = []
    half.train(
        x, y, Seeded(), batch_key=("b",), on_step=lambda: states.append(_copy(half.state())) if half.step == 2 else None
    )
    second, _, _ = task()
    resumed = trainer(second)
    resumed.restore(states[0])
    resumed.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def _copy(state: dict[str, object]) -> dict[str, object]:
    import io

    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, object] = torch.load(file, weights_only=True)
    return loaded


def test_without_privacy_there_is_no_clipping_and_no_noise() -> None:
    model, x, y = task()
    twin, _, _ = task()
    recipe = Recipe(batch=20, steps=1, learning_rate=0.5, momentum=0.0, decay=1.0)
    trainer(model, recipe, noise=0.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    nn.functional.cross_entropy(twin(x), y).backward()  # sample rate 1: everybody is in the batch
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        assert b.grad is not None
        torch.testing.assert_close(a, b - 0.5 * b.grad, rtol=1e-4, atol=1e-6)
    assert recipe.max_grad_norm == inf
