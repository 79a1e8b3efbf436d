"""The address of a page, read at the start of a run and written at its end.

A browser sends its address along with every click, and may not have heard yet what was written a moment ago. What it
says then is an echo, and not a link that somebody came by: taken for one, it would undo what was just chosen.
"""

import time
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

LATE = 3.0  # seconds in which an echo may come
Said = dict[str, str]


def read(page: str) -> tuple[Said, bool]:
    """What the address of `page` says, and whether somebody came by it; a bare one stands for the page as it was."""
    kept, said = _kept(page), st.query_params.to_dict()
    if (goto := kept.get("goto")) is not None:
        return goto, True
    if not said or said == kept["said"] or _is_echo(said, kept["older"]):
        return kept["said"], False
    return said, True


def _is_echo(said: Said, older: list[tuple[Said, float]]) -> bool:
    return any(said == one and time.monotonic() - at < LATE for one, at in older)


def write(page: str, said: Said) -> None:
    """Make the address say this."""
    kept, before = _kept(page), st.query_params.to_dict()
    now = time.monotonic()
    older = [(one, now) for one in (before, kept["said"]) if one != said]
    kept["older"] = [*older, *((one, at) for one, at in kept["older"] if one != said and now - at < LATE)]
    kept["said"] = said
    kept.pop("goto", None)  # not before: a run may be cut short, and the next one has to go there
    if said != before:
        st.query_params.from_dict(said)


def go(page: str, said: Said) -> None:
    """At its next run the page is as if somebody came by this address."""
    _kept(page)["goto"] = said


def is_leaving(page: str) -> bool:
    """It was told to go elsewhere, and no run has come to its end since."""
    return "goto" in _kept(page)


def written(page: str) -> Said:
    """What was written last."""
    said: Said = _kept(page)["said"]
    return said


def whole(page: str) -> str:
    """The whole link, to be copied."""
    here = urlsplit(st.context.url or "")
    return urlunsplit((here.scheme, here.netloc, here.path or "/", urlencode(written(page), False, ","), ""))


def _kept(page: str) -> dict[str, Any]:
    kept: dict[str, Any] = st.session_state.setdefault(f"address-{page}", {"said": {}, "older": []})
    return kept
