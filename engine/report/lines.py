"""The lines of a chart, by budget: those a study asks for, and clipping alone, which stands before no privacy."""

import sys
from collections.abc import Iterable
from math import inf, isinf

import pandas as pd

from engine.study import Study

CLIPPING = sys.float_info.max  # in place of a budget: clipped as private models are, no noise, and so no guarantee


def of_study(study: Study) -> tuple[float, ...]:
    """The budgets of a study in their order, CLIPPING among them where that baseline is trained.

    >>> of_study(Study.model_validate({"privacy": {"epsilons": [1, "inf"], "clip_only": True}})) == (1.0, CLIPPING, inf)
    True
    """
    return tuple(sorted({*study.privacy.epsilons, *((CLIPPING,) if study.privacy.clip_only else ())}))


def of_rows(frame: pd.DataFrame) -> list[float]:
    """The line of each row of a result table, or of a table of models in training."""
    epsilons = frame["epsilon"].tolist()
    return [CLIPPING if alone else epsilon for epsilon, alone in zip(epsilons, _clip_only(frame), strict=True)]


def _clip_only(frame: pd.DataFrame) -> Iterable[bool]:
    """As results.Row.clip_only has it."""
    if "clip_only" in frame:
        return list(frame["clip_only"])
    if "max_grad_norm" not in frame:
        return [False] * len(frame)
    columns = (frame[name].tolist() for name in ("epsilon", "noise_multiplier", "max_grad_norm"))
    return [isinf(epsilon) and noise == 0 and norm < inf for epsilon, noise, norm in zip(*columns, strict=True)]


def private(budget: float) -> bool:
    """Something is promised: this is a budget, neither CLIPPING nor infinite."""
    return budget < CLIPPING
