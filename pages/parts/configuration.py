"""The settings of a study in words: all of them, or those in which studies differ."""

from collections.abc import Callable, Collection, Sequence

from engine.report import comparing, words
from engine.report.comparing import differences
from engine.study import Study
from pages.parts import labels
from pages.parts.titles import heading, title, within

NORMS = {"linf": "Linf", "l2": "L2", "spatial": "image transforms"}
NAMES = {
    "dataset": labels.IMAGES,
    "model": labels.MODEL,
    "epsilons": labels.BUDGETS,
    "delta": "δ",
    "mode": labels.MODE,
    "independent_batches": labels.BATCHES,
    "clip_only": labels.CLIP_ONLY,
    "seeds": labels.REPEATS,
    "defence": labels.DEFENCE,
    "extras": labels.EXTRAS_TITLE,
    "attack": labels.ATTACK,
    "norm": "Norm",
    "eps": labels.STRENGTHS,
    "steps": labels.STEPS,
    "images": labels.ATTACKED,
    "attack_seeds": labels.ATTACKED_REPEATS,
    "source": labels.SOURCE,
}


def defence(study: Study) -> str:
    """What is done against attacks, and at which radius it was trained."""
    chosen = study.defence
    if chosen.name == "none":
        return labels.NO_DEFENCE
    at = f" ({words.strength(chosen.eps, 'linf')})" if chosen.eps is not None else ""
    return f"{heading('defence', chosen.name)}{at}"


def _plainly(study: Study) -> str:
    none = study.defence.name == "none"
    return labels.NO_DEFENCE.lower() if none else within("defence", study.defence.name)


SAID: dict[str, Callable[[Study], str]] = {
    "dataset": lambda study: title("dataset", study.dataset),
    "model": lambda study: heading("model", study.model),
    "epsilons": lambda study: ", ".join(labels.number(epsilon) for epsilon in study.privacy.epsilons),
    "delta": lambda study: labels.small(study.privacy.delta or 0.0),
    "mode": lambda study: labels.MODES[study.privacy.mode],
    "independent_batches": lambda study: "each its own" if study.privacy.independent_batches else "shared",
    "clip_only": lambda study: "also" if study.privacy.clip_only else "no",
    "seeds": lambda study: f"{study.seeds:,}",
    "defence": defence,
    "extras": lambda study: ", ".join(labels.EXTRAS[name].lower() for name in study.extras) or "nothing",
    "attack": lambda study: heading("attack", study.attack.name),
    "norm": lambda study: labels.NORMS[study.attack.norm],
    "eps": lambda study: ", ".join(words.strength(eps, study.attack.norm) for eps in study.attack.eps or () if eps > 0),
    "steps": lambda study: f"{study.attack.steps:,}",
    "images": lambda study: f"{study.attack.images:,}",
    "attack_seeds": lambda study: f"{study.attack.seeds:,}",
    "source": lambda study: study.attack.source or "none",
}
SHORT: dict[str, Callable[[Study], str]] = {
    "model": lambda study: within("model", study.model),
    "epsilons": lambda study: f"ε{labels.NBSP}{labels.budgets(study)}",
    "delta": lambda study: f"δ{labels.NBSP}{labels.small(study.privacy.delta or 0.0)}",
    "mode": lambda study: f"{study.privacy.mode} mode",
    "independent_batches": lambda study: "own batches" if study.privacy.independent_batches else "shared batches",
    "clip_only": lambda study: "with clipping alone" if study.privacy.clip_only else "without clipping alone",
    "seeds": lambda study: labels.repeats(study.seeds),
    "defence": _plainly,
    "attack": lambda study: within("attack", study.attack.name),
    "norm": lambda study: NORMS[study.attack.norm],
    "eps": lambda study: f"attacked by {labels.strengths(study)}",
    "steps": lambda study: f"{study.attack.steps:,} attack steps",
    "images": lambda study: f"{study.attack.images:,} images attacked",
    "attack_seeds": lambda study: f"{labels.repeats(study.attack.seeds)} attacked",
}


def said(study: Study, names: Collection[str] = tuple(comparing.SETTINGS)) -> dict[str, str]:
    """Settings of a study by what they are called on the pages."""
    return {NAMES[name]: SAID[name](study) for name in names}


def short(study: Study, names: Collection[str]) -> str:
    """Some settings in a few words, for a legend; other norms have other strengths, which need not be said."""
    told = [name for name in names if name != "eps" or "norm" not in names]
    return ", ".join(SHORT.get(name, SAID[name])(study) for name in told)


def legend(studies: Sequence[Study], digests: Sequence[str]) -> list[str]:
    """What each study is called beside the others: by what differs, and by its digest where that is not enough."""
    names = differences(studies).keys()
    labelled = [short(study, names) for study in studies]
    return [
        label if label and labelled.count(label) == 1 else f"{label} ({digest[:6]})".strip()
        for label, digest in zip(labelled, digests, strict=True)
    ]
