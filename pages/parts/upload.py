"""A person's own images, from a zip to a data set: choose, look, keep or discard."""

from functools import partial
from pathlib import PurePath

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from engine import holdings
from engine.data.folder import SIDE, SIDE_HIGH, SIDE_LOW, SIDE_STEP
from engine.data.own import About
from engine.errors import FrontierError
from engine.holdings import Draft
from pages.parts import labels, notices, samples, uploaded

DRAFT, REFUSED, ROUND = "draft", "refused", "upload-round"
SIDES = [side for side in (8, 16, 20, 24, SIDE, 32, 40, SIDE_HIGH) if side >= SIDE_LOW and side % SIDE_STEP == 0]
HOW = (
    "A zip of PNG or JPEG files, one folder for each class. With folders `train` and `test` above them these are the "
    "two splits; without, a fifth of each class is set aside for testing. The middle square of each picture is kept, "
    "resized, on the machine that runs this server."
)
PUBLIC = (
    "The number of images, the classes, the split and whether pictures are kept in colour count as public: no promise "
    "of privacy covers them. Several images of one person are not one unit."
)


def draw() -> None:
    """The preview of what was read, if there is one, else the form."""
    name = st.session_state.get(DRAFT)
    if name and (draft := holdings.draft(name)):
        _preview(draft)
    else:
        _form()


def _form() -> None:
    sentence = st.session_state.pop(REFUSED, None)
    with st.expander("Add your own images", icon=":material/add_photo_alternate:", expanded=sentence is not None):
        if sentence:
            st.error(labels.plain(sentence), icon=":material/error:")
        _ask()


def _ask() -> None:
    with st.form("add", border=False):
        st.markdown(HOW)
        # a new key after each try: with the old one Streamlit lets go of the file
        file = st.file_uploader("Zip of images", type="zip", key=f"zip-{st.session_state.get(ROUND, 0)}")
        left, right = st.columns(2, gap="medium")
        called = left.text_input("Title", placeholder="the name of the file", max_chars=60)
        side = right.selectbox("Pixels a side", SIDES, index=SIDES.index(SIDE), help=labels.SIDE_HELP)
        pressed = st.form_submit_button("Check these images", type="primary")
        bar = st.empty()
    if pressed and file is None:
        st.warning("Choose a zip first.", icon=":material/info:")
    elif pressed and file is not None:
        _check(file, called, side, bar)


def _check(file: UploadedFile, called: str, side: int, bar: DeltaGenerator) -> None:
    """Read the zip in this very run; afterwards the page is drawn anew, without the file."""

    def tell(done: int, total: int) -> None:
        bar.progress(done / total, text=f"{done:,} of {total:,} pictures read")

    bar.progress(0.0, text="Looking into the zip")
    try:
        draft = holdings.check(file, called=called or PurePath(file.name).stem, file=file.name, side=side, tell=tell)
        st.session_state[DRAFT] = draft.name
    except FrontierError as error:
        st.session_state[REFUSED] = str(error)[:1].upper() + str(error)[1:]
    finally:  # also when somebody leaves meanwhile
        uploaded.let_go(file)
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.rerun()


def _preview(draft: Draft) -> None:
    about = draft.about
    with st.container(border=True, key="preview"):
        st.markdown(f"**{labels.plain(about.title)}**, not kept yet  \n{labels.counted(about.own.model_dump())}.")
        samples.show(draft.samples, about.title, about.own.classes)
        table, told = st.columns([1.2, 1], gap="medium")
        height = min(300, 36 * (1 + len(about.train)))
        table.dataframe(_counts(about), hide_index=True, height=height, alt=_takeaway(about))
        for sentence in (*_left_out(about), PUBLIC):
            told.caption(sentence)
        with st.container(horizontal=True):
            st.button("Keep these images", key="keep", type="primary", on_click=partial(_keep, draft.name))
            st.button("Discard", key="discard", on_click=partial(_discard, draft.name))


def _counts(about: About) -> pd.DataFrame:
    return pd.DataFrame({"Class": about.own.classes, "Training": about.train, "Test": about.test})


def _takeaway(about: About) -> str:
    return f"{len(about.train)} classes of {min(about.train):,} to {max(about.train):,} training images."


def _left_out(about: About) -> list[str]:
    sentences = []
    if about.repeated:
        images = "1 training image was" if about.repeated == 1 else f"{about.repeated:,} training images were"
        sentences.append(f"{images} left out: the same pictures are for testing.")
    if about.passed_over:
        files = "1 file was" if about.passed_over == 1 else f"{about.passed_over:,} files were"
        sentences.append(f"{files} left out that are no PNG or JPEG, such as {labels.plain(about.such_as)}.")
    return sentences


def _keep(name: str) -> None:
    with notices.remember():
        st.session_state[DRAFT] = None
        holdings.keep(name)


def _discard(name: str) -> None:
    with notices.remember():
        st.session_state[DRAFT] = None
        holdings.discard(name)
