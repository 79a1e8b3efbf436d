"""The Map: every budget at every strength for each defence tried on the same images, and which are worth it."""

import re
from functools import partial

import streamlit as st

from engine import services
from engine.report import defence_costs, frontier, lines, surface
from engine.report.figures import TradeOff
from engine.report.palette import LIVE
from engine.report.surface import Defended
from engine.study import Study
from pages.parts import labels, live, present, study_link
from pages.parts.titles import heading, within

Known = list[tuple[Study, Defended]]


def draw(info: TradeOff, digest: str, note: str) -> None:
    """Both charts; a click on a cell or a mark opens its study."""
    found = comparable(digest)
    entries = [one for _, one in found]
    maps = surface.surface(entries, radii=info.radii, norm=info.norm)
    drawn = live.Chart(surface.draw(maps, LIVE, note=note), surface.in_words(maps))
    charts = [drawn]
    if info.strength is not None and not note:
        worth = frontier.frontier(entries, strength=info.strength, norm=info.norm)
        charts.append(live.Chart(frontier.draw(worth, LIVE), frontier.in_words(worth)))
    live.charts(
        *charts, key=f"map-{len(charts)}", keep=f"map-{digest}", large=present.on(), on_open=study_link.open_study
    )
    _others(found, digest)


def _others(found: Known, digest: str) -> None:
    """What else can be opened from here, by keyboard too; what to do where there is nothing to compare."""
    if present.on():
        return
    if len(found) == 1:
        st.caption(labels.ONE_DEFENCE)
        return
    st.caption(labels.READ_MAP)
    with st.container(horizontal=True, vertical_alignment="center", key="defended", gap="small"):
        st.markdown(labels.OPEN_ONE, width="content")
        for _, one in found:
            opens = partial(study_link.open_study, one.digest)
            if one.digest != digest:
                st.button(one.label, key=f"open-{one.digest}", type="tertiary", on_click=opens)


def comparable(digest: str) -> Known:
    """This study and the newest one of each other defence and model that was attacked alike on the same images.

    In an order that does not hang on which of them is shown: a defence keeps its place and colour.
    """
    studies = services.alike(digest)
    several = len({study.model for study in studies.values()}) > 1
    found = (
        (study, Defended(_label(study, several), name, lines.of_study(study), services.frame(name)))
        for name, study in studies.items()
    )
    return sorted(found, key=lambda one: (one[0].defence.name != "none", one[1].label, one[1].digest))


def _label(study: Study, several_models: bool) -> str:
    """Short enough to stand above a small map: what titles have in brackets is left out."""
    none = study.defence.name == "none"
    said = labels.NO_DEFENCE if none else re.sub(r" \([^)]*\)", "", heading("defence", study.defence.name))
    return f"{said} ({within('model', study.model)})" if several_models else said


def costs(digest: str) -> None:
    """Training seconds of each defence as so many times those of plain training of the same model."""
    found = comparable(digest)
    model = next(study.model for study, one in found if one.digest == digest)
    same = [(study, one) for study, one in found if study.model == model]
    if len(same) < 2:
        return
    import pandas as pd

    frame = pd.concat([one.frame for _, one in same])
    names = {study.defence.name: one.label for study, one in same}
    info = defence_costs.defence_costs(frame, sorted({e for _, one in same for e in one.epsilons}), names)
    if info.measured:
        chart, told = st.columns(2, gap="medium", vertical_alignment="center")
        with chart:
            drawn = live.Chart(defence_costs.draw(info, LIVE), defence_costs.in_words(info))
            live.charts(drawn, key="defence-costs", keep=f"defences-{digest}")
        told.markdown(defence_costs.in_words(info))
