"""What can be done with a study in a list: stop it, go on, delete it. Others who wait are named before a stop."""

from functools import partial

import streamlit as st

from engine import services
from engine.jobs.progress import Status
from engine.services import Others
from pages.parts import labels, notices, run_list, visitor
from pages.parts.progress import is_live

ASKING = "runs-asking"  # (what is asked, digest): a dialog that stays open while the page is drawn anew


def buttons(status: Status, place: str) -> None:
    """Stop, or Resume or Try again, and Delete; `place` tells keys apart where a study is shown twice."""
    digest = status.digest
    if is_live(status):
        st.button("Stop", key=f"{place}stop-{digest}", icon=":material/stop:", on_click=partial(stop, digest))
    elif status.state in ("failed", "stopped"):
        label = "Try again" if status.state == "failed" else "Resume"
        st.button(label, key=f"{place}again-{digest}", icon=":material/replay:", on_click=partial(again, digest))
    st.button(
        "Delete",
        key=f"{place}delete-{digest}",
        icon=":material/delete:",
        on_click=partial(_ask, "delete", digest),
        type="tertiary",
    )


def stop(digest: str) -> None:
    """Stop a study, or ask first if somebody else waits for it."""
    with notices.remember():
        if services.others(digest, visitor.me()):
            _ask("stop", digest)
        else:
            services.cancel(digest)


def again(digest: str) -> None:
    with notices.remember():
        services.retry(digest)


def _ask(what: str, digest: str) -> None:
    st.session_state[ASKING] = (what, digest)


def _asked_no_more() -> None:
    st.session_state.pop(ASKING, None)


def dialog() -> None:
    """The question that was asked last and has not been answered, if its study is still there."""
    what, digest = st.session_state.get(ASKING, ("", ""))
    status = services.status(digest) if digest else None
    if status is None or (what == "stop" and not is_live(status)):
        return _asked_no_more()
    return _confirm_stop(status) if what == "stop" else _confirm_delete(status)


@st.dialog("Stop this study?", on_dismiss=_asked_no_more)
def _confirm_stop(status: Status) -> None:
    st.markdown(run_list.line(status))
    st.write(waiting(services.others(status.digest, visitor.me())) or "Nobody else waits for it any more.")
    _answers("Stop it for all", "stop-for-all", partial(_stop_for_all, status.digest), "Keep it running")


@st.dialog("Delete this study?", on_dismiss=_asked_no_more)
def _confirm_delete(status: Status) -> None:
    st.markdown(run_list.line(status))
    st.write(goes(status))
    if is_live(status):
        st.write(f"It is stopped first. {waiting(services.others(status.digest, visitor.me()))}")
    st.write("Asked for again, it is computed anew.")
    _answers("Delete", "delete-for-good", partial(_delete, status.digest), "Keep it")


def _answers(yes: str, key: str, done: "partial[None]", no: str) -> None:
    with st.container(horizontal=True):
        answered = st.button(yes, key=key, type="primary", on_click=done)
        if st.button(no, key=f"not-{key}", on_click=_asked_no_more) or answered:
            st.rerun()


def _stop_for_all(digest: str) -> None:
    _asked_no_more()
    with notices.remember():
        services.cancel(digest)


def _delete(digest: str) -> None:
    _asked_no_more()
    with notices.remember():
        services.delete(digest)


def goes(status: Status) -> str:
    """What a deletion takes away: results, models, and the size of files."""
    found = services.belongings(status.digest)
    parts = [labels.points(found.n_results), labels.models(found.n_models), labels.size(found.size)]
    beside = " Its note and tags go, too." if status.note or status.tags else ""
    return f"**{', '.join(parts)}** go.{beside}"


def waiting(others: Others) -> str:
    """Who else waits, in a sentence.

    >>> waiting(Others(1, (4711,)))
    'A command line (process 4711) and 1 other page wait for it, too.'
    >>> waiting(Others(2, ()))
    '2 other pages wait for it, too.'
    """
    lines = [f"a command line (process {process})" for process in others.processes]
    pages = [f"{others.pages} other page{'s' if others.pages > 1 else ''}"] if others.pages else []
    who = [*lines, *pages]
    if not who:
        return ""
    verb = "wait" if len(who) > 1 or others.pages > 1 else "waits"
    told = " and ".join([", ".join(who[:-1]), who[-1]] if len(who) > 1 else who)
    return f"{told[:1].upper()}{told[1:]} {verb} for it, too."
