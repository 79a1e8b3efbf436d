"""A study as short texts: the options of the command line, and what a link holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.study import Study

OPTIONS = {  # where each goes in a study
    "dataset": ("dataset",),
    "model": ("model",),
    "epsilon": ("privacy", "epsilons"),
    "delta": ("privacy", "delta"),
    "mode": ("privacy", "mode"),
    "independent_batches": ("privacy", "independent_batches"),
    "clip_only": ("privacy", "clip_only"),
    "seeds": ("seeds",),
    "defence": ("defence", "training"),
    "guard": ("defence", "input"),
    "trained_eps": ("defence", "eps"),
    "extras": ("extras",),
    "attack": ("attack", "name"),
    "norm": ("attack", "norm"),
    "eps": ("attack", "eps"),
    "steps": ("attack", "steps"),
    "images": ("attack", "images"),
    "attack_seeds": ("attack", "seeds"),
    "source": ("attack", "source"),
}
LISTS, NAMES = (
    ("epsilon", "eps"),
    ("dataset", "model", "attack", "norm", "mode", "source", "defence", "guard", "extras"),
)
FLAGS = ("independent_batches", "clip_only")


def asked(options: Mapping[str, str | Sequence[str] | None], values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The plain values of a study (for study.parse): what the options say, put over `values`.

    A list is in one text, joined by commas, or in several.

    >>> asked({"epsilon": "3,inf", "seeds": "2"}, {"dataset": "digits"})
    {'dataset': 'digits', 'privacy': {'epsilons': ['3', 'inf']}, 'seeds': 2}
    >>> asked({"epsilon": ["3", "inf"]})
    {'privacy': {'epsilons': ['3', 'inf']}}
    """
    merged = {name: dict(value) if isinstance(value, dict) else value for name, value in (values or {}).items()}
    if options.get("dataset") is not None:
        merged.pop("own", None)  # the facts of another one
    for option, (*section, name) in OPTIONS.items():
        text = _one(options.get(option))
        table = merged.setdefault(section[0], {}) if section and text is not None else merged
        if text is not None and isinstance(table, dict):
            if option == "attack":
                table.pop("names", None)  # one or several, in one word
            table[name] = _plain(option, text)
    return merged


def _one(text: str | Sequence[str] | None) -> str | None:
    return text if isinstance(text, str) else ",".join(text) if text else None


def _plain(option: str, text: str) -> Any:
    if option in FLAGS:
        return {"true": True, "false": False}.get(text.lower(), text)
    if option in LISTS:
        return text.split(",") if text.strip(", ") else []
    try:
        return text if option in NAMES else float(text) if "." in text or "e" in text.lower() else int(text)
    except ValueError:
        return text


def written(study: Study, usual: Study) -> dict[str, str]:
    """The options that make a resolved study: its data set, and what differs from `usual`, the default for that.

    >>> written(Study(seeds=2), Study())
    {'dataset': 'digits', 'seeds': '2'}
    """
    said = {option: _text(_at(study, path)) for option, path in OPTIONS.items()}
    plain = {option: _text(_at(usual, path)) for option, path in OPTIONS.items()}
    return {option: text for option, text in said.items() if option == "dataset" or text != plain[option]}


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = getattr(value, part)
    return value


def _text(value: Any) -> str:
    """Exact: a number read again is the same number."""
    if isinstance(value, tuple | list):
        return ",".join(_text(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
