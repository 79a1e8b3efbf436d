"""Rebuilt images: what a gradient gives away of the images it is of, and what a model holds of a class."""

import streamlit as st

from engine import ledgers
from engine.lab import catalogue, client
from engine.threats.rebuilt import DATASET, shipped
from pages.parts import rebuilt, rebuilt_words

st.title(rebuilt_words.TITLE, anchor=False)
st.markdown(rebuilt_words.INTRO)
client.wake()
if ledgers.private(DATASET):
    st.info(rebuilt_words.PRIVATE, icon=":material/lock:")
elif (found := shipped()) is None:
    st.info(rebuilt_words.GONE, icon=":material/info:")
else:
    rebuilt.draw(found, catalogue.offered())
