"""The part of the Trade-off page that follows a study while it runs: finding, charts, where they come from."""

import pandas as pd
import streamlit as st

from engine import services
from engine.jobs.progress import Status
from engine.report import drawing, figures, palette, points, words
from engine.report.figures import TradeOff
from engine.report.finding import finding
from engine.study import Study, parse
from engine.planning import resolve
from pages.parts import labels, live, notices, progress
from pages.parts.form import DEFAULT

CHARTS = "trade-off-charts"
INVITATION = (
    "Choose images, privacy budgets and attack strengths below and press Compute: "
    "the curves grow here while the models train."
)
EMPTY = "Your curves will grow here"


def draw(digest: str | None, state: str | None) -> None:
    """Everything above the form. `state` is what the rest of the page was drawn for: when it is over, all is redrawn."""
    with notices.told():
        status = services.status(digest) if digest else None
        if status is None:
            _sentence(INVITATION)
            study = resolve(parse({"dataset": DEFAULT}))
            _charts(_information(study, None, None), "none", EMPTY)
            return
        if status.state != state:
            st.rerun()
        frame = services.frame(status.digest)
        info = _information(status.study, frame, services.provisional(status.digest))
        _headline(status, frame, info)
        _charts(info, status.digest, "" if not info.empty else "The first points appear soon")
        st.caption(provenance(status.study, frame))


def _sentence(text: str) -> None:
    st.markdown(text)


def _headline(status: Status, frame: pd.DataFrame, info: TradeOff) -> None:
    """The finding; while it is not known, what happens."""
    found = finding(frame, info.strength)
    if status.state == "done":
        _sentence(found or "This study holds no results.")
    elif progress.is_live(status):
        st.progress(min(1.0, status.fraction), text=progress.doing(status))
    else:
        whole = sum(_whole(frame, status.study, epsilon) for epsilon in status.study.privacy.epsilons)
        st.warning(progress.ended(status, whole, len(status.study.privacy.epsilons)), icon=":material/error:")


def _whole(frame: pd.DataFrame, study: Study, epsilon: float) -> bool:
    wanted = study.seeds + study.attack.seeds * len(study.attack.eps or ())
    return int((frame["epsilon"] == epsilon).sum()) >= wanted


def _information(study: Study, frame: pd.DataFrame | None, provisional: pd.DataFrame | None) -> TradeOff:
    radii = study.attack.eps or ()
    marked = live.marked(CHARTS)
    return figures.trade_off(
        pd.DataFrame(columns=["metric", "epsilon", "eps"]) if frame is None else frame,
        epsilons=study.privacy.epsilons,
        radii=radii,
        norm=study.attack.norm,
        strength=marked if marked in radii else figures.default_strength(radii),
        provisional=provisional,
    )


def _charts(info: TradeOff, keep: str, note: str) -> None:
    stops = tuple((eps, words.strength(eps, info.norm)) for eps in info.radii if eps > 0)
    by_budget = drawing.draw_by_budget(info, palette.LIVE, note=note)
    by_strength = drawing.draw_by_strength(info, palette.LIVE)
    live.charts(
        live.Chart(by_budget, figures.by_budget_in_words(info)),
        live.Chart(by_strength, figures.by_strength_in_words(info), stops, info.strength),
        key=CHARTS,
        keep=keep,
    )


def provenance(study: Study, frame: pd.DataFrame) -> str:
    """One line: what the numbers were measured on and what the promise is about."""
    facts = services.choices()
    data = next(choice for choice in facts.datasets if choice.name == study.dataset)
    model = next(choice for choice in facts.models if choice.name == study.model)
    attack = next(choice for choice in facts.attacks if choice.name == study.attack.name)
    known = points.clean(frame)
    repeats = "one repeat, spread unknown" if study.seeds == 1 else f"{study.seeds} repeats"
    mode = str(frame["mode"].iloc[0]) if known else "reproducible"
    return (
        f"{data.title}: {data.facts['n_train']:,} training images, {model.title}, {repeats}. "
        f"Attack: {attack.title}, {study.attack.steps} steps, {study.attack.images:,} test images. "
        f"Promise: one image added or removed, δ {study.privacy.delta:g}; {labels.GUARANTEE.get(mode, mode)}."
    )
