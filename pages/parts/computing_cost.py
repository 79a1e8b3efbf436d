"""The other price of privacy: time and memory of training, beside the points lost."""

import pandas as pd
import streamlit as st

from engine.report import computing, words
from engine.report.computing import Amount, Computing
from engine.report.costs import Costs
from engine.report.palette import LIVE
from engine.study import Study
from pages.parts import labels, live, present, sheet

ALT = "For each privacy budget: points lost on clean images, training time and memory."


def draw(study: Study, frame: pd.DataFrame, lost: Costs, keep: str) -> None:
    """One chart and the numbers behind it; a sentence where nothing was measured."""
    found = computing.computing(frame, (*lost.epsilons, lost.baseline))
    if not found.measured:
        if len(frame):
            st.caption(computing.in_words(found))
        return
    left, right = st.columns(2, gap="medium", vertical_alignment="center")
    with left:
        chart = live.Chart(computing.draw(found, LIVE), computing.in_words(found))
        live.charts(chart, key="computing", keep=f"computing-{keep}")
    with right:
        st.markdown(f"**{computing.in_words(found)}**")
        sheet.draw(study, table(found, lost), alt=ALT)
    if not present.on():
        st.caption(computing.how(found, frame))


def table(found: Computing, lost: Costs) -> pd.DataFrame:
    """One row a budget: both prices of privacy side by side."""
    points = dict(zip(lost.epsilons, lost.clean.spots, strict=True))
    rows = []
    for budget in found.epsilons:
        spot = points.get(budget)
        row = {
            labels.BUDGET: words.budget(budget),
            labels.LOST: "" if spot is None else words.plain(spot.y / 100),
            labels.TIME: _cell(found, found.seconds, budget, labels.exact_duration),
            labels.MEMORY: _cell(found, found.memory, budget, labels.memory),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _cell(found: Computing, what: dict[float, Amount], budget: float, said: labels.Number) -> str:
    if budget not in what:
        return ""
    amount, ratio = said(what[budget].mean), found.times(what, budget)
    return amount if ratio is None or budget == found.baseline else f"{amount} ({ratio[0]:.2g}{labels.NBSP}×)"
