"""The filter: over random sequences the exact accountant never finds the cap passed; two careless rules pass it."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.mechanism import Mechanism
from engine.privacy import ledger, renyi
from engine.privacy.accounting import _step, epsilon_spent
from engine.privacy.ledger import Cap

Admits = Callable[[Cap, Sequence[Mechanism], Mechanism], bool]
CAP = Cap(2.0, 1e-5)
MENU = [Mechanism(rate, sigma, steps) for rate in (0.05, 0.14) for sigma in (4.0, 8.0) for steps in (60, 220)]
INTERVAL = 1e-3


def filtered(cap: Cap, before: Sequence[Mechanism], new: Mechanism) -> bool:
    return ledger.admits(cap, renyi.of(before), renyi.curve(new))


def forgetful(cap: Cap, before: Sequence[Mechanism], new: Mechanism) -> bool:
    """Forgets one row, that of the dearest study."""
    dearest = max(before, key=lambda one: renyi.epsilon(renyi.curve(one), cap.delta), default=None)
    return filtered(cap, [one for one in before if one is not dearest], new)


def each_at_delta(cap: Cap, before: Sequence[Mechanism], new: Mechanism) -> bool:
    """Compares the largest epsilon with the cap, as if budgets did not add up."""
    return all(ledger.admits(cap, renyi.NOTHING, renyi.curve(one)) for one in [*before, new])


def admitted(admits: Admits, seed: int) -> list[Mechanism]:
    """What a random sequence of forty studies gets through."""
    draws, through = np.random.default_rng(seed), list[Mechanism]()
    for number in draws.integers(len(MENU), size=40):
        if admits(CAP, through, MENU[number]):
            through.append(MENU[number])
    return through


def exact(mechanisms: Sequence[Mechanism]) -> float:
    """Epsilon of all of them together, by privacy loss distributions."""
    together = None
    for one in sorted(set(mechanisms), key=repr):
        step = _step(one.noise_multiplier, one.sample_rate, INTERVAL)
        part = step.self_compose(one.steps * mechanisms.count(one))
        together = part if together is None else together.compose(part)
    return float(together.get_epsilon_for_delta(CAP.delta)) if together else 0.0


@pytest.mark.parametrize("seed", range(4))
def test_what_the_filter_lets_in_stays_within_the_cap(seed: int) -> None:
    through = admitted(filtered, seed)
    assert 1 < len(through) < 40, "the sequence tells nothing"
    assert 0.6 * CAP.epsilon < exact(through) <= CAP.epsilon


@pytest.mark.parametrize("careless", [forgetful, each_at_delta])
def test_careless_rules_are_caught(careless: Admits) -> None:
    assert max(exact(admitted(careless, seed)) for seed in range(4)) > CAP.epsilon


@pytest.mark.parametrize("cap", [Cap(0.1, 1e-6), Cap(1.0, 1e-5), Cap(8.0, 1e-5), Cap(50.0, 1e-4)])
def test_shares_of_delta_add_up_and_cost_little(cap: Cap, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    plain = renyi.at

    def noted(order: float, cost: float, delta: float) -> float:
        asked.append(delta)
        return plain(order, cost, delta)

    monkeypatch.setattr(renyi, "at", noted)
    gaussian = tuple(order * cap.epsilon**2 / 60 for order in renyi.ORDERS)
    counted = ledger.counted(gaussian, cap)
    assert sum(asked) == pytest.approx(cap.delta)
    assert renyi.epsilon(gaussian, cap.delta) <= counted < 1.12 * renyi.epsilon(gaussian, cap.delta)


def test_a_refusal_names_figure_and_cap() -> None:
    spent = renyi.curve(Mechanism(0.14, 4.0, 220))
    sentence = ledger.refusal("digits", CAP, spent, spent)
    assert sentence.startswith("this study would bring what is spent on digits from 2.")
    assert "past the cap of 2 (at delta 1e-05)" in sentence


def test_what_is_counted_is_never_less_than_the_exact_figure() -> None:
    one = Mechanism(0.14, 4.0, 220)
    assert ledger.counted(renyi.curve(one), CAP) >= epsilon_spent(4.0, 0.14, 220, CAP.delta)
