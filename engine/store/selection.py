"""Which studies are wanted, as conditions in SQL: quick with tens of thousands of them."""

from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, exists, func, or_, select

from engine.store.tables import jobs, studies, tags
from engine.wanted import Wanted


def _any(*states: str) -> ColumnElement[bool]:
    return func.max(case((jobs.c.state.in_(states), 1), else_=0)) == 1


def states() -> Subquery:
    """(study, state) of every study, by the rule of progress: what runs, waits, failed or was stopped says so."""
    state = case(
        (or_(_any("running", "stopping"), and_(_any("queued"), _any("done"))), "running"),
        (_any("queued"), "queued"),
        (_any("failed"), "failed"),
        (_any("stopped"), "stopped"),
        else_="done",
    )
    return select(jobs.c.study, state.label("state")).group_by(jobs.c.study).subquery("states")


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What has to hold of a row of `studies`."""
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        known = states()
        found.append(studies.c.digest.in_(select(known.c.study).where(known.c.state.in_(wanted.states))))
    if wanted.dataset:
        found.append(studies.c.dataset == wanted.dataset)
    if wanted.model:
        found.append(studies.c.model == wanted.model)
    if wanted.tag:
        found.append(_tagged(tags.c.tag == wanted.tag))
    if wanted.text:
        found.append(_said(wanted.text))
    if wanted.digests is not None:
        found.append(studies.c.digest.in_(wanted.digests))
    return found


def _said(text: str) -> ColumnElement[bool]:
    inside: dict[str, Any] = {"autoescape": True}
    return or_(
        studies.c.digest.startswith(text.lower(), **inside),
        studies.c.note.icontains(text, **inside),
        _tagged(tags.c.tag.icontains(text, **inside)),
    )


def _tagged(holds: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(tags.c.study == studies.c.digest, holds)
