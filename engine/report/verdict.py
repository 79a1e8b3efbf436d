"""What the self-check of a curve says: for each model, which signs of attacks that flatter it were seen. Pure.

The measurements are rows `check:NAME` (robustness/selfcheck.py); the rules are those of arXiv:1902.06705, and where
AutoAttack's `checks.py` (arXiv:2003.01690) names a bound, that one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf

import pandas as pd

from engine.report import lines, points, words
from engine.results import CHECK

NEEDED = (
    "zero_gradients", "randomised", "noise", "one_step", "many_steps", "twice_the_steps", "half_the_radius",
    "every_picture", "black_box",
)  # fmt: skip
SLACK = 0.02  # two images of a hundred: what is within it may be chance
FOUND = 0.025  # more than so many images that withstood the curve, and it missed too much to be chance


@dataclass(frozen=True)
class Seen:
    """One sign, seen or not: `told` says what was measured, with its numbers."""

    name: str
    good: bool
    told: str


@dataclass(frozen=True)
class Verdict:
    """What the checks of one model (a budget, or lines.CLIPPING) found, on `n` images at radius `eps`."""

    epsilon: float
    seed: int
    eps: float
    n: int
    signs: tuple[Seen, ...]

    @property
    def warnings(self) -> tuple[Seen, ...]:
        return tuple(sign for sign in self.signs if not sign.good)


def verdicts(frame: pd.DataFrame) -> list[Verdict]:
    """The verdict on each model that was checked, by budget; [] where none was, or not to the end."""
    rows = frame[frame["metric"].str.startswith(CHECK)]
    if rows.empty:
        return []
    groups = points.by(rows.assign(line=lines.of_rows(rows)), "line", "seed").items()
    return [_verdict(epsilon, int(seed), part) for (epsilon, seed), part in groups if _whole(part)]


def _whole(rows: pd.DataFrame) -> bool:
    """All that every verdict rests on is there: while a model is checked, its rows come one by one."""
    return {CHECK + name for name in NEEDED} <= {*rows["metric"]}


def _verdict(epsilon: float, seed: int, rows: pd.DataFrame) -> Verdict:
    shares = {str(row["metric"]).removeprefix(CHECK): row for row in rows.to_dict("records")}
    values = {name: float(row["value"]) for name, row in shares.items()}
    many = shares["many_steps"]
    signs = _signs(values, int(many["attack_steps"]), int(many["n"]))
    return Verdict(epsilon, seed, float(many["eps"]), int(many["n"]), tuple(signs))


def _signs(share: Mapping[str, float], steps: int, n: int) -> list[Seen]:
    """Every check whose measurements are there."""
    said = {name: words.percent(value) for name, value in share.items()}
    single = 1.5 / n  # more than one image
    slack = max(SLACK, single)
    found = [
        Seen(
            "zero_gradients",
            share["zero_gradients"] == 0,
            f"{said['zero_gradients']} of images have no gradient to climb",
        ),
        Seen(
            "randomised",
            share["randomised"] == 0,
            f"the answer for {said['randomised']} of images changes from one look to the next",
        ),
        Seen(
            "noise",
            share["noise"] <= share["many_steps"] + single,
            f"random noise breaks {said['noise']}, the attack {said['many_steps']}",
        ),
        Seen(
            "one_step",
            share["one_step"] <= share["many_steps"] + slack,
            f"one step breaks {said['one_step']}, {steps} steps {said['many_steps']}",
        ),
        Seen(
            "twice_the_steps",
            share["twice_the_steps"] <= share["many_steps"] + 2 * slack,
            f"{steps} steps break {said['many_steps']}, twice as many {said['twice_the_steps']}",
        ),
        Seen(
            "half_the_radius",
            share["half_the_radius"] <= share["many_steps"] + slack,
            f"half the strength breaks {said['half_the_radius']}, all of it {said['many_steps']}",
        ),
        Seen(
            "every_picture",
            share["every_picture"] >= 1 - slack,
            f"free to make any picture, the attack breaks {said['every_picture']}",
        ),
        Seen(
            "black_box",
            share["black_box"] <= max(FOUND, single),
            f"of what withstood the gradients, attacks without them break {said['black_box']}",
        ),
    ]
    if "transfer" in share:
        told = f"of what withstood the gradients, pictures made for other models break {said['transfer']}"
        found.append(Seen("transfer", share["transfer"] <= max(FOUND, single), told))
    return found


def in_a_sentence(found: list[Verdict]) -> str:
    """One sentence over all models.

    >>> fine = Verdict(float("inf"), 0, 0.02, 100, (Seen("noise", True, ""),))
    >>> in_a_sentence([fine])
    'The attacks passed their own checks: no sign that they flatter the model.'
    """
    doubted = [verdict for verdict in found if verdict.warnings]
    if not doubted:
        models = "the model" if len(found) == 1 else f"any of the {len(found)} models"
        return f"The attacks passed their own checks: no sign that they flatter {models}."
    who = words.listed(list(dict.fromkeys(_model(verdict.epsilon) for verdict in doubted)))
    return f"The curve may flatter the model {who}: {doubted[0].warnings[0].told}."


def _model(epsilon: float) -> str:
    if epsilon == lines.CLIPPING:
        return "with clipping alone"
    return "without privacy" if isinf(epsilon) else f"at {words.budget(epsilon)}"
