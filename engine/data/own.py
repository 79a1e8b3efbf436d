"""A person's own data sets on disk: <data>/own/<name>/ with pixels, labels and about.json. Kept whole or not at all."""

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from engine.data import folder, samples
from engine.data.files import shown
from engine.data.folder import Part, Pictures
from engine.data.images import OWN_PLACE as PLACE
from engine.data.images import Images, own_folder
from engine.errors import BadInput, DataMissing
from engine.study import DIGITS, OWN, Frozen, Own

DRAFT = ".new-"  # a set that was read and not yet kept
ABANDONED = 2 * 3600  # seconds after which nobody will keep a draft any more
MAX_TITLE = 60  # characters
MARKS = "marks.npy"  # by what its training pictures are known in other sets
Marks = NDArray[np.uint64]
ARRAYS = ("train-x", "train-y", "test-x", "test-y")


class About(Frozen):
    """What about.json says. `train` and `test` are counts by class, `size` bytes, `added` seconds since 1970.

    `repeated` training pictures were left out because they are for testing, too; `passed_over` files, `such_as` one,
    were no pictures.
    """

    title: str
    file: str
    added: float
    size: int
    own: Own
    train: tuple[int, ...]
    test: tuple[int, ...]
    repeated: int
    passed_over: int
    such_as: str

    @property
    def name(self) -> str:
        """The name in studies: from classes and content alone, so that equal pictures have equal names everywhere."""
        return f"{OWN}{_slug(self.own.classes)}-{self.own.content[:DIGITS]}"


def _slug(classes: tuple[str, ...]) -> str:
    """
    >>> _slug(("Red Kite", "Wren")), _slug(("\\u732b", "\\u72ac"))
    ('red-kite-wren', 'images')
    """
    plain = re.sub("[^a-z0-9]+", "-", " ".join(classes).lower()).strip("-")
    return plain[:24].rstrip("-") or "images"


def title(text: str) -> str:
    """A title of letters, digits and the mildest punctuation: it is shown where other signs would mean something.

    >>> title("My *birds* <b>2024</b>.zip"), title("")
    ('My birds b 2024 b .zip', 'Own images')
    """
    words = re.sub(r"[^\w .,()'+-]|_", " ", text).split()
    return " ".join(words)[:MAX_TITLE].strip() or "Own images"


def draft(pictures: Pictures, root: Path, *, called: str, file: str, cap_gb: float) -> str:
    """Write pictures where they can be looked at before they are kept; the draft's name.

    BadInput when own data would take more than `cap_gb`, or `root` cannot be written.
    """
    sweep(root)
    size = pictures.train.x.nbytes + pictures.test.x.nbytes
    if (taken := used(root)) + size > cap_gb * 1e9:
        raise BadInput(
            f"these images take {size / 1e6:,.1f} MB and your own data already {taken / 1e6:,.1f} MB of "
            f"{cap_gb * 1e3:,.0f} MB: delete some, or raise FRONTIER_OWN_GB."
        )
    place = root / PLACE / f"{DRAFT}{secrets.token_hex(8)}"
    with _writing(place):
        _write(place, pictures, _about(pictures, called, file, size))
    return place.name


def _about(pictures: Pictures, called: str, file: str, size: int) -> About:
    n = len(pictures.classes)
    return About(
        title=title(called),
        file=shown(file)[1:-1],
        added=time.time(),
        size=size,
        own=Own(
            content=pictures.content,
            n_train=len(pictures.train.y),
            n_test=len(pictures.test.y),
            shape=pictures.train.x.shape[1:],
            classes=pictures.classes,
        ),
        train=tuple(np.bincount(pictures.train.y, minlength=n).tolist()),
        test=tuple(np.bincount(pictures.test.y, minlength=n).tolist()),
        repeated=pictures.repeated,
        passed_over=len(pictures.passed_over),
        such_as=shown(next(iter(pictures.passed_over), ""))[1:-1],
    )


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """A folder for a draft, gone again unless everything could be written."""
    try:
        place.mkdir(parents=True)
        yield
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise BadInput(
            f"{place.parent} cannot be written ({error.strerror}): set FRONTIER_DATA to another folder."
        ) from None


def _write(place: Path, pictures: Pictures, about: About) -> None:
    for split, part in (("train", pictures.train), ("test", pictures.test)):
        np.save(place / f"{split}-x.npy", part.x)
        np.save(place / f"{split}-y.npy", part.y)
    np.save(place / MARKS, pictures.marks)
    (place / "samples.png").write_bytes(samples.strip(pictures.test.x, pictures.test.y))
    (place / "about.json").write_text(about.model_dump_json(indent=2) + "\n", encoding="utf-8")


def keep(name: str, root: Path) -> str:
    """Keep a draft for good and return the data set's name; one with the same pictures stays as it is.

    BadInput when the draft is gone, or other pictures have its name.
    """
    place = _draft(name, root)
    about = described(place)
    if about is None:
        raise BadInput("these images are no longer waiting to be kept: choose the file again.")
    target = root / PLACE / about.name.removeprefix(OWN)
    if described(target) is not None:
        _add_marks(target, _noted(place))
    else:
        shutil.rmtree(target, ignore_errors=True)  # remains that are no data set
        with suppress(OSError):  # somebody may have kept the same meanwhile
            place.rename(target)
    discard(name, root)
    there = described(target)
    if there is None:
        raise BadInput(f"{target} cannot be written: set FRONTIER_DATA to another folder.")
    if there.own.content != about.own.content:
        raise BadInput(f"other images are kept as {about.name}: delete those, then add these again.")
    return about.name


