"""One picture under attack, against what is known exactly of a linear model."""

from functools import partial
from math import inf

import pytest
import torch
from torch import Tensor, nn

from engine.lab.attacking import FINE, LADDER, How, attacked, distance, hard, probabilities, smallest
from engine.registry import Entry
from engine.robustness import attacks
from engine.robustness.gradient import pgd


def linear(seed: int = 0, margin: float = 0.05) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear model of two classes, eight images, and the exact distance (8,) of each to its border in linf."""
    g = torch.Generator().manual_seed(seed)
    w = torch.randn(64, generator=g)
    x = 0.5 + margin * torch.rand(8, 1, 1, 1, generator=g) * torch.sign(w).view(1, 1, 8, 8)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.stack([-w, w]))  # type: ignore[operator]
        model[1].bias.copy_(torch.tensor([w.sum(), -w.sum()]) * 0.5)  # type: ignore[operator]
        scores = model(x)
    exact = (scores[:, 1] - scores[:, 0]).abs() / (2 * w.abs().sum())
    return model.eval(), x, scores.argmax(1), exact


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_smallest_strength_is_that_of_the_closed_form_and_never_less(norm: str) -> None:
    model, x, y, exact = linear()
    w = model[1].weight[1].detach()  # type: ignore[index]
    least = exact if norm == "linf" else exact * w.abs().sum() / w.norm()
    for image, label, border in zip(x.split(1), y.split(1), least.tolist(), strict=True):
        tried = partial(tampering, model, image, label, How("pgd", norm, steps=40))
        flips = partial(says_otherwise, model, label)
        found = smallest(tried, flips, image, norm)
        assert found is not None
        assert border * 0.999 <= found <= 1.1 * border + 2 * FINE[norm]


def tampering(model: nn.Module, x: Tensor, y: Tensor, how: How, eps: float) -> Tensor:
    return attacked(model, x, y, eps, how)


def says_otherwise(model: nn.Module, y: Tensor, x: Tensor) -> bool:
    return int(probabilities(model, x).argmax()) != int(y)


def test_what_nothing_flips_has_no_smallest_strength_and_what_is_misread_needs_none() -> None:
    x = torch.full((1, 1, 2, 2), 0.5)
    assert smallest(lambda eps: x + eps, lambda _: False, x, "linf") is None
    assert smallest(lambda eps: x + eps, lambda _: True, x, "linf") == 0.0


def test_an_attack_that_fails_at_full_strength_and_not_at_half_still_counts() -> None:
    x = torch.full((1, 1, 2, 2), 0.5)
    found = smallest(lambda eps: x + eps, lambda seen: 0.09 < distance(seen, x, "linf") < 0.2, x, "linf")
    assert found == pytest.approx(0.09, abs=2 * FINE["linf"])


def test_pictures_are_those_of_a_direct_call_and_leave_the_random_state_alone() -> None:
    model, x, y, _ = linear()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = attacked(model, x, y, 0.03, How("pgd", "linf", steps=7, seed=5))
    assert torch.equal(found, pgd(model, x, y, norm="linf", eps=0.03, steps=7, seed=5))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(attacked(model, x, y, 0.0, How("pgd", "linf")), x)


def test_the_hard_image_is_the_one_nearest_to_the_border_of_the_firmer_model() -> None:
    model, x, y, exact = linear(margin=0.2)
    found = hard([model], x, y, "linf")
    assert found is not None
    best, eps = found
    first = min(step for step in LADDER["linf"] if step > float(exact.min()))
    assert eps == pytest.approx(first)
    assert float(exact[best]) < first
    wrong = 1 - y
    assert hard([model], x, wrong, "linf") is None, "an image that is misread anyway is not hard"


def test_both_models_count() -> None:
    model, x, y, _ = linear(margin=0.2)
    never = Constant(int(y[0]))
    right = y == y[0]
    assert hard([model, never], x[right], y[right], "linf") is None, "no strength flips the second model"


class Constant(nn.Module):
    """Says the same of everything."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.label = label

    def forward(self, x: Tensor) -> Tensor:
        logits = 0 * x.flatten(1)[:, :2]
        return logits + torch.nn.functional.one_hot(torch.tensor(self.label), 2)


def test_the_ladder_ends_at_the_reach_of_the_slider() -> None:
    from engine.lab.asked import REACH

    assert {norm: steps[-1] for norm, steps in LADDER.items()} == {norm: REACH[norm] for norm in LADDER}
    assert inf not in LADDER["linf"]


def turned(model: nn.Module, x: Tensor, y: Tensor, *, norm: str, eps: float, **_: object) -> Tensor:
    """Everything as far down as `eps` says: a change that no ball holds."""
    return (x - eps).clamp(-1, 1)


def test_what_has_no_ball_is_not_put_back_into_one(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry("turned", 1, {"norms": ("spatial",), "access": "black-box"}, "", __name__, "turned")
    monkeypatch.setitem(attacks.entries, "turned", entry)
    monkeypatch.setattr(Entry, "load", lambda self: turned)
    x, y = torch.full((1, 1, 2, 2), 0.5), torch.tensor([0])
    how = How("turned", "spatial")
    assert torch.equal(attacked(Constant(0), x, y, 0.2, how), x - 0.2)
    assert how.rough == how
    found = smallest(partial(tampering, Constant(0), x, y, how), lambda seen: float(seen.mean()) < 0.36, x, "spatial")
    assert found == pytest.approx(0.14, abs=0.011), "a share of the grid, and no distance of pixels"
