"""Which studies are ticked in the table of runs, on whatever page of the table they are."""

from collections.abc import Iterable, Sequence
from zlib import crc32

import streamlit as st

KEY, ANEW, HERE = "runs-ticked", "runs-ticked-anew", "runs-ticked-here"
READ = 50  # digests that are read from a link


def current() -> list[str]:
    """The digests that are ticked, in the order in which they were."""
    ticked: list[str] = st.session_state.setdefault(KEY, [])
    return ticked


def begin(asked: Iterable[str]) -> None:
    """Tick these, which a link names."""
    st.session_state[KEY] = list(dict.fromkeys(digest for digest in asked if digest.isalnum()))[:READ]
    st.session_state[HERE] = False
    _draw_anew()


def key(digests: Sequence[str]) -> str:
    """The key of a table of these studies: with other rows it is another table, whose ticks are put in anew."""
    return f"runs-table-{crc32(','.join(digests).encode()):x}-{st.session_state.get(ANEW, 0)}"


def rows(digests: Sequence[str]) -> list[int]:
    """The rows of these studies that are ticked."""
    return [row for row, digest in enumerate(digests) if digest in current()]


def note(digests: Sequence[str]) -> None:
    """Somebody ticked rows of the table of these studies."""
    chosen = [digests[row] for row in st.session_state[key(digests)].selection.rows if row < len(digests)]
    kept = [digest for digest in current() if digest not in digests or digest in chosen]
    st.session_state[KEY] = [*kept, *(digest for digest in chosen if digest not in kept)]
    st.session_state[HERE] = True


def here() -> bool:
    """Somebody ticked them in the table, rather than coming by a link that names them."""
    return bool(st.session_state.get(HERE))


def forget() -> None:
    """Untick everything."""
    st.session_state[KEY] = []
    _draw_anew()


def _draw_anew() -> None:
    st.session_state[ANEW] = st.session_state.get(ANEW, 0) + 1
