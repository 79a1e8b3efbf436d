"""Promise vs measured: what a study promises beside what audits and attacks could show of its models."""

import pandas as pd
import streamlit as st

from engine import services
from engine.errors import FrontierError
from engine.report import promise, promise_drawing, words
from engine.report.figures import TradeOff
from engine.report.membership import LEAKAGE
from engine.report.palette import LIVE
from engine.report.promise import Bound, Promise
from engine.study import Study
from pages.parts import labels, live, present, progress, sheet, study_link

ALT = "For each privacy budget: epsilon demonstrated, and members found beside what theory allows."


def draw(info: TradeOff, frame: pd.DataFrame, keep: str, note: str) -> None:
    """Both charts, what they do not say, and their numbers; the way to measure it where that was not done."""
    known, study = promise.promise(frame, info.epsilons), services.study(keep)
    if known.empty:
        _ask(study, keep, note)
        return
    told = promise.in_words(known)
    live.charts(
        live.Chart(promise_drawing.draw_epsilons(known, LIVE), told[0]),
        live.Chart(promise_drawing.draw_members(known, LIVE), told[1]),
        key="promise",
        keep=f"promise-{keep}",
        large=present.on(),
    )
    st.caption(caveats(known))
    if study and not present.on():
        with st.expander(labels.SHOW_TABLE, icon=":material/table:"):
            sheet.draw(study, table(known), alt=ALT)


def finding(info: TradeOff, frame: pd.DataFrame) -> str:
    """What stands above the charts; "" while nothing was measured."""
    return promise.finding(promise.promise(frame, info.epsilons))


def caveats(info: Promise) -> str:
    said = [labels.PROMISE_CAVEAT] if info.bounds else []
    if found := info.members.found:
        models = labels.models(next(iter(found.values())).n_images)
        said.append(labels.MEMBERS_CAVEAT.format(info.members.title, info.members.tried, models))
    return " ".join(said)


def table(info: Promise) -> pd.DataFrame:
    """One row a budget, as a person reads it."""
    return pd.DataFrame([_row(info, epsilon) for epsilon in info.epsilons])


def _row(info: Promise, epsilon: float) -> dict[str, str]:
    row = {labels.BUDGET: words.budget(epsilon)}
    for kind, known in info.bounds.items():
        bound = known.get(epsilon)
        row[f"Demonstrated, {promise.title(kind)}"] = "" if bound is None else _bound(bound)
    point, most = info.members.found.get(epsilon), info.allowed.get(epsilon)
    if info.members.found:
        row[labels.MEMBERS_FOUND] = "" if point is None else _interval(point.mean, point.low, point.high)
        row[labels.MEMBERS_ALLOWED] = "" if most is None else words.percent(most, 1)
    return row


def _bound(bound: Bound) -> str:
    return f"{promise.number(bound.demonstrated)} (at most {promise.number(bound.ceiling)})"


def _interval(mean: float, low: float, high: float) -> str:
    return f"{words.percent(mean, 1)} ({100 * max(0.0, low):.1f} to {100 * min(1.0, high):.1f})"


def _ask(study: Study | None, keep: str, note: str) -> None:
    """How to get what is missing."""
    if study is None or LEAKAGE in study.extras:
        status = services.status(keep)
        later = labels.PROMISE_LATER if status and progress.is_live(status) else labels.PROMISE_MISSED
        st.info(note or later, icon=":material/info:")
        return
    st.info(labels.NO_PROMISE, icon=":material/info:")
    if not present.on():
        _offer(study, keep)


def _offer(study: Study, keep: str) -> None:
    """A button that puts the same study with this measured besides into the form; the form says what it costs."""
    try:
        wanted = services.resolve(study.model_copy(update={"extras": (*study.extras, LEAKAGE)}))
    except FrontierError as error:
        st.caption(labels.plain(str(error)))
        return
    if st.button(labels.MEASURE_LEAKAGE, key="measure-leakage", on_click=study_link.ask_for, args=(keep, wanted)):
        st.rerun()  # the form, which this part of the page does not draw
