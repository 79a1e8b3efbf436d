"""Who was in the data? What attackers find out about membership, at every budget, and whom models give away most."""

from functools import partial

import streamlit as st

from engine.jobs.progress import Status
from pages.parts import labels, members_state, members_view, members_words, notices, run_actions
from pages.parts.members_state import OPENING, STUDY, Shown
from pages.parts.progress import is_live

TICK = 1.0  # seconds between two looks at a study that runs
TRADEOFF = "explore/tradeoff.py"


def actions(shown: Shown) -> None:
    """What can be done now; it says what it costs."""
    status = shown.status
    if status is None:
        return
    if not shown.asked:
        st.button(
            offer(shown),
            key="measure",
            type="primary",
            help=members_words.MEASURE_HELP,
            on_click=partial(members_state.measure, status.study),
        )
    elif is_live(status):
        stop = partial(run_actions.stop, status.digest)
        st.button("Stop", key="stop", icon=":material/stop:", on_click=stop)
    elif status.state in ("failed", "stopped"):
        label = "Try again" if status.state == "failed" else "Resume"
        again = partial(run_actions.again, status.digest)
        st.button(label, key="again", type="primary", icon=":material/replay:", on_click=again)


def offer(shown: Shown) -> str:
    seconds = members_state.seconds(shown.study)
    return members_words.MEASURE if seconds is None else members_words.MEASURE_FOR.format(labels.duration(seconds))


def choose(choices: list[str], found: dict[str, Status]) -> None:
    st.selectbox(
        members_words.ANOTHER,
        choices,
        key=STUDY,
        format_func=lambda chosen: members_state.name(chosen, found),
        on_change=members_state.forget_attack,
        help=members_words.ANOTHER_HELP,
    )


def page(choices: list[str], found: dict[str, Status]) -> None:
    """The picture, and below it what else can be looked at."""
    shown = members_state.shown(choices, found)
    moving = is_live(shown.status) or members_view.is_hanging(shown.status)
    live = st.fragment(members_view.draw, run_every=TICK if moving else None)
    live(shown.digest, shown.status.state if shown.status else None)
    with st.container(border=True, key="members-form", gap="small"):
        choose(choices, found)
        with st.container(horizontal=True, vertical_alignment="center"):
            actions(shown)
        notices.problem()
    st.subheader(members_words.MEANS_TITLE, anchor=False)
    st.markdown(members_words.MEANS)
    there = {"dataset": shown.study.dataset} if shown.digest == OPENING else {"study": shown.digest}
    st.page_link(TRADEOFF, label=members_words.PRICED, icon=":material/show_chart:", query_params=there)


st.title(members_words.TITLE, anchor=False)
st.markdown(members_words.INTRO)
notices.another_owner()
members_state.read()
found = members_state.offered()
if choices := [*([OPENING] if members_state.opening() else []), *found]:
    page(choices, found)
else:
    st.info(members_words.EMPTY, icon=":material/info:")
    st.page_link(TRADEOFF, label=members_words.PRICED, icon=":material/show_chart:")
run_actions.dialog()
