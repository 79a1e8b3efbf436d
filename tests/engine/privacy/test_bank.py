"""The one-pass trainer: the same models as a naive trainer, and a clipping bound that holds as computed."""

from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from engine.data.images import load
from engine.errors import BadInput
from engine.models.scattering import ScatteringLinear
from engine.privacy import bank
from engine.privacy.bank import Column, Features, State, as_features, blank, noise, summed_gradient, train
from engine.privacy.streams import Seeded, poisson_batch, stream


def some_features(n: int = 60, f: int = 7, classes: int = 3, seed: int = 0) -> Features:
    g = torch.Generator().manual_seed(seed)
    x = torch.cat([torch.randn(n, f - 1, generator=g), torch.ones(n, 1)], 1).bfloat16()
    return as_features(x, torch.randint(classes, (n,), generator=g))


def naive_sum(features: Features, rows: Tensor, weights: Tensor, bound: float, classes: int) -> Tensor:
    """Per-example gradients by autograd in float64, clipped one by one: nothing of the bank's algebra."""
    total = torch.zeros(features.x.shape[1], classes, dtype=torch.float64)
    for i in rows.tolist():
        w = weights.double().requires_grad_()
        loss = torch.nn.functional.cross_entropy((features.x[i].double() @ w)[None], features.y[i : i + 1])
        (grad,) = torch.autograd.grad(loss, w)
        total += grad * min(1.0, bound * (1 - bank.MARGIN) / float(grad.norm()))
    return total


def test_sum_equals_autograd_clipped_one_by_one() -> None:
    features, bounds = some_features(), torch.tensor([0.3, 100.0])
    weights = torch.randn(7, 6, generator=torch.Generator().manual_seed(1)).bfloat16().float()
    ours = summed_gradient(features, torch.arange(60), weights, bounds).double().view(7, 2, 3)
    for k, bound in enumerate(bounds.tolist()):
        naive = naive_sum(features, torch.arange(60), weights.view(7, 2, 3)[:, k], bound, 3)
        torch.testing.assert_close(ours[:, k], naive, rtol=0.02, atol=0.02 * float(naive.abs().max()))


