"""Rebuilt images as the browser draws them: what is shipped is sent at once, everything else it asks of the lab."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from engine.data import datasets
from engine.lab import catalogue
from engine.lab.catalogue import Model
from engine.models import models
from engine.study import OWN
from engine.threats import rebuilt as page
from engine.threats.rebuilt import Cell, Rebuilt
from pages.parts import rebuilt_words, titles
from pages.parts.lab import priced
from pages.parts.lab_route import PATH

HERE = Path(__file__).parent
CSS, JS = ("lab.css", "rebuilt.css"), ("plots.js", "lab_ask.js", "lab_make.js", "rebuilt_make.js", "rebuilt.js")

_component = st.components.v2.component(
    "frontier_rebuilt",
    html='<div class="frontier-lab frontier-rebuilt"></div>',
    css="\n".join((HERE / name).read_text(encoding="utf-8") for name in CSS),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in JS),
    isolate_styles=False,
)


def draw(shipped: Rebuilt, offered: list[Model]) -> None:
    """The page with what is shipped, and these models to run on."""
    data = {
        "ask": PATH,
        "words": rebuilt_words.WORDS | {"caveat": rebuilt_words.CAVEAT, "held_caveat": rebuilt_words.HELD_CAVEAT},
        "attacks": [{"name": name, "title": rebuilt_words.ATTACKS[name], "about": rebuilt_words.ABOUT[name]}
                    for name in page.ATTACKS],
        "bounds": page.BOUNDS,
        "noises": page.NOISES,
        "counts": page.MOST_SAID,
        "datasets": {name: _dataset(name, offered) for name in _names(offered)},
        "networks": networks(offered),
        "example": example(shipped),
        "models": [_model(model, offered) for model in offered],
        "held": {one.model: asdict(one) for one in shipped.held},
        "holders": _pair([one for one in offered if one.name in {held.model for held in shipped.held}]),
        "priced": priced(catalogue.usual(offered)[0]) if offered else "/",
    }  # fmt: skip
    _component(key="rebuilt", data=data)


def example(shipped: Rebuilt) -> dict[str, Any]:
    """What is shipped, every cell with what is said of it."""
    return {
        "dataset": page.DATASET,
        "networks": {attack: _network_of(attack) for attack in page.ATTACKS},
        "originals": [asdict(one) for one in shipped.originals],
        "chance": shipped.chance,
        "cells": [asdict(cell) | {"finding": finding(cell, shipped)} for cell in shipped.cells],
    }


def finding(cell: Cell, shipped: Rebuilt) -> str:
    """What is said of a shipped cell, among those that have more noise."""
    same = (cell.attack, cell.n, cell.max_grad_norm)
    noisier = [one for one in shipped.cells if (one.attack, one.n, one.max_grad_norm) == same]
    return page.finding(cell, shipped.chance, noisier if cell.noise_multiplier == 0 else ())


def _network_of(attack: str) -> str:
    """The key of the network whose gradient was shipped."""
    return _key("linear", page.DATASET, "") if attack == "analytic" else _key("initial", page.DATASET, page.MODEL)


def _key(network: str, dataset: str, name: str) -> str:
    return f"{network}/{dataset}/{name}"


def networks(offered: list[Model]) -> list[dict[str, Any]]:
    """Whose gradient can be attacked: of each data set one linear layer and each kind of network, and every model."""
    shipped = [_network(network, page.DATASET, page.MODEL, "") for network in ("initial", "linear")]
    initial = [_network("initial", one.study.dataset, one.study.model, one.name) for one in offered]
    linear = [_network("linear", one.study.dataset, one.study.model, one.name) for one in offered]
    trained = [_network("trained", one.study.dataset, one.study.model, one.name, one.title) for one in offered]
    found: dict[str, dict[str, Any]] = {}
    for one in shipped + initial + linear + trained:
        if one["key"] not in found or not found[one["key"]]["model"]:  # a model that names the weights' shape
            found[one["key"]] = one
    return list(found.values())


def _network(network: str, dataset: str, kind: str, model: str, title: str = "") -> dict[str, Any]:
    named = {"initial": kind, "linear": "", "trained": model}[network]
    said = rebuilt_words.NETWORKS[network].format(title or _capital(str(models[kind].facts["title"])))
    return {"key": _key(network, dataset, named), "network": network, "dataset": dataset, "model": model, "title": said}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _names(offered: list[Model]) -> list[str]:
    return list(dict.fromkeys([page.DATASET, *(model.study.dataset for model in offered)]))


def _dataset(name: str, offered: list[Model]) -> dict[str, Any]:
    model = next((one for one in offered if one.study.dataset == name), None)
    facts = datasets[name].facts if model is None else catalogue.here(model)
    title = titles.title("dataset", name) if name.startswith(OWN) else facts["title"]
    closed = catalogue.closed(name)
    return {"title": title, "classes": list(facts["classes"]), "n_test": facts["n_test"], "closed": closed}


def _pair(models: list[Model]) -> list[str]:
    """The model without privacy and the most private one of the data set with the most private one; undefended ones."""
    plain = [one for one in models if catalogue.defended(one.study) == "none"]
    dataset = min(plain, key=lambda one: one.epsilon).study.dataset if plain else ""
    same = [one for one in plain if one.study.dataset == dataset]
    ordered = sorted(same, key=lambda one: -one.epsilon)
    return [one.name for one in dict.fromkeys([*ordered[:1], *ordered[-1:]])]


def _model(model: Model, offered: list[Model]) -> dict[str, Any]:
    judge = page.judge_of(model, offered)
    return {
        "name": model.name,
        "said": model.said,
        "title": model.title,
        "dataset": model.study.dataset,
        "judge": judge.name if judge else "",
    }
