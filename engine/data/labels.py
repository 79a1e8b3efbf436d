"""Which class and which split each picture belongs to, told from the folders it lies in."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from engine.data.files import File, shown
from engine.errors import BadInput

SPLITS = ("train", "test")
MAX_CLASSES = 100
MAX_NAME = 60  # characters of a class's name
MAX_PICTURES = 100_000
LEAST = {"train": 8, "test": 2, "": 10}  # pictures of each class: with fewer there is nothing to learn or to measure


@dataclass(frozen=True)
class Labelled:
    """A picture, its class, and its split: "train", "test", or "" where the folders do not say."""

    file: File
    name: str
    split: str


def labelled(files: Sequence[File]) -> list[Labelled]:
    """Every picture with the class that its folder names, in no particular order.

    Pictures lie in one folder a class, these together in one folder, or in two called `train` and `test`. BadInput
    in one sentence when they do not, or when a class is too small to learn or to test.
    """
    pictures = [file for file in files if file.is_picture and not file.is_noise]
    if not pictures:
        raise BadInput("no picture was found: put PNG or JPEG files into one folder for each class.")
    if len(pictures) > MAX_PICTURES:
        raise BadInput(f"there are {len(pictures):,} pictures: at most {MAX_PICTURES:,} are kept.")
    found = [_labelled(file) for file in pictures]
    _side_by_side(found)
    enough(Counter((one.name, one.split) for one in found))
    return found


def _labelled(file: File) -> Labelled:
    *folders, _ = file.path.split("/")
    if not folders:
        raise BadInput(f"{shown(file.path)} lies in no folder: put it into one that is called what it shows.")
    split = folders[-2] if len(folders) > 1 and folders[-2] in SPLITS else ""
    return Labelled(file, _class_name(folders[-1]), split)


def _class_name(folder: str) -> str:
    name = unicodedata.normalize("NFC", folder)
    if len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise BadInput(f"the class {shown(name)} has no plain name of 1 to {MAX_NAME} characters: rename its folder.")
    return name


def _side_by_side(found: Sequence[Labelled]) -> None:
    """The folders of all classes lie in one place, or in two that are called train and test."""
    first = found[0]
    for one in found:
        if bool(one.split) != bool(first.split):
            raise BadInput(f"{_path(one)} and {_path(first)}: either all pictures lie below train or test, or none.")
        if _above(one) != _above(first):
            raise BadInput(f"the folders of {_path(one)} and {_path(first)} do not lie side by side.")


def _path(one: Labelled) -> str:
    return shown(one.file.path)


def _above(one: Labelled) -> list[str]:
    """What the folders of all classes have to have in common."""
    return one.file.path.split("/")[: -3 if one.split else -2]


def enough(counts: Counter[tuple[str, str]]) -> None:
    """BadInput when there are too few or too many classes, or too few pictures of one; counts by (class, split)."""
    classes, splits = sorted({name for name, _ in counts}), {split for _, split in counts}
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise BadInput(
            f"the number of classes is {len(classes):,}, not in [2, {MAX_CLASSES}]: one folder is one class."
        )
    if len(splits) == 1 and splits != {""}:
        only, missing = (*splits, *({*SPLITS} - splits))
        raise BadInput(f"there are pictures below {only} but none below {missing}: add them, or take that folder away.")
    for name, split in product(classes, sorted(splits)):
        if counts[name, split] < LEAST[split]:
            where = f" in {split}" if split else ""
            n, least = counts[name, split], LEAST[split]
            raise BadInput(f"the class {shown(name)} has {n} pictures{where}: at least {least} are needed.")
