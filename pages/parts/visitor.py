"""Who looks at a page: one visit of one tab, so that a study can say who waits for it."""

import time
from uuid import uuid4

import streamlit as st

from engine import services

OFTEN = 3.0  # seconds between two signs of life; after ten without one a visitor has gone


def me() -> str:
    """The name of this visit among those who wait for studies."""
    return str(st.session_state.setdefault("visitor", f"{services.PAGE} {uuid4().hex[:8]}"))


def watch(digest: str) -> None:
    """This visitor looks at a study that waits or runs."""
    now = time.monotonic()
    before, at = st.session_state.get("watched", ("", 0.0))
    if before != digest or now - at > OFTEN:
        services.watch(digest, me())
        st.session_state["watched"] = (digest, now)
