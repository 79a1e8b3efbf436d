"""The rows of a privacy ledger as tables, and the staircase that they make."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine import services
from engine.ledgers import Entry, Statement
from engine.report import staircase
from engine.report.palette import LIVE
from engine.report.staircase import Staircase
from engine.wanted import ALL
from pages.parts import labels, ledger_words, live, study_link
from pages.parts.titles import within

LINK = st.column_config.LinkColumn(display_text="Open", help="Opens the curves of this study.", width="small")
MOST = 500  # rows of a table


def chart(info: Statement) -> None:
    """What was spent, release by release."""
    releases = info.releases
    told = [_told(number, one) for number, one in enumerate(releases, 1)]
    drawn = Staircase(
        tuple(one.total for one in releases), tuple(told), info.cap.epsilon if info.cap else None
    )  # fmt: skip
    live.charts(
        live.Chart(staircase.draw(drawn, LIVE), staircase.in_words(drawn)), key="ledger", keep=f"ledger-{info.dataset}"
    )


def _told(number: int, one: Entry) -> str:
    return f"Release {number}, {labels.moment(one.written)}<br>{_what(one)}<br>{one.total:.2f} spent after it"


def released(info: Statement) -> None:
    """What counts, newest first."""
    entries = info.releases[::-1][:MOST]
    links = _links(entries)
    st.dataframe(
        pd.DataFrame([_release(one, links) for one in entries]),
        hide_index=True,
        placeholder="",
        column_config={
            "Study": LINK,
            "Alone": st.column_config.TextColumn(help=ledger_words.ALONE),
            "Total": st.column_config.TextColumn(help=ledger_words.TOTAL),
        },
        alt=f"{len(entries)} releases, newest first, with the privacy budget of each and the total after it.",
    )


def _release(one: Entry, links: dict[str, str]) -> dict[str, Any]:
    return {
        "When": labels.moment(one.written),
        "Study": links.get(one.study),
        "What": _what(one),
        "Budgets ε": ", ".join(f"{epsilon:g}" for epsilon in one.said.get("epsilons", ())) or None,
        "Batches": None if one.kind == "redone" else "shared" if one.said.get("shared") else "own",
        "Noise": one.said.get("mode", ""),
        "Alone": f"{one.alone:.2f}",
        "Total": f"{one.total:.2f}",
        "Digest": one.study[:8],
    }


def _what(one: Entry) -> str:
    model = within("model", str(one.said.get("model", "")))
    if one.kind == "redone":
        steps = max((step for *_, step in one.said.get("mechanisms", ())), default=0)
        return f"{model}: {steps:,} steps made again"
    return f"{model}: {labels.models(len(one.said.get('mechanisms', ())))}"


def unprotected(info: Statement) -> None:
    """What has no finite epsilon, newest first."""
    entries = info.unprotected[::-1][:MOST]
    links = _links(entries)
    rows = [
        {
            "When": labels.moment(one.written),
            "Study": links.get(one.study),
            "What": f"{within('model', str(one.said.get('model', '')))}: {' and '.join(one.said.get('which', ()))}",
            "Digest": one.study[:8],
        }
        for one in entries
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        placeholder="",
        column_config={"Study": LINK},
        alt=f"{len(entries)} studies with models that have no guarantee, newest first.",
    )


def _links(entries: Sequence[Entry]) -> dict[str, str]:
    """Addresses of those studies that are still there, and whose results need not stay with their owner."""
    digests = list({one.study for one in entries})
    here = services.statuses(max(1, len(digests)), 0, ALL.among(digests))
    return study_link.addresses(here)


def decided(info: Statement) -> list[str]:
    """What the owner decided and what was accepted, a line each, newest first."""
    return [_decision(one) for one in info.of_kind("cap", "private", "public", "accepted")[::-1]]


def _cap(one: Entry) -> str:
    epsilon, delta = one.said.get("epsilon"), one.said.get("delta", 0.0)
    return f"a cap of {epsilon:g} at δ {labels.small(delta)}" if epsilon else "the cap was lifted"


def _decision(one: Entry) -> str:
    what = {
        "cap": _cap(one),
        "private": "marked private",
        "public": "marked public",
        "accepted": f"accepted although {'; '.join(one.said.get('problems', ()))}",
    }[one.kind]
    return f"{labels.moment(one.written)}: {what}"
