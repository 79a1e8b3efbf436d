"""Charts that keep zoom, legend and hover while data arrive: one component keeps the drawing and updates it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from plotly.graph_objects import Figure

from pages.parts.server import PLOTLY_PATH

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "frontier_charts",
    html='<div class="frontier-charts"></div>',
    css=(HERE / "live.css").read_text(encoding="utf-8"),
    js=(HERE / "live.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Chart:
    """One chart: a figure in the colours of palette.LIVE, its takeaway in words, and where it may be marked.

    `stops` are the places along the x axis that the mark may be dragged to, with what is said about each.
    """

    figure: Figure
    alt: str
    stops: tuple[tuple[float, str], ...] = ()
    mark: float | None = None


def charts(*drawn: Chart, key: str, keep: str) -> float | None:
    """Draw charts side by side; where somebody dragged the mark to, or None. Zoom is kept while `keep` stays."""
    data = {"plotly": PLOTLY_PATH, "keep": keep, "charts": [_plain(chart) for chart in drawn]}
    result: Any = _component(key=key, data=data, default={"mark": None}, on_mark_change=lambda: None)
    mark = result.mark
    return None if mark is None else float(mark)


def marked(key: str) -> float | None:
    """Where the mark of the charts called `key` was dragged to before they are drawn, or None."""
    state = st.session_state.get(key)
    mark = None if state is None else state.get("mark")
    return None if mark is None else float(mark)


def _plain(chart: Chart) -> dict[str, Any]:
    return {
        "figure": chart.figure.to_plotly_json(),
        "alt": chart.alt,
        "stops": [{"at": at, "said": said} for at, said in chart.stops],
        "mark": chart.mark,
    }
