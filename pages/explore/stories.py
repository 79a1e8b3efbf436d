"""Stories: results that others published, beside the same measured here. One question, one screen."""

import re
from functools import partial

import streamlit as st

from engine import stories
from engine.stories import Story
from pages.parts import labels, notices, present, run_actions, story_link, story_state, story_view
from pages.parts.story_state import Standing

TICK = 1.0  # seconds between two looks at a study that runs
TRADEOFF = "explore/tradeoff.py"


def run(story: Story) -> None:
    with notices.remember():
        story_state.run(story)


def stop(now: Standing) -> None:
    for status in now.live:
        run_actions.stop(status.digest)


def actions(now: Standing) -> None:
    """What can be done now; it says what it costs."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if now.state == "live":
            st.button("Stop", key="stop", icon=":material/stop:", on_click=partial(stop, now))
        elif now.state in ("new", "failed", "stopped"):
            st.button(offer(now), key="run", type="primary", on_click=partial(run, now.story))
        if now.shown is not None:
            label, link = labels.OPEN_IN_TRADEOFF, {"study": now.shown.digest}
            st.page_link(TRADEOFF, label=label, icon=":material/show_chart:", query_params=link)
        st.button(
            "Present", key="present-button", icon=":material/present_to_all:", type="tertiary", on_click=present.start
        )


def offer(now: Standing) -> str:
    word = {"failed": "Try again", "stopped": "Resume"}.get(now.state, "Run this story here")
    return f"{word} (about {labels.duration(now.seconds)})"


def remedies(now: Standing) -> None:
    """How to get images that are not here: each command to be copied."""
    for remedy in now.remedies if now.state == "data missing" else ():
        st.markdown(remedy)
        for command in re.findall("`([^`]+)`", remedy):
            st.code(command, language=None)


told = stories.everything()
story_link.read(told)
if present.on():
    present.begin()
st.segmented_control(
    labels.STORIES,
    list(told),
    format_func=lambda name: told[name].short,
    key=story_link.STORY,
    required=True,
    label_visibility="collapsed",
)
story = told[st.session_state[story_link.STORY]]
now = story_state.standing(story)
story_link.write()
st.title(story.question, anchor=False)
notices.problem()
st.fragment(story_view.draw, run_every=TICK if now.live else None)(story, now.state)
if present.on():
    present.end()
else:
    remedies(now)
    actions(now)
run_actions.dialog()
