"""The network trainer against a loop of autograd calls: Poisson batch, clip, noise, expected batch size."""

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import pytest
import torch
from scipy.stats import binomtest, kstest
from torch import Tensor, nn

from engine.models import models
from engine.privacy import dpsgd
from engine.privacy.bank import MARGIN, Column
from engine.privacy.dpsgd import Trainer
from engine.privacy.streams import Seeded, poisson_batch, stream
from engine.privacy.views import seen
from engine.recipes import Recipe
from engine.robustness import attacks

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


@pytest.mark.parametrize("last", [False, True])
def test_a_chunk_holds_as_many_images_as_there_is_memory_for(monkeypatch: pytest.MonkeyPatch, last: bool) -> None:
    """Four times what layers are given and their gradients as they are kept (rows, or two factors), in float32."""

    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = nn.Conv2d(2, 4, 3), nn.Linear(4 * 14 * 14, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = x.to(memory_format=torch.channels_last) if last else x
            logits: Tensor = self.linear(self.conv(x).flatten(1))
            return logits

    given, kept = 2 * 16 * 16 + 4 * 14 * 14, (4 * 18 + 4) + (4 * 14 * 14 + 3 + 3)
    assert dpsgd.footprint(Late(), torch.rand(1, 2, 16, 16)) == 4 * 4 * (given + kept)
    x = torch.rand(20, 2, 16, 16)
    monkeypatch.setattr(dpsgd, "MEMORY", 5 * dpsgd.footprint(Late(), x[:1]))
    ours = trainer(Late())
    ours.prepare(x)
    assert ours.chunk == 5


def test_chunks_make_no_difference_and_noise_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, x, y = task()
    trainer(whole).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    monkeypatch.setattr(dpsgd, "CHUNK", 3)
    split, _, _ = task()
    trainer(split).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    for a, b in zip(whole.parameters(), split.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_empty_batches_still_get_noise_of_the_stated_size() -> None:
    linear = nn.Linear(16, 2500)
    model, x, y = nn.Sequential(nn.Flatten(), linear), torch.rand(20, 1, 4, 4), torch.zeros(20).long()
    before = linear.weight.detach().clone()
    recipe = Recipe(batch=0.001, steps=1, learning_rate=0.001, max_grad_norm=0.2, decay=1.0)  # type: ignore[arg-type]
    trainer(model, recipe, noise=3.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    moved = (linear.weight.detach() - before).flatten().numpy()
    assert kstest(moved / (3.0 * 0.2), "norm").pvalue > 1e-4
    assert kstest(moved / (3.0 * 0.2) * 1.05, "norm").pvalue < 1e-4
    assert kstest(moved / (3.0 * 0.2) / 1.05, "norm").pvalue < 1e-4


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


EVERYTHING = Recipe(
    batch=8, steps=4, learning_rate=0.1, max_grad_norm=0.2, optimizer="adam", average=0.9, views=3, shift=1, flip=True
)


@pytest.mark.parametrize("recipe", [PRIVATE, EVERYTHING])
def test_resumed_training_ends_with_the_same_bits(recipe: Recipe) -> None:
    whole, x, y = task()
    never_stopped = trainer(whole, recipe)
    never_stopped.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    first, _, _ = task()
    half = trainer(first, recipe)
    states: list[dict[str, object]] = []

    def keep() -> None:
        if half.step == 2:
            states.append(_copy(half.state()))

    half.train(x, y, Seeded(), batch_key=("b",), on_step=keep)
    second, _, _ = task()
    resumed = trainer(second, recipe)
    resumed.restore(states[0])
    resumed.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    for a, b in zip(never_stopped.released().parameters(), resumed.released().parameters(), strict=True):
        assert torch.equal(a, b)


def _copy(state: dict[str, object]) -> dict[str, object]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, object] = torch.load(file, weights_only=True)
    return loaded


def test_without_clipping_dropout_follows_the_draws_and_not_the_global_generator() -> None:
    results, recipe = [], replace(PRIVATE, max_grad_norm=inf)
    for seed in (1, 2):
        model, x, y = task()
        torch.manual_seed(seed)
        state = torch.random.get_rng_state()
        dropping = nn.Sequential(model, nn.Dropout(0.5))
        trainer(dropping, recipe, 0.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
        assert torch.equal(state, torch.random.get_rng_state())
        results.append(_first(model))
    plain, x, y = task()
    trainer(plain, recipe, 0.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    assert torch.equal(*results)
    assert not torch.equal(results[0], _first(plain))


def test_without_privacy_there_is_no_clipping_and_no_noise() -> None:
    model, x, y = task()
    twin, _, _ = task()
    recipe = Recipe(batch=20, steps=1, learning_rate=0.5, momentum=0.0, decay=1.0)
    trainer(model, recipe, noise=0.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    nn.functional.cross_entropy(twin(x), y).backward()  # sample rate 1: everybody is in the batch
    assert all(p.grad is None for p in model.parameters())
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        assert b.grad is not None
        torch.testing.assert_close(a, b - 0.5 * b.grad, rtol=1e-4, atol=1e-6)
    assert recipe.max_grad_norm == inf


def test_clipping_alone_is_a_private_step_without_its_noise() -> None:
    model, x, y = task()
    twin, _, _ = task()
    recipe = Recipe(batch=20, steps=1, learning_rate=0.5, max_grad_norm=0.2, momentum=0.0, decay=1.0)
    trainer(model, recipe, noise=0.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    totals = naive_step(twin, x, y, list(range(20)), 0.2 * (1 - MARGIN))
    for a, b, total in zip(model.parameters(), twin.parameters(), totals, strict=True):
        torch.testing.assert_close(a, b - 0.5 * total / 20, rtol=1e-4, atol=1e-6)


def test_a_step_of_adam_is_torchs_on_the_noisy_mean() -> None:
    model, x, y = task()
    twin, _, _ = task()
    recipe = Recipe(batch=20, steps=1, learning_rate=0.1, max_grad_norm=0.2, decay=1.0, optimizer="adam")
    trainer(model, recipe).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    totals = naive_step(twin, x, y, list(range(20)), 0.2 * (1 - MARGIN))
    for (name, p), total in zip(twin.named_parameters(), totals, strict=True):
        noise = stream(*KEY, "noise", 0, name).normal(0, 1.1 * 0.2, tuple(p.shape))
        p.grad = (total + torch.from_numpy(noise).float()) / 20
    torch.optim.Adam(twin.parameters(), lr=0.1).step()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_what_is_released_is_the_average_of_the_weights_seen() -> None:
    model, x, y = task()
    recipe = Recipe(batch=8, steps=4, learning_rate=0.7, max_grad_norm=0.2, average=0.6)
    training = trainer(model, recipe)
    visited: list[Tensor] = []
    training.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: visited.append(_first(model)))
    shares = torch.tensor([0.6**3, 0.6**2, 0.6, 1.0])
    mean = (torch.stack(visited) * (shares / shares.sum()).view(-1, 1, 1, 1, 1)).sum(0)
    torch.testing.assert_close(_first(training.released()), mean)
    assert torch.equal(_first(model), visited[-1])


def _first(model: nn.Module) -> Tensor:
    return next(model.parameters()).detach().clone()


def test_views_of_an_image_count_once() -> None:
    model, x, y = task()
    twin, _, _ = task()
    recipe = Recipe(
        batch=20, steps=1, learning_rate=0.5, max_grad_norm=0.2, momentum=0.0, decay=1.0, views=3, shift=1, flip=True
    )
    trainer(model, recipe, noise=0.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
    chances = Seeded().normal((20, 3, 3), *KEY, "views", 0)
    parameters = list(twin.parameters())
    total = [torch.zeros_like(p) for p in parameters]
    for i in range(20):
        views = seen(x[i : i + 1], chances[i : i + 1], shift=1, flip=True)
        grads = torch.autograd.grad(nn.functional.cross_entropy(twin(views), y[i].repeat(3)), parameters)
        size = float(torch.cat([g.flatten() for g in grads]).norm())
        for t, g in zip(total, grads, strict=True):
            t += g * min(1.0, 0.2 * (1 - MARGIN) / size)
    for a, b, t in zip(model.parameters(), twin.parameters(), total, strict=True):
        torch.testing.assert_close(a, b - 0.5 * t / 20, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("bound", [0.2, inf])
def test_views_that_are_all_alike_change_nothing(bound: float) -> None:
    found = []
    for views in (1, 3):
        model, x, y = task()
        recipe = Recipe(batch=20, steps=2, learning_rate=0.5, max_grad_norm=bound, views=views)
        trainer(model, recipe, noise=0.0).train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
        found.append(_first(model))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


# Who is in a batch: the gradient of a linear layer on one-hot inputs names its examples.


class Shuffled(Seeded):
    """What many loaders do: each epoch a permutation, cut into batches of one size."""

    def batch(self, n: int, sample_rate: float, *words: Any) -> Any:
        size, step = round(n * sample_rate), words[-1]
        order = stream("epoch", step * size // n).permutation(n)
        return order[step * size % n :][:size]


def present(draws: Seeded, n: int, rate: float, steps: int) -> Any:
    """(steps, n): whose gradient was in the sum of each step."""
    training = Trainer(nn.Linear(n, 2), Column(KEY, 0.0, 0.0, 0.1), Recipe(1, steps, 0.0, 0.1), rate)
    found: list[Tensor] = []
    descend = training._descend

    def noted(sums: dict[Tensor, Tensor], draws: Any) -> None:
        weight = next(iter(sums.values()))
        found.append((weight != 0).any(0).float())
        descend(sums, draws)

    training._descend = noted  # type: ignore[method-assign]
    training.train(torch.eye(n), torch.zeros(n).long(), draws, batch_key=("b",), on_step=lambda: None)
    return torch.stack(found).numpy()


def test_each_image_joins_each_batch_independently_and_a_shuffled_loader_would_be_seen() -> None:
    n, rate, steps = 200, 0.2, 400
    ours, shuffled = (present(draws, n, rate, steps) for draws in (Seeded(), Shuffled()))
    assert binomtest(int(ours.sum()), ours.size, rate).pvalue > 1e-4
    assert 0.75 < ours.sum(1).var() / (n * rate * (1 - rate)) < 1.3
    assert shuffled.sum(1).var() == 0
    for sampled, independent in ((ours, True), (shuffled, False)):
        once_more = (sampled[1:] * sampled[:-1]).mean() / rate**2  # in two batches running
        assert (abs(once_more - 1) < 0.05) == independent


# The clipping bound, as computed: C = 0.1, and `moved` the change of the sum in units of C.

C = 0.1


def moved(model: nn.Module, x: Tensor, y: Tensor, who: list[int], rounded: Any = lambda sums: sums) -> float:
    """Largest L2 change of the summed gradient of the full batch when one of `who` leaves it."""
    training = Trainer(model, Column(KEY, 0.1, 0.0, C), Recipe(1, 1, 0.1, C), 1.0)
    training.prepare(x)

    def total(rows: Tensor) -> Tensor:
        sums = training.sums(x, y, rows, Seeded())
        return torch.cat([rounded(part).double().flatten() for part in sums.values()])

    rows = torch.arange(len(x))
    full = total(rows)
    return max(float((full - total(rows[rows != i])).norm()) for i in who) / C


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "Linear": (lambda: nn.Linear(12, 3), (12,)),
    "Linear, several positions": (lambda: nn.Sequential(nn.Linear(4, 3), nn.Flatten()), (3, 4)),
    "Conv1d": (lambda: nn.Sequential(nn.Conv1d(2, 3, 2), nn.Flatten()), (2, 6)),
    "Conv2d": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.Flatten()), (2, 5, 5)),
    "GroupNorm": (lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.Flatten()), (4, 3)),
    "LayerNorm": (lambda: nn.LayerNorm(12), (12,)),
    "InstanceNorm": (lambda: nn.Sequential(nn.InstanceNorm1d(4, affine=True), nn.Flatten()), (4, 5)),
    "PReLU": (nn.PReLU, (12,)),
    "Gram matrices": (lambda: nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Flatten()), (3, 64)),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6, 1e15])
def test_no_example_adds_more_than_the_bound(layer: str, size: float) -> None:
    make, shape = LAYERS[layer]
    torch.manual_seed(0)
    model = make()
    x = torch.randn(150, *shape)
    x[::7] *= size
    found = moved(model, x, torch.randint(3, (150,)), [0, 1, 7, 149])
    assert 0 < found <= 1.0


def cnn() -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = models["cnn"].load()((1, 8, 8), 10)
    return made


def test_bound_holds_on_aligned_examples() -> None:
    """They add up to far more than noise or strangers would, and each sum is rounded to its own size."""
    x = torch.rand(1, 1, 8, 8).repeat(2049, 1, 1, 1)
    y = torch.zeros(2049).long()
    assert 0.98 < moved(cnn(), x, y, [0, 777, 2048]) <= 1.0


def test_negative_control_a_bf16_sum_breaks_the_bound() -> None:
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    x, y = image.repeat(700, 1, 1, 1), torch.zeros(700).long()
    assert max(moved(cnn(), x[:n], y[:n], [0], lambda sums: sums.bfloat16()) for n in (257, 300, 513, 700)) > 1.0


# Beside an attack or an evaluation.


def after_training(beside: Callable[[nn.Module, Tensor, Tensor], None] | None) -> list[Tensor]:
    model = cnn()
    x, y = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 10
    recipe = Recipe(batch=30, steps=6, learning_rate=0.5, max_grad_norm=C)
    training = Trainer(model, Column(KEY, 0.5, 1.0, C), recipe, 0.5)
    training.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: beside(model, x, y) if beside else None)
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in model.modules())
    return [p.detach().clone() for p in model.parameters()]


