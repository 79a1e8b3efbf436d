"""Trade-off: what privacy and robustness cost, in two charts that grow while the engine computes."""

from functools import partial

import streamlit as st

from engine import planning, services
from engine.jobs.progress import Status
from engine.study import parse
from pages.parts import labels, notices, study_link, tables, tradeoff_view
from pages.parts.form import DEFAULT, Asked, Form
from pages.parts.progress import is_live

TICK = 1.0  # seconds between two looks at a study that runs


def compute(asked: Asked) -> None:
    """Launch what the form asks for, or show it if it is known."""
    with notices.remember():
        if asked.study is not None:
            study_link.show(services.submit(asked.study))


def quick_try() -> None:
    with notices.remember():
        study_link.show(services.submit(parse({"dataset": DEFAULT})))


def stop(digest: str) -> None:
    with notices.remember():
        services.cancel(digest)


def again(digest: str) -> None:
    with notices.remember():
        services.retry(digest)


def buttons(asked: Asked, shown: Status | None) -> None:
    """What can be done now; each says what it costs."""
    same = shown is not None and asked.digest == shown.digest
    if shown is not None and is_live(shown):
        st.button("Stop", key="stop", icon=":material/stop:", on_click=partial(stop, shown.digest))
    if shown is not None and same and shown.state in ("failed", "stopped"):
        label = "Try again" if shown.state == "failed" else "Resume"
        st.button(label, key="again", type="primary", icon=":material/replay:", on_click=partial(again, shown.digest))
    elif not same:
        known = services.status(asked.digest) if asked.digest else None
        label, off = _offer(asked, known), asked.study is None
        st.button(label, key="compute", type="primary", disabled=off, on_click=partial(compute, asked))
    elif shown is not None and shown.state == "done":
        st.button("These curves are computed", key="compute", disabled=True, icon=":material/check:")
    _offer_quick_try(asked)


def _offer(asked: Asked, known: Status | None) -> str:
    if asked.study is None:
        return "Compute these curves"
    if known is not None and known.state == "done":
        return "Show these curves"
    if known is not None and is_live(known):
        return "Watch these curves grow"
    return f"Compute these curves (about {labels.duration(services.estimate(asked.study).seconds)})"


def _offer_quick_try(asked: Asked) -> None:
    if asked.dataset == DEFAULT:
        return
    study = planning.resolve(parse({"dataset": DEFAULT}))
    known = services.status(planning.digest(study))
    if known is not None and known.state == "done":
        label = "Show Digits"
    else:
        label = f"Quick try: Digits (about {labels.duration(services.estimate(study).seconds)})"
    st.button(label, key="quick", on_click=quick_try)


link = study_link.current()
status = services.status(link) if link else None
study_link.fill_form_from(status)

st.title(labels.QUESTION, anchor=False)
notices.another_owner()
if link and status is None:
    st.warning(study_link.unknown(link), icon=":material/link_off:")

view = st.container()
with st.container(border=True, key="form", gap="small"):
    form = Form(services.choices(), status.study if status else None)
    request = form.draw()
    with form.buttons:
        buttons(request, status)
    with form.notices:
        notices.problem()
        if request.problem:
            st.warning(request.problem, icon=":material/info:")
with view:
    live = st.fragment(tradeoff_view.draw, run_every=TICK if is_live(status) else None)
    live(status.digest if status else None, status.state if status else None)
    if status is not None and request.digest != status.digest:
        st.caption("Showing earlier settings: the form asks for something else.")

if status is not None and status.n_points:
    tables.results(status.digest, status.study, services.frame(status.digest))
