"""Beside every curve: whether its attacks passed their own checks, what was measured, and what a sign means."""

import pandas as pd
import streamlit as st

from engine.report import verdict, words
from engine.report.verdict import Seen, Verdict
from pages.parts import labels


def draw(frame: pd.DataFrame) -> None:
    """One line, green or a warning, that opens to the numbers; nothing before there is something to say."""
    found = verdict.verdicts(frame)
    if not found:
        return
    doubted = any(one.warnings for one in found)
    colour, icon = ("orange", ":material/warning:") if doubted else ("green", ":material/verified:")
    with st.container(horizontal=True, vertical_alignment="center", key="self-check", gap="small"):
        st.markdown(f":{colour}[{icon}] {verdict.in_a_sentence(found)}", width="content")
        with st.popover(labels.WHAT_WAS_CHECKED, type="tertiary"):
            _details(found)


def _details(found: list[Verdict]) -> None:
    """Every check with its numbers and what a warning would mean, those that warn first."""
    st.markdown(labels.CHECKED.format(n=found[0].n, source=labels.CHECKED_SOURCE))
    for name in sorted(labels.CHECKS, key=lambda name: all(_good(one, name) for one in found)):
        told = [(one, sign) for one in found for sign in one.signs if sign.name == name]
        if told:
            _one(name, told, all(sign.good for _, sign in told))


def _one(name: str, told: list[tuple[Verdict, Seen]], good: bool) -> None:
    """One check: of all models where it is passed, else of those that it doubts."""
    mark = ":green[:material/check:]" if good else ":orange[:material/warning:]"
    title, meaning = labels.CHECKS[name]
    who: dict[str, dict[str, None]] = {}  # who is told the same, once each and in order
    for one, sign in told:
        if good or not sign.good:
            who.setdefault(sign.told, {})[words.budget(one.epsilon)] = None
    each = "; ".join(f"{words.listed(list(models))}: {numbers}" for numbers, models in who.items())
    st.markdown(f"{mark} **{title}**  \n{each}.  \n:small[{meaning}]")


def _good(one: Verdict, name: str) -> bool:
    return all(sign.good for sign in one.signs if sign.name == name)
