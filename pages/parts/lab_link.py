"""What a link to the image lab holds: models, picture, attack, strength. All of it is checked, nothing unpickled."""

import base64
import binascii
from collections.abc import Mapping
from math import isfinite, prod
from typing import Any

from engine.lab.asked import MOST_STEPS, REACH, offered
from engine.lab.catalogue import Model, here, usual
from engine.registry import Entry

MOST_LINKED = 3072  # bytes of own pixels that a link may hold
NUMBERS = {"index": 1_000_000_000, "steps": MOST_STEPS, "seed": 1_000_000_000}  # the largest that is taken
USUAL_ATTACK, USUAL_STEPS = "pgd", 20  # in 10 of its shrinking steps PGD cannot cross the ball, and flatters
USUAL_STRENGTH = 3  # of the data set's own radii, counted from 0


def start(said: Mapping[str, str], models: list[Model]) -> tuple[dict[str, Any], list[str]]:
    """What the lab begins with: as the link says, and as usual where that says nothing usable, which is told."""
    problems: list[str] = []
    chosen = _models(said, models, problems)
    facts = here(chosen[0])
    numbers = {name: _number(said, name, most, problems) for name, most in NUMBERS.items()}
    attack = _attack(said, problems)
    norms = [norm for norm in attack.facts["norms"] if norm in REACH]
    norm = said["norm"] if said.get("norm") in norms else "linf" if "linf" in norms else norms[0]
    if "norm" in said and said["norm"] not in norms:
        problems.append("the norm")
    found = {
        "models": [model.name for model in chosen],
        "attack": attack.name,
        "norm": norm,
        "eps": _eps(said, norm, facts, problems),
        "steps": numbers["steps"] or USUAL_STEPS,
        "seed": numbers["seed"] or 0,
        "picture": _picture(said, numbers["index"], facts, problems),
    }
    return found, problems


def _models(said: Mapping[str, str], models: list[Model], problems: list[str]) -> list[Model]:
    """Those of the link, at most two of one data set; else the usual pair."""
    if "models" not in said:
        return usual(models)
    by_name = {model.name: model for model in models}
    named = said["models"].split(",")[:2]
    found = [by_name[name] for name in named if name in by_name]
    if len(found) < len(named) or len({model.study.dataset for model in found}) > 1:
        problems.append("models that are not here, or know different images")
    return [model for model in found if model.study.dataset == found[0].study.dataset] or usual(models)


def _number(said: Mapping[str, str], name: str, most: int, problems: list[str]) -> int | None:
    text = said.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most:
        return int(text)
    problems.append(f"a number ({name})")
    return None


def _attack(said: Mapping[str, str], problems: list[str]) -> Entry:
    known = offered()
    if "attack" in said and said["attack"] not in known:
        problems.append("an attack that is not known here")
    return known.get(said.get("attack", ""), known[USUAL_ATTACK])


def _eps(said: Mapping[str, str], norm: str, facts: dict[str, Any], problems: list[str]) -> float:
    radii = facts.get(norm, (0.0, 0.1, 0.2, 0.3))
    usual_one = float(radii[min(USUAL_STRENGTH, len(radii) - 1)])
    if "eps" not in said:
        return usual_one
    try:
        value = float(said["eps"])
    except ValueError:
        value = float("nan")
    if isfinite(value) and 0 <= value <= REACH[norm]:
        return value
    problems.append("a strength that is out of reach")
    return usual_one


def _picture(said: Mapping[str, str], index: int | None, facts: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """A test image by its number, or own pixels (base64 in the letters of addresses)."""
    if "pixels" in said:
        try:
            raw = base64.b64decode(said["pixels"].encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) == prod(facts["shape"]) <= MOST_LINKED:
            label = _number(said, "label", len(facts["classes"]) - 1, problems)
            return {"pixels": base64.b64encode(raw).decode(), "label": label}
        problems.append("a picture of another size")
    if index is not None and index >= facts["n_test"]:
        problems.append("an image that there is not")
        index = None
    return {"index": index or 0}
