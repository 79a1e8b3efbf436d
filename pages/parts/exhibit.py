"""The exhibit of an attack: everything that it can show is sent at once, so no move, step or choice asks the server.

What is shown stands in the address, which the browser reads when it draws and writes where it rests.
"""

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from engine.exhibit import NORMS, UNIT, Exhibit
from engine.report import exhibit as report
from engine.report import words
from pages.parts import labels
from pages.parts.deck import html

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "frontier_exhibit",
    html='<div class="frontier-exhibit"></div>',
    css="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("slider.css", "exhibit.css")),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("stage.js", "exhibit.js")),
    isolate_styles=False,
)

TITLE = "How does an attack find its way?"
INTRO = (
    "An image of **two pixels** is a point, so all that an attack does to it can be drawn. Pick one, and press Play."
)
PREPARING = (
    "Training three small models, one against attacks and one with privacy, and attacking them: about 20 seconds"
)
ABOUT = (
    "Made-up images from a fixed seed: {train:,} for training, {test} others for the shares, {drawn} of these drawn. "
    "One training of each kind; attacks start at the image and take {steps} steps (PGD). What holds for two "
    "pixels need not hold for hundreds: the Trade-off page measures that."
)
END = "See what attacks do to real images: Trade-off"
MODELS = {"plain": "Plain", "adversarial": "Adversarially trained", "private": "Private"}
CALLED = {
    "plain": "the plain model",
    "adversarial": "the adversarially trained model",
    "private": "the private model",
}
SHAPES = ("circle", "square")  # the classes, and how their images are drawn
SAID = {  # {this}, {other}: classes; {p}: belief in the truth; {k} of {n}: steps
    "anyway": "No attack is needed: **{model} takes this {this} for a {other}** and gives the truth only {p}.",
    "begin": "Before the first step {model} gives the truth, a {this}, **{p}**. The arrow shows where its error grows "
    "fastest; the dashed line, where the next step goes.",
    "climb": "Step {k} of {n}: the attack climbs the error. {Model} still reads a {this}, at **{p}**.",
    "misread": "Step {k} of {n}: **misread.** {Model} takes this {this} for a {other} and gives the truth {p}. The "
    "attack stops here.",
    "stands": "Step {k} of {n}: **it stands.** The attack ends, and {model} still gives the truth, a {this}, {p}.",
    "back": "The last step left the frame and was put back.",
    "weaker": "An attack of {smallest} misleads it: larger steps jumped over the place.",
}
TOLD = {  # what else is written, by where
    "norm": "What may change",
    "strength": "Attack strength",
    "strength_help": "How far the attack may go from the image: the frame in the picture.",
    "models": "The model that is attacked",
    "read": "read right",
    "attacked": "under attack",
    "flips": "this image falls at",
    "anyway": "misread as it is",
    "never": "not up to {most}",
    "left": "brightness of the left pixel",
    "right": "brightness of the right pixel",
    "original": "The image",
    "now": "Now",
    "change": "Change",
    "belief": "Belief in the truth",
    "step_axis": "step",
    "play": "Play",
    "pause": "Pause",
    "step": "Step",
    "back": "Back",
    "reset": "Reset",
    "other": "Next image",
    "show": "Show me",
    "stage": "Images of two pixels in a plane. Arrow keys choose another image, the space bar plays the attack.",
    "gradient": "gradient: where the error grows",
    "next": "next step",
    "frame": "what may be reached",
    "single": "one step of the whole strength",
    "others": "same training, other noise",
    "questions": "Why it works like this",
}


def draw(exhibit: Exhibit) -> None:
    """Draw it."""
    _component(key="exhibit", data=data(exhibit))


@lru_cache(maxsize=2)
def data(exhibit: Exhibit) -> dict[str, Any]:
    """What the browser is told: the numbers, and every sentence about them."""
    strengths = {norm: [words.strength(eps / UNIT, norm) for eps in exhibit.strengths] for norm in NORMS}
    findings = {
        norm: [html(report.finding(exhibit, norm, at)) for at in range(len(exhibit.strengths))] for norm in NORMS
    }
    private = report.by_name(exhibit, "private")
    return {
        **asdict(exhibit),
        "first": asdict(report.first(exhibit)),
        "names": {**MODELS, "private": f"Private, {words.budget(private.epsilon or 0.0)}"},
        "called": CALLED,
        "shapes": SHAPES,
        "norms": {norm: labels.NORMS[norm] for norm in NORMS},
        "said": {name: html(one) for name, one in SAID.items()},
        "told": TOLD,
        "strengths_said": strengths,
        "findings": findings,
        "questions": [
            {"asked": one.asked, "answer": one.answer, "place": one.place and asdict(one.place)}
            for one in report.questions(exhibit)
        ],
    }
