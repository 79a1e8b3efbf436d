"""What the decks of the Learn page hold: everything that their sliders can show, worked out when something changed."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from engine import lessons
from engine.lessons import Attacked
from engine.privacy import inside
from engine.privacy.inside import Inside
from engine.report import count, roc, step, words
from engine.report.count import Answer
from engine.report.palette import LIVE
from engine.services import Choice
from pages.parts import deck, labels, lesson_words
from pages.parts.deck import Part, Slider

COUNT_BUDGETS = (0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
MULTIPLIERS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
SMALL = 96  # px
USUAL = {"count": (4,), "step": (5, 3), "attack": (2,)}  # where sliders stand at first

Drawn = tuple[tuple[Slider, ...], Part, tuple[Part, ...], tuple[Part, ...]]  # sliders, sentences, charts, pictures


def _budgets(label: str, about: str, budgets: Sequence[float], at: int) -> Slider:
    return Slider(label, about, tuple(f"{epsilon:g}" for epsilon in budgets), at)


@lru_cache(maxsize=64)
def of_count(n: int, mechanism: str, delta: float, answers: tuple[Answer, ...]) -> Drawn:
    """A count of `n` images at every budget, with the answers so far."""
    infos = [count.count(n, mechanism, epsilon, delta, answers) for epsilon in COUNT_BUDGETS]
    slider = _budgets(lesson_words.BUDGET, lesson_words.BUDGET_HELP, COUNT_BUDGETS, USUAL["count"][0])
    chart = deck.chart((0,), [count.draw(info, LIVE) for info in infos], [count.in_words(info) for info in infos])
    return (slider,), deck.sentence((0,), [count.finding(info) for info in infos]), (chart,), ()


@lru_cache(maxsize=8)
def of_step(seen: Inside, label: int, shown: str, shape: tuple[int, int, int], seed: int) -> Drawn:
    """A training step at every bound and noise multiplier; the noise is drawn from `seed`."""
    normal = np.random.default_rng(seed).standard_normal(seen.plain.shape, dtype=np.float32)
    steps = [[step.step(seen, place, sigma, normal) for sigma in MULTIPLIERS] for place in range(len(seen.bounds))]
    every, quiet = [info for row in steps for info in row], [row[0] for row in steps]
    largest = max(max(info.signal, info.noise) for info in every)
    sliders = (
        Slider(lesson_words.BOUND, lesson_words.BOUND_HELP, tuple(f"{bound:g}" for bound in seen.bounds),
               min(USUAL["step"][0], len(seen.bounds) - 1)),
        Slider(lesson_words.MULTIPLIER, lesson_words.MULTIPLIER_HELP, tuple(f"{sigma:g}" for sigma in MULTIPLIERS),
               USUAL["step"][1]),
    )  # fmt: skip
    lengths = [step.draw_lengths(seen, info.bound, LIVE) for info in quiet]
    pulls = [step.draw_pull(info, largest, LIVE) for info in every]
    charts = (
        deck.chart((0,), lengths, [step.lengths_in_words(info) for info in quiet]),
        deck.chart((0, 1), pulls, [step.pull_in_words(info) for info in every]),
    )
    pictures = (
        _pictures((), "plain", [seen.plain[label]], shown, shape),
        _pictures((0,), "clipped", [clipped[label] for clipped in seen.clipped], shown, shape),
        _pictures((0, 1), "noisy", [info.noisy[label] for info in every], shown, shape),
    )
    return sliders, deck.sentence((0, 1), [step.finding(info) for info in every]), charts, pictures


def _pictures(
    by: tuple[int, ...], what: str, weights: Sequence[step.Floats], shown: str, shape: tuple[int, int, int]
) -> Part:
    said = {"what": lesson_words.PICTURES[what], "shown": shown}
    alt, caption = lesson_words.PICTURE_ALT.format(**said), lesson_words.PICTURE_SAID.format(**said)
    return Part(by, [{"src": step.picture(one, shape), "alt": alt, "said": caption} for one in weights])


@lru_cache(maxsize=8)
def of_attack(found: tuple[Attacked, ...]) -> Drawn:
    """What no attack can beat, at every budget."""
    alarms = tuple(lessons.FALSE_ALARMS.tolist())
    infos = [roc.roc(one.epsilon, one.delta, alarms, one.found) for one in found]
    slider = _budgets(lesson_words.BUDGET, lesson_words.ATTACK_HELP, [one.epsilon for one in found], USUAL["attack"][0])
    chart = deck.chart((0,), [roc.draw(info, LIVE) for info in infos], [roc.in_words(info) for info in infos])
    return (slider,), deck.sentence((0,), [roc.finding(info) for info in infos]), (chart,), ()


def show(act: str, drawn: Drawn, keep: str) -> None:
    """A deck with its sliders where they were left, and the words below it that explain themselves."""
    sliders, said, charts, pictures = drawn
    places = at(act, [len(slider.said) for slider in sliders])
    left = [replace(slider, at=place) for slider, place in zip(sliders, places, strict=True)]
    deck.draw(left, said, charts, key=f"learn-{act}", keep=keep, pictures=pictures)
    terms = "; ".join(labels.term(word, key) for word, key in lesson_words.TERMS[act].items())
    st.html(f'<p class="frontier-terms">{terms}</p>')


def at(act: str, sizes: Sequence[int]) -> list[int]:
    """Where the sliders of an act stand."""
    return deck.places(f"learn-{act}", USUAL[act], sizes)


def one(picture: NDArray[np.uint8], shown: str) -> None:
    """The image that joins or not, small; every pixel of it stays one."""
    whole = np.ascontiguousarray(np.broadcast_to(picture, (3, *picture.shape[1:])).transpose(1, 2, 0))
    large = Image.fromarray(whole).resize((SMALL, SMALL), Image.Resampling.NEAREST)
    st.image(large, width=SMALL, caption=lesson_words.ONE, alt=f"A training image that shows {shown}.")


def about_step(seen: Inside, choice: Choice) -> str:
    """Which step it is."""
    return lesson_words.STEP_ABOUT.format(
        batch=f"{len(seen.lengths):,}",
        total=f"{choice.facts['n_train']:,}",
        title=labels.plain(choice.title),
        rate=words.percent(seen.sample_rate),
        before=inside.STEPS,
    )


def about_attack(found: Sequence[Attacked], choice: Choice) -> str:
    """Which training it is."""
    first = found[0]
    return lesson_words.ATTACK_ABOUT.format(
        title=labels.plain(choice.title),
        steps=first.steps,
        rate=words.percent(first.sample_rate),
        delta=labels.small(first.delta),
    )
