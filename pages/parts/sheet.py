"""Results of a study as a table: with buttons that copy and download it, unless they stay with the owner."""

from typing import Any

import pandas as pd
import streamlit as st

from engine import ledgers
from engine.study import Study


def draw(study: Study, rows: pd.DataFrame, *, alt: str, columns: dict[str, Any] | None = None) -> None:
    """`alt` says what it shows; `columns` is the column_config of a table with buttons."""
    if ledgers.owner_only(study):
        st.table(rows, hide_index=True, alt=alt)
    else:
        st.dataframe(rows, hide_index=True, column_config=columns, alt=alt)
