"""Present mode: the question, the finding and the charts alone (of a study, or of a story), in large type."""

from pathlib import Path

import streamlit as st

from pages.parts import study_link

STYLE = Path(__file__).with_name("present.css")


def start() -> None:
    """Present from now on."""
    st.session_state[study_link.PRESENT] = True


def begin() -> None:
    """From here on the page is for a screen that is looked at from afar."""
    st.html(STYLE)


def end() -> None:
    st.button("Leave presentation", key="leave", type="tertiary", icon=":material/close:", on_click=_leave)


def _leave() -> None:
    st.session_state[study_link.PRESENT] = False


def on() -> bool:
    """The page is in present mode."""
    return bool(st.session_state.get(study_link.PRESENT))
