"""Which budgets give what is asked: by whole intervals, by means, or not; and what is said of it."""

from dataclasses import replace
from math import inf

import pytest

from engine.report.figures import TradeOff, trade_off
from engine.report.lines import CLIPPING
from engine.report.targets import Targets, Verdict, sentence, verdicts
from engine.report.words import NBSP
from engine.results import Row
from tests.engine.report.rows import CLEAN, ROBUST, frame

EPSILONS = (0.5, 3.0, 8.0, inf)


def at(row: Row, epsilon: float, value: float) -> Row:
    return replace(row, epsilon=epsilon, value=value, low=value - 0.02, high=value + 0.02)


def info(*values: tuple[float, float | None]) -> TradeOff:
    """Clean and attacked shares of the first budgets; the rest is not computed yet."""
    rows = [at(CLEAN, epsilon, clean) for epsilon, (clean, _) in zip(EPSILONS, values, strict=False)]
    pairs = zip(EPSILONS, values, strict=False)
    rows += [at(ROBUST, epsilon, attacked) for epsilon, (_, attacked) in pairs if attacked is not None]
    return trade_off(frame(*rows), epsilons=EPSILONS, radii=(0.0, 0.1), norm="linf", strength=0.1)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Targets(clean=0.83), ("misses", "perhaps", "meets", "unknown")),
        (Targets(clean=0.85), ("misses", "perhaps", "perhaps", "unknown")),
        (Targets(attacked=0.55), ("misses", "misses", "unknown", "unknown")),
        (Targets(attacked=0.52), ("misses", "perhaps", "unknown", "unknown")),
        (Targets(attacked=0.50), ("misses", "perhaps", "unknown", "unknown")),
        (Targets(clean=0.9, attacked=0.5), ("misses", "misses", "misses", "unknown")),
    ],
)
def test_a_budget_meets_a_target_with_its_whole_interval(asked: Targets, expected: tuple[Verdict, ...]) -> None:
    assert verdicts(info((0.7, 0.2), (0.84, 0.51), (0.86, None)), asked) == expected


def test_the_most_private_budget_that_meets_both_is_named() -> None:
    shown = info((0.7, 0.2), (0.84, 0.6), (0.9, 0.7), (0.95, 0.8))
    said = sentence(shown, Targets(0.8, 0.5)).replace(NBSP, " ")
    assert said == (
        "**ε 3** is the most private budget that gives at least 80 % clean and 50 % when tampered with by 10 %."
    )
    said = sentence(shown, Targets(clean=0.85)).replace(NBSP, " ")
    assert said.startswith("**ε 8** is the most private budget that gives at least 85 % clean; ε 3 may, too: its")
    said = sentence(shown, Targets(clean=0.96)).replace(NBSP, " ")
    assert said == "None surely gives at least 96 % clean; no privacy may: its interval holds the target."
    assert sentence(shown, Targets(clean=0.92)).startswith("Only **no privacy** gives")


def test_none_and_not_yet_are_said() -> None:
    everything = info((0.7, 0.2), (0.84, 0.6), (0.9, 0.7), (0.95, 0.8))
    assert sentence(everything, Targets(clean=0.99)).startswith("No budget computed here gives at least 99")
    assert sentence(info((0.7, 0.2)), Targets(clean=0.9)).startswith("Not known yet")


def test_nothing_asked_is_no_target() -> None:
    assert not Targets()
    assert Targets(clean=0.0)


def test_clipping_alone_is_no_private_budget() -> None:
    alone = replace(at(CLEAN, inf, 0.8), noise_multiplier=0.0)
    shown = trade_off(
        frame(at(CLEAN, 3.0, 0.7), alone, at(CLEAN, inf, 0.9)),
        epsilons=(3.0, CLIPPING, inf),
        radii=(0.0, 0.1),
        norm="linf",
        strength=0.1,
    )
    assert verdicts(shown, Targets(clean=0.75)) == ("misses", "meets", "meets")
    assert sentence(shown, Targets(clean=0.75)).startswith("Only **clipping alone** gives")
