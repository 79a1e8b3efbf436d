"""The filters of the Runs page: everything shown there obeys them."""

from collections.abc import Iterable, Mapping

import streamlit as st

from engine import services
from engine.wanted import ALL, Wanted
from pages.parts import labels
from pages.parts.titles import heading, title

FIELDS = ("state", "images", "model", "tag", "search")  # as a link names them
KEY = "runs-{}".format
LONGEST = 200  # characters


def begin(link: Mapping[str, str]) -> None:
    """Filters hold what the link says until somebody changes them."""
    for name in FIELDS:
        asked = link.get(name, "")[:LONGEST]
        known = name != "state" or asked in labels.STATES
        st.session_state.setdefault(KEY(name), asked if known else "")


def forget() -> None:
    """Let `begin` fill them anew."""
    for name in FIELDS:
        st.session_state.pop(KEY(name), None)


def said() -> dict[str, str]:
    """What a link says of them: those that narrow anything."""
    return {name: value for name in FIELDS if (value := st.session_state.get(KEY(name)))}


def draw() -> Wanted:
    """The row of filters; what it asks for."""
    known = services.names()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
        state = _choose("state", "State", labels.STATES, labels.STATES.__getitem__)
        images = _choose("images", labels.IMAGES, known.datasets, lambda name: title("dataset", name))
        model = _choose("model", labels.MODEL, known.models, lambda name: heading("model", name))
        tag = _choose("tag", "Tag", known.tags, str)
        search = st.text_input(
            "Search",
            placeholder="notes, tags, digests",
            key=KEY("search"),
            icon=":material/search:",
            max_chars=LONGEST,
            width=165,
        )
        wanted = Wanted((state,) if state else (), images, model, tag, (search or "").strip())
        if wanted != ALL:
            st.button("Clear", icon=":material/filter_alt_off:", on_click=_clear, help="Shows all studies again.")
    return wanted


def _choose(name: str, label: str, options: Iterable[str], said: labels.Said) -> str:
    """One filter; what the link asks for can be chosen though no study has it (any more)."""
    asked = st.session_state[KEY(name)]
    choices = ["", *dict.fromkeys([*options, *([asked] if asked else [])])]
    found = st.selectbox(
        label, choices, format_func=lambda value: said(value) if value else "All", key=KEY(name), width=130
    )
    return found or ""


def _clear() -> None:
    for name in FIELDS:
        st.session_state[KEY(name)] = ""
