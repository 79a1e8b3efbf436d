"""The part of the Trade-off page that follows a study while it runs: finding, charts, where they come from."""

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from engine import services
from engine.events import Stands
from engine.jobs.progress import Status
from engine.planning import n_lines, resolve
from engine.report import costs, document, drawing, figures, grid, lines, targets
from engine.report import words as said
from engine.report.canvas import Figure
from engine.report.figures import TradeOff
from engine.report.finding import finding
from engine.report.palette import LIVE
from engine.report.targets import Targets
from engine.results import COLUMNS
from engine.study import Study, parse
from pages.parts import (
    besides_view,
    computing_cost,
    exports,
    labels,
    live,
    notices,
    present,
    progress,
    promise_view,
    provenance,
    study_link,
    surface_view,
    verdict,
    visitor,
)
from pages.parts.form import DEFAULT

INVITATION = (
    "Choose images, privacy budgets and attack strengths below and press Compute: "
    "the curves grow here while the models train."
)
SOON, NOTHING = "The first points appear soon", "No point was computed"
PROMISE = "promise"  # the view whose sentence is its own
EMPTY = "Your curves will grow here"


def draw(digest: str | None, state: str | None) -> None:
    """Everything above the form. `state` is what the rest of the page was drawn for; with another, all is redrawn."""
    if study_link.is_left(digest):
        st.rerun()
    with notices.told():
        status = services.status(digest) if digest else None
        if status is None:
            _invite()
            return
        if status.state != state:
            st.rerun()
        if progress.is_live(status):
            visitor.watch(status.digest)
        frame, provisional = services.frame(status.digest), services.provisional(status.digest)
        standing = services.standing(status.digest)
        info = _information(status.study, frame, provisional, standing)
        exports.mark(status.digest, info.strength)
        with st.container(key="headline"):
            _headline(status, frame, standing, info, progress.training(provisional))
        VIEWS[st.session_state[study_link.VIEW]](info, frame, status.digest, _note(status, info))
        with st.container(gap="xxsmall"):
            verdict.draw(frame)
            provenance.draw(status, frame)
        study_link.keep_mark()


def _invite() -> None:
    with st.container(key="headline"):
        st.markdown(INVITATION)
    _curves(_information(resolve(parse({"dataset": DEFAULT})), None, None), None, "none", EMPTY)


def _note(status: Status, info: TradeOff) -> str:
    """What stands in a chart without a point."""
    if not info.empty:
        return ""
    return SOON if progress.is_live(status) else NOTHING


def _headline(
    status: Status,
    frame: pd.DataFrame,
    standing: Sequence[Stands],
    info: TradeOff,
    training: progress.Training | None,
) -> None:
    """The finding; while it is not known, what happens."""
    if status.state == "done":
        found, meaning = _found(frame, standing, info)
        st.markdown(f"{found} {_judged(info, study_link.targets())}", help=meaning)
    elif progress.is_live(status):
        st.progress(min(1.0, status.fraction), text=progress.doing(status, training))
    else:
        whole = document.whole_budgets(status.study, frame)
        st.warning(progress.ended(status, whole, n_lines(status.study)), icon=":material/error:")


def _found(frame: pd.DataFrame, standing: Sequence[Stands], info: TradeOff) -> tuple[str, str]:
    """What is told above the charts of this view, and what its words mean."""
    if st.session_state[study_link.VIEW] == PROMISE and (told := promise_view.finding(info, frame)):
        return told, labels.PROMISE_HELP
    more = f" {labels.LEAKAGE_HELP}" if info.leaks else ""
    found = finding(frame, info.strength, standing) or "This study holds no results."
    return found, f"{labels.FINDING_HELP}{more}"


def _judged(info: TradeOff, asked: Targets) -> str:
    return targets.sentence(info, asked) if asked else ""


def _information(
    study: Study,
    frame: pd.DataFrame | None,
    provisional: pd.DataFrame | None,
    standing: Sequence[Stands] = (),
) -> TradeOff:
    radii = study.attack.eps or ()
    marked = live.marked()
    if marked is not None and marked not in radii:
        live.mark(None)
    return figures.trade_off(
        pd.DataFrame(columns=list(COLUMNS)) if frame is None else frame,
        epsilons=lines.of_study(study),
        radii=radii,
        norm=study.attack.norm,
        strength=marked if marked in radii else figures.default_strength(radii),
        provisional=provisional,
        standing=standing,
    )


def _curves(info: TradeOff, frame: pd.DataFrame | None, keep: str, note: str) -> None:
    """Recognised by budget, and by strength with the mark that moves the other chart."""
    asked, stops = study_link.targets(), _stops(info)
    by_budget = partial(drawing.draw_by_budget, palette=LIVE, note=note, targets=asked)
    by_strength = drawing.draw_by_strength(info, LIVE, targets=asked, mark=False)
    _linked(
        live.Chart(by_budget(info), figures.by_budget_in_words(info), at_mark=_at_each(info, stops, by_budget)),
        live.Chart(by_strength, figures.by_strength_in_words(info), stops, info.strength),
        keep,
    )


def _cost(info: TradeOff, frame: pd.DataFrame, keep: str, note: str) -> None:
    """Points lost to privacy, by budget and by strength."""
    stops = _stops(info)

    def lost(at: TradeOff) -> costs.Costs:
        return costs.costs(frame, epsilons=at.epsilons, radii=at.radii, norm=at.norm, strength=at.strength)

    def by_budget(at: TradeOff) -> Figure:
        return costs.draw_by_budget(lost(at), LIVE, note=note)

    alone = len(info.epsilons) < 2
    if alone:
        st.info("One budget costs nothing beside itself: choose a second one, such as none.", icon=":material/info:")
        return
    by_strength = costs.draw_by_strength(lost(info), LIVE)
    words = costs.in_words(lost(info))
    _linked(
        live.Chart(by_budget(info), words, at_mark=_at_each(info, stops, by_budget)),
        live.Chart(by_strength, words, stops, info.strength),
        f"cost-{keep}",
    )
    if study := services.study(keep):
        computing_cost.draw(study, frame, lost(info), keep)
        surface_view.costs(keep)


def _map(info: TradeOff, frame: pd.DataFrame, keep: str, note: str) -> None:
    """Every budget at every strength: with targets, of this study; without, of each defence that was tried."""
    if study_link.targets() or note:
        drawn = grid.draw_map(info, LIVE, note=note, targets=study_link.targets())
        live.charts(live.Chart(drawn, grid.in_words(info)), key="map", keep=f"map-{keep}", large=present.on())
    else:
        surface_view.draw(info, keep, note)


VIEWS: dict[str, Callable[..., None]] = {
    "curves": _curves,
    "map": _map,
    "cost": _cost,
    PROMISE: promise_view.draw,
    "besides": besides_view.draw,
}


def _stops(info: TradeOff) -> tuple[tuple[float, str], ...]:
    """Where the mark may stand; nowhere before there is something to mark."""
    attacked = any(line.known for line in info.budgets)
    return tuple((eps, said.strength(eps, info.norm)) for eps in info.radii if attacked and eps > 0)


def _at_each(
    info: TradeOff, stops: tuple[tuple[float, str], ...], drawn: Callable[[TradeOff], Figure]
) -> tuple[Figure, ...]:
    """The first chart for each place of the mark: dragging it then asks no server."""
    return tuple(drawn(figures.at_strength(info, eps)) for eps, _ in stops)


def _linked(left: live.Chart, right: live.Chart, keep: str) -> None:
    live.charts(left, right, key="charts", keep=keep, large=present.on())
