"""Results as tables, and the way to the files."""

from math import inf
from typing import Any

import pandas as pd
import streamlit as st

from engine.report import document, lines, membership, tables, words
from engine.report.membership import Members
from engine.study import Study
from pages.parts import exports, labels, sheet, sweep

PROMISE = {
    "epsilon": "Privacy budget",
    "delta": "δ",
    "noise_multiplier": "Noise multiplier",
    "sample_rate": "Sample rate",
    "train_steps": "Steps",
    "max_grad_norm": "Clipping norm",
}


def results(digest: str, study: Study, frame: pd.DataFrame) -> None:
    """What the charts show in numbers, what each budget promises, and the files to take home."""
    with st.container(horizontal=True, vertical_alignment="center"):  # side by side: the table's own buttons lie right
        st.subheader("The numbers", anchor=False, width="content")
        exports.panel(digest, study)
    sheet.draw(
        study,
        recognised(frame, study),
        columns={labels.LEAKAGE_COLUMN: st.column_config.TextColumn(help=labels.LEAKAGE_COLUMN_HELP)},
        alt="Images recognised at each privacy budget: clean, then at each attack strength, with 95 % intervals.",
    )
    with st.expander("What each privacy budget promises", icon=":material/verified_user:"):
        sheet.draw(
            study,
            promise(frame),
            columns={said: st.column_config.TextColumn(help=labels.TERMS[name]) for name, said in PROMISE.items()},
            alt="Delta, noise and sampling of each privacy budget.",
        )
        for sentence in (_terms(frame), *document.caveats(str(frame["mode"].iloc[0]))):
            st.caption(sentence)
    sweep.draw(study)


def recognised(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    """One row a budget: recognised clean, then at each strength, as a person reads it."""
    points: list[Any] = tables.summary(frame).to_dict("records")
    cells = {(p["metric"], p["epsilon"], p["eps"] if p["metric"] != "accuracy" else None): _cell(p) for p in points}
    rows, leaked = [], membership.members(frame, lines.of_study(study))
    for epsilon in lines.of_study(study):
        row = {"Privacy budget": words.budget(epsilon), "Clean": cells.get(("accuracy", epsilon, None), "")}
        for eps in study.attack.eps or ():
            row[_heading(eps, study)] = cells.get(("robust_accuracy", epsilon, eps), "")
        if leaked.settled:
            row[labels.LEAKAGE_COLUMN] = _leaked(leaked, epsilon)
        rows.append(row)
    table = pd.DataFrame(rows)
    first = _heading(0, study)
    # where every test image was attacked, strength 0 says what "Clean" says
    return table.drop(columns=first) if first in table and table[first].equals(table["Clean"]) else table


def _heading(eps: float, study: Study) -> str:
    if eps == 0:
        few = "" if study.attack.seeds == study.seeds else f", {labels.repeats(study.attack.seeds)}"
        return f"Clean, first {study.attack.images:,}{few}"
    return f"Attacked by {words.strength(eps, study.attack.norm)}"


def _cell(point: dict[str, float]) -> str:
    mean, low, high = (100 * point[name] for name in ("mean", "low", "high"))
    return f"{mean:.1f}{words.NBSP}% ({low:.1f} to {high:.1f})"


def _leaked(found: Members, epsilon: float) -> str:
    point = found.found.get(epsilon)
    if point is None:
        return ""
    return _cell({"mean": point.mean, "low": max(0.0, point.low), "high": min(1.0, point.high)})


def promise(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a budget: everything its promise rests on."""
    return pd.DataFrame([_promised(entry) for entry in document.promises(frame)])


def _terms(frame: pd.DataFrame) -> str:
    """What the promises of all budgets have in common."""
    private = frame[frame["epsilon"] < inf]
    if private.empty:
        return "Trained without privacy: nothing is promised."
    return f"Unit: {private['unit'].iloc[0]}. Accountant: {private['accountant'].iloc[0]}."


def _promised(entry: dict[str, Any]) -> dict[str, str]:
    """The entry of one budget under the names of PROMISE; without noise there is nothing to clip or to count."""
    said = {name: _plain(value) for name, value in entry.items()}
    clip_only = entry["noise_multiplier"] == 0 and entry["max_grad_norm"] != "inf"
    said["epsilon"] = labels.budget(lines.CLIPPING if clip_only else float(entry["epsilon"]))
    return {heading: said[name] for name, heading in PROMISE.items()}


def _plain(value: Any) -> str:
    if value in (None, "inf"):
        return "none"
    return labels.small(value) if isinstance(value, float) else str(value)
