"""One study in full: its settings, what people wrote beside it, what its jobs logged, its files."""

from functools import partial

import streamlit as st

from engine import services
from engine.jobs.progress import Status
from engine.notes import MOST_NOTE, MOST_TAGS
from pages.parts import configuration, labels, notices, progress, run_actions, run_list

LOG_SHOWN = 8000  # characters


def draw(status: Status, place: str) -> None:
    """Settings on the left, note and tags on the right, log below; `place` tells keys apart."""
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        _settings(status)
    with right:
        _beside(status, place)
    if said := services.log(status.digest):
        with st.expander("What its jobs logged", icon=":material/notes:"):
            st.code(said[-LOG_SHOWN:], language=None, wrap_lines=True)
    else:
        st.caption("Its jobs logged nothing here.")


def _settings(status: Status) -> None:
    rows = configuration.said(status.study) | {"Made": labels.moment(status.created)}
    lines = [f":small[{labels.plain(name)}: **{labels.plain(value)}**]" for name, value in rows.items()]
    st.markdown("  \n".join([*lines, f":small[Digest:] `{status.digest}`"]))


def _beside(status: Status, place: str) -> None:
    digest = status.digest
    problem, note, tags = f"{place}problem-{digest}", f"{place}note-{digest}", f"{place}tags-{digest}"
    st.session_state.setdefault(note, status.note)
    st.session_state.setdefault(tags, list(status.tags))
    st.text_area(
        "Note",
        key=note,
        max_chars=MOST_NOTE,
        height=120,
        placeholder="What was this for? Kept when you leave the field.",
        on_change=partial(_write, digest, "note", note, problem),
    )
    st.multiselect(
        "Tags",
        sorted({*services.names().tags, *st.session_state[tags]}),
        key=tags,
        accept_new_options=True,
        max_selections=MOST_TAGS,
        placeholder="Choose tags, or type new ones",
        on_change=partial(_write, digest, "tags", tags, problem),
    )
    notices.problem(problem)
    st.caption(kept(status))


def _write(digest: str, field: str, key: str, problem: str) -> None:
    """Only what was changed: another tab may have changed the other meanwhile."""
    with notices.remember(problem):
        services.annotate(digest, **{field: st.session_state[key]})


def kept(status: Status) -> str:
    """What lies on the disk for a study."""
    found = services.belongings(status.digest)
    if run_list.earlier(status):
        return f"{labels.points(found.n_results)}, computed earlier; models are not kept."
    return f"{labels.points(found.n_results)}, {labels.models(found.n_models)}, {labels.size(found.size)} of files."


def heading(status: Status) -> None:
    """The study's name and what can be done with it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(labels.plain(run_list.name(status)), anchor=False)
        run_list.open_link(status, "details-")
        run_actions.buttons(status, "details-")
    if progress.is_live(status):
        st.markdown(progress.doing(status))
    elif status.state != "done":
        st.markdown(run_list.reason(status))
