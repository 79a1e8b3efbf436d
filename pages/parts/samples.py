"""How a data set looks: a strip of pictures, one of each of its first classes."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.parts import labels

MOST_NAMED = 12


def show(strip: Path | None, title: str, classes: Sequence[str]) -> None:
    """The strip, if there is one, and the names of the classes."""
    if strip is not None:
        st.image(str(strip), alt=f"One test image of each of the first classes of {title}.")
    st.caption(f"Classes: {named(classes)}")


def named(classes: Sequence[str]) -> str:
    """Names of classes as they may stand in Markdown.

    >>> named(["a", "b*"])
    'a, b\\\\*'
    """
    more = f" and {len(classes) - MOST_NAMED} more" if len(classes) > MOST_NAMED else ""
    return ", ".join(labels.plain(name) for name in classes[:MOST_NAMED]) + more