def discard(name: str, root: Path) -> None:
    """Drop a draft, if it is still there."""
    shutil.rmtree(_draft(name, root), ignore_errors=True)


def _draft(name: str, root: Path) -> Path:
    if not re.fullmatch(re.escape(DRAFT) + "[0-9a-f]{16}", name):
        raise BadInput(f"'{name[:40]}' is no draft of a data set.")
    return root / PLACE / name


def draft_folder(name: str, root: Path) -> Path | None:
    """Where a draft lies, or None when it is gone."""
    place = _draft(name, root)
    return place if described(place) is not None else None


def sweep(root: Path) -> None:
    """Remove drafts that nobody decided about, and what a deletion left half done."""
    for place in (root / PLACE).glob(".*"):
        with suppress(OSError):  # another one sweeps, too, or may do so later
            if time.time() - place.stat().st_mtime > ABANDONED:
                shutil.rmtree(place, ignore_errors=True)


def marks(name: str, root: Path) -> Marks:
    """By what the training pictures of a kept set are known in others (sorted, none twice); DataMissing if damaged."""
    about = find(name, root)
    if about is None:
        raise DataMissing(f"dataset '{name[:60]}' is not kept on this machine.")
    place = root / PLACE / name.removeprefix(OWN)
    read(place, train=True, content=about.own.content)
    kept = folder.kept_marks(np.load(place / "train-x.npy"))
    return np.union1d(_noted(place), kept)


def noted_marks(name: str, root: Path) -> Marks:
    """Those of `marks` that are quick to say: what was noted when the pictures came, at whatever side."""
    return _noted(root / PLACE / name.removeprefix(OWN))


def _noted(place: Path) -> Marks:
    """[] of a set that was kept before there were marks."""
    file = place / MARKS
    found: Marks = np.load(file, allow_pickle=False) if file.is_file() else np.array([], np.uint64)
    return found


def _add_marks(place: Path, more: Marks) -> None:
    """The same pictures came in another shape: by its marks they are known, too."""
    part = place / f"{MARKS}.{secrets.token_hex(8)}.part"
    with part.open("wb") as handle:
        np.save(handle, np.union1d(_noted(place), more))
    part.replace(place / MARKS)


def used(root: Path) -> int:
    """Bytes that all own data take, drafts too."""
    total = 0
    for file in (root / PLACE).rglob("*"):
        with suppress(FileNotFoundError):
            total += file.lstat().st_size if file.is_file() else 0
    return total


def kept(root: Path) -> list[About]:
    """Everything that is kept, newest first."""
    places = (root / PLACE).glob("[!.]*") if (root / PLACE).is_dir() else ()
    found = [about for place in places if (about := described(place)) is not None]
    return sorted(found, key=lambda about: (-about.added, about.name))


def find(name: str, root: Path) -> About | None:
    """What is kept under a name, or None."""
    place = own_folder(name, root)
    return described(place) if place else None


def described(place: Path) -> About | None:
    """What about.json in a folder says; None when it is not there or says nothing that we wrote."""
    file = place / "about.json"
    try:
        return _read_about(file, file.stat().st_mtime_ns)
    except (OSError, ValidationError):
        return None


@lru_cache(maxsize=256)
def _read_about(file: Path, written: int) -> About:
    return About.model_validate_json(file.read_bytes())


def delete(name: str, root: Path) -> None:
    """Remove a kept set at once: it is out of sight before its files go. BadInput when there is none."""
    place = own_folder(name, root)
    if place is None or described(place) is None:
        raise BadInput(f"dataset '{name[:60]}' is not among your own: see `python -m engine data list`")
    gone = place.with_name(f".gone-{secrets.token_hex(8)}")
    try:
        place.rename(gone)
    except OSError as error:
        raise BadInput(f"{place} cannot be deleted ({error.strerror}): remove that folder by hand.") from None
    try:
        shutil.rmtree(gone)
    except FileNotFoundError:
        pass  # somebody sweeps
    except OSError as error:
        raise BadInput(f"{gone} is left and cannot be removed ({error.strerror}): remove it by hand.") from None


def read(place: Path, *, train: bool, content: str) -> Images:
    """One split of a kept set; DataMissing when its files are not the ones that were kept, or not of that content."""
    about = described(place)
    try:
        arrays = [np.load(place / f"{name}.npy", allow_pickle=False) for name in ARRAYS]
    except (OSError, ValueError, EOFError) as error:
        raise DataMissing(f"{place} is damaged ({error}): delete this data set and add it again.") from None
    parts = Part(*arrays[:2]), Part(*arrays[2:])
    made = folder.content(about.own.classes, *parts) if about else ""
    if about is None or made != about.own.content or about.name != OWN + place.name:
        raise DataMissing(f"{place} is damaged: its pictures are not those that were kept; add them again.")
    if made != content:
        raise DataMissing(f"{place} holds other images than the study is about: add those again.")
    chosen = parts[0 if train else 1]
    return Images(chosen.x.astype(np.float32) / np.float32(255), chosen.y)
