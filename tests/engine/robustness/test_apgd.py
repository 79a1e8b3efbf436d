"""Auto-PGD of our own: as strong as the library's at equal steps, on trained networks."""

import pytest
import torch
import torchattacks

from engine.robustness import apgd
from engine.robustness.gradient import bim
from tests.engine.robustness.nets import standing, trained

RADII = [("linf", 0.1, "Linf"), ("linf", 0.15, "Linf"), ("l2", 0.7, "L2"), ("l2", 1.0, "L2")]


@pytest.mark.parametrize(("norm", "eps", "theirs"), RADII)
def test_no_weaker_than_the_library_at_equal_steps(norm: str, eps: float, theirs: str) -> None:
    model, x, y = trained(0.2)
    ours = standing(model, apgd.apgd(model, x, y, norm=norm, eps=eps, steps=30), y)
    with torch.random.fork_rng():
        peer = standing(model, torchattacks.APGD(model, norm=theirs, eps=eps, steps=30)(x, y), y)
    assert 0.02 < ours < 0.98
    assert ours <= peer + 0.01 + 1e-6


@pytest.mark.parametrize(("norm", "eps", "theirs"), RADII)
def test_targeted_no_weaker_than_the_library_at_equal_steps(norm: str, eps: float, theirs: str) -> None:
    model, x, y = trained(0.2)
    x, y = x[:200], y[:200]
    ours = standing(model, apgd.apgd_t(model, x, y, norm=norm, eps=eps, steps=15, targets=9), y)
    with torch.random.fork_rng():
        peer = standing(model, torchattacks.APGDT(model, norm=theirs, eps=eps, steps=15, n_classes=10)(x, y), y)
    assert ours <= peer + 0.01 + 1e-6
    one = standing(model, apgd.apgd_t(model, x, y, norm=norm, eps=eps, steps=15, targets=1), y)
    assert ours <= one, "more targets broke less"


def test_keeps_the_best_point_it_saw() -> None:
    """Images that stand come back with lower margins, on the mean, than as many equal steps leave at their end."""
    model, x, y = trained(0.2)
    ours = apgd.looked(model, apgd.apgd(model, x, y, norm="linf", eps=0.03, steps=40), y)[0]
    plain = apgd.looked(model, bim(model, x, y, norm="linf", eps=0.03, steps=40), y)[0]
    both = (ours > 0) & (plain > 0)
    assert both.sum() > 20
    assert float((ours - plain)[both].mean()) < 0
    assert float((ours <= plain + 1e-3)[both].float().mean()) > 0.8


def test_halves_the_step_only_where_it_does_not_pay() -> None:
    zero, one = torch.zeros(3), torch.ones(3)
    pictures = {name: torch.full((3, 1, 2, 2), value) for name, value in zip("abcd", (0.1, 0.2, 0.3, 0.4), strict=True)}
    at = {"now": pictures["a"], "best": pictures["b"], "grad": pictures["c"], "best_grad": pictures["d"]}
    at |= {"rises": torch.tensor([10.0, 2.0, 10.0]), "size": one, "mark": torch.tensor([0.0, 0.0, 1.0])}
    at |= {"highest": one, "halved": zero > 0}
    apgd._slow_down(at, span=10)
    assert at["size"].tolist() == [1.0, 0.5, 0.5]
    assert at["now"][:, 0, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.2])
    assert at["grad"][:, 0, 0, 0].tolist() == pytest.approx([0.3, 0.4, 0.4])


@pytest.mark.parametrize("classes", [2, 3])
def test_targets_are_wrong_classes_and_no_more_than_there_are(classes: int) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, classes)).requires_grad_(False)
    x = torch.rand(20, 1, 4, 4)
    y = model(x).argmax(1)
    order = apgd.others(model, x, y)
    assert order.shape == (20, classes - 1)
    assert not bool((order == y[:, None]).any())
    assert standing(model, apgd.apgd_t(model, x, y, norm="linf", eps=1.0, steps=10), y) == 0
