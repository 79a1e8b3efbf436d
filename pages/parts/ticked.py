"""Which studies are ticked in the table of runs: they stand in the link, on whatever page of the table they are."""

from collections.abc import Sequence
from zlib import crc32

import streamlit as st

PARAMETER = "compare"
KEY, ANEW, HERE = "runs-ticked", "runs-ticked-anew", "runs-ticked-here"
READ = 50  # digests that are read from a link


def current() -> list[str]:
    """The digests that are ticked; the link is made to say them."""
    asked = [digest for digest in st.query_params.get(PARAMETER, "").split(",") if digest.isalnum()]
    ticked: list[str] = st.session_state.setdefault(KEY, list(dict.fromkeys(asked))[:READ])
    if ticked:
        said = ",".join(ticked)
        if st.query_params.get(PARAMETER) != said:
            st.query_params[PARAMETER] = said
    elif PARAMETER in st.query_params:
        del st.query_params[PARAMETER]
    return ticked


def key(digests: Sequence[str]) -> str:
    """The key of a table of these studies: with other rows it is another table, whose ticks are put in anew."""
    return f"runs-table-{crc32(','.join(digests).encode()):x}-{st.session_state.get(ANEW, 0)}"


def rows(digests: Sequence[str]) -> list[int]:
    """The rows of these studies that are ticked."""
    ticked = st.session_state[KEY]
    return [row for row, digest in enumerate(digests) if digest in ticked]


def note(digests: Sequence[str]) -> None:
    """Somebody ticked rows of the table of these studies."""
    chosen = [digests[row] for row in st.session_state[key(digests)].selection.rows if row < len(digests)]
    st.session_state[HERE] = True
    kept = [digest for digest in st.session_state[KEY] if digest not in digests or digest in chosen]
    st.session_state[KEY] = [*kept, *(digest for digest in chosen if digest not in kept)]


def here() -> bool:
    """Somebody ticked them in the table, rather than coming by a link that names them."""
    return bool(st.session_state.get(HERE))


def forget() -> None:
    """Untick everything."""
    st.session_state[KEY] = []
    st.session_state[ANEW] = st.session_state.get(ANEW, 0) + 1
