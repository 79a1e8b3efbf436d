"""Trade-off: what privacy and robustness cost, in charts that grow while the engine computes."""

from functools import partial

import streamlit as st

from engine import planning, services
from engine.jobs.progress import Status
from engine.study import Study, parse
from pages.parts import hint, labels, notices, present, run_actions, study_link, tables, toolbar, tradeoff_view
from pages.parts.form import DEFAULT, Asked, Form
from pages.parts.progress import is_live
from pages.parts.titles import title

TICK = 1.0  # seconds between two looks at a study that runs


def compute(asked: Asked) -> None:
    """Launch what the form asks for, or show it if it is known."""
    with notices.remember():
        if asked.study is not None:
            digest = services.submit(asked.study)
            study_link.show(digest)
            if is_live(services.status(digest)):
                st.toast("The curves grow at the top of this page.", icon=":material/north:")


def quick_try() -> None:
    with notices.remember():
        study_link.show(services.submit(parse({"dataset": DEFAULT})))


def buttons(asked: Asked, shown: Status | None) -> None:
    """What can be done now; each says what it costs."""
    same = shown is not None and asked.digest == shown.digest
    if shown is not None and is_live(shown):
        st.button("Stop", key="stop", icon=":material/stop:", on_click=partial(run_actions.stop, shown.digest))
    if shown is not None and same and shown.state in ("failed", "stopped"):
        label = "Try again" if shown.state == "failed" else "Resume"
        st.button(
            label,
            key="again",
            type="primary",
            icon=":material/replay:",
            on_click=partial(run_actions.again, shown.digest),
        )
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
    study = planning.resolve(parse({"dataset": DEFAULT}))
    digest = planning.digest(study)
    if asked.digest == digest:
        return
    known = services.status(digest)
    if known is not None and known.state == "done":
        label = "Show the quick try: Digits"
    else:
        label = f"Quick try: Digits (about {labels.duration(services.estimate(study).seconds)})"
    st.button(label, key="quick", help=labels.QUICK_TRY_HELP, on_click=quick_try)


def ask(link: study_link.Link, shown: Status | None) -> Asked:
    """The form, its buttons, and what is wrong with it."""
    with st.container(border=True, key="form", gap="small"):
        form = Form(services.choices(), link.asked or (shown.study if shown else None))
        asked = form.draw()
        with form.buttons:
            buttons(asked, shown)
        with form.notices:
            notices.problem()
            for sentence in (link.problem, form.missing, asked.problem):
                if sentence:
                    st.warning(sentence, icon=":material/info:")
    return asked


def kept(link: study_link.Link, asked: Asked | None) -> Study | None:
    """What the address says of the form; None: what it says already, while the images it asks for are not here."""
    if asked is None or asked.study is None:
        return link.asked
    usual = planning.digest(planning.resolve(parse({"dataset": DEFAULT})))
    return None if link.asked and not available(link.asked) and asked.digest == usual else asked.study


def available(study: Study) -> bool:
    """The images of a study are on this machine."""
    return any(choice.name == study.dataset and choice.available for choice in services.choices().datasets)


def differs(shown: Status, asked: Asked, link: study_link.Link) -> None:
    """The form asks for something else than the charts show: said plainly when a person chose other images."""
    missing = not available(link.asked or shown.study)  # then the form says so, with the remedy
    if missing or asked.dataset == shown.study.dataset:
        st.caption(labels.EARLIER)
    else:
        names = (title("dataset", name) for name in (shown.study.dataset, asked.dataset))
        st.info(labels.OTHER_IMAGES.format(*map(labels.plain, names)), icon=":material/info:")


link = study_link.read()
status = study_link.status_of(link)

if link.present:
    present.begin()
with st.container(key="top", horizontal=True, vertical_alignment="center"):
    st.title(labels.QUESTION, anchor=False)
    place = toolbar.draw(status, link)
    if not link.present:
        hint.draw()  # beside what goes into a second row
notices.another_owner()
if link.digest and status is None:
    here = link.asked is None or available(link.asked)
    st.warning(study_link.unknown(link, here), icon=":material/link_off:")

view = st.container()
request = None if link.present else ask(link, status)
with view:
    live = st.fragment(tradeoff_view.draw, run_every=TICK if is_live(status) else None)
    live(status.digest if status else None, status.state if status else None)
    if status is not None and request is not None and request.digest != status.digest:
        differs(status, request, link)
study_link.keep(link.digest, kept(link, request))
toolbar.show_link(place, status)

if link.present:
    present.end()
elif status is not None and status.n_points:
    tables.results(status.digest, status.study, services.frame(status.digest))
run_actions.dialog()
