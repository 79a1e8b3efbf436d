"""The part of the page about membership that follows a study while it is measured: finding, curves, gallery."""

from html import escape

import pandas as pd
import streamlit as st

from engine import ledgers, services
from engine.jobs.progress import Status
from engine.planning import exposes, n_lines
from engine.report import document, leakage, leakage_figures, lines, words
from engine.report.leakage import FEW, FEWER, Leak, Leakage
from engine.report.membership import titled
from engine.report.palette import LIVE
from engine.results import ATTACKED
from engine.study import Study
from engine.threats import members
from engine.threats.members import Gallery, Opening, Picture
from pages.parts import deck, labels, members_state, members_words, notices, progress, provenance, visitor
from pages.parts.deck import Part, Slider
from pages.parts.labels import term
from pages.parts.members_state import ATTACK, CHOSEN, OPENING, TAMPERED
from pages.parts.titles import title

Others = dict[str, Leakage]  # what other attacks find, by what they are called
DECK = "members-deck"
FAINT = 0.12  # opacity of an image that is not given away


def draw(digest: str, state: str | None) -> None:
    """Finding, curves and gallery. `state` is what the rest of the page was drawn for; with another, all is redrawn."""
    with notices.told():
        opening = members_state.opening() if digest == OPENING else None
        status = None if digest == OPENING else services.status(digest)
        if (status.state if status else None) != state:
            st.rerun()
        if opening is not None:
            _draw(opening.study, opening.frame, OPENING, opening=opening)
        elif status is not None:
            if progress.is_live(status):
                visitor.watch(digest)
            _draw(status.study, services.frame(digest), digest, status=status)


def _draw(
    study: Study, frame: pd.DataFrame, digest: str, *, status: Status | None = None, opening: Opening | None = None
) -> None:
    known = leakage.attacks(frame)
    every = {name: leakage.leakage(frame, name, lines.of_study(study)) for name in known or ("",)}
    info = every.pop(_attack(known))
    others = {titled(name, members_words.ATTACKS): one for name, one in every.items()}
    with st.container(key="members-finding"):
        _headline(info, others, frame, status)
    if members.LEAKAGE in study.extras:
        _choose(known)
        gallery = _gallery(study, digest, opening)
        _deck(info, others, gallery, study, digest, _note(info, status))
        _about_gallery(gallery, study, status)
        _provenance(info, study, status, opening)
        _numbers(info)
    members_state.write()


def _attack(known: tuple[str, ...]) -> str:
    """The one that somebody chose, if it was measured; else the strongest so far."""
    if not known:
        return ""
    if not st.session_state.get(CHOSEN) or members_state.attack() not in known:
        st.session_state[CHOSEN] = False
        members_state.show_attack(known[0])
    return members_state.attack()


def _choose(known: tuple[str, ...]) -> None:
    plain = {name.removesuffix(ATTACKED) for name in known}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(plain) > 1:
            st.segmented_control(
                members_words.ATTACK,
                sorted(plain, key=list(members_words.ATTACKS).index),
                format_func=members_words.ATTACKS.__getitem__,
                key=ATTACK,
                required=True,
                on_change=members_state.choose_attack,
                help=members_words.ATTACKS_HELP,
            )
        if len(plain) < len(known):
            st.toggle(
                members_words.TAMPERED,
                key=TAMPERED,
                on_change=members_state.choose_attack,
                help=members_words.TAMPERED_HELP,
            )


def _headline(info: Leakage, others: Others, frame: pd.DataFrame, status: Status | None) -> None:
    """The finding; while it is not known, what happens."""
    if status is not None and progress.is_live(status):
        doing = progress.doing(status, progress.training(services.provisional(status.digest)))
        st.progress(min(1.0, status.fraction), text=doing)
    elif status is not None and status.state in ("failed", "stopped"):
        whole = document.whole_budgets(status.study, frame)
        st.warning(progress.ended(status, whole, n_lines(status.study)), icon=":material/error:")
    elif found := leakage.finding(info, others):
        st.markdown(found)
    else:
        st.markdown(members_words.ASK)


def _note(info: Leakage, status: Status | None) -> str:
    """What stands in a chart without a curve."""
    if info.leaks:
        return ""
    return members_words.SOON if progress.is_live(status) else members_words.NOTHING


def _deck(info: Leakage, others: Others, gallery: Gallery | None, study: Study, digest: str, note: str) -> None:
    """Everything that the slider of budgets can show."""
    places = info.epsilons
    (at,) = deck.places(DECK, [len(places) - 1], [len(places)])
    slider = Slider(members_words.BUDGET, members_words.BUDGET_HELP, tuple(map(words.tick, places)), at)
    said = deck.sentence((0,), [leakage.at_budget(info.of(epsilon), epsilon, others) for epsilon in places])
    roc = [leakage_figures.draw_roc(info, epsilon, LIVE, note=note) for epsilon in places]
    by_budget = [leakage_figures.draw_by_budget(info, epsilon, LIVE, note=note) for epsilon in places]
    charts = (
        deck.chart((0,), roc, [leakage_figures.roc_in_words(info, epsilon) for epsilon in places]),
        deck.chart((0,), by_budget, [leakage_figures.by_budget_in_words(info)] * len(places)),
    )
    deck.draw((slider,), said, charts, key=DECK, keep=f"members-{digest}", walls=walls(gallery, study, places))


