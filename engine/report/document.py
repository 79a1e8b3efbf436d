"""study.json: the question, how far its answer got, and everything that made the numbers."""

import json
from collections import Counter
from collections.abc import Mapping
from math import isfinite, isnan
from typing import Any

import pandas as pd

from engine import planning
from engine.machine import machine, versions
from engine.promise import Guarantees
from engine.report import lines
from engine.report.points import accuracies
from engine.study import Study

GUARANTEE = [
    "epsilon", "delta", "unit", "noise_multiplier", "sample_rate", "train_steps", "max_grad_norm", "accountant", "mode",
]  # fmt: skip
MODES = {
    "reproducible": "Mode 'reproducible': no guarantee once the seed is known, and the seed is the number of the "
    "repeat.",
    "private": "Mode 'private': sampling and noise from a cryptographic stream that is not kept, not hardened against "
    "floating-point attacks.",
}
CAVEATS = (
    "Epsilon does not include the choice of hyperparameters.",
    "Robust accuracies are upper bounds: a stronger attack than the one we tried may find more.",
)

BEST_OF = (
    "the number of tries is random (geometric) and drawn beforehand, only the best is released, and it is chosen on "
    "public data or privately within each try's own epsilon (arXiv:2110.03620); a fixed grid of tries composes instead"
)


def caveats(mode: str) -> tuple[str, ...]:
    """What the numbers of a study with noise of this mode do not say, in sentences."""
    return (*([MODES[mode]] if mode in MODES else []), *CAVEATS)


def study_json(
    study: Study,
    digest: str,
    frame: pd.DataFrame,
    *,
    state: str = "done",
    seconds: float | None = None,
    together: Guarantees | None = None,
) -> bytes:
    """UTF-8 JSON: configuration, digest, the promise at each budget, versions, machine, duration in seconds."""
    return as_json(described(study, digest, frame, state=state, seconds=seconds, together=together))


def curves_json(frame: pd.DataFrame, described: dict[str, Any]) -> bytes:
    """UTF-8 JSON: what `described` says, and the result table as `results`, a record a row.

    JSON knows no infinity: no privacy is "inf", what does not apply is null.
    """
    rows = [plain(row) for row in frame.to_dict("records")]
    return as_json(described | {"results": rows})


def described(
    study: Study,
    digest: str,
    frame: pd.DataFrame,
    *,
    state: str,
    seconds: float | None,
    together: Guarantees | None = None,
) -> dict[str, Any]:
    """What study.json holds, fit for JSON; `together` is null where it is not known or nothing is private."""
    return {
        "digest": digest,
        "state": state,
        "finished": {"results": len(accuracies(frame)), "of_results": planning.n_points(study),
                     "budgets": whole_budgets(study, frame), "of_budgets": planning.n_lines(study)},
        "duration_seconds": None if seconds is None else round(seconds, 3),
        "study": study.model_dump(mode="json"),
        "privacy": promises(frame),
        "released_together": joint_promise(together),
        "n_results": len(frame),
        "engine_versions": sorted({str(name) for name in frame["engine_version"]}),
        "versions_and_machine": "of the computer that wrote this file, when it did",
        "versions": versions(),
        "machine": machine(),
        "caveats": caveats(study.privacy.mode),
    }  # fmt: skip


def as_json(document: dict[str, Any]) -> bytes:
    """UTF-8, to be read by people too."""
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def whole_budgets(study: Study, frame: pd.DataFrame) -> int:
    """How many budgets (clipping alone counts as one) have all their results."""
    known = Counter(lines.of_rows(accuracies(frame)))
    return sum(known[budget] >= planning.points_of_one(study) for budget in lines.of_study(study))


def unfinished(study: Study, frame: pd.DataFrame) -> str:
    """What is missing, in a sentence; "" when nothing is."""
    wanted, budgets, found = planning.n_points(study), planning.n_lines(study), len(accuracies(frame))
    if found >= wanted:
        return ""
    return f"Not finished: {whole_budgets(study, frame)} of {budgets} budgets, {found:,} of {wanted:,} results"


def promises(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry a budget: unit, delta, sample rate, noise, steps, clipping norm, accountant, mode; fit for JSON.

    Of the models that were asked for: those that leakage is measured with train on fewer images.
    """
    ordered = accuracies(frame).sort_values(["epsilon", "max_grad_norm"])  # clipping alone stands before no privacy
    rows = ordered.drop_duplicates(GUARANTEE)[GUARANTEE].to_dict("records")
    return [plain(row) for row in rows]


def joint_promise(found: Guarantees | None) -> dict[str, Any] | None:
    """What releasing all private models of a study amounts to, and what picking the best of several costs."""
    if found is None or not found.separate:
        return None
    best = {f"{one.epsilon:g}": one.best_of for one in found.separate}
    return {
        "epsilon": found.joint,
        "delta": found.delta,
        "unit": found.unit,
        "models": found.n_models,
        "batches": "the same" if found.shared else "independent",
        "epsilon_under_the_other_sharing": found.other,
        "accountant": found.accountant,
        "released_without_protection_besides": found.unprotected,
        "best_of_tries": {"tries": found.tries, "epsilon_by_budget": best, "conditions": BEST_OF},
    }


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a table, fit for JSON."""
    return {str(name): _json_value(value) for name, value in row.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else "inf"
    return value
