"""What somebody who comes for the first time is told; the browser remembers that it was read."""

from pathlib import Path

import streamlit as st

from pages.parts import labels

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "frontier_hint",
    html='<div class="frontier-hint" role="note" hidden><p></p><button type="button">Got it</button></div>',
    css=(HERE / "hint.css").read_text(encoding="utf-8"),
    js=(HERE / "hint.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def draw() -> None:
    """The hint, unless this browser has dismissed it."""
    _component(key="hint", data={"text": labels.HINT})
