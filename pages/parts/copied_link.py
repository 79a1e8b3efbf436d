"""What is chosen on `Copied model`, and its address: models, the attacker's pictures, the most questions."""

from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.lab import catalogue
from engine.lab.catalogue import Model
from engine.threats import copied
from pages.parts import address, copied_words, titles

PAGE = "copied"
IMAGES, FIRST, SECOND = "copied-images", "copied-first", "copied-second"
PICTURES, MOST = "copied-pictures", "copied-most"


@dataclass(frozen=True)
class Choice:
    """One or two models of the same images, what they are asked about, and how often at most."""

    models: tuple[Model, ...]
    pictures: str
    most: int

    @property
    def dataset(self) -> str:
        return self.models[0].study.dataset

    @property
    def names(self) -> str:
        return ",".join(model.name for model in self.models)


def read(offered: list[Model]) -> bool:
    """Begin with what the link says, or what was left here; as usual where that is not usable, then True."""
    now, came = address.read(PAGE)
    if came or FIRST not in st.session_state:
        return _begin(now, offered)
    return False


def _begin(said: dict[str, str], offered: list[Model]) -> bool:
    by_name = {model.name: model for model in offered}
    named = [name for name in said.get("models", "").split(",") if name][:2]
    found = [by_name[name] for name in named if name in by_name]
    whole = len(found) == len(named) and len({one.study.dataset for one in found}) <= 1
    _choose(found if found and whole else catalogue.usual(offered))
    pictures, most = said.get("pictures", "alike"), said.get("questions", str(copied.BUDGETS[-1]))
    budgets = {str(one): one for one in copied.BUDGETS}
    st.session_state[PICTURES] = pictures if pictures in copied.PICTURES else "alike"
    st.session_state[MOST] = budgets.get(most, copied.BUDGETS[-1])
    return not whole or pictures not in copied.PICTURES or most not in budgets


def _choose(models: list[Model]) -> None:
    st.session_state[IMAGES] = models[0].study.dataset
    st.session_state[FIRST] = models[0].name
    st.session_state[SECOND] = models[1].name if len(models) > 1 else ""


def draw(offered: list[Model], **how: Any) -> Choice:
    """The controls; `how` is passed on to each."""
    _still_there(offered)
    images, first, second = st.columns(3, gap="small")
    datasets = list(dict.fromkeys(model.study.dataset for model in offered))
    with images:
        st.selectbox(copied_words.IMAGES, datasets, format_func=_title, key=IMAGES, **how)
    _still_there(offered)
    same = {one.name: one for one in offered if one.study.dataset == st.session_state[IMAGES]}
    _models(same, first, second, **how)
    left, right = st.columns([2, 1], gap="small")
    with left:
        _pictures(**how)
    with right:
        st.selectbox(
            copied_words.MOST, copied.BUDGETS, format_func=_number, key=MOST, help=copied_words.MOST_HELP, **how
        )
    chosen = [same[st.session_state[key]] for key in (FIRST, SECOND) if st.session_state[key]]
    return Choice(tuple(chosen), st.session_state[PICTURES], st.session_state[MOST])


def _models(same: dict[str, Model], first: DeltaGenerator, second: DeltaGenerator, **how: Any) -> None:
    """One of the models of some images, and another one or none."""
    first.selectbox(copied_words.FIRST, list(same), format_func=lambda name: same[name].title, key=FIRST, **how)
    others = [name for name in same if name != st.session_state[FIRST]]
    if st.session_state[SECOND] not in others:
        st.session_state[SECOND] = ""
    called = {"": copied_words.NONE} | {name: one.title for name, one in same.items()}
    second.selectbox(copied_words.SECOND, ["", *others], format_func=called.__getitem__, key=SECOND, **how)


def _pictures(**how: Any) -> None:
    st.segmented_control(
        copied_words.PICTURES_LABEL, copied.PICTURES, format_func=copied_words.PICTURES.__getitem__,
        key=PICTURES, help=copied_words.PICTURES_HELP, required=True, **how,
    )  # fmt: skip


def _number(n: int) -> str:
    return f"{n:,}"


def _still_there(offered: list[Model]) -> None:
    """Of other images the usual models; so, too, when a chosen model has gone."""
    same = [one for one in offered if one.study.dataset == st.session_state.get(IMAGES)]
    if not same:
        _choose(catalogue.usual(offered))
    elif st.session_state.get(FIRST) not in {one.name for one in same}:
        _choose(catalogue.usual(same))


def _title(dataset: str) -> str:
    return titles.title("dataset", dataset)


def write(choice: Choice) -> None:
    """Make the address say what is chosen."""
    said = {"models": choice.names, "pictures": choice.pictures, "questions": str(choice.most)}
    address.write(PAGE, said)
