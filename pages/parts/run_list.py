"""Studies in a list: cards for what needs attention, a table for the rest."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import services
from engine.jobs.progress import Status
from pages.parts import labels, notices, progress, study_link
from pages.parts.titles import title, within

Place = DeltaGenerator
TRADEOFF = "explore/tradeoff.py"
COLUMNS: dict[str, Any] = {
    "Study": st.column_config.LinkColumn(display_text="Open", help="Opens the curves of this study.", width="small"),
    "Repeats": st.column_config.NumberColumn(format="localized", width="small"),
    "Results": st.column_config.NumberColumn(format="localized", width="small"),
    "What went wrong": st.column_config.TextColumn(width="medium"),
}


def turn(status: Status) -> tuple[bool, int, float]:
    """What runs comes first, then what waits in the order of the line."""
    return status.state == "queued", status.place or 0, status.created


def in_short(statuses: Sequence[Status]) -> str:
    """One sentence about all studies."""
    if not statuses:
        return "Nothing was computed here yet: choose what to compute on the Trade-off page."
    counts = Counter(str(status.state) for status in statuses)
    said = {"running": "running", "queued": "waiting", "failed": "failed", "stopped": "stopped", "done": "done"}
    return ", ".join(f"**{counts[state]:,}** {word}" for state, word in said.items() if counts[state]) + "."


def more(n: int, where: str) -> None:
    if n > 0:
        st.caption(f"{n:,} more {where}.")


@contextmanager
def card(status: Status) -> Iterator[tuple[DeltaGenerator, DeltaGenerator]]:
    """A bordered row: what the study is; what happens to it; what can be done."""
    with st.container(border=True):
        left, middle, right = st.columns([3, 4, 2.4], gap="medium", vertical_alignment="center")
        with left:
            st.markdown(f"**{_images(status)}**, {_model(status)}  \n{_grid(status)}")
        yield middle, right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center")


def open_link(status: Status) -> None:
    query = {study_link.PARAMETER: status.digest}
    st.page_link(TRADEOFF, label="Open", icon=":material/show_chart:", query_params=query)


def _images(status: Status) -> str:
    return title("dataset", status.study.dataset)


def _model(status: Status) -> str:
    return within("model", status.study.model)


def _grid(status: Status) -> str:
    return f":small[ε {labels.budgets(status.study)}, attacked by {labels.strengths(status.study)}]"


def reason(status: Status) -> str:
    """Why a study is not whole."""
    state = labels.STATES[status.state]
    return f"**{state}.** {status.error}" if status.error else f"**{state}** after {labels.points(status.n_points)}."


def follow(places: dict[str, Place], states: dict[str, str], limit: int) -> None:
    """Fill in how far each study is; draw the page anew when one changes its state or a new one comes."""
    with notices.told():
        now = {status.digest: status for status in services.statuses(limit=limit) if progress.is_live(status)}
        if {digest: status.state for digest, status in now.items()} != states:
            st.rerun()
        for digest, place in places.items():
            status = now[digest]
            place.progress(min(1.0, status.fraction), text=progress.doing(status))


def table(statuses: Sequence[Status]) -> pd.DataFrame:
    """All studies, newest first."""
    rows = [
        {
            "Study": f"/?{study_link.PARAMETER}={status.digest}",
            "State": labels.STATES[status.state],
            "What went wrong": status.error or "",
            "Images": _images(status),
            "Model": _model(status),
            "Privacy budgets": labels.budgets(status.study),
            "Attack strengths": labels.strengths(status.study),
            "Repeats": status.study.seeds,
            "Results": status.n_points,
            "Made": labels.moment(status.created),
            "Took": _took(status),
        }
        for status in statuses
    ]
    if not any(status.error for status in statuses):
        rows = [{name: value for name, value in row.items() if name != "What went wrong"} for row in rows]
    return pd.DataFrame(rows)


def _took(status: Status) -> str:
    if status.started is None:
        return ""
    return labels.duration((status.finished or time.time()) - status.started)
