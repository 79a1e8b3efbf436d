"""Data: what each data set is and whether it is here, and a person's own images."""

import re
from functools import partial

import streamlit as st

from engine import holdings, services
from engine.services import Choice
from engine.study import OWN
from pages.parts import labels, notices, samples, upload

TRADEOFF = "explore/tradeoff.py"
TICK = 1.0  # seconds between two looks at pictures that are being drawn


def delete(name: str) -> None:
    with notices.remember():
        holdings.delete(name)


def card(choice: Choice) -> None:
    """One data set: how it looks, what it is, and what can be done with it."""
    with st.container(border=True, key=f"card-{choice.name}", gap="small"):
        st.markdown(f"**{labels.plain(choice.title)}**  \n{labels.counted(choice.facts)}.")
        samples.show(holdings.samples(choice.name), choice.title, choice.facts["classes"])
        st.caption(origin(choice))
        if choice.available:
            actions(choice)
        else:
            remedy(choice)


def origin(choice: Choice) -> str:
    if about := holdings.about(choice.name):
        return f"Added {labels.moment(about.added)} from {labels.plain(about.file)}."
    return f"Source: {choice.facts['source']}. Licence: {choice.facts['licence']}."


def actions(choice: Choice) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        link = {"dataset": choice.name}
        st.page_link(TRADEOFF, label="Use these images", icon=":material/show_chart:", query_params=link)
        if choice.name.startswith(OWN):
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown("The pictures go from this machine for good. Curves and models made with them stay.")
                st.button("Delete these images", key=f"delete-{choice.name}", on_click=partial(delete, choice.name))


def remedy(choice: Choice) -> None:
    """The sentence, and each command in it to be copied."""
    st.markdown(choice.remedy)
    for command in re.findall("`([^`]+)`", choice.remedy):
        st.code(command, language=None)


def follow(names: list[str]) -> None:
    """Draw the page anew when a strip of pictures is ready."""
    if not all(holdings.drawing(name) for name in names):
        st.rerun()


st.title("Data", anchor=False)
notices.problem()
holdings.sweep()
everything = services.choices().datasets
own = [choice for choice in everything if choice.name.startswith(OWN)]

upload.draw()
if own:
    st.subheader("Your own images", anchor=False)
    room = holdings.room()
    st.caption(f"{labels.size(room.used)} of {labels.size(room.most)} used.")
    for choice in own:
        card(choice)
    st.subheader("Known by name", anchor=False)
for choice in everything:
    if choice not in own:
        card(choice)
without = [choice.name for choice in everything if choice.available and holdings.samples(choice.name) is None]
if waiting := [name for name in without if holdings.drawing(name)]:
    st.fragment(follow, run_every=TICK)(waiting)
