"""Privacy ledger: what was spent of each data set's privacy, under which cap, and what has no guarantee."""

import streamlit as st

from engine import ledgers
from engine.ledgers import Statement
from pages.parts import address, labels, ledger_tables, ledger_words, notices
from pages.parts.titles import title

PAGE, DATASET = "ledger", "dataset"
CHOSEN = "ledger-dataset"  # in the session
TRADEOFF = "explore/tradeoff.py"


def choose() -> str:
    """The data set whose ledger is shown: as the link says, or the first."""
    names = ledgers.names()
    said, came = address.read(PAGE)
    if came or st.session_state.get(CHOSEN) not in names:
        st.session_state[CHOSEN] = said[DATASET] if said.get(DATASET) in names else names[0]
    return str(st.selectbox(labels.IMAGES, names, key=CHOSEN, format_func=lambda name: title("dataset", name)))


def in_short(info: Statement) -> str:
    """How it stands, in a sentence (Markdown)."""
    at = f"(ε at δ{labels.NBSP}{labels.small(info.delta)})"
    if info.cap is None:
        return f"**{info.total:.2f}** spent {at}, and no cap is set: this total is information."
    (counted, held), under = info.counted, f"at δ{labels.NBSP}{labels.small(info.cap.delta)}"
    left = "nothing is left" if held >= info.cap.epsilon else "what would pass it is refused before it starts"
    return (
        f"**{info.total:.2f}** spent {at}. {ledger_words.COUNTS} **{counted:.2f}** of a cap of "
        f"**{info.cap.epsilon:g}** spent {under}: {left}."
    )


def warnings(info: Statement) -> None:
    """What does not add up, and what holds for these images."""
    for name, found in info.problems.items():
        st.error(
            f"The ledger of {labels.plain(title('dataset', name))} does not add up: {'; '.join(found)}. Nothing more "
            "is charged to it until its owner brings back a copy of the store, or accepts it as it stands: "
            f"`python -m engine ledger accept {name}`.",
            icon=":material/error:",
        )
    if info.demonstration:
        st.info(ledger_words.DEMONSTRATION, icon=":material/info:")
    if info.private:
        st.info(ledger_words.PRIVATE, icon=":material/lock:")
    if info.shares_with:
        others = ", ".join(labels.plain(title("dataset", name)) for name in info.shares_with)
        st.info(f"Shares its budget with **{others}**: they have training images in common.", icon=":material/link:")
    if info.cap and (seeded := sum(one.said.get("mode") != "private" for one in info.releases)):
        st.caption(ledger_words.SEEDED.format(seeded))


def spent(info: Statement) -> None:
    if info.held > info.total:
        st.caption(f"Reserved besides, by studies that wait or begin: {info.held - info.total:.2f}.")
    if not info.releases:
        st.markdown(ledger_words.EMPTY)
        st.page_link(TRADEOFF, label="Compute your first curves", icon=":material/show_chart:")
        return
    ledger_tables.chart(info)
    st.subheader("Released", anchor=False)
    ledger_tables.released(info)


def owner(info: Statement) -> None:
    """What the owner may do, by commands alone, and what was decided."""
    st.subheader("A cap", anchor=False)
    st.markdown(ledger_words.CAP)
    st.code(f"python -m engine ledger cap {info.dataset} 8", language=None)
    st.caption(ledger_words.MARK)
    st.code(f"python -m engine ledger {'public' if info.private else 'private'} {info.dataset}", language=None)
    if lines := ledger_tables.decided(info):
        st.markdown("\n".join(f"- {labels.plain(line)}" for line in lines))


def chain(info: Statement) -> None:
    rows = f"{len(info.entries):,} {'row' if len(info.entries) == 1 else 'rows'}"
    if not info.problems:
        st.caption(f"{rows}, each with the hash of the one before it: checked a moment ago, nothing was changed.")
    with st.expander("What the words mean", icon=":material/help:"):
        st.markdown(ledger_words.WORDS)


st.title("Privacy ledger", anchor=False)
notices.problem()
st.markdown(ledger_words.INTRO)
info = ledgers.statement(choose())
st.markdown(in_short(info))
warnings(info)
spent(info)
if info.unprotected:
    st.subheader("No guarantee", anchor=False)
    st.caption(ledger_words.UNPROTECTED)
    ledger_tables.unprotected(info)
owner(info)
chain(info)
address.write(PAGE, {DATASET: info.dataset})
