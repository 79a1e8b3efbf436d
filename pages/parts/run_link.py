"""What a link to the Runs page holds: filters, ticks, and how they are compared.

The address is written at the end of every run of the page. When it says something else at the start of one, somebody
has come by another link; when it says nothing, by the navigation, and finds the page as it was left.
"""

from urllib.parse import urlencode

import streamlit as st

from pages.parts import run_filter, run_overlay, ticked

WRITTEN = "runs-written"  # in the session: what the address said last
COMPARE = "compare"


def read() -> None:
    """Take all of it from the link, or from when the page was left."""
    written: dict[str, str] = st.session_state.get(WRITTEN, {})
    now = st.query_params.to_dict() or written
    if now != written:
        run_filter.forget()
        ticked.begin(now.get(COMPARE, "").split(","))
        run_overlay.begin(now)
    run_filter.begin(now)
    run_overlay.ask(now)


def write() -> None:
    """Make the address say what is shown."""
    said = st.session_state[WRITTEN] = _said()
    if said != st.query_params.to_dict():
        st.query_params.from_dict(said)


def address() -> str:
    """The whole link, to be copied."""
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(_said(), False, ',')}"


def _said() -> dict[str, str]:
    digests = ticked.current()
    compared = {COMPARE: ",".join(digests)} if digests else {}
    return run_filter.said() | compared | (run_overlay.said() if len(digests) > 1 else {})