def attack(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """An attack and an evaluation, as rude as libraries are: they reseed, leave gradients and change the mode."""
    torch.manual_seed(1)
    attacks["pgd"].load()(model, x[:8], y[:8], norm="linf", eps=0.1, steps=3, seed=0)
    model.eval()
    nn.functional.cross_entropy(model(x), y).backward()
    torch.rand(3)


def test_training_with_attacks_between_its_steps_gives_the_same_bits() -> None:
    for a, b in zip(after_training(None), after_training(attack), strict=True):
        assert torch.equal(a, b)


def test_training_beside_a_running_attack_gives_the_same_bits() -> None:
    alone = after_training(None)
    over, attacked = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def keep_attacking(model: nn.Module, x: Tensor, y: Tensor) -> None:
        while not over.is_set():
            attack(model, x, y)
            attacked.set()

    def beside(model: nn.Module, x: Tensor, y: Tensor) -> None:
        if not threads:
            threads.append(threading.Thread(target=keep_attacking, args=(model, x, y)))
            threads[0].start()
        attacked.clear()
        attacked.wait(60)  # at least one whole attack falls between any two steps, and others beside them

    try:
        together = after_training(beside)
    finally:
        over.set()
        threads[0].join()
    for a, b in zip(alone, together, strict=True):
        assert torch.equal(a, b)


@pytest.mark.gpu
def test_a_gpu_does_the_same_step() -> None:
    sums = []
    for device in ("cpu", "cuda"):
        model = cnn().to(device)
        training = Trainer(model, Column(KEY, 0.5, 1.0, C), Recipe(30, 1, 0.5, C), 0.5)
        x, y = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 10
        training.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
        assert all(p.device.type == device for p in model.parameters())
        sums.append(torch.cat([p.detach().cpu().flatten() for p in model.parameters()]))
    torch.testing.assert_close(*sums, rtol=1e-3, atol=1e-5)
