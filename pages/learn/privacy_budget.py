"""What is a privacy budget? Three pictures for somebody who never met one: a count, a training step, an attacker."""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from engine import lessons, services
from engine.lessons import Attacked, Counted
from engine.privacy import mechanisms
from engine.privacy.inside import Inside
from engine.report import count
from engine.report.count import Answer
from engine.services import Choice
from pages.parts import labels, lesson, lesson_words, notices

TRADEOFF = "explore/tradeoff.py"
DEFAULT, SEVEN = "digits", 7
TICK = 1.0  # seconds between two looks at what is being worked out
SEVERAL, MOST = 20, 400  # answers at one press, and marked in one picture
Draw = Callable[[Choice, int, Any], None]


def chosen() -> Choice:
    """The images that everything here is about: those of this machine."""
    here = {choice.name: choice for choice in services.choices().datasets if choice.available}
    if st.session_state.get("learn-data", DEFAULT) not in here:  # deleted meanwhile
        del st.session_state["learn-data"]
    st.session_state.setdefault("learn-data", DEFAULT)
    name = st.selectbox(
        labels.IMAGES, sorted(here, key=lambda name: name != DEFAULT), key="learn-data",
        format_func=lambda name: labels.images(here[name].title, here[name].facts),
    )  # fmt: skip
    return here[name]


def counted_class(choice: Choice) -> int:
    classes = choice.facts["classes"]
    key = f"learn-class-{choice.name}"
    st.session_state.setdefault(key, min(SEVEN, len(classes) - 1))
    label: int = st.selectbox(lesson_words.COUNTED, range(len(classes)), key=key, format_func=classes.__getitem__)
    return label


def asked(name: str, label: int) -> list[Answer]:
    """What was answered about this class so far."""
    answers: list[Answer] = st.session_state.setdefault("learn-answers", {}).setdefault((name, label), [])
    return answers


def ask(answers: list[Answer], n: int, mechanism: str, delta: float, times: int) -> None:
    """Ask at the budget of the slider, with noise that nobody can foretell."""
    (place,) = lesson.at("count", [len(lesson.COUNT_BUDGETS)])
    info = count.count(n, mechanism, lesson.COUNT_BUDGETS[place], delta)
    source = secrets.SystemRandom()
    for _ in range(min(times, MOST - len(answers))):
        value = mechanisms.draw(mechanism, n, info.scale, source)
        answers.append(Answer(mechanism, info.epsilon, info.scale, value))


def act_count(choice: Choice, label: int, held: Counted) -> None:
    """A count, its answers, and the budget that they spend."""
    n, delta, shown = held.counts[label], lessons.delta(choice.name), labels.plain(choice.facts["classes"][label])
    if n == 0:
        st.info(lesson_words.NONE.format(shown=shown), icon=":material/info:")
        return
    text, picture = st.columns([5, 1], gap="medium", vertical_alignment="center")
    said = {"total": f"{choice.facts['n_train']:,}", "count": f"{n:,}", "less": f"{n - 1:,}"}
    text.markdown(lesson_words.COUNT.format(shown=shown, **said))
    with text:
        mechanism = noise()
    with picture:
        lesson.one(held.pictures[label], choice.facts["classes"][label])
    answers = asked(choice.name, label)
    lesson.show("count", lesson.of_count(n, mechanism, delta, tuple(answers)), f"{choice.name}-{label}")
    with st.container(horizontal=True, vertical_alignment="center"):
        questions(answers, partial(ask, answers, n, mechanism, delta))
        st.markdown(count.budget_spent(answers, delta))


def noise() -> str:
    mechanism: str = st.radio(
        lesson_words.NOISE,
        list(lesson_words.NOISES),
        format_func=lesson_words.NOISES.__getitem__,
        horizontal=True,
        key="learn-mechanism",
        help=lesson_words.NOISE_HELP,
    )
    return mechanism


def questions(answers: list[Answer], again: Callable[[int], None]) -> None:
    """What can be asked now, and what cannot be undone."""
    once, more, forget = lesson_words.ASK, lesson_words.ASK_MORE, lesson_words.FORGET
    full, none = len(answers) >= MOST, not answers
    st.button(once, "learn-ask", lesson_words.ASK_HELP, again, args=(1,), type="primary", disabled=full)
    st.button(more, "learn-ask-more", None, again, args=(SEVERAL,), disabled=full)
    st.button(forget, "learn-forget", lesson_words.FORGET_HELP, answers.clear, disabled=none, type="tertiary")


def act_step(choice: Choice, label: int, seen: Inside) -> None:
    """A training step: what is shortened, what noise leaves, and how that looks."""
    facts = choice.facts
    st.markdown(lesson_words.STEP)
    seed = st.session_state.setdefault("learn-seed", secrets.randbits(63))
    drawn = lesson.of_step(seen, label, facts["classes"][label], tuple(facts["shape"]), seed)
    lesson.show("step", drawn, choice.name)
    st.button(lesson_words.AGAIN, "learn-again", on_click=st.session_state.pop, args=("learn-seed", None))
    st.caption(lesson.about_step(seen, choice))


def looked_at(choice: Choice) -> Choice | None:
    """The images that are shown: others, and that is said, where the chosen ones are under the ledger."""
    name = lessons.shown(choice.name)
    if name == choice.name:
        return choice
    seen = next((one for one in services.choices().datasets if one.name == name), None)
    said = lesson_words.PUBLIC.format(labels.plain(seen.title)) if seen else lesson_words.OTHERS
    st.info(f"{lesson_words.CLOSED.format(labels.plain(choice.title))} {said}", icon=":material/lock:")
    return seen


def acts(choice: Choice, label: int) -> None:
    show("count", lessons.counted, act_count, choice, label)
    show("step", lessons.step, act_step, choice, label)
    show("attack", lessons.attacked, act_attack, choice, label)


def act_attack(choice: Choice, label: int, found: tuple[Attacked, ...]) -> None:
    """What no attack on the default training can beat."""
    st.markdown(lesson_words.ATTACK)
    lesson.show("attack", lesson.of_attack(found), choice.name)
    st.caption(lesson.about_attack(found, choice))


def show(name: str, ask_for: Callable[[str], Any], draw: Draw, choice: Choice, label: int) -> None:
    """An act in a fragment of its own: what moves in it leaves the others alone."""
    st.subheader(lesson_words.ACTS[name], anchor=False)
    with notices.told():
        ready = ask_for(choice.name) is not None
        st.fragment(act, run_every=None if ready else TICK)(name, ask_for, draw, ready, choice, label)


def act(name: str, ask_for: Callable[[str], Any], draw: Draw, ready: bool, choice: Choice, label: int) -> None:
    """One act; while a process works it out, that is said, and looked at again."""
    with notices.told():
        held = ask_for(choice.name)
        if held is None:
            st.markdown(f":material/hourglass_top: {lesson_words.PREPARING[name]} …")
        elif ready:
            draw(choice, label, held)
        else:
            st.rerun()


st.title(lesson_words.TITLE, anchor=False)
with st.container(key="lesson"):
    st.markdown(lesson_words.INTRO)
    left, right, _ = st.columns([1, 1, 1], gap="medium")
    with left:
        choice = chosen()
    if seen := looked_at(choice):
        with right:
            label = counted_class(seen)
        acts(seen, label)
    there = {"dataset": choice.name}
    st.page_link(TRADEOFF, label=lesson_words.END, icon=":material/show_chart:", query_params=there)
