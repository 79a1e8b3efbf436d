"""Charts that keep zoom, legend and hover while data arrive: one component keeps the drawing and updates it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.report.canvas import Figure
from pages.parts.server import PLOTLY_PATH

HERE = Path(__file__).parent
MARK = "mark"  # in the session: where the mark stands

_component = st.components.v2.component(
    "frontier_charts",
    html='<div class="frontier-charts"></div>',
    css=(HERE / "live.css").read_text(encoding="utf-8"),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("plots.js", "live.js")),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Chart:
    """One chart: a figure in the colours of palette.LIVE, its takeaway in words, and where it may be marked.

    `stops` are the places along the x axis that the mark may be dragged to, with what is said about each. A chart with
    `at_mark` shows one of these figures instead, by where the mark of the other chart stands: the browser swaps them.
    """

    figure: Figure
    alt: str
    stops: tuple[tuple[float, str], ...] = ()
    mark: float | None = None
    at_mark: tuple[Figure, ...] = ()


def charts(
    *drawn: Chart, key: str, keep: str, large: bool = False, on_open: Callable[[str], None] | None = None
) -> None:
    """Draw charts side by side. Zoom is kept while `keep` stays; where the mark was dragged to says `marked`.

    `large`: as large as the window allows, for a screen that is looked at from afar. `on_open` hears the
    `customdata` of a point that was clicked.
    """
    data = {"plotly": PLOTLY_PATH, "keep": keep, "large": large, "charts": [_plain(chart) for chart in drawn]}
    data["opens"] = on_open is not None
    _component(
        key=key,
        data=data,
        default={"mark": None},
        on_mark_change=partial(_remember, key),
        on_opened_change=partial(_open, key, on_open),
    )


def _remember(key: str) -> None:
    st.session_state[MARK] = st.session_state[key]["mark"]


def _open(key: str, on_open: Callable[[str], None] | None) -> None:
    opened = st.session_state[key]["opened"]
    if on_open is not None and opened:
        on_open(str(opened))


def marked() -> float | None:
    """Where the mark was dragged to, or was when the link was made; None: nowhere yet."""
    mark: float | None = st.session_state.get(MARK)
    return mark


def mark(at: float | None) -> None:
    """Put the mark there."""
    st.session_state[MARK] = at


def _plain(chart: Chart) -> dict[str, Any]:
    return {
        "figure": chart.figure,
        "alt": chart.alt,
        "stops": [{"at": at, "said": said} for at, said in chart.stops],
        "mark": chart.mark,
        "at_mark": list(chart.at_mark),
    }
