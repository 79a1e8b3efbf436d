"""The statistic: its formula where it can be checked, and no limit where probabilities round to one."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import runs
from engine.leakage.statistics import confidence, of_columns, of_images
from engine.models.scattering import ScatteringLinear
from engine.privacy.bank import as_features
from engine.robustness.apgd import apgd


def test_confidence_is_the_log_odds_of_the_true_label() -> None:
    logits, y = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 3, 0])
    p = logits.double().softmax(-1)[torch.arange(5), :, y]
    torch.testing.assert_close(confidence(logits, y).double(), (p / (1 - p)).log(), rtol=1e-5, atol=1e-5)


def test_confidence_goes_on_where_probabilities_end() -> None:
    said = confidence(torch.tensor([[100.0, 0.0], [-100.0, 0.0]]), torch.tensor([0, 0]))
    assert said.tolist() == [100.0, -100.0]


def test_columns_are_asked_as_any_model_is() -> None:
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(30, 6, generator=g).bfloat16(), torch.randint(3, (30,), generator=g)
    weights = torch.randn(6, 6, generator=g).bfloat16().float()
    both = of_columns(as_features(x, y), weights, 3)
    assert both.shape == (2, 30)
    for k in range(2):
        alone = of_images(partial(linear, weights[:, 3 * k : 3 * k + 3]), x.float().view(30, 1, 2, 3), y)
        np.testing.assert_allclose(both[k], alone, rtol=0.02, atol=0.02)


def linear(weights: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1) @ weights


def test_attacked_pictures_are_what_the_model_sees() -> None:
    x, y = torch.rand(10, 1, 1, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(10, dtype=torch.int64)

    def worse(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        assert torch.is_grad_enabled(), "an attack needs gradients"
        return images + torch.tensor([-0.25, 0.0])

    clean, attacked = of_images(lambda i: i.flatten(1), x, y), of_images(lambda i: i.flatten(1), x, y, worse)
    assert attacked == pytest.approx(clean - 0.25, abs=1e-6)


def test_a_column_is_attacked_as_any_model_is() -> None:
    """A shadow from its column of weights, on real pictures: as sure as the bank says, and less when attacked."""
    x = runs.tensors("digits", Path("data"), train=True)[0][:40]
    model = ScatteringLinear((1, 8, 8), 10)
    with torch.no_grad():
        seen = torch.cat([model.seen(x), torch.ones(40, 1)], 1).bfloat16()
    weights = torch.randn(seen.shape[1], 10, generator=torch.Generator().manual_seed(0)).bfloat16().float() / 8
    model.load_state_dict(model.kept(weights))
    y = model.requires_grad_(False)(x).argmax(1)  # attacks leave alone what is wrong already
    clean = of_images(model, x, y)
    np.testing.assert_allclose(clean, of_columns(as_features(seen, y), weights, 10)[0], atol=0.05)
    attacked = of_images(model, x, y, lambda images, labels: apgd(model, images, labels, norm="linf", eps=0.1, steps=5))
    assert (attacked < clean).all()
