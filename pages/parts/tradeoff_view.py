"""The part of the Trade-off page that follows a study while it runs: finding, charts, where they come from."""

import pandas as pd
import streamlit as st

from engine import services
from engine.jobs.progress import Status
from engine.planning import resolve
from engine.report import drawing, figures, palette, words
from engine.report.figures import TradeOff
from engine.report.finding import finding
from engine.study import Study, parse
from pages.parts import labels, live, notices, progress
from pages.parts.form import DEFAULT
from pages.parts.titles import title, within

CHARTS = "trade-off-charts"
INVITATION = (
    "Choose images, privacy budgets and attack strengths below and press Compute: "
    "the curves grow here while the models train."
)
SOON, NOTHING = "The first points appear soon", "No point was computed"
EMPTY = "Your curves will grow here"


def draw(digest: str | None, state: str | None) -> None:
    """Everything above the form. `state` is what the rest of the page was drawn for; with another, all is redrawn."""
    with notices.told():
        status = services.status(digest) if digest else None
        if status is None:
            with st.container(key="headline"):
                _sentence(INVITATION)
            study = resolve(parse({"dataset": DEFAULT}))
            _charts(_information(study, None, None), "none", EMPTY)
            return
        if status.state != state:
            st.rerun()
        frame, provisional = services.frame(status.digest), services.provisional(status.digest)
        info = _information(status.study, frame, provisional)
        with st.container(key="headline"):
            _headline(status, frame, info, _training(provisional))
        _charts(info, status.digest, _note(status, info))
        st.container(key="provenance").caption(provenance(status.study, frame))


def _note(status: Status, info: TradeOff) -> str:
    """What stands in a chart without a point."""
    if not info.empty:
        return ""
    return SOON if progress.is_live(status) else NOTHING


def _sentence(text: str) -> None:
    st.markdown(text)


def _training(provisional: pd.DataFrame) -> progress.Training | None:
    """The models that train now; those that have made their last step are done."""
    models = zip(provisional["epsilon"], provisional["step"], provisional["steps"], strict=True)
    now = [(float(epsilon), int(step), int(steps)) for epsilon, step, steps in models if step < steps]
    if not now:
        return None
    _, step, steps = min(now, key=lambda model: model[1] / model[2])
    return progress.Training(tuple(sorted({epsilon for epsilon, _, _ in now})), step, steps)


def _headline(status: Status, frame: pd.DataFrame, info: TradeOff, training: progress.Training | None) -> None:
    """The finding; while it is not known, what happens."""
    found = finding(frame, info.strength)
    if status.state == "done":
        _sentence(found or "This study holds no results.")
    elif progress.is_live(status):
        st.progress(min(1.0, status.fraction), text=progress.doing(status, training))
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
    attacked = any(line.known for line in info.budgets)  # before, there is nothing to mark
    stops = tuple((eps, words.strength(eps, info.norm)) for eps in info.radii if attacked and eps > 0)
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
    facts = next(choice.facts for choice in services.choices().datasets if choice.name == study.dataset)
    repeats = "one repeat: spread unknown" if study.seeds == 1 else f"{study.seeds} repeats"
    mode = str(frame["mode"].iloc[0]) if len(frame) else "reproducible"
    steps = f" ({study.attack.steps})" if study.attack.steps > 1 else ""
    delta = labels.small(study.privacy.delta or 0)
    return (
        f"{title('dataset', study.dataset)}, {facts['n_train']:,} training images, "
        f"{within('model', study.model)}, {repeats}. Bars and brackets: 95{labels.NBSP}% intervals. "
        f"Attack: {within('attack', study.attack.name)}{steps}, {study.attack.images:,} test images. "
        f"Promise: {labels.UNIT}, δ{labels.NBSP}{delta}, {labels.GUARANTEE.get(mode, mode)}."
    )
