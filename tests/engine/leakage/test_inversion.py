"""A model is sure of its class pictures and not of grey, and a model trained apart recognises some of them."""

import pytest
import torch

from engine.errors import Cancelled
from engine.leakage.inversion import Shown, class_pictures, recognised, sureness
from tests.engine.leakage.nets import digits, fresh, state, taught

CLASSES, SHAPE = torch.arange(10), (1, 8, 8)


def test_the_model_is_sure_of_its_pictures_and_not_of_grey() -> None:
    model = taught("fast-cnn", seed=0)
    found = class_pictures(model, CLASSES, SHAPE)
    assert found.shape == (10, *SHAPE)
    assert bool(((found >= 0) & (found <= 1)).all())
    assert float(sureness(model, found, CLASSES).min()) > 0.9
    assert float(sureness(model, torch.full_like(found, 0.5), CLASSES).mean()) < 0.2


def test_another_model_recognises_what_a_trained_one_holds_and_not_what_a_fresh_one_does() -> None:
    judge = taught("fast-cnn", seed=1)
    trained = recognised(judge, class_pictures(taught("fast-cnn", seed=0), CLASSES, SHAPE), CLASSES)
    blank = recognised(judge, class_pictures(fresh("fast-cnn"), CLASSES, SHAPE), CLASSES)
    assert trained.low > 0.1  # better than a guess at 95 %
    assert blank.low <= 0.1
    assert trained.share > blank.share


def test_the_judge_reads_real_digits() -> None:
    x, y = digits()
    found = recognised(taught("fast-cnn", seed=1), x[1400:], y[1400:])
    assert found.share == pytest.approx(float(found.right.double().mean()))
    assert 0.85 < found.low < found.share < found.high


def test_each_picture_is_its_own_and_nothing_else_is_touched() -> None:
    model = taught("fast-cnn", seed=0)
    before, drawn = state(model), torch.get_rng_state()
    shown: list[Shown] = []
    first = class_pictures(model, CLASSES, SHAPE, steps=5, seed=1, on_step=shown.append)
    assert torch.equal(class_pictures(model, CLASSES, SHAPE, steps=5, seed=1), first)
    assert not torch.equal(class_pictures(model, CLASSES, SHAPE, steps=5, seed=2), first)
    assert state(model) == before
    assert torch.equal(torch.get_rng_state(), drawn)
    assert [one.step for one in shown] == [1, 2, 3, 4, 5]
    assert torch.equal(shown[-1].pictures, first)
    alone = class_pictures(model, CLASSES[:1], SHAPE, steps=5, seed=1)
    torch.testing.assert_close(alone, first[:1], atol=1e-4, rtol=0)


def test_it_can_be_stopped() -> None:
    def stop(shown: Shown) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        class_pictures(fresh("cnn"), CLASSES, SHAPE, on_step=stop)
