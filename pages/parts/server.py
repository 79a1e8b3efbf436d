"""What pages and the server know of one another."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import streamlit as st

PLOTLY_PATH = f"/plotly-{version('plotly')}.min.js"


def _plotly_file() -> Path:
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


PLOTLY_FILE = _plotly_file()


def address() -> str:
    """The address of this server, as it tells others who use the same store.

    It is `localhost` when the server listens everywhere.
    """
    return f"http://{st.get_option('server.address') or 'localhost'}:{st.get_option('server.port')}"
