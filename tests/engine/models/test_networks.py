"""Each network beside what it has to equal: torch's own LSTM, formulas, the features it says it sees."""

import pytest
import torch
from torch import Tensor, nn

from engine.models import models
from engine.models.autoencoder import WEIGHT, Autoencoder
from engine.models.loss import losses
from engine.models.recurrent import HIDDEN, RowReader
from engine.models.residual import Block, ResNet
from engine.models.scattering import ScatteringLinear
from engine.models.scattering_cnn import ScatteringCnn
from engine.privacy.bank import bf16_products

LARGEST = {"resnet": 200_000, "lstm": 100_000, "autoencoder": 200_000, "scattering-cnn": 100_000}


@pytest.mark.parametrize(("name", "most"), LARGEST.items())
def test_networks_are_small_enough_for_two_cores(name: str, most: int) -> None:
    model = models[name].load()((1, 28, 28), 10)
    assert most / 4 < sum(p.numel() for p in model.parameters()) < most


def as_torch_has_it(gates: Tensor) -> Tensor:
    """Our order of gates is take, keep, show, new; torch's is take, keep, new, show."""
    take, keep, show, new = gates.chunk(4, 0)
    return torch.cat([take, keep, new, show])


def test_the_row_reader_is_an_lstm() -> None:
    torch.manual_seed(0)
    ours, theirs = RowReader((3, 6, 5), 4).double(), nn.LSTM(15, HIDDEN, batch_first=True).double()
    with torch.no_grad():
        theirs.get_parameter("weight_ih_l0").copy_(as_torch_has_it(ours.read.weight))
        theirs.get_parameter("bias_ih_l0").copy_(as_torch_has_it(ours.read.bias))
        theirs.get_parameter("weight_hh_l0").copy_(as_torch_has_it(ours.recall.weight))
        theirs.get_parameter("bias_hh_l0").zero_()
    x = torch.rand(7, 3, 6, 5, dtype=torch.float64)
    rows = torch.stack([2 * x[:, :, row].flatten(1) - 1 for row in range(6)], 1)
    state = theirs(rows)[1][0][0]
    torch.testing.assert_close(ours(x), ours.answer(state))
    upside_down = ours(x.flip(2))
    assert not torch.allclose(upside_down, ours(x))


def test_the_row_reader_remembers_until_it_learns_to_forget() -> None:
    bias = RowReader((1, 8, 8), 10).read.bias
    assert (bias[HIDDEN : 2 * HIDDEN] == 1).all()
    assert not (bias[:HIDDEN] == 1).any()


def test_a_block_whose_inner_part_is_silent_is_its_way_around() -> None:
    block, x = Block(16, 16, stride=1), torch.rand(2, 16, 8, 8)
    assert not torch.allclose(block(x), x)
    nn.init.zeros_(block.norm2.weight)
    torch.testing.assert_close(block(x), x)


def test_the_autoencoder_pays_for_the_picture_and_for_the_class() -> None:
    torch.manual_seed(0)
    model = Autoencoder((2, 8, 12), 5)
    x, y = torch.rand(3, 2, 8, 12), torch.tensor([0, 4, 2])
    drawn, logits = model.decode(model.encode(x)), model(x)
    assert drawn.shape == x.shape
    for i in range(3):
        error = (drawn[i] - x[i]).square().sum() / (2 * 8 * 12)
        surprise = -torch.log_softmax(logits[i], 0)[y[i]]
        torch.testing.assert_close(losses(model, x, y)[i], surprise + WEIGHT * error)


def test_a_model_without_a_loss_of_its_own_has_cross_entropy() -> None:
    model, x, y = ResNet((1, 8, 8), 5), torch.rand(3, 1, 8, 8), torch.tensor([0, 4, 2])
    torch.testing.assert_close(losses(model, x, y).mean(), nn.functional.cross_entropy(model(x), y))


def test_the_network_on_wavelets_sees_the_features_of_the_fast_model() -> None:
    shape = (3, 8, 12)
    network, linear, x = ScatteringCnn(shape, 5), ScatteringLinear(shape, 5), torch.rand(4, *shape)
    seen = linear.features(x)
    torch.testing.assert_close(network.features(x), seen)
    torch.testing.assert_close(network.head(seen), network(x))
    assert models["scattering-cnn"].facts["features"] == models["scattering-linear"].facts["features"]


def test_maps_are_not_mixed_up_when_features_are_put_back_into_shape() -> None:
    network, x = ScatteringCnn((1, 28, 28), 5), torch.rand(2, 1, 28, 28)
    given: list[Tensor] = []
    network.head.get_submodule("conv1").register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    network(x)
    torch.testing.assert_close(given[0], nn.functional.group_norm(network.scattering(x), 27))


def test_features_kept_in_bf16_are_nearly_what_the_network_sees() -> None:
    torch.manual_seed(0)
    network, x = ScatteringCnn((1, 8, 8), 5), torch.rand(50, 1, 8, 8)
    with bf16_products():
        kept = network.features(x).bfloat16()
    torch.testing.assert_close(network.head(kept), network(x), rtol=0, atol=0.02)


@pytest.mark.parametrize("name", [name for name in models.names if models[name].facts["features"]])
def test_what_is_kept_of_a_model_with_fixed_features_is_what_is_trained(name: str) -> None:
    model = models[name].load()((1, 8, 8), 5)
    head = {id(p) for p in model.head.parameters()}
    assert {id(p) for p in model.parameters()} == head
    assert len(model.state_dict()) == len(head)
