"""A paragraph to stand below the charts in a paper: what was measured, how, and what it does not say."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from typing import Any

import pandas as pd

from engine.events import Stands
from engine.promise import Guarantees
from engine.report import document, lines, membership, words
from engine.report.finding import finding
from engine.report.membership import FEW
from engine.study import Study

NORMS = {"linf": "Linf", "l2": "L2", "spatial": "image transforms"}


@dataclass(frozen=True)
class Part:
    """A data set, model or attack as a paper names it; `facts` are those of its registry, empty when it is gone."""

    name: str
    title: str
    facts: dict[str, Any]

    @property
    def said(self) -> str:
        """Title, name and source, without what cannot be printed: a person may have typed them."""
        source = self.facts.get("source")
        said = f"{self.title} ({self.name}{f'; {source}' if source else ''})"
        return "".join(letter for letter in said if letter.isprintable())


def caption(
    study: Study,
    digest: str,
    frame: pd.DataFrame,
    parts: tuple[Part, Part, Part],
    strength: float | None,
    together: Guarantees | None = None,
    standing: Sequence[Stands] = (),
) -> str:
    """One paragraph from a result table that is not empty: data, model, budgets, attack, intervals, finding, caveats.

    `parts` are data set, model and attack; `strength` is the one marked on the charts, None where nothing is attacked;
    `together` what releasing all models promises, None where that is not known; `standing` which images stand.
    """
    dataset, model, attack = parts
    missing = document.unfinished(study, frame)
    found = None if missing else finding(frame, strength, standing)  # as on the page: nothing is found in half a study
    sentences = (
        f"{missing}." if missing else "",
        _charts(study, strength),
        (found or "").replace("**", ""),
        _data(frame, dataset),
        _model(study, frame, model),
        _defence(study),
        _together(together),
        _attack(study, frame, attack),
        _leakage(study, frame),
        _intervals(study),
        *document.caveats(study.privacy.mode),
        f"Frontier {', '.join(sorted({str(name) for name in frame['engine_version']}))}, study {digest}.",
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _charts(study: Study, strength: float | None) -> str:
    if not strength:
        return "Images recognised by privacy budget ε and by attack strength, one line a budget."
    said = words.strength(strength, study.attack.norm)
    return (
        f"Images recognised by privacy budget ε, clean and attacked by {said} (eps {strength:g}, the dashed vertical "
        "line), and by attack strength, one line a budget."
    )


def _data(frame: pd.DataFrame, dataset: Part) -> str:
    trained = f", {n:,} training images" if (n := dataset.facts.get("n_train")) else ""
    clean = frame.loc[frame["metric"] == "accuracy", "n"]
    tested = f", {int(clean.iloc[0]):,} test images" if len(clean) else ""
    return f"Data: {dataset.said}{trained}{tested}."


def _model(study: Study, frame: pd.DataFrame, model: Part) -> str:
    """The model, its budgets and what their promise rests on."""
    budgets = [f"{epsilon:g}" for epsilon in study.privacy.epsilons if not isinf(epsilon)]
    terms = [f"differentially private at ε = {', '.join(budgets)}"] if budgets else []
    terms += ["with clipping alone (no noise, no guarantee)"] if study.privacy.clip_only else []
    terms += ["without privacy"] if any(map(isinf, study.privacy.epsilons)) else []
    repeats = "1 model" if study.seeds == 1 else f"{study.seeds:,} models"
    said = f"Model: {model.said}, trained {words.listed(terms)}, {repeats} a budget."
    return " ".join([said, *_promise(frame)])


def _defence(study: Study) -> str:
    """What is done against attacks, which the numbers are about as much as the model is."""
    defence = study.defence
    if defence.name == "none":
        return ""
    within = "" if defence.eps is None else f", trained within eps {defence.eps:g}"
    return f"Defence: {defence.name}{within}."


def _promise(frame: pd.DataFrame) -> list[str]:
    private = frame[~frame["epsilon"].map(isinf)]
    if private.empty:
        return []
    row = private.iloc[0]
    delta = f"{row['delta']:.4g}".replace("e-0", "e-")
    terms = f"δ = {delta}, unit of privacy: {row['unit']}, accountant: {row['accountant']}"
    return [f"Privacy: {terms}, mode: {row['mode']}; each ε holds for one model alone."]


def _together(found: Guarantees | None) -> str:
    """What releasing every private model of the study amounts to."""
    if found is None or found.n_models < 2:
        return ""
    batches = "on the same batches" if found.shared else "on batches of their own"
    return f"All {found.n_models:,} private models, trained {batches} and released together: ε = {found.joint:.3g}."


def _attack(study: Study, frame: pd.DataFrame, attack: Part) -> str:
    robust = frame[frame["metric"] == "robust_accuracy"]
    if robust.empty:
        return "No result under attack."
    asked = study.attack
    grid = ", ".join(f"{eps:g}" for eps in asked.eps or ())
    steps = "1 step" if asked.steps == 1 else f"{asked.steps:,} steps"
    models = "1 model" if asked.seeds == 1 else f"{asked.seeds:,} models"
    return (
        f"Attack: {attack.said}, norm {NORMS[asked.norm]}, eps {grid} in pixel units of [0, 1], {steps}, "
        f"the first {int(robust['n'].iloc[0]):,} test images, {models} a budget."
    )


def _leakage(study: Study, frame: pd.DataFrame) -> str:
    """Who was found, how, and on how many models; "" where it was not measured."""
    found = membership.members(frame, lines.of_study(study))
    if not found.settled:
        return ""
    models = next(iter(found.found.values())).n_images
    return (
        f"Leakage: members found at {words.percent(FEW)} false positives by {found.title}, the strongest of "
        f"{found.tried} membership attacks; mean of {models:,} models a budget trained alike on random halves of a "
        f"pool, 95{words.NBSP}% Student intervals over them."
    )


def _intervals(study: Study) -> str:
    said = f"Bars: 95{words.NBSP}% Wilson intervals over the test images"
    if study.seeds == 1:
        return f"{said}; one model a budget, so the spread of repeats is unknown."
    attacked = "; attacked points are of one model" if study.attack.seeds == 1 else ""
    return f"{said}, around the mean of the repeats and widened to the smallest and largest{attacked}."
