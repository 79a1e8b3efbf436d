"""Copied model: what answers alone give away of a model, private or not; a finished picture first, then live."""

from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qsl

import streamlit as st

from engine.lab import catalogue, client
from engine.lab.catalogue import Model
from engine.report import copied as report
from engine.report.palette import LIVE
from engine.threats import copied
from engine.threats.copied import Made
from pages.parts import copied_link, copied_run, copied_words, lab, labels, live, titles
from pages.parts.copied_link import Choice
from pages.parts.copied_run import Run

TICK = 1.0  # seconds between two looks at a run
TRADEOFF = "explore/tradeoff.py"


def controls(offered: list[Model]) -> Choice:
    """Which models, asked what and how often; not to be changed while a run goes on."""
    run = copied_run.current()
    busy = run is not None and run.live
    with st.container(border=True, key="form"):
        choice = copied_link.draw(offered, disabled=busy, on_change=copied_run.forget)
        reason = catalogue.closed(choice.dataset)
        with st.container(horizontal=True, vertical_alignment="center"):
            begin = partial(copied_run.start, choice.models, choice.pictures, choice.most)
            off = busy or bool(reason)
            st.button(offer(choice), "copied-start", type="primary", disabled=off, on_click=begin)
            if reason:
                st.markdown(f":material/info: {labels.plain(reason)}")
    return choice


def offer(choice: Choice) -> str:
    """The button, with what it costs as far as that is known."""
    n = len(list(copied.questions([one.name for one in choice.models], choice.pictures, choice.most)))
    each = [copied_run.made(one, choice.pictures)[0].seconds for one in choice.models]
    about = copied_words.ABOUT.format(labels.duration(n * sum(each) / len(each))) if all(each) else ""
    return (copied_words.RUN_ONE if len(each) == 1 else copied_words.RUN).format(n=n, about=about)


def picture(choice: Choice, was_live: bool) -> None:
    """The finding, the charts and where they come from; while a run goes on, how far it is."""
    run = copied_run.current()
    if run is not None and run.live:
        copied_run.advance(run)
    found = [copied_run.made(model, choice.pictures) for model in choice.models]
    infos = [made.copies(model, choice.most) for model, (made, _) in zip(choice.models, found, strict=True)]
    with st.container(key="headline"):
        headline(run, infos, choice)
    charts(infos, copied_words.SOON if was_live else copied_words.NOTHING, choice)
    provenance(choice, [made for made, _ in found], all(earlier for _, earlier in found))
    if was_live and (run is None or not run.live):
        st.rerun()


def charts(infos: list[report.Copies], note: str, choice: Choice) -> None:
    """One a model; `note` stands in those that hold nothing."""
    drawn = [
        live.Chart(report.draw(info, LIVE, note="" if info.points else note), report.in_words(info)) for info in infos
    ]
    live.charts(*drawn, key="copied-charts", keep=f"{choice.names}-{choice.pictures}-{choice.most}")


def headline(run: Run | None, infos: list[report.Copies], choice: Choice) -> None:
    if run is not None and run.live:
        how_far, stop = st.columns([6, 1], gap="small", vertical_alignment="center")
        how_far.progress(run.done / run.n, text=doing(run, choice))
        stop.button(copied_words.STOP, "copied-stop", icon=":material/stop:", on_click=copied_run.stop, width="stretch")
        return
    if said := report.finding(infos):
        st.markdown(said, help=copied_words.FINDING_HELP)
    if run is not None and run.problem:
        st.warning(labels.plain(run.problem), icon=":material/info:")


def doing(run: Run, choice: Choice) -> str:
    """Which copy is being trained, and how long all of them take."""
    now, left = run.left[0], run.seconds_left
    said = next(one.said for one in choice.models if one.name == now["models"][0])
    return copied_words.DOING.format(
        done=run.done + 1,
        n=run.n,
        said=said,
        answers=report.ANSWERS[now["answers"]],
        queries=now["queries"],
        left="" if left is None else copied_words.LEFT.format(labels.duration(left)),
    )


def provenance(choice: Choice, made: list[Made], earlier: bool) -> None:
    """What was asked, what it was measured on, and whence the numbers come."""
    first = next((one for one in made if one.points), None)
    if first is None:
        return
    asks = copied_words.HOLDS.format(first.held) if first.held else copied_words.HOLDS_NONE
    said = copied_words.ABOUT_POINTS.format(
        title=titles.title("dataset", choice.dataset),
        asks=asks,
        measured=first.measured,
        steps=copied.STEPS,
        nbsp=labels.NBSP,
    )
    st.caption(f"{labels.plain(said)} {labels.plain(source(earlier))}")


def source(earlier: bool) -> str:
    if not earlier:
        return copied_words.HERE
    about = copied.origin()
    day = datetime.fromtimestamp(about["created"], UTC).date().isoformat()
    return copied_words.EARLIER.format(day=day, commit=about["commit"][:7], cores=about["machine"]["cores"])


st.title(copied_words.TITLE, anchor=False)
st.markdown(copied_words.QUESTION)
client.wake()
if not (offered := copied.offered()):
    st.info(copied_words.EMPTY, icon=":material/info:")
    st.page_link(TRADEOFF, label=copied_words.PRICED, icon=":material/show_chart:")
else:
    if copied_link.read(offered):
        st.warning(copied_words.LINK_LEFT_OUT, icon=":material/link_off:")
    place = st.container()
    choice = controls(offered)
    with place:
        run = copied_run.current()
        going = run is not None and run.live
        st.fragment(picture, run_every=TICK if going else None)(choice, going)
    copied_link.write(choice)
    st.markdown(copied_words.MEANING)
    there = dict(parse_qsl(lab.priced(choice.models[-1]).partition("?")[2]))
    st.page_link(TRADEOFF, label=copied_words.PRICED, icon=":material/show_chart:", query_params=there)
