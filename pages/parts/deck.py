"""Sliders with all that they can show: the browser swaps it at each move, and the server hears where they rest."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from engine.report.canvas import Figure
from pages.parts.server import PLOTLY_PATH

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "frontier_deck",
    html='<div class="frontier-deck"></div>',
    css="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("slider.css", "deck.css")),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("plots.js", "deck.js")),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Slider:
    """What can be chosen: `said` names each place, `at` is where it stands at first."""

    label: str
    help: str
    said: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Part:
    """What depends on the sliders numbered `by`: one entry for each of their places, those of the last one quickest."""

    by: tuple[int, ...]
    each: Sequence[object]


def chart(by: tuple[int, ...], figures: Sequence[Figure], alts: Sequence[str]) -> Part:
    """A chart in the colours of palette.LIVE, with its takeaway in words."""
    return Part(by, [{"figure": figure, "alt": alt} for figure, alt in zip(figures, alts, strict=True)])


def sentence(by: tuple[int, ...], said: Sequence[str]) -> Part:
    """Sentences in which **this** stands out."""
    return Part(by, [html(one) for one in said])


def html(said: str) -> str:
    """
    >>> html("**1 < 2**")
    '<strong>1 &lt; 2</strong>'
    """
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(said))


def draw(
    sliders: Sequence[Slider],
    said: Part,
    charts: Sequence[Part],
    *,
    key: str,
    keep: str,
    pictures: Sequence[Part] = (),
    walls: Sequence[tuple[str, Sequence[Part]]] = (),
) -> None:
    """Draw it. Sliders stay where they are while `keep` stays; where they rest says `places`.

    `walls` are more pictures, each wall under a heading.
    """
    data = {
        "plotly": PLOTLY_PATH,
        "keep": keep,
        "sliders": [asdict(slider) for slider in sliders],
        "sentence": asdict(said),
        "charts": [asdict(one) for one in charts],
        "pictures": [asdict(one) for one in pictures],
        "walls": [{"heading": heading, "pictures": [asdict(one) for one in hung]} for heading, hung in walls],
    }
    _component(key=key, data=data, default={"at": None}, on_at_change=partial(_remember, key))


def _remember(key: str) -> None:
    state: Mapping[str, list[int] | None] = st.session_state[key]
    st.session_state[f"{key}-at"] = state["at"]


def places(key: str, usual: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Where the sliders of a deck stand; `usual` before anybody moved them, and never beyond their `sizes`.

    A press right after a move comes with it in one message, and its callback may be the first: so ask the deck itself.
    """
    now: Mapping[str, list[int] | None] = st.session_state.get(key) or {}
    at = now.get("at") or st.session_state.get(f"{key}-at") or list(usual)
    return [min(max(int(place), 0), size - 1) for place, size in zip(at, sizes, strict=True)]