def test_training_equals_a_plain_loop() -> None:
    """Momentum, rate, divisor, noise and schedule, step by step, in the order of torch.optim.SGD."""
    features, column = some_features(), Column(("id", 3.0, 0), 0.5, 1.3, 0.3)
    state = train(
        features,
        [column],
        blank(7, 1, 3),
        Seeded(),
        batch_key=("b",),
        sample_rate=0.4,
        steps=6,
        momentum=0.9,
        decay=0.5,
        on_step=lambda s: None,
    )
    weights = torch.zeros(7, 3, dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([weights], lr=0.5, momentum=0.9)
    for t in range(6):
        rows = torch.from_numpy(poisson_batch(60, 0.4, stream("b", "batch", t)))
        total = naive_sum(features, rows, weights.detach().bfloat16(), 0.3, 3)
        z = torch.from_numpy(stream("id", 3.0, 0, "noise", t).standard_normal((7, 3)))
        weights.grad = (total + 1.3 * 0.3 * z) / (0.4 * 60)
        sgd.param_groups[0]["lr"] = 0.5 * min(1.0, (6 - t) / 3)
        sgd.step()
    torch.testing.assert_close(state.weights.double(), weights.detach(), rtol=0.03, atol=3e-3)


def test_noise_has_the_stated_size_and_each_column_its_own() -> None:
    columns = [
        Column(("id", 1.0, 0), 1, 2.0, 0.5),
        Column(("id", 1.0, 1), 1, 2.0, 0.5),
        Column(("i", inf, 0), 1, 0, inf),
    ]
    drawn = noise(Seeded(), columns, 0, 4000, 10).view(4000, 3, 10)
    from scipy.stats import kstest

    flat = drawn[:, 0].flatten().numpy()
    assert kstest(flat / (2.0 * 0.5), "norm").pvalue > 1e-4
    assert kstest(flat / (2.0 * 0.5 * 0.95), "norm").pvalue < 1e-4
    assert not drawn[:, 2].any()
    assert abs(float(torch.corrcoef(drawn[:, :2].permute(1, 0, 2).flatten(1))[0, 1])) < 0.02
    assert not torch.equal(noise(Seeded(), columns, 1, 4000, 10).view(4000, 3, 10)[:, 0], drawn[:, 0])


def test_a_budget_does_not_depend_on_who_trains_beside_it() -> None:
    features = some_features()
    columns = [Column(("id", 3.0, k), 0.5, 1.0, 0.3) for k in range(3)]
    how = {
        "batch_key": ("b",),
        "sample_rate": 0.4,
        "steps": 5,
        "momentum": 0.9,
        "decay": 1.0,
        "on_step": lambda s: None,
    }
    alone = train(features, columns[1:2], blank(7, 1, 3), Seeded(), **how).weights  # type: ignore[arg-type]
    together = train(features, columns, blank(7, 3, 3), Seeded(), **how).weights  # type: ignore[arg-type]
    torch.testing.assert_close(alone, together.view(7, 3, 3)[:, 1], rtol=1e-2, atol=1e-3)


def test_resumed_training_ends_with_the_same_bits() -> None:
    features, columns = some_features(), [Column(("id", 3.0, k), 0.5, 1.0, 0.3) for k in range(2)]
    how = {"batch_key": ("b",), "sample_rate": 0.4, "steps": 8, "momentum": 0.9, "decay": 0.7}

    class Killed(Exception):
        pass

    kept: list[State] = []

    def stop_at_three(state: State) -> None:
        if state.step == 3:
            kept.append(State(state.weights.clone(), state.velocity.clone(), 3))
            raise Killed

    with pytest.raises(Killed):
        train(features, columns, blank(7, 2, 3), Seeded(), **how, on_step=stop_at_three)  # type: ignore[arg-type]
    resumed = train(features, columns, kept[0], Seeded(), **how, on_step=lambda s: None)  # type: ignore[arg-type]
    whole = train(features, columns, blank(7, 2, 3), Seeded(), **how, on_step=lambda s: None)  # type: ignore[arg-type]
    assert torch.equal(resumed.weights, whole.weights)


def on(device: str, features: Features) -> State:
    """Three steps of two models with features on `device`; the state starts on the CPU, as a checkpoint does."""
    there = Features(features.x.to(device), features.y.to(device), features.norms.to(device))
    columns = [Column(("id", 3.0, k), 0.5, 1.0, 0.3) for k in range(2)]
    how = {"batch_key": ("b",), "sample_rate": 0.4, "steps": 3, "momentum": 0.9, "decay": 0.7}
    return train(there, columns, blank(7, 2, 3), Seeded(), **how, on_step=lambda s: None)  # type: ignore[arg-type]


def test_training_leaves_nothing_on_the_cpu_when_features_lie_on_a_gpu() -> None:
    """Tensors without content, so that no GPU is needed: an operation that mixes devices raises."""
    features = some_features()
    with FakeTensorMode(allow_non_fake_inputs=True):
        state = on("cuda", features)
    assert {state.weights.device.type, state.velocity.device.type} == {"cuda"}


@pytest.mark.gpu
def test_same_models_on_a_gpu() -> None:
    here, there = on("cpu", some_features()), on("cuda", some_features())
    torch.testing.assert_close(there.weights.cpu(), here.weights, rtol=1e-2, atol=1e-3)


def ordinary(members: Tensor | None, share: float = 1.0) -> State:
    features, columns = some_features(), [Column(("id", 3.0, k), 0.5, 1.0, 0.3) for k in range(2)]
    how = {"batch_key": ("b",), "sample_rate": 0.4, "steps": 8, "momentum": 0.9, "decay": 0.7}
    quiet = {"on_step": lambda s: None, "members": members, "share": share}
    return train(features, columns, blank(7, 2, 3), Seeded(), **how, **quiet)  # type: ignore[arg-type]


def test_without_members_training_is_bit_for_bit_what_it_was() -> None:
    """The loop and the sum as they stood before there were members, spelled out."""
    features, bounds = some_features(), torch.tensor([0.3, 0.3])
    columns = [Column(("id", 3.0, k), 0.5, 1.0, 0.3) for k in range(2)]
    weights, velocity, rates = torch.zeros(7, 6), torch.zeros(7, 6), torch.tensor([0.5, 0.5]).repeat_interleave(3)
    for step in range(8):
        rows = torch.from_numpy(poisson_batch(60, 0.4, stream("b", "batch", step)))
        x = features.x.index_select(0, rows)
        logits = (x @ weights.bfloat16()).float().view(len(rows), 2, 3)
        residuals = bank.clipped_residuals(logits, features.y[rows], features.norms[rows], bounds)
        with bank.bf16_products():
            total = torch.zeros(7, 6) + x.float().T @ residuals.flatten(1)
        velocity.mul_(0.9).add_(total + noise(Seeded(), columns, step, 7, 3), alpha=1 / (0.4 * 60))
        weights.sub_(velocity * (rates * bank.schedule(step, 8, 0.7)))
    assert torch.equal(ordinary(None).weights, weights)


def test_a_column_that_has_every_example_is_bit_for_bit_the_ordinary_one() -> None:
    whole = ordinary(None).weights
    assert torch.equal(ordinary(torch.ones(60, 2, dtype=torch.bool)).weights, whole)
    halves = ordinary(torch.arange(120).view(60, 2) % 4 != 0).weights.view(7, 2, 3)
    assert torch.equal(halves[:, 1], whole.view(7, 2, 3)[:, 1])
    assert not torch.equal(halves[:, 0], whole.view(7, 2, 3)[:, 0])


def test_the_divisor_of_members_is_a_constant() -> None:
    """Without an example left in any column there is noise alone, over the expected batch and nothing counted."""
    nobody = torch.zeros(60, 2, dtype=torch.bool)
    half, whole = (ordinary(nobody, share).weights for share in (0.5, 1.0))
    assert whole.any()
    torch.testing.assert_close(half, 2 * whole, rtol=1e-5, atol=1e-6)


def test_an_empty_batch_moves_nothing_but_noise() -> None:
    features = some_features()
    assert not summed_gradient(features, torch.tensor([], dtype=torch.int64), torch.zeros(7, 3), torch.ones(1)).any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_features_that_are_not_finite_are_refused(bad: float) -> None:
    x = torch.ones(4, 3, dtype=torch.bfloat16)
    x[2, 1] = bad
    with pytest.raises(BadInput, match="image 2"):
        as_features(x, torch.zeros(4, dtype=torch.int64))


# The clipping bound, as computed. C = 0.1 throughout; `moved` is the largest change of the sum of any model.

C = 0.1


def moved(features: Features, rows: Tensor, weights: Tensor, without: list[int], bf16_sum: bool = False) -> float:
    """Largest L2 change of the summed gradient, in units of C, when one of `without` leaves the batch."""
    models = weights.shape[1] // (int(features.y.max()) + 1)
    bounds = torch.full((models,), C)

    def total(kept: Tensor) -> Tensor:
        whole = summed_gradient(features, kept, weights, bounds)
        return (whole.bfloat16().float() if bf16_sum else whole).double().view(len(whole), models, -1)

    full = total(rows)
    changes = [(full - total(rows[rows != i])).pow(2).sum((0, 2)).sqrt().max() for i in without]
    return float(torch.stack(changes).max()) / C


def identical(n: int, f: int) -> Features:
    return as_features(torch.linspace(-1, 3, f).bfloat16().repeat(n, 1), two_classes(n))


def aligned(n: int, f: int) -> Features:
    return as_features((torch.linspace(-1, 3, f) * torch.linspace(0.5, 2, n)[:, None]).bfloat16(), two_classes(n))


def two_classes(n: int) -> Tensor:
    """Everything in class 0 but the first, which is in no batch: all residuals point one way."""
    return (torch.arange(n) == 0).long()


@pytest.mark.parametrize("make", [identical, aligned])
def test_bound_holds_on_identical_and_aligned_examples(make: Callable[[int, int], Features]) -> None:
    features = make(8193, 400)
    for rows in (torch.arange(1, 8193), torch.arange(1, 8190)):
        assert 0.9 < moved(features, rows, torch.zeros(400, 4), [1, 777, 4096, 8189]) <= 1.0


def test_negative_control_a_bf16_sum_breaks_the_bound() -> None:
    features = identical(8193, 400)
    changes = [
        moved(features, torch.arange(1, n), torch.zeros(400, 4), [1], bf16_sum=True) for n in range(8100, 8193, 4)
    ]
    assert max(changes) > 1.0


def contrived() -> Features:
    """8,192 rows, block by block: some that raise the sum, then many of half a unit in its last place.

    Without the first row every one of these rounds the other way.
    """
    block, raised = 512, 16.0
    shorter = C * (1 - bank.MARGIN) / 2**0.5  # what one row of the first kind adds
    n = int(raised // shorter)
    half = 128 * 0.75 * raised * 2**-24 / shorter
    rows = [[128.0, 0.0, 1.0] if i <= n else [half, 128.0 * (-1) ** i, 1.0] for i in range(block)]
    labels = [int(i <= n) for i in range(block)]
    return as_features(torch.tensor(rows * 16).bfloat16(), torch.tensor(labels * 16))


def test_bound_holds_for_contrived_rows_because_batches_come_in_random_order() -> None:
    features = contrived()
    in_order = torch.arange(8192)
    if torch.cpu._is_avx512_bf16_supported():  # contrived for the order in which that kernel sums
        assert moved(features, in_order, torch.zeros(3, 4), [0]) > 1.0, "the control must break the bound"
    for step in range(10):
        rows = torch.from_numpy(poisson_batch(8192, 1.0, stream("order", step)))
        assert moved(features, rows, torch.zeros(3, 4), [0, int(rows[0])]) < 1.0


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1e12, 1e30])
def test_bound_holds_for_tiny_and_huge_examples(size: float) -> None:
    features = some_features(300)
    x = features.x.clone()
    x[::7] = (x[::7].float() * size).bfloat16()
    features = as_features(x, features.y)
    total = moved(features, torch.arange(300), torch.zeros(7, 6), [0, 7, 8, 14])
    assert 0 <= total <= 1.0


def test_bound_holds_on_neighbouring_full_batches_of_real_images(fashion_mnist: Path) -> None:
    images = load("fashion-mnist", fashion_mnist, train=True)
    model = ScatteringLinear((1, 28, 28), 10)
    with torch.no_grad(), bank.bf16_products():
        x = torch.cat([model.features(part) for part in torch.from_numpy(images.x[:8193]).split(128)])
    x = torch.cat([x, torch.ones(len(x), 1)], 1).bfloat16()
    features = as_features(x, torch.from_numpy(images.y[:8193]))
    rows, who = torch.arange(8193), [0, 1, 100, 4000, 8191, 8192]
    at_start = torch.zeros(x.shape[1], 30)
    assert 0.9 < moved(features, rows, at_start, who) <= 1.0
    assert moved(features, rows, at_start, who, bf16_sum=True) > 1.0


def test_noise_without_a_bound_is_refused() -> None:
    with pytest.raises(BadInput, match="max_grad_norm=inf bounds no gradient"):
        Column(("a",), 1.0, 1.0, float("inf"))
    Column(("a",), 1.0, 0.0, float("inf"))
