"""What can be taken home from a study: files for people, for papers and for programs."""

from functools import partial

import streamlit as st

from engine import exports, ledgers, services
from engine.report import promise
from engine.report.export import FORMATS, WIDTHS, download_name
from engine.study import Study
from pages.parts import labels

MARKS = "export-marks"
HEADING = 108  # px, so that a row fits a phone


def mark(digest: str, strength: float | None) -> None:
    """The charts of a study are marked at this strength: its files will be, too.

    Kept in one place per visitor, because files are made when they are clicked, and a moved mark redraws charts alone.
    """
    st.session_state.setdefault(MARKS, {})[digest] = strength


def panel(digest: str, study: Study) -> None:
    """Behind one button, every file that there is of a study with results; each is made when it is clicked."""
    with st.popover(labels.EXPORT, icon=":material/download:"):
        frame = ledgers.passed_on(study, services.frame(digest))
        if reason := exports.withheld(study):
            st.info(reason, icon=":material/lock:")
            if frame.empty:
                return
        _download(digest, study, "zip", labels.EVERYTHING, width=WIDTHS[-1], primary=True)
        st.caption(labels.EVERYTHING_HELP)
        for width in WIDTHS:
            _row(digest, study, labels.FIGURES[width], ("png", "svg", "pdf"), width)
        _row(digest, study, labels.NUMBERS, ("csv", "parquet", "json"), WIDTHS[-1])
        if promise.measured(frame):
            for width in WIDTHS:
                _row(digest, study, labels.PROMISE_FIGURES[width], ("promise-png", "promise-svg", "promise-pdf"), width)
            _row(digest, study, labels.PROMISE_NUMBERS, ("promise-csv",), WIDTHS[-1])
        _row(digest, study, labels.ABOUT, ("caption", "study"), WIDTHS[-1])


def _row(digest: str, study: Study, heading: str, names: tuple[str, ...], width: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(heading, width=HEADING)
        for name in names:
            _download(digest, study, name, labels.FILES[name.removeprefix("promise-")], width=width)


def _download(digest: str, study: Study, name: str, label: str, *, width: int, primary: bool = False) -> None:
    marks: dict[str, float | None] = st.session_state.setdefault(MARKS, {})
    st.download_button(
        label,
        data=partial(_content, digest, name, width, marks),
        file_name=download_name(study.dataset, digest, name, width),
        mime=FORMATS[name].media,
        type="primary" if primary else "secondary",
        on_click="ignore",
        key=f"export-{name}-{width}",
    )


def _content(digest: str, name: str, width: int, marks: dict[str, float | None]) -> bytes:
    """The file as it is now. Runs when no script does, and sees no session: `marks` is the one that it keeps."""
    (content,) = exports.export(digest, name, width=width, strength=marks.get(digest)).values()
    return content
