"""What a person is told beside the results: one sentence each."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine import services
from engine.errors import BadInput, FrontierError
from pages.parts import labels
from pages.parts.server import address

log = logging.getLogger(__name__)


@contextmanager
def told() -> Iterator[None]:
    """An error of ours is shown as the sentence it is, and the page goes on."""
    try:
        yield
    except FrontierError as error:
        st.error(_sentence(error), icon=":material/error:")


def _sentence(error: FrontierError) -> str:
    """Bad input repeats what somebody typed, or put into a link: it is shown as text."""
    return labels.plain(str(error)) if isinstance(error, BadInput) else str(error)


def another_owner() -> None:
    """Say so when jobs of this store are run by another process: they go on there, and here when it ends."""
    owner = services.owner()
    if owner is None or owner.address == address():
        return
    who = f"the server at {owner.address}" if owner.address else "a command line"
    st.info(
        f"Studies of this store are computed by {who} (process {owner.pid}); this server takes over when that ends.",
        icon=":material/info:",
    )


def problem(place: str = "problem") -> None:
    """The sentence that `remember` kept for this place, once."""
    if sentence := st.session_state.pop(place, None):
        st.error(sentence, icon=":material/error:")


@contextmanager
def remember(place: str = "problem") -> Iterator[None]:
    """For callbacks, which cannot draw: an error's sentence is kept for `problem`."""
    try:
        yield
    except FrontierError as error:
        st.session_state[place] = _sentence(error)
