"""The words on the pages, in one place; docs/glossary.md explains them."""

import time
from collections.abc import Sequence
from math import isinf
from typing import Any

from engine.report import words
from engine.report.words import NBSP, budget, percent, strength
from engine.study import Study

__all__ = ["NBSP", "budget", "percent", "strength"]

QUESTION = "What do privacy and robustness cost?"
IMAGES = "Images"
BUDGETS = "Privacy budgets ε"
BUDGETS_HELP = "How much any one image may change what is learned: smaller is more private."
STRENGTHS = "Attack strengths"
STRENGTHS_HELP = {
    "linf": "How far every pixel may be changed, in percent of full brightness (2 % is eps 0.02, or 5/255).",
    "l2": "How far the whole image may be moved: the L2 distance, with pixels from 0 to 1.",
}
MODEL = "Model"
ATTACK = "Attack"
NORM = "What an attack may change"
NORMS = {"linf": "Every pixel, a little (Linf)", "l2": "The whole image, by a distance (L2)"}
STEPS = "Attack steps"
STEPS_HELP = "Fewer steps flatter the model."
ATTACKED = "Test images attacked"
REPEATS = "Repeats"
REPEATS_HELP = "Models trained at each budget (seeds); models of one pass share their batches."
ATTACKED_REPEATS = "Repeats attacked"
DELTA = "Chance that the promise fails (δ)"
DELTA_HELP = "A simplification. Exactly: the δ of (ε, δ)-differential privacy, which has to stay below 1/N."
MORE_BUDGETS = "More privacy budgets"
MORE_STRENGTHS = "More attack strengths"
GUARANTEE = {"reproducible": "reproducible: no guarantee once the seed is known", "private": "private"}
UNIT = "one image added or removed"
STAGES = {
    "": "starting",
    "data": "reading the images",
    "noise": "working out how much noise the promise needs",
    "features": "preparing the images, once",
    "train": "training",
    "attack": "attacking",
}
STATES = {"queued": "Waiting", "running": "Running", "done": "Done", "failed": "Failed", "stopped": "Stopped"}


def number(epsilon: float) -> str:
    """A budget on a button, where its sign stands above."""
    return "none" if isinf(epsilon) else f"{epsilon:g}"


def images(title: str, facts: dict[str, Any], available: bool = True) -> str:
    """A data set as one chooses it.

    >>> images("MNIST", {"n_train": 60000}, available=False)
    'MNIST (60,000) - not on this machine'
    """
    return f"{title} ({facts['n_train']:,})" + ("" if available else " - not on this machine")


def duration(seconds: float) -> str:
    """Seconds as one says them.

    >>> [duration(s).replace(NBSP, " ") for s in (0.2, 9.6, 48, 200, 7400)]
    ['1 s', '10 s', '50 s', '3 min', '2 h']
    """
    if seconds < 10:
        return f"{max(1, round(seconds))}{NBSP}s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)}{NBSP}s"
    return f"{round(seconds / 60)}{NBSP}min" if seconds < 5400 else f"{round(seconds / 3600)}{NBSP}h"


def small(value: float) -> str:
    """
    >>> small(1e-5), small(6.96e-05)
    ('1e-5', '6.96e-5')
    """
    return f"{value:.4g}".replace("e-0", "e-")


def place(number: int) -> str:
    """
    >>> [place(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def moment(seconds: float) -> str:
    """A point in time (seconds since 1970) in this machine's own time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def span(values: Sequence[float], said: Sequence[str]) -> str:
    """A grid in short: its ends and how many there are.

    >>> span((1.0, 3.0, 8.0), ("1", "3", "8"))
    '1 to 8 (3)'
    """
    return said[0] if len(values) == 1 else f"{said[0]} to {said[-1]} ({len(values)})"


def budgets(study: Study) -> str:
    """The budgets of a study in short."""
    return span(study.privacy.epsilons, [number(epsilon) for epsilon in study.privacy.epsilons])


def strengths(study: Study) -> str:
    """The attack strengths of a resolved study in short."""
    radii = [eps for eps in study.attack.eps or () if eps > 0] or [0.0]
    return span(radii, [words.strength(eps, study.attack.norm) for eps in radii])


def points(n: int) -> str:
    return f"{n:,} {'result' if n == 1 else 'results'}"


def repeats(n: int) -> str:
    return "1 repeat" if n == 1 else f"{n:,} repeats"
