"""The filters of the Runs page: what they hold stands in the link, and everything shown obeys them."""

from collections.abc import Iterable

import streamlit as st

from engine import services
from engine.wanted import ALL, Wanted
from pages.parts import labels
from pages.parts.titles import heading, title

FIELDS = ("state", "images", "model", "tag", "search")  # as the link names them
KEY = "runs-{}".format


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
            key=_start("search"),
            icon=":material/search:",
            width=180,
        )
        wanted = Wanted((state,) if state else (), images, model, tag, (search or "").strip())
        if wanted != ALL:
            st.button("Clear", icon=":material/filter_alt_off:", on_click=_clear, help="Shows all studies again.")
    _say_in_link()
    return wanted


def _choose(name: str, label: str, options: Iterable[str], said: "labels.Said") -> str:
    """One filter; what the link asks for can be chosen though no study has it (any more)."""
    key = _start(name)
    all_of_them = ["", *dict.fromkeys([*options, *filter(None, [st.session_state[key]])])]
    return str(
        st.selectbox(label, all_of_them, format_func=lambda value: said(value) if value else "All", key=key, width=140)
        or ""
    )


def _start(name: str) -> str:
    """The key of a filter, which holds what the link says until somebody changes it."""
    asked = st.query_params.get(name, "")
    if name == "state" and asked not in labels.STATES:
        asked = ""
    st.session_state.setdefault(KEY(name), asked)
    return KEY(name)


def _say_in_link() -> None:
    for name in FIELDS:
        value = st.session_state[KEY(name)]
        if value and st.query_params.get(name) != value:
            st.query_params[name] = value
        elif not value and name in st.query_params:
            del st.query_params[name]


def _clear() -> None:
    for name in FIELDS:
        st.session_state[KEY(name)] = ""
