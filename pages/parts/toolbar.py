"""How a study is looked at: which view, with which targets; and how to share it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import ledgers
from engine.jobs.progress import Status
from pages.parts import address, labels, study_link
from pages.parts.study_link import Link


def draw(status: Status | None, link: Link) -> DeltaGenerator | None:
    """Views, targets and sharing, beside the question; the place for the link, which is known when the page is."""
    st.segmented_control(
        labels.VIEW,
        list(labels.VIEWS),
        format_func=labels.VIEWS.__getitem__,
        key=study_link.VIEW,
        required=True,
        label_visibility="collapsed",
    )
    if status is None or link.present:
        return None
    with st.container(horizontal=True, width="content", key="look"):  # so that they go into the next row together
        with st.popover(labels.TARGETS, icon=":material/flag:"):
            _targets()
        with st.popover("Share", icon=":material/share:"):
            return _share()


def _targets() -> None:
    st.markdown(labels.TARGETS_HELP)
    for key, label in ((study_link.CLEAN, labels.TARGET_CLEAN), (study_link.ATTACKED, labels.TARGET_ATTACKED)):
        st.number_input(label, min_value=0, max_value=100, step=5, key=key, placeholder="none")
    st.button("Clear", key="clear-targets", on_click=_clear)


def _clear() -> None:
    st.session_state[study_link.CLEAN] = st.session_state[study_link.ATTACKED] = None


def _share() -> DeltaGenerator:
    st.markdown(labels.SHARE_HELP)
    place = st.empty()
    st.button("Present", key="present-button", icon=":material/present_to_all:", on_click=_present)
    return place


def show_link(place: DeltaGenerator | None, status: Status | None) -> None:
    """The link in its place, with a button that copies it; a sentence where the results stay with their owner."""
    if place is None:
        return
    if status is not None and (reason := ledgers.owner_only(status.study)):
        place.info(f"{reason} {labels.OWNER_ONLY}", icon=":material/lock:")
    else:
        place.code(address.whole(study_link.PAGE), language=None, wrap_lines=True)


def _present() -> None:
    st.session_state[study_link.PRESENT] = True
