"""What a link to the stories holds: which one, and whether it is presented.

Whoever comes by the navigation finds the one that was left.
"""

import streamlit as st

from engine.stories import Story
from pages.parts import address, present
from pages.parts.study_link import PRESENT

PAGE = STORY = "story"


def read(stories: dict[str, Story]) -> None:
    """Take the story from the link, or from when the page was left; the first where that names none."""
    now, came = address.read(PAGE)
    if came:
        st.session_state.pop(STORY, None)
        st.session_state[PRESENT] = now.get(PRESENT) == "1"
    first = next(iter(stories))
    st.session_state.setdefault(STORY, now[STORY] if now.get(STORY) in stories else first)


def write() -> None:
    """Make the address say which story is shown."""
    address.write(PAGE, {STORY: str(st.session_state[STORY])} | ({PRESENT: "1"} if present.on() else {}))
