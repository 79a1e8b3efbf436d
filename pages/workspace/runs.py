"""Runs: what is being computed, what waits, what failed and why, and everything that was computed before."""

from functools import partial

import streamlit as st

from engine import services
from engine.jobs.progress import Status
from pages.parts import labels, notices, run_list
from pages.parts.progress import is_live

TICK = 1.0  # seconds between two looks at what runs
MOST = 1000  # studies that are listed
CARDS = 8  # studies that wait or run, or that failed, with buttons of their own


def stop(digest: str) -> None:
    with notices.remember():
        services.cancel(digest)


def again(digest: str) -> None:
    with notices.remember():
        services.retry(digest)


def live_card(status: Status) -> run_list.Place:
    """A study that waits or runs; its progress is filled in by `run_list.follow`."""
    with run_list.card(status) as (middle, right):
        place = middle.empty()
        with right:
            run_list.open_link(status)
            st.button(
                "Stop", key=f"stop-{status.digest}", icon=":material/stop:", on_click=partial(stop, status.digest)
            )
    return place


def ended_card(status: Status) -> None:
    """A study that failed or was stopped: why, and how to go on."""
    with run_list.card(status) as (middle, right):
        middle.markdown(run_list.reason(status))
        with right:
            run_list.open_link(status)
            label = "Try again" if status.state == "failed" else "Resume"
            st.button(
                label, key=f"again-{status.digest}", icon=":material/replay:", on_click=partial(again, status.digest)
            )
        if status.state == "failed" and (said := services.log(status.digest)):
            with st.expander("What the job logged"):
                st.code(said[-4000:], language=None)


everything = services.statuses(limit=MOST)
running = sorted((s for s in everything if is_live(s)), key=run_list.turn)
ended = [s for s in everything if s.state in ("failed", "stopped")]

st.title("Runs", anchor=False)
st.markdown(run_list.in_short(everything))
notices.another_owner()
notices.problem()

if running:
    st.subheader("Running and waiting", anchor=False)
    places = {status.digest: live_card(status) for status in running[:CARDS]}
    run_list.more(len(running) - CARDS, "in line")
    st.fragment(run_list.follow, run_every=TICK)(places, {status.digest: status.state for status in running}, MOST)
if ended:
    st.subheader("Stopped or failed", anchor=False)
    for status in ended[:CARDS]:
        ended_card(status)
    run_list.more(len(ended) - CARDS, "in the list below")
if everything:
    st.subheader("All studies", anchor=False)
    st.dataframe(
        run_list.table(everything),
        hide_index=True,
        column_config=run_list.COLUMNS,
        height="auto" if len(everything) <= 10 else 420,
        alt=f"{labels.points(sum(s.n_points for s in everything))} of {len(everything):,} studies, newest first.",
    )
else:
    st.page_link("explore/tradeoff.py", label="Compute your first curves", icon=":material/show_chart:")
