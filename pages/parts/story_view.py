"""The part of a story that follows its studies while they run: the verdict, both numbers, the chart, what made them."""

from html import escape
from math import inf

import pandas as pd
import streamlit as st

from engine import services
from engine.jobs.progress import Status
from engine.report import document, guessing, lines, measures, reproduction, retelling, words
from engine.report.palette import LIVE
from engine.report.points import Point
from engine.report.reproduction import Comparison
from engine.results import LEAKED
from engine.stories import Part, Story
from pages.parts import labels, live, notices, present, progress, provenance, visitor
from pages.parts.labels import term
from pages.parts.story_state import Standing, State, standing

Frames = tuple[pd.DataFrame, ...]
Cells = tuple[str, ...]


def draw(story: Story, state: State) -> None:
    """Everything below the question. `state` is what the rest of the page was drawn for; with another, all is."""
    with notices.told():
        now = standing(story)
        if now.state != state:
            st.rerun()
        for status in now.live:
            visitor.watch(status.digest)
        frames = now.frames()
        with st.container(key="verdict"):
            _headline(now, frames)
        beside, chart = st.columns([1, 1.7], gap="medium")
        with beside, st.container(key="beside"):
            st.html(_table(*_rows(story, frames)))
            _paper(story)
        with chart:
            _chart(now, frames)
            st.caption(labels.unbroken(story.caveat))
        _provenance(now, frames)


def _headline(now: Standing, frames: Frames) -> None:
    """The verdict; while it is not known, what happens."""
    if now.state == "done":
        st.markdown(verdict(now.story, frames), help=_rule(now.story))
    elif now.live:
        first = now.live[0]
        text = progress.doing(first, progress.training(services.provisional(first.digest)))
        st.progress(now.fraction, text=text)
    elif now.state in ("failed", "stopped") and now.ended is not None:
        st.warning(_ended(now.ended), icon=":material/error:")
    else:
        waits = labels.RUN_IT if now.story.is_published else labels.RUN_IT_ALONE
        st.markdown(labels.IMAGES_MISSING if now.remedies else waits)


def _rule(story: Story) -> str | None:
    """By what the verdict was reached."""
    if story.is_published:
        return labels.VERDICT_HELP
    return None if measures.measure_of(story.parts[0]).chance is None else labels.CHANCE_HELP


def _ended(status: Status) -> str:
    study = status.study
    whole = document.whole_budgets(study, services.frame(status.digest))
    return progress.ended(status, whole, len(study.privacy.epsilons))


def verdict(story: Story, frames: Frames) -> str:
    """What a finished story says, in Markdown."""
    guessed = measures.measure_of(story.parts[0]).chance is not None
    if not story.is_published:
        return guessing.hidden_in_words(story, frames) if guessed else reproduction.cost_in_words(story, frames)
    if guessed:
        return guessing.changes_in_words(story, frames)
    found = reproduction.comparisons(story, frames)
    if len(found) == 1:
        return reproduction.verdict_in_words(found[0])
    return "\n".join(f"- {one.label}: {reproduction.verdict_in_words(one)}" for one in found)


def _rows(story: Story, frames: Frames) -> tuple[Cells, list[Cells]]:
    """Heads and rows of the table: published beside measured, or a budget beside none where nothing was published."""
    if story.is_published:
        found = reproduction.comparisons(story, frames)
        parts = [part for part in story.parts for _ in part.published]
        rows = [_compared(part, one, len(found)) for part, one in zip(parts, found, strict=True)]
        return ("", labels.PUBLISHED, labels.MEASURED), rows
    measured = [reproduction.measured_of(part, frame) for part, frame in zip(story.parts, frames, strict=True)]
    rows = [
        (escape(part.label), _point(part, found.get(story.epsilon)), _point(part, found.get(inf)))
        for part, found in zip(story.parts, measured, strict=True)
    ]
    return ("", words.budget(story.epsilon), words.budget(inf)), rows


def _compared(part: Part, one: Comparison, n: int) -> Cells:
    at = words.budget(one.epsilon)
    who = at if n == 1 else f"{escape(one.label)}<br>{at}"
    if not lines.private(one.epsilon):
        return (who, _large(one.published), _point(part, one.measured))
    published, ours = (f"<small>δ{labels.NBSP}{labels.small(delta)}</small>" for delta in one.deltas)
    return (who, _large(one.published) + published, _point(part, one.measured) + (ours if one.measured else ""))


def _large(share: float) -> str:
    return f"<b>{words.percent(share, 1)}</b>"


def _point(part: Part, point: Point | None) -> str:
    """The mean in large type, its interval and how often it was measured in small."""
    if point is None:
        return f"<b>?</b><small>{labels.NOT_MEASURED}</small>"
    interval = f"{100 * point.low:.1f} to {100 * point.high:.1f}"
    return f"{_large(point.mean)}<small>{interval}<br>{measures.repeated(part, point)}</small>"


def _table(heads: Cells, rows: list[Cells]) -> str:
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return f'<table class="frontier-beside"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _paper(story: Story) -> None:
    """What the paper says, and where."""
    source = f" [{labels.plain(story.paper)}]({story.link})" if story.link else ""
    head = f"**{labels.PAPER_SAYS}** " if story.is_published else ""
    st.markdown(f"{head}{labels.unbroken(story.said)}{source}")


def _chart(now: Standing, frames: Frames) -> None:
    info = reproduction.side_by_side(now.story, frames, now.provisional())
    drawn = retelling.draw(info, LIVE, note="" if info.spots else labels.NOT_YET_RUN)
    chart = live.Chart(drawn, reproduction.in_words(info))
    live.charts(chart, key="story-chart", keep=f"story-{now.story.name}", large=present.on())


def _provenance(now: Standing, frames: Frames) -> None:
    """One line: what was measured on what, what our epsilon rests on, where it comes from."""
    parts = []
    for part, status, frame in zip(now.story.parts, now.statuses, frames, strict=True):
        if status is not None and len(frame):
            parts += [provenance.data(status.study, _attacked(part)), provenance.origin(status)]
    parts = [*dict.fromkeys(parts), provenance.bars()] if parts else []
    private = next((frame[frame["epsilon"] < inf] for frame in frames if len(frame)), None)
    if private is not None and len(private):
        parts.append(_epsilon(private))
    st.container(key="provenance").html(f'<p class="frontier-terms">{" ".join(part for part in parts if part)}</p>')


def _attacked(part: Part) -> str:
    """Which models the shares are of, where those are not the study's own; else ""."""
    return term(measures.learned_from(part.study), "attacked models") if part.measure.startswith(LEAKED) else ""


def _epsilon(private: pd.DataFrame) -> str:
    """What the budgets of our models rest on."""
    row = private.iloc[0]
    said = (
        term(str(row["accountant"]), "accountant"),
        term("Poisson batches", "sample_rate"),
        term(f"δ{labels.NBSP}{labels.small(float(row['delta']))}", "delta"),
        term(str(row["unit"]), "unit"),
        term(labels.GUARANTEE[str(row["mode"])], str(row["mode"])),
    )
    return f"Our ε, for each model alone: {', '.join(said)}. {term('Epsilon excludes tuning', 'tuning')}."
