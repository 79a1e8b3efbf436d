"""What a study measured besides its curves: everyday damage, and what is certified of the model in noise."""

import pandas as pd
import streamlit as st

from engine.report import corrupted, smoothed
from engine.report.figures import TradeOff
from engine.report.palette import LIVE
from pages.parts import labels, live, present


def draw(info: TradeOff, frame: pd.DataFrame, keep: str, note: str) -> None:
    """Two charts of damage, one of certificates; a sentence where nothing of it was asked for."""
    damage, noise = corrupted.corrupted(frame, info.epsilons), smoothed.smoothing(frame, info.epsilons)
    if damage.empty and noise.empty:
        st.info(note or labels.NOTHING_BESIDES, icon=":material/info:")
    if not damage.empty:
        by_severity, each = corrupted.in_words(damage)
        live.charts(
            live.Chart(corrupted.draw_by_severity(damage, LIVE), by_severity),
            live.Chart(corrupted.draw_table(damage, LIVE), each),
            key="damage",
            keep=f"damage-{keep}",
            large=present.on(),
        )
    if not noise.empty:
        chart, told = st.columns(2, gap="medium", vertical_alignment="center")
        with chart:
            drawn = live.Chart(smoothed.draw(noise, LIVE), smoothed.in_words(noise))
            live.charts(drawn, key="smoothed", keep=f"smoothed-{keep}")
        told.markdown(labels.SMOOTHED_HELP)
