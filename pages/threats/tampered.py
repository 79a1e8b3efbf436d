"""Tampered images: one picture, one or two models, an attack and its strength. The browser asks the lab itself."""

import streamlit as st

from engine.lab import catalogue, client
from pages.parts import lab, lab_link, lab_words, labels

st.title(lab_words.TITLE, anchor=False)
st.markdown(lab_words.INTRO)
client.wake()
if not (models := catalogue.offered()):
    st.info(lab_words.EMPTY, icon=":material/info:")
    st.page_link("explore/tradeoff.py", label=lab_words.WORDS["priced"], icon=":material/show_chart:")
else:
    start, problems = lab_link.start(st.query_params.to_dict(), models)
    if problems:
        said = labels.plain(", ".join(problems))
        st.warning(lab_words.LINK_LEFT_OUT.format(said), icon=":material/link_off:")
    lab.draw(models, start)
