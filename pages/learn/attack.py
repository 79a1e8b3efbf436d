"""How an attack works: three models of a toy problem, and an attack on them that can be watched step by step."""

import streamlit as st

from engine import lessons
from pages.parts import exhibit, notices

TICK = 1.0  # seconds between two looks at what is being worked out
TRADEOFF = "explore/tradeoff.py"


def shown(ready: bool) -> None:
    """The exhibit; while a process works it out, that is said, and looked at again."""
    with notices.told():
        held = lessons.exhibited()
        if held is None:
            st.markdown(f":material/hourglass_top: {exhibit.PREPARING} …")
        elif ready:
            exhibit.draw(held)
            facts = {"train": held.n_train, "test": held.n_test, "drawn": len(held.points), "steps": held.steps}
            st.caption(exhibit.ABOUT.format(**facts))
        else:
            st.rerun()


st.title(exhibit.TITLE, anchor=False)
with st.container(key="lesson"):
    st.markdown(exhibit.INTRO)
    with notices.told():
        ready = lessons.exhibited() is not None
        st.fragment(shown, run_every=None if ready else TICK)(ready)
    st.page_link(TRADEOFF, label=exhibit.END, icon=":material/show_chart:")
