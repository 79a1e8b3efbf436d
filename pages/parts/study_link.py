"""Which study a page shows: the one in its link, else the last one of this visit, else the newest of this server."""

import streamlit as st

from engine import services
from engine.jobs.progress import Status
from pages.parts import form

PARAMETER = "study"
RECENT = 20  # studies among which one that is worth showing is looked for


def current() -> str | None:
    """The digest to show; the link is made to say it."""
    digest = st.query_params.get(PARAMETER) or st.session_state.get(PARAMETER) or _newest()
    if digest:
        show(digest)
    return digest


def show(digest: str) -> None:
    """Show this study from now on."""
    st.session_state[PARAMETER] = digest
    if st.query_params.get(PARAMETER) != digest:
        st.query_params[PARAMETER] = digest


def _newest() -> str | None:
    recent = services.statuses(limit=RECENT)
    return next((status.digest for status in recent if status.n_points or status.state != "failed"), None)


def fill_form_from(status: Status | None) -> None:
    """A study that is shown for the first time fills the form."""
    digest = status.digest if status else ""
    if st.session_state.get("filled") != digest:
        st.session_state["filled"] = digest
        form.forget()


def unknown(digest: str) -> str:
    """What is said about a link to a study that is not here."""
    name = "".join(c for c in digest if c.isalnum() or c in "-_")[:24]
    return f"The study '{name}' of this link is not on this server: choose below what to compute."
