"""The entry of any data set: one that Frontier knows by name, or a person's own, whose facts the study carries."""

from engine.data import datasets
from engine.errors import BadInput
from engine.registry import Entry
from engine.study import OWN, Own, Study

VERSION = 1  # of what is made of own pictures; their content is part of their name
LINF = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
L2 = (0.0, 0.1, 0.25, 0.5, 1.0)
TRAINED_EPS = 0.03  # usual radius of adversarial training


def of(study: Study) -> Entry:
    """The entry of a study's data set: its public facts (`n_train`, `n_test`, `shape`, `classes`), version, loader."""
    return entry(study.dataset, study.own)


def entry(name: str, own: Own | None = None) -> Entry:
    """The entry called `name`; `own` holds the facts where that is a data set of a person's own. BadInput without."""
    if own is not None:
        return Entry(name, VERSION, _facts(name, own), "Your own images.", "engine.data.own", "read")
    if name.startswith(OWN):
        raise BadInput(f"dataset '{name[:60]}' is not among your own: see `python -m engine data list`")
    return datasets[name]


def _facts(name: str, own: Own) -> dict[str, object]:
    return {
        **own.model_dump(),
        "title": name,
        "linf": LINF,
        "l2": L2,
        "trained_eps": TRAINED_EPS,
        "mirror": True,
        "source": "own images",
        "licence": "not stated",
    }
