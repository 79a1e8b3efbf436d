"""What couples images, or hides a gradient, is refused before training, by its name and with what to use instead."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from engine.errors import BadInput
from engine.models import models
from engine.privacy.bank import Column
from engine.privacy.coupling import check
from engine.privacy.dpsgd import Trainer
from engine.privacy.streams import Seeded
from engine.recipes import Recipe

SHAPE = (2, 4, 4)


def around(layer: nn.Module) -> nn.Module:
    body = nn.Sequential(nn.Conv2d(2, 2, 1), layer)
    return nn.Sequential(body, nn.Flatten(), nn.Linear(32, 3))


@pytest.mark.parametrize("name", [name for name in models.names if not models[name].facts["one_pass"]])
def test_the_models_that_are_trained_step_by_step_pass(name: str) -> None:
    model = models[name].load()((1, 8, 8), 7)
    if models[name].facts["features"]:  # fixed: what is trained sees nothing else
        check(model.head, tuple(model.features(torch.rand(1, 1, 8, 8)).shape[1:]))
    else:
        check(model, (1, 8, 8))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.BatchNorm2d(2), r"layer '0\.1' \(BatchNorm2d\) mixes the images .*use GroupNorm"),
        (nn.SyncBatchNorm(2), r"layer '0\.1' \(SyncBatchNorm\) mixes"),
        (nn.LazyBatchNorm2d(), r"layer '0\.1' \(LazyBatchNorm2d\) mixes"),
        (nn.InstanceNorm2d(2, track_running_stats=True), r"layer '0\.1' \(InstanceNorm2d\) keeps .*GroupNorm"),
    ],
)
def test_layers_that_mix_images_are_refused_by_name(layer: nn.Module, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check(around(layer), SHAPE)


def test_a_recurrent_layer_is_refused_with_what_to_use() -> None:
    with pytest.raises(BadInput, match=r"layer '' \(LSTM\).*nn\.Linear"):
        check(nn.LSTM(4, 3), (4, 4))


class Centred(nn.Module):
    """Takes the mean over the batch, unseen by any list of names."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0, keepdim=True)


class Counting(nn.Module):
    """Keeps what it has seen."""

    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.seen += x.mean((0, 2, 3))[:, None, None]
        return x


class Sideways(nn.Module):
    """Uses its layer's weight without calling the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(32, 32)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(self.linear(x.flatten(1)), self.linear.weight)


class BatchSecond(nn.Module):
    """Gives its layer the batch as the second dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(2).mean(2, keepdim=True).expand(-1, -1, 4).transpose(0, 1)).transpose(0, 1)[:, 0]


class Stateful(nn.Module):
    """torch.func cannot follow a layer that has buffers."""

    mask: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2, 4, 4))
        self.register_buffer("mask", torch.ones(2, 4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale * self.mask


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: around(Centred()), "mixes the images of a batch"),
        (lambda: around(Counting()), "keeps statistics"),
        (Sideways, r"'linear\.weight' is used outside"),
        (BatchSecond, "gives no gradient of single images|is used outside"),
        (lambda: around(Stateful()), r"layer '0\.1' \(Stateful\) gives no gradient of single images: .*buffers"),
    ],
)
def test_what_no_list_of_names_knows_is_found_by_asking(model: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check(model(), SHAPE)


def test_asking_changes_nothing() -> None:
    model = around(nn.GroupNorm(1, 2)).eval()
    before, state = [p.detach().clone() for p in model.parameters()], torch.random.get_rng_state()
    check(model, SHAPE)
    assert torch.equal(state, torch.random.get_rng_state())
    assert not model.training
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, model.parameters(), strict=True))


def test_refused_before_the_first_step_and_only_when_clipped() -> None:
    x, y = torch.rand(9, *SHAPE), torch.zeros(9).long()
    for bound, refused in ((0.1, True), (float("inf"), False)):
        trainer = Trainer(around(nn.BatchNorm2d(2)), Column(("k",), 0.1, 0.0, bound), Recipe(9, 1, 0.1, bound), 1.0)
        if refused:
            with pytest.raises(BadInput, match="BatchNorm2d"):
                trainer.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
        else:
            trainer.train(x, y, Seeded(), batch_key=("b",), on_step=lambda: None)
        assert trainer.step == (0 if refused else 1)
