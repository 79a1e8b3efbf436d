"""What couples images, or hides a gradient, is refused before training, by its name and with what to use instead."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from engine import effort, training
from engine.errors import BadInput
from engine.models import models
from engine.privacy import coupling
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


@pytest.mark.parametrize("kind", [nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout])
def test_dropout_is_refused_by_name_with_its_remedies(kind: Callable[[float], nn.Module]) -> None:
    with pytest.raises(BadInput, match=r"layer '0\.1' \(\w*Dropout\w*\) drops by .*leave it out, or p=0"):
        check(around(kind(0.1)), SHAPE)
    check(around(kind(0.0)), SHAPE)


class Drawing(nn.Module):
    """Draws as it is told to, unseen by any list of names."""

    def __init__(self, how: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        return self.how(x)


OWN = torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    "how",
    [
        nn.functional.dropout,
        lambda x: nn.functional.dropout(x, 1e-6),  # which hardly ever shows in the outputs
        lambda x: x + 0.1 * torch.randn_like(x),
        lambda x: x + torch.rand(1, generator=OWN).to(x),  # of a generator of its own
    ],
)
def test_what_draws_random_numbers_is_refused(how: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(BadInput, match=r"draws random numbers.* leave dropout"):
        check(around(Drawing(how)), SHAPE)


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


class Loss(nn.Module):
    """A linear layer, with the losses that `of` makes of the logits and of each image's cross-entropy."""

    def __init__(self, of: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.of, self.linear = of, nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))

    def losses(self, x: Tensor, y: Tensor) -> Tensor:
        logits = self(x)
        return self.of(logits, nn.functional.cross_entropy(logits, y, reduction="none"))


class Scaled(nn.Module):
    """Logits that know how many images there are."""

    def forward(self, x: Tensor) -> Tensor:
        return x * len(x)


class Faint(nn.Module):
    """A mean over the batch that is too weak to be told from float32's rounding."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1e-7 * x.mean(0, keepdim=True)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "divided by their mean": lambda logits, each: each / each.detach().mean(),
    "the harder half": lambda logits, each: each * (each >= each.median()),
    "the easier half": lambda logits, each: each * (each <= each.detach().median()),
    "divided by their number": lambda logits, each: each / len(each),
    "a gradient that grows": lambda logits, each: each + (each - each.detach()) * len(each),
    "the first counts twice": lambda logits, each: each * torch.tensor([2.0, *[1.0] * (len(each) - 1)]),
    "one for all": lambda logits, each: each.mean(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_that_depend_on_company_number_or_position_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"mixes the images|with other images|not one each"):
        check(Loss(LOSSES[name]), SHAPE)


def test_a_loss_of_its_own_that_looks_at_one_image_passes() -> None:
    check(Loss(lambda logits, each: each + 0.1 * logits.square().mean(1)), SHAPE)


@pytest.mark.parametrize("layer", [Scaled(), Faint()])
def test_logits_that_depend_on_their_number_or_faintly_on_others_are_refused(layer: nn.Module) -> None:
    with pytest.raises(BadInput, match="mixes the images of a batch|with other images"):
        check(around(layer), SHAPE)


class Single(nn.Module):
    """Answers in float32 whatever it is asked in."""

    def forward(self, x: Tensor) -> Tensor:
        return x.float()


class Constant(nn.Module):
    """float32 numbers that are no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.eye(3)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix


@pytest.mark.parametrize(("layer", "words"), [(Single(), "float32 when asked"), (Constant(), "no logits in float64")])
def test_what_cannot_be_asked_in_double_precision_says_so(layer: nn.Module, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check(nn.Sequential(nn.Flatten(), nn.Linear(32, 3), layer), SHAPE)


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


def test_asking_comes_before_the_meter_and_before_anything_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    enter, ask = effort.Meter.__enter__, coupling.check

    def noted(name: str, what: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            happened.append(name)
            return what(*given)

        return call

    monkeypatch.setattr(effort.Meter, "__enter__", noted("meter", enter))
    monkeypatch.setattr(coupling, "check", noted("check", ask))
    data = torch.rand(9, *SHAPE), torch.zeros(9).long()
    model = training.Candidate(1.0, 0, Recipe(9, 1, 0.1, 0.1), 1.0, 1.0)

    def save(name: str, state: object, heard: bool) -> None:
        happened.append("save")

    session = training.Session(
        {}, save, lambda progress: None, lambda models: None, lambda models, steps: None, Seeded()
    )
    with pytest.raises(BadInput, match="BatchNorm2d"):
        training.train_network(lambda: around(nn.BatchNorm2d(2)), data, data, model, "id", session)
    assert happened == ["check"]
    training.train_network(lambda: around(nn.Tanh()), data, data, model, "id", session)
    assert happened == ["check", "check", "save", "meter", "save"]
