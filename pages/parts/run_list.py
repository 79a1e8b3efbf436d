"""Studies in a list: cards for what needs attention, a table for the rest."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import services
from engine.jobs.progress import Status
from engine.wanted import Wanted
from pages.parts import configuration, labels, notices, progress, study_link
from pages.parts.titles import title, within

Place = DeltaGenerator
TRADEOFF = "explore/tradeoff.py"
COLUMNS: dict[str, Any] = {
    "Study": st.column_config.LinkColumn(display_text="Open", help="Opens the curves of this study.", width="small"),
    "Repeats": st.column_config.NumberColumn(format="localized", width="small"),
    "Results": st.column_config.NumberColumn(format="localized", width="small"),
    "What went wrong": st.column_config.TextColumn(width="medium"),
    "Tags": st.column_config.ListColumn(width="small"),
    "Note": st.column_config.TextColumn(width="medium"),
}
OPTIONAL = ("What went wrong", "Tags", "Note")


def in_short(counts: Mapping[str, int], everything: int) -> str:
    """One sentence about the studies that are shown; `everything`: how many there are without filters."""
    if not everything:
        return "Nothing was computed here yet: choose what to compute on the Trade-off page."
    shown = sum(counts.values())
    if not shown:
        return f"None of {labels.studies(everything)} passes these filters."
    said = {"running": "running", "queued": "waiting", "failed": "failed", "stopped": "stopped", "done": "done"}
    told = ", ".join(f"**{counts[state]:,}** {word}" for state, word in said.items() if counts.get(state))
    return f"{told}." if shown == everything else f"{told}: {shown:,} of {labels.studies(everything)}."


def more(n: int, where: str) -> None:
    if n > 0:
        st.caption(f"{n:,} more {where}.")


@contextmanager
def card(status: Status) -> Iterator[tuple[DeltaGenerator, DeltaGenerator]]:
    """A bordered row: what the study is; what happens to it; what can be done. Below it, its details."""
    with st.container(border=True):
        left, middle, right = st.columns([2.7, 3.3, 3.3], gap="medium", vertical_alignment="center")
        with left:
            st.markdown(line(status))
        yield middle, right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center")


def line(status: Status) -> str:
    """What a study is, in two lines (Markdown)."""
    return f"**{labels.plain(_images(status))}**, {labels.plain(_model(status))}  \n{_grid(status)}"


def open_link(status: Status, place: str) -> None:
    """The way to the curves: a link, or a button where there is to be none; `place` tells keys apart."""
    icon = ":material/show_chart:"
    if study_link.addresses([status]):
        st.page_link(TRADEOFF, label=labels.OPEN, icon=icon, query_params={study_link.PARAMETER: status.digest})
    elif st.button(labels.OPEN, key=f"{place}open-{status.digest}", icon=icon, type="tertiary"):
        study_link.show(status.digest)
        st.switch_page(TRADEOFF)


def _images(status: Status) -> str:
    return title("dataset", status.study.dataset)


def _model(status: Status) -> str:
    return within("model", status.study.model)


def _grid(status: Status) -> str:
    parts = [f"ε {labels.budgets(status.study)}", f"attacked by {labels.strengths(status.study)}"]
    parts += [labels.repeats(status.study.seeds)] if status.study.seeds > 1 else []
    return f":small[{', '.join(parts)}]"


def name(status: Status) -> str:
    """What a study is called where it stands alone."""
    return f"{_images(status)}, {_model(status)}"


def earlier(status: Status) -> bool:
    """It came with Frontier: computed before, on another machine, without its models."""
    return services.origin(status) is not None


def reason(status: Status) -> str:
    """Why a study is not whole (Markdown)."""
    state = labels.STATES[status.state]
    if status.error:
        return f"**{state}.** {labels.plain(status.error)}"
    return f"**{state}** after {labels.points(status.n_points)}."


Seen = tuple[dict[str, int], str | None, list[tuple[str, str]]]


def seen(cards: Sequence[Status], counts: dict[str, int]) -> Seen:
    """What the page was drawn from: with another, it is drawn anew."""
    return counts, services.newest(), [(status.digest, status.state) for status in cards]


def follow(places: Mapping[str, Place], before: Seen, wanted: Wanted) -> None:
    """Fill in how far each study is; draw the page anew when one changes its state, a new one comes or one goes."""
    with notices.told():
        now = services.live(len(places) or 1, wanted)
        if seen(now, services.counts(wanted)) != before:
            st.rerun()
        for status in now:
            show(places[status.digest], status)


def show(place: Place, status: Status) -> None:
    """How far a study is that waits or runs."""
    place.progress(min(1.0, status.fraction), text=progress.doing(status))


def table(statuses: Sequence[Status]) -> pd.DataFrame:
    """Studies as plain values, newest first; a column that says nothing is left out."""
    links = study_link.addresses(statuses)
    rows = pd.DataFrame([_row(status, links.get(status.digest)) for status in statuses])
    return rows.drop(columns=[name for name in OPTIONAL if not rows[name].astype(bool).any()])


def _row(status: Status, link: str | None) -> dict[str, Any]:
    study = status.study
    return {
        "Study": link,
        "State": labels.STATES[status.state] + (", computed earlier" if earlier(status) else ""),
        "What went wrong": status.error or "",
        "Images": _images(status),
        "Model": _model(status),
        "Privacy budgets": labels.budgets(study),
        "Attack strengths": labels.strengths(study),
        "Repeats": study.seeds,
        "Results": status.n_points,
        "Tags": list(status.tags),
        "Note": labels.first_words(status.note),
        "Made": labels.moment(status.created),
        "Took": _took(status),
        "Norm": configuration.NORMS[study.attack.norm],
        "Attack": within("attack", study.attack.name),
        "δ": labels.small(study.privacy.delta or 0.0),
        "Digest": status.digest[:8],
    }


def _took(status: Status) -> str:
    if status.started is None:
        return ""
    return labels.duration((status.finished or time.time()) - status.started)
