"""Runs: what is being computed, what waits, what failed and why, and everything that was computed before."""

from functools import partial
from math import ceil

import streamlit as st

from engine import services
from engine.jobs.progress import Status
from engine.report.comparing import MOST
from engine.wanted import Wanted
from pages.parts import (
    address,
    labels,
    notices,
    run_actions,
    run_details,
    run_filter,
    run_link,
    run_list,
    run_overlay,
    study_link,
    ticked,
)
from pages.parts.progress import is_live

TICK, IDLE = 1.0, 5.0  # seconds between two looks: at what runs, at whether something is new
PAGE = 50  # studies in a page of the table
CARDS, ENDED = 8, 3  # studies that wait or run, or that failed, with buttons of their own


def card(status: Status) -> run_list.Place:
    """A study that needs attention; `run_list.follow` keeps the progress of one that waits or runs."""
    with run_list.card(status) as (middle, right):
        place = middle.empty()
        if is_live(status):
            run_list.show(place, status)  # at once: nothing moves under a hand that is about to press Stop
        else:
            place.markdown(run_list.reason(status))
        with right:
            run_list.open_link(status, "")
            run_actions.buttons(status, "")
        more = st.expander("Details", key=f"details-{status.digest}", type="compact", on_change="rerun")
        if more.open:
            with more:
                run_details.draw(status, "card-")
    return place


def table(n: int, wanted: Wanted) -> None:
    """One page of the studies that are wanted; ticking rows shows them below."""
    pages = ceil(n / PAGE)
    key = f"runs-page-{hash(wanted)}-{pages}"
    at = min(st.session_state.get(key, 1), pages)
    shown = services.statuses(PAGE, (at - 1) * PAGE, wanted)
    digests = [status.digest for status in shown]
    st.dataframe(
        run_list.table(shown),
        hide_index=True,
        column_config=run_list.COLUMNS,
        placeholder="",  # where there is no link
        height="auto" if len(shown) <= 10 else 420,
        key=ticked.key(digests),
        on_select=partial(ticked.note, digests),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked.rows(digests)}},
        alt=f"{len(shown):,} of {labels.studies(n)}, newest first.",
    )
    if pages > 1:
        st.pagination(pages, key=key)
    if not ticked.current():
        st.caption(labels.TICKING)


def details(wanted: Wanted) -> None:
    """One ticked study in full, up to four over one another."""
    digests = ticked.current()
    if not digests:
        return
    found = {status.digest: status for status in services.statuses(len(digests), 0, wanted.among(digests))}
    shown = [found[digest] for digest in digests if digest in found]
    if len(shown) == 1:
        run_details.heading(shown[0])
        run_details.draw(shown[0], "details-")
    elif len(shown) > MOST:
        st.info(f"{len(shown)} studies are ticked: tick up to {MOST} to lay their curves over one another.")
    elif shown:
        st.subheader(f"{len(shown)} studies over one another", anchor=False)
        run_overlay.draw(shown)
    if hidden := len(digests) - len(shown):
        st.caption(f"{labels.studies(hidden)} ticked, but not among those found here.")
    below_details()


def below_details() -> None:
    with st.container(horizontal=True):
        st.button("Untick all", icon=":material/deselect:", on_click=ticked.forget)
        with st.popover("Share", icon=":material/share:"):
            st.markdown("This link brings back filters, ticks and comparison.")
            run_link.write()
            if not all(map(study_link.may_be_linked, ticked.current())):
                st.info(f"Some ticked studies are left out. {labels.OWNER_ONLY}", icon=":material/lock:")
            st.code(address.whole(run_link.PAGE), language=None, wrap_lines=True)


run_link.read()
st.title("Runs", anchor=False)
chosen = run_filter.draw()
counts = services.counts(chosen)
summary, everything = sum(counts.values()), sum(services.counts().values())
st.markdown(run_list.in_short(counts, everything))
notices.another_owner()
notices.problem()
above = st.container()  # who comes by a link that names studies sees them first

n_live = counts.get("running", 0) + counts.get("queued", 0)
n_ended = counts.get("failed", 0) + counts.get("stopped", 0)
running = services.live(CARDS, chosen) if n_live else []
ended = services.statuses(ENDED, 0, chosen.in_states("failed", "stopped")) if n_ended else []
places: dict[str, run_list.Place] = {}
if running:
    st.subheader("Running and waiting", anchor=False)
    places = {status.digest: card(status) for status in running}
    run_list.more(n_live - CARDS, "in line")
if ended:
    st.subheader("Stopped or failed", anchor=False)
    for status in ended:
        card(status)
    run_list.more(n_ended - ENDED, "in the list below")
if summary:
    st.subheader("All studies" if summary == everything else "Studies found", anchor=False)
    table(summary, chosen)
    with st.container() if ticked.here() else above:
        details(chosen)
elif not everything:
    st.page_link("explore/tradeoff.py", label="Compute your first curves", icon=":material/show_chart:")
run_actions.dialog()
run_link.write()
st.fragment(run_list.follow, run_every=TICK if running else IDLE)(places, run_list.seen(running, counts), chosen)
