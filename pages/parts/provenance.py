"""One line below the charts: what the numbers were measured on, what the promise is about, where they come from."""

import pandas as pd
import streamlit as st

from engine import holdings, services
from engine.jobs.progress import Status
from engine.study import OWN, Study
from pages.parts import labels
from pages.parts.labels import term
from pages.parts.titles import title, within


def draw(status: Status, frame: pd.DataFrame) -> None:
    """The line; each technical term explains itself to whoever points at it or reaches it by keyboard."""
    parts = (data(status.study), bars(), _attack(status.study), _promise(status.study, frame), origin(status))
    st.container(key="provenance").html(f'<p class="frontier-terms">{" ".join(part for part in parts if part)}</p>')


def data(study: Study, often: str = "") -> str:
    """What was learned, by which model, how often: so many repeats, where `often` does not say it."""
    here = next((choice.facts for choice in services.choices().datasets if choice.name == study.dataset), {})
    facts = study.own.model_dump() if study.own else here
    n = f", {facts['n_train']:,} training images" if facts else ""
    gone = study.dataset.startswith(OWN) and holdings.about(study.dataset) is None
    n += " (these images are no longer here)" if gone else ""
    repeats = "one repeat, spread unknown" if study.seeds == 1 else f"{study.seeds} repeats"
    return (
        f"{term(title('dataset', study.dataset), '')}{n}, {term(within('model', study.model), study.model)}, "
        f"{often or term(repeats, 'repeats')}."
    )


def bars() -> str:
    return f"Bars and brackets: {term(f'95{labels.NBSP}% intervals', 'interval')}."


def _attack(study: Study) -> str:
    steps = f" ({study.attack.steps})" if study.attack.steps > 1 else ""
    of = "" if study.seeds == 1 else f" of {labels.repeats(study.attack.seeds)}"
    attack = term(within("attack", study.attack.name) + steps, study.attack.name)
    return f"Attack: {attack}, {study.attack.images:,} test images{of}."


def _promise(study: Study, frame: pd.DataFrame) -> str:
    mode = str(frame["mode"].iloc[0]) if len(frame) else study.privacy.mode
    delta = f"δ{labels.NBSP}{labels.small(study.privacy.delta or 0)}"
    parts = [
        term(labels.UNIT, "unit"),
        term(delta, "delta"),
        term(labels.GUARANTEE.get(mode, mode), mode),
        term("each ε for one model alone", "one model alone"),
    ]
    return f"Promise: {', '.join(parts)}."


def origin(status: Status) -> str:
    """Whence a study comes that was not computed here; else ""."""
    made_by = services.origin(status)
    if made_by is None:
        return ""
    made = f"by commit {made_by.commit[:7]} on {made_by.cores} cores ({made_by.processor})"
    return f"{term(f'Computed earlier, {labels.day(made_by.created)}', 'computed earlier', made)}."
