"""The one shape every data set comes in, and where its files lie."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data import datasets
from engine.errors import DataMissing


@dataclass(frozen=True)
class Images:
    """`x` float32 (N, C, H, W) in [0, 1]; `y` int64 (N,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


def load(name: str, root: Path, *, train: bool) -> Images:
    """Load one split; DataMissing with the remedy when its files are not here."""
    folder = locate(name, root)
    if folder is None:
        raise DataMissing(remedy(name, root))
    images: Images = datasets[name].load()(folder, train=train)
    return images


def locate(name: str, root: Path) -> Path | None:
    """The folder that holds every file of a data set, or None. A data set without files is always here.

    Looked for in <root>/<name>, <root> itself, and the folders its entry names.
    """
    facts = datasets[name].facts
    files = facts.get("files", ())
    places = [root / name, root, *map(Path, facts.get("folders", ()))]
    return next((place for place in places if all((place / file).is_file() for file in files)), None)


def remedy(name: str, root: Path) -> str:
    """One sentence: what is missing and how to get it."""
    facts = datasets[name].facts
    by_hand = f"put {', '.join(facts['files'])} into {root / name}"
    debian = "run `apt-get install dataset-fashion-mnist`, or " if facts.get("folders") else ""
    return f"{facts['title']} is not on this machine: {debian}run `python -m engine fetch {name}`, or {by_hand}."
