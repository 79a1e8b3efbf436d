"""What data sets, models and attacks are called on the pages."""

from functools import cache

from engine import holdings, services
from engine.study import OWN


@cache
def _titles() -> dict[tuple[str, str], str]:
    found = services.choices()
    groups = {"dataset": found.datasets, "model": found.models, "attack": found.attacks, "defence": found.defences}
    return {
        (kind, choice.name): choice.title
        for kind, choices in groups.items()
        for choice in choices
        if not choice.name.startswith(OWN)
    }


def title(kind: str, name: str) -> str:
    """The title of a data set, a model or an attack; its name when it is gone."""
    if name.startswith(OWN):
        return holdings.title(name) or name  # these come and go
    if kind == "defence" and "+" in name:
        return " and ".join(title(kind, part) for part in name.split("+"))
    if kind == "attack" and "+" in name:
        return f"The worst of {name.count('+') + 1} attacks"
    return _titles().get((kind, name), name)


def within(kind: str, name: str) -> str:
    """The title as it stands inside a sentence: names keep their capitals, words lose them."""
    said = title(kind, name)
    return said[:1].lower() + said[1:] if said[1:].islower() else said


def heading(kind: str, name: str) -> str:
    """The title as it stands alone."""
    said = title(kind, name)
    return said[:1].upper() + said[1:]