def walls(gallery: Gallery | None, study: Study, places: tuple[float, ...]) -> tuple[tuple[str, list[Part]], ...]:
    """The images given away most and typical ones, at each budget."""
    if gallery is None:
        return ()
    most = max((max(one.exposure) for one in gallery.most), default=1.0)
    classes = _classes(study)
    return tuple(
        (heading, [_framed(one, gallery.epsilons, places, classes, most) for one in hung])
        for heading, hung in ((members_words.MOST, gallery.most), (members_words.TYPICAL, gallery.typical))
        if hung
    )


def _classes(study: Study) -> tuple[str, ...]:
    here = {choice.name: choice.facts for choice in services.choices().datasets}
    return tuple(here.get(study.dataset, {}).get("classes", ()))


def _framed(
    one: Picture, epsilons: tuple[float, ...], places: tuple[float, ...], classes: tuple[str, ...], most: float
) -> Part:
    """One image at each budget: the fainter, the less of it is given away; `most` is drawn in full."""
    by_budget = dict(zip(epsilons, one.exposure, strict=True))
    shown = classes[one.label] if one.label < len(classes) else f"class {one.label}"

    def at(epsilon: float) -> dict[str, object]:
        exposure = by_budget.get(epsilon)
        said = members_words.NOT_MEASURED if exposure is None else f"{round(exposure, 1) + 0.0:.1f}"
        share = min(1.0, max(0.0, (exposure or 0.0) / most)) if most > 0 else 0.0
        told = {"shown": shown, "exposure": said, "index": one.index, "budget": words.budget(epsilon)}
        return {
            "src": f"data:image/png;base64,{one.png}",
            "alt": members_words.PICTURE_ALT.format(**told),
            "said": members_words.PICTURE.format(**told),
            "opacity": round(FAINT + (1 - FAINT) * share, 3),
        }

    return Part((0,), [at(epsilon) for epsilon in places])


def _gallery(study: Study, digest: str, opening: Opening | None) -> Gallery | None:
    if ledgers.guarded(study.dataset):
        return None
    return opening.gallery if opening is not None else members.gallery(digest)


def _about_gallery(gallery: Gallery | None, study: Study, status: Status | None) -> None:
    """What the images are, or why there are none."""
    if gallery is not None:
        st.caption(members_words.GALLERY.format(n=gallery.n))
    elif ledgers.guarded(study.dataset):
        said = members_words.CLOSED.format(labels.plain(title("dataset", study.dataset)))
        st.info(said, icon=":material/lock:")
    elif not exposes(study):
        st.caption(members_words.NO_GALLERY)
    elif status is not None and progress.is_live(status):
        st.caption(members_words.GALLERY_LATER)
    elif is_hanging(status):
        st.markdown(f":material/hourglass_top: {members_words.GALLERY_SOON}")


def is_hanging(status: Status | None) -> bool:
    """Whether images are being looked up for the gallery of a finished study, so that there is something to come."""
    if status is None or status.state != "done" or ledgers.guarded(status.study.dataset):
        return False
    return members.is_exposed(status.digest, status.study) and members.gallery(status.digest) is None


def _provenance(info: Leakage, study: Study, status: Status | None, opening: Opening | None) -> None:
    """One line: what was learned and attacked, what the promise is about, whence it comes."""
    targets = max((leak.targets for leak in info.leaks), default=0)
    attack = term(titled(info.attack, members_words.ATTACKS), info.attack.removesuffix(ATTACKED))
    delta = term(f"δ{labels.NBSP}{labels.small(study.privacy.delta or 0)}", "delta")
    parts = [provenance.data(study), provenance.bars()]
    parts += [members_words.PROVENANCE.format(targets=targets, attack=attack) + "."] if targets else []
    parts += [f"Promise: {term(labels.UNIT, 'unit')}, {delta}, {term('one model alone', 'one model alone')}."]
    parts += [provenance.origin(status) if status is not None else _origin(opening)]
    st.container(key="provenance").html(f'<p class="frontier-terms">{" ".join(part for part in parts if part)}</p>')


def _origin(opening: Opening | None) -> str:
    if opening is None:
        return ""
    made, machine = opening.made, opening.made["machine"]
    said = members_words.SHIPPED_ORIGIN.format(
        day=labels.day(made["finished"]),
        commit=made["commit"][:7],
        cores=machine["cores"],
        processor=machine["processor"],
    )
    return f"{escape(said)}."


def _numbers(info: Leakage) -> None:
    """What was found at each budget, as a table, and guesses about the study's own models."""
    if not info.leaks:
        return
    with st.expander(members_words.NUMBERS, key="members-numbers"):
        st.html(table(info))
        if said := leakage.guesses(info):
            st.markdown(said)


def table(info: Leakage) -> str:
    """HTML: a row a budget, the least private first."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in members_words.TABLE)
    body = "".join(_row(leak) for leak in reversed(info.leaks))
    return f'<table class="frontier-beside"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _row(leak: Leak) -> str:
    cells = "".join(f"<td>{_found(leak, false_alarms)}</td>" for false_alarms in (FEWER, FEW))
    auc = leak.auc
    told = "" if auc is None else f"{auc.value:.3f}<small>{auc.low:.3f} to {auc.high:.3f}</small>"
    return f'<tr><th scope="row">{words.budget(leak.epsilon)}</th>{cells}<td>{told}</td></tr>'


def _found(leak: Leak, false_alarms: float) -> str:
    share = leak.found.get(false_alarms)
    if share is None:
        return members_words.TOO_FEW if FEW in leak.found else members_words.NOT_MEASURED
    small = [leakage.interval(share)]
    if false_alarms in leak.allowed:
        small.append(members_words.AT_MOST.format(leakage.percent(leak.allowed[false_alarms])))
    return f"{leakage.percent(share.value)}<small>{'<br>'.join(small)}</small>"
