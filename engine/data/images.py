"""The one shape every data set comes in, and where its files lie."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.entry import entry
from engine.errors import DataMissing
from engine.study import DIGITS, OWN, Own

OWN_PLACE = "own"
OWN_NAME = re.compile(f"[a-z0-9-]{{1,40}}-[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class Images:
    """`x` float32 (N, C, H, W) in [0, 1]; `y` int64 (N,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


def load(name: str, root: Path, *, train: bool, own: Own | None = None) -> Images:
    """Load one split; DataMissing with the remedy when its files are not here, or are not what the entry declares.

    `own`: the facts of a person's own data set, which has no entry; files of another content are refused.
    """
    known = entry(name, own)
    folder = locate(name, root)
    if folder is None:
        raise DataMissing(remedy(name, root))
    stated = {"content": own.content} if own else {}
    images: Images = known.load()(folder, train=train, **stated)
    if problem := _undeclared(images, known.facts, train=train):
        raise DataMissing(f"{folder} does not hold {known.facts['title']}: {problem}.")
    return images


def _undeclared(images: Images, facts: dict[str, Any], *, train: bool) -> str:
    """What differs from the entry's public facts, or "": every promise of privacy is computed from them."""
    part, n = ("training", facts["n_train"]) if train else ("test", facts["n_test"])
    if images.x.shape != (n, *facts["shape"]):
        return f"its {part} images have the shape {images.x.shape}, not {(n, *facts['shape'])}"
    if not (images.x.min() >= 0 and images.x.max() <= 1):  # false for NaN, too
        return f"its {part} images have pixels outside [0, 1]"
    if images.y.shape != (n,) or images.y.min() < 0 or images.y.max() >= len(facts["classes"]):
        return f"its {part} labels are not {n:,} numbers in [0, {len(facts['classes']) - 1}]"
    return ""


def locate(name: str, root: Path) -> Path | None:
    """The folder that holds every file of a data set, or None. A data set without files is always here.

    Looked for in <root>/<name>, in <root> if that is called <name>, and in the folders its entry names. (Several data
    sets have files of the same names, so a folder that is called otherwise may hold another one.)
    """
    if name.startswith(OWN):
        folder = own_folder(name, root)
        return folder if folder and (folder / "about.json").is_file() else None
    facts = entry(name).facts
    files = facts.get("files", ())
    places = [root / name, *([root] if root.name == name else []), *map(Path, facts.get("folders", ()))]
    return next((place for place in places if all((place / file).is_file() for file in files)), None)


def own_folder(name: str, root: Path) -> Path | None:
    """Where a person's own data set of that name lies or would lie; None for what is no such name."""
    bare = name.removeprefix(OWN)
    return root / OWN_PLACE / bare if name.startswith(OWN) and OWN_NAME.fullmatch(bare) else None


def remedy(name: str, root: Path) -> str:
    """One sentence: what is missing and how to get it."""
    if name.startswith(OWN):
        return (
            f"dataset '{name[:60]}' is not kept on this machine: run `python -m engine data add PATH` with its images."
        )
    facts = entry(name).facts
    by_hand = f"put {', '.join(facts['files'])} into {root / name}"
    debian = "run `apt-get install dataset-fashion-mnist`, or " if facts.get("folders") else ""
    return f"{facts['title']} is not on this machine: {debian}run `python -m engine fetch {name}`, or {by_hand}."
