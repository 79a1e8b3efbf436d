"""The image lab as the browser draws it: it asks `lab_route` for every picture, and no script runs for a slider."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from engine import options, services
from engine.lab import catalogue
from engine.lab.asked import MOST_FILE, MOST_STEPS, REACH, needs_source, offered
from engine.lab.catalogue import Model
from engine.study import OWN, parse
from pages.parts import lab_link, lab_words, titles
from pages.parts.lab_route import PATH

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "frontier_lab",
    html='<div class="frontier-lab"></div>',
    css=(HERE / "lab.css").read_text(encoding="utf-8"),
    js="\n".join(
        (HERE / name).read_text(encoding="utf-8") for name in ("plots.js", "lab_ask.js", "lab_make.js", "lab.js")
    ),
    isolate_styles=False,
)


def draw(shown: list[Model], start: dict[str, Any]) -> None:
    """The lab of these models, beginning with `start`."""
    data = {
        "ask": PATH,
        "models": [_model(model) for model in shown],
        "datasets": {model.study.dataset: _dataset(model, shown) for model in shown},
        "attacks": [_attack(name) for name in offered()],
        "norms": {norm: {"said": lab_words.NORMS[norm], "reach": reach} for norm, reach in REACH.items()},
        "most": {"file": MOST_FILE, "steps": MOST_STEPS, "linked": lab_link.MOST_LINKED},
        "start": start,
        "words": lab_words.WORDS,
    }
    _component(key="lab", data=data)


def _model(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "said": model.said,
        "title": model.title,
        "dataset": model.study.dataset,
        "priced": priced(model),
    }


def priced(model: Model) -> str:
    """The Trade-off page with this model's study, or with the form as it was asked where the study is not here."""
    usual = services.resolve(parse({"dataset": model.study.dataset, "own": model.study.own}))
    study = {} if model.shipped else {"study": model.digest}
    return "/?" + urlencode(study | options.written(model.study, usual))


def _dataset(model: Model, shown: list[Model]) -> dict[str, Any]:
    facts, name = catalogue.here(model), model.study.dataset
    title = titles.title("dataset", name) if name.startswith(OWN) else facts["title"]
    return {
        "title": title,
        "classes": list(facts["classes"]),
        "n_test": facts["n_test"],
        "shape": list(facts["shape"]),
        "closed": catalogue.closed(name),
        "usual": [one.name for one in catalogue.usual([one for one in shown if one.study.dataset == name])],
    }


def _attack(name: str) -> dict[str, Any]:
    entry = offered()[name]
    return {
        "name": name,
        "title": str(entry.facts.get("title", name)),
        "norms": [norm for norm in entry.facts["norms"] if norm in REACH],
        "iterative": bool(entry.facts.get("iterative", True)),
        "doc": entry.doc.partition("\n")[0],
        "source": needs_source(entry),
    }
