"""What a whole study costs in privacy, beside what each of its models does: worked out when somebody asks."""

import pandas as pd
import streamlit as st

from engine import services
from engine.promise import Guarantees
from engine.report import lines, words
from engine.study import Study
from pages.parts import labels, notices


@st.fragment
def draw(study: Study) -> None:
    """Closed until somebody opens it; the first answer for a study may take seconds, later ones none."""
    if not any(map(lines.private, study.privacy.epsilons)):
        return
    with st.expander(labels.SWEEP, icon=":material/functions:", key="sweep", on_change="rerun") as place:
        if place.open:
            with notices.told(), st.spinner(labels.SWEEP_SOON):
                found = services.guarantees(study)
                _told(found)


def _told(found: Guarantees) -> None:
    st.markdown(sentence(found), help=labels.SWEEP_HELP)
    st.dataframe(
        table(found),
        hide_index=True,
        column_config={name: st.column_config.TextColumn(help=tip) for name, tip in labels.SWEEP_COLUMNS.items()},
        alt="Each privacy budget: for one model alone, and for the best of several tries.",
    )
    if found.unprotected:
        st.caption(labels.UNPROTECTED)
    st.caption(f"δ{labels.NBSP}{labels.small(found.delta)}. Accountant: {found.accountant}.")


def sentence(found: Guarantees) -> str:
    """What releasing everything amounts to, under the sharing that was used and, where there is one, the other."""
    each = "Each budget holds for one model alone."
    if found.n_models == 1:
        return f"{each} This study has one private model: releasing it costs its budget, and no more."
    how = "which drew the same batches" if found.shared else "each with batches of its own"
    joint = f"Releasing all {found.n_models:,} private models of this study, {how}: **{_epsilon(found.joint)}**."
    if found.other is None:
        return f"{each} {joint}"
    other = "the same batches" if not found.shared else "batches of their own"
    return f"{each} {joint} With {other} it would be {_epsilon(found.other)}."


def table(found: Guarantees) -> pd.DataFrame:
    """One row a private budget: alone, and when the best of some tries was picked."""
    alone, best = labels.SWEEP_COLUMNS
    return pd.DataFrame([{alone: words.budget(one.epsilon), best: _epsilon(one.best_of)} for one in found.separate])


def _epsilon(epsilon: float) -> str:
    """Rounded up, so that no more is promised than holds."""
    return f"ε{labels.NBSP}{labels.rounded_up(epsilon):g}"
