"""What a link holds: the study shown, what the form asks for, view, mark, targets. Opening one launches nothing.

When somebody came by another link than the one written last (`address`), everything is taken from there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import isnan

import streamlit as st

from engine import ledgers, options, services
from engine.errors import BadInput, DataMissing
from engine.jobs.progress import Status
from engine.planning import resolve
from engine.report.targets import Targets
from engine.study import Study, parse
from pages.parts import address, form, labels, live

PARAMETER = "study"
PAGE = "tradeoff"
VIEW, CLEAN, ATTACKED, PRESENT = "view", "clean", "attacked", "present"
RECENT = 20  # studies among which one that is worth showing is looked for


@dataclass(frozen=True)
class Link:
    """What the address says: the digest of a study, the study that the form shall ask for, and what was wrong."""

    digest: str | None
    asked: Study | None
    problem: str
    present: bool


def read() -> Link:
    """What to show; whoever comes by another link than the one written last finds everything as that says."""
    now, came = address.read(PAGE)
    if came:
        form.forget()
        for key in (VIEW, CLEAN, ATTACKED):
            st.session_state.pop(key, None)
        live.mark(number(now.get("mark")))
        st.session_state[PRESENT] = now.get(PRESENT) == "1"
    _start(now)
    digest = now.get(PARAMETER) or st.session_state.get(PARAMETER) or _newest()
    asked, problem = _asked(now)
    return Link(digest, asked, problem, bool(st.session_state.get(PRESENT)))


def _start(now: dict[str, str]) -> None:
    """Widgets begin with what the link says; afterwards they hold what a person chose."""
    st.session_state.setdefault(VIEW, now[VIEW] if now.get(VIEW) in labels.VIEWS else next(iter(labels.VIEWS)))
    for key in (CLEAN, ATTACKED):
        share = number(now.get(key))
        st.session_state.setdefault(key, round(share) if share is not None and 0 <= share <= 100 else None)


def number(text: str | None) -> float | None:
    """A number of a link; None when it is none."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return None if isnan(value) else value


def _asked(now: dict[str, str]) -> tuple[Study | None, str]:
    if "dataset" not in now:
        return None, ""
    try:
        return services.resolve(parse(options.asked(now))), ""
    except (BadInput, DataMissing) as error:
        said = labels.plain(str(error)[:200].rstrip("."))  # it repeats what the link says
        return None, f"The settings of this link cannot be used: {said}."


def targets() -> Targets:
    """The shares asked for; none when nothing is."""
    clean, attacked = st.session_state.get(CLEAN), st.session_state.get(ATTACKED)
    return Targets(None if clean is None else clean / 100, None if attacked is None else attacked / 100)


def show(digest: str) -> None:
    """Show this study from now on, with the form as it asks."""
    _go(digest, address.written(PAGE))


def open_study(digest: str) -> None:
    """Show the curves of a study that stands in a picture of several."""
    _go(digest, {name: value for name, value in address.written(PAGE).items() if name != VIEW})


def ask_for(digest: str, study: Study) -> None:
    """Go on showing this study, in this view, while the form asks for another one (resolved)."""
    usual = resolve(parse({"dataset": study.dataset, "own": study.own}))
    seen = {name: value for name, value in address.written(PAGE).items() if name not in options.OPTIONS}
    st.session_state[PARAMETER] = digest
    address.go(PAGE, seen | {PARAMETER: digest} | options.written(study, usual))


def _go(digest: str, seen: dict[str, str]) -> None:
    st.session_state[PARAMETER] = digest
    looked = {name: value for name, value in seen.items() if name not in options.OPTIONS}
    address.go(PAGE, looked | {PARAMETER: digest})


def is_left(digest: str | None) -> bool:
    """Another study than this one, which is drawn, was asked for: by a click that only redrew a part of the page."""
    return digest is not None and address.is_leaving(PAGE) and st.session_state.get(PARAMETER) != digest


def keep(digest: str | None, asked: Study | None) -> None:
    """Write the address: what is on the screen now. A form that asks for nothing valid leaves the settings as said.

    A study whose results stay with their owner is not named.
    """
    said = {PARAMETER: digest} if digest and may_be_linked(digest) else {}
    if asked is None:
        before, _ = address.read(PAGE)
        said |= {name: before[name] for name in options.OPTIONS if name in before}
    else:
        said |= options.written(asked, resolve(parse({"dataset": asked.dataset, "own": asked.own})))
    if digest:
        st.session_state[PARAMETER] = digest
    address.write(PAGE, said | _seen())


def _seen() -> dict[str, str]:
    """How the study is looked at, as far as it is not as usual."""
    view, mark, present = st.session_state.get(VIEW), live.marked(), st.session_state.get(PRESENT)
    said = {} if view in (None, next(iter(labels.VIEWS))) else {VIEW: str(view)}
    said |= {} if mark is None else {"mark": f"{mark:g}"}
    said |= {key: str(st.session_state[key]) for key in (CLEAN, ATTACKED) if st.session_state.get(key) is not None}
    return said | ({PRESENT: "1"} if present else {})


def may_be_linked(digest: str) -> bool:
    """Whether results of a study may be passed on by a link."""
    study = services.study(digest)
    return study is None or not ledgers.owner_only(study)


def addresses(statuses: Collection[Status]) -> dict[str, str]:
    """Links to studies, by digest; none to one whose results stay with their owner."""
    asked = {(one.study.dataset, one.study.privacy): one.study for one in statuses}  # the ledger is read once for each
    linked = {key for key, study in asked.items() if not ledgers.owner_only(study)}
    return {
        one.digest: f"/?{PARAMETER}={one.digest}"
        for one in statuses
        if (one.study.dataset, one.study.privacy) in linked
    }


def keep_mark() -> None:
    """Write the mark into the address, when nothing else has changed."""
    written = address.written(PAGE)
    said = {name: value for name, value in written.items() if name != "mark"} | _seen()
    if written and said != written and not address.is_leaving(PAGE):
        address.write(PAGE, said)


def _newest() -> str | None:
    """What was asked for here last, if it is worth showing; else what came with Frontier, whenever that was made."""
    worth = [one for one in services.statuses(limit=RECENT) if one.n_points or one.state != "failed"]
    own = [one for one in worth if services.origin(one) is None]
    here = [status.digest for status in own or worth]
    first = [] if own else [digest for digest in services.openings() if digest in here]
    return next(iter(first or here), None)


def unknown(link: Link, here: bool) -> str:
    """What is said about a link to a study that is not here; `here`: the images it asks for are."""
    name = "".join(c for c in link.digest or "" if c.isalnum() or c in "-_")[:24]
    if link.asked and not here:
        return f"The study '{name}' of this link is not on this server, and neither are its images."
    way = "the form below asks for the same: press Compute" if link.asked else "choose below what to compute"
    return f"The study '{name}' of this link is not on this server: {way}."


def status_of(link: Link) -> Status | None:
    return services.status(link.digest) if link.digest else None
