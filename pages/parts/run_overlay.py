"""Up to four studies over one another: only the settings in which they differ, and a link that brings them back."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from engine import services
from engine.jobs.progress import Status
from engine.report import comparing, overlay
from engine.report.comparing import Comparison, Entry
from engine.report.figures import default_strength
from engine.report.palette import LIVE
from engine.report.words import strength as said_strength
from engine.study import Study
from pages.parts import configuration, labels, live, study_link

BUDGET, ASKED = "compared-budget", "compared-budget-asked"  # in the session: chosen, and as a link asks for it


def begin(link: Mapping[str, str]) -> None:
    """Whoever comes by a link finds budget and mark as it says."""
    st.session_state.pop(BUDGET, None)
    live.mark(study_link.number(link.get("mark")))


def ask(link: Mapping[str, str]) -> None:
    """Remember the budget that the link names, until there is something to compare."""
    st.session_state[ASKED] = link.get("budget")


def said() -> dict[str, str]:
    """What a link says of a comparison, as far as somebody chose it."""
    budget, mark = st.session_state.get(BUDGET), live.marked()
    told = {} if budget is None else {"budget": f"{budget:g}"}
    return told if mark is None else {**told, "mark": f"{mark:g}"}


def draw(statuses: Sequence[Status]) -> None:
    """Charts, what cannot be compared, and the settings that differ."""
    studies = [status.study for status in statuses]
    names = configuration.legend(studies, [status.digest for status in statuses])
    frames = [services.frame(status.digest) for status in statuses]
    entries = [Entry(*parts) for parts in zip(names, studies, frames, strict=True)]
    info = comparing.compare(entries, strength=_strength(studies), budget=_budget(studies))
    _charts(info, statuses)
    for sentence in _cannot(info, statuses):
        st.caption(sentence)
    _differences(statuses)


def _strength(studies: Sequence[Study]) -> float | None:
    shared = comparing.shared_strengths(studies)
    marked = live.marked()
    return marked if marked in shared else default_strength(shared)


def _budget(studies: Sequence[Study]) -> float | None:
    shared = comparing.shared_budgets(studies)
    if len(shared) < 2 or len({study.attack.norm for study in studies}) > 1:
        return shared[0] if shared else None
    if st.session_state.get(BUDGET) not in shared:
        asked = study_link.number(st.session_state.get(ASKED))
        st.session_state[BUDGET] = asked if asked in shared else shared[0]
    return st.pills("Budget of the second chart", shared, required=True, format_func=labels.number, key=BUDGET)


def _charts(info: Comparison, statuses: Sequence[Status]) -> None:
    """By budget, and by strength where that can be compared."""
    by_budget, by_strength = comparing.in_words(info)
    comparable = any(line.known for line in info.by_strength)
    shared = comparing.shared_strengths([status.study for status in statuses]) if comparable else ()
    at_mark = tuple(overlay.draw_by_budget(comparing.at_strength(info, eps), LIVE) for eps in shared)
    stops = tuple((eps, said_strength(eps, info.norm or "")) for eps in shared)
    drawn = [live.Chart(overlay.draw_by_budget(info, LIVE), by_budget, at_mark=at_mark)]
    if comparable:
        drawn.append(live.Chart(overlay.draw_by_strength(info, LIVE), by_strength, stops, info.strength))
    keep = ",".join(status.digest for status in statuses)
    live.charts(*drawn, key=f"compared-{len(drawn)}", keep=keep)


def _cannot(info: Comparison, statuses: Sequence[Status]) -> list[str]:
    """What the charts leave out, and why."""
    found = []
    if info.norm is None:
        found.append("Attack strengths are measured in different norms (Linf, L2) here: they cannot share an axis.")
    elif info.strength is None:
        found.append("These studies have no attack strength in common: only clean images can be compared by budget.")
    if info.norm and info.budget is None:
        found.append("These studies have no privacy budget in common: attack strengths are compared at one.")
    if len({status.study.dataset for status in statuses}) > 1:
        found.append("The images differ: a point higher up may only mean that they are easier.")
    if unfinished := sum(status.state != "done" for status in statuses):
        found.append(f"{labels.studies(unfinished)} of these {'is' if unfinished == 1 else 'are'} not finished.")
    return found


def _differences(statuses: Sequence[Status]) -> None:
    studies = [status.study for status in statuses]
    names = list(comparing.differences(studies))
    if not names:
        st.caption("All settings are the same; another version computed one of them.")
        return
    rows = [
        {"": sign, **configuration.said(status.study, names), "Digest": status.digest}
        for sign, status in zip(overlay.SIGNS, statuses, strict=False)
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"": st.column_config.TextColumn(width=40)},
        alt="The settings in which these studies differ: " + ", ".join(configuration.NAMES[name] for name in names),
    )
