"""How an attack works: three models of a toy problem, and an attack on them that can be watched step by step."""

import streamlit as st

from engine import lessons
from pages.parts import exhibit, notices

TICK = 1.0  # seconds between two looks at what is being worked out
TRADEOFF = "explore/tradeoff.py"
TITLE = "How does an attack find its way?"
INTRO = (
    "An image of **two pixels** is a point, so all that an attack does to it can be drawn. Pick one, and press Play."
)
PREPARING = "Training three small models, one against attacks and one with privacy, and attacking them: about 20 seconds"
ABOUT = (
    "Made-up images from a fixed seed: {train:,} for training, {test} others for the shares, {drawn} of these drawn. One "
    "training of each kind; attacks start at the image and take {steps} steps (PGD). What holds for two "
    "pixels need not hold for hundreds: the Trade-off page measures that."
)
END = "See what attacks do to real images: Trade-off"


def shown() -> None:
    """The exhibit; while a process works it out, that is said, and looked at again."""
    with notices.told():
        held = lessons.exhibited()
        if held is None:
            st.markdown(f":material/hourglass_top: {PREPARING} …")
        elif ready:
            exhibit.draw(held)
            facts = {"train": held.n_train, "test": held.n_test, "drawn": len(held.points), "steps": held.steps}
            st.caption(ABOUT.format(**facts))
        else:
            st.rerun()


st.title(TITLE, anchor=False)
with st.container(key="lesson"):
    st.markdown(INTRO)
    with notices.told():
        ready = lessons.exhibited() is not None
        st.fragment(shown, run_every=None if ready else TICK)()
    st.page_link(TRADEOFF, label=END, icon=":material/show_chart:")
