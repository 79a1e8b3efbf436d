"""A folder or a zip of labelled pictures, read into arrays: every picture decoded, none believed."""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.data import picture, zipped
from engine.data.files import LEFT_BEHIND, MAX_BYTES, File, not_too_many, refusing, shown, within_bounds
from engine.data.labels import SPLITS, Labelled, enough, labelled
from engine.errors import BadInput

SIDE, SIDE_LOW, SIDE_HIGH, SIDE_STEP = 28, 8, 48, 4  # above 48 the fast model's matrices take 8 GB
MAX_KEPT = 80_000_000  # pixels of all pictures as they are kept
MAX_DECODED = 4_000_000_000  # pixels of all pictures as they come: about a minute of work
MAX_SECONDS = 300  # for all pictures: some take much longer than their size says
TEST_SHARE = 5  # one in so many is for testing, where the folders do not say
TELL_EVERY = 0.25  # seconds between two words on progress

Progress = Callable[[int, int], None]
Source = Path | BinaryIO


@dataclass(frozen=True)
class Part:
    """One split: `x` uint8 (N, C, side, side), `y` int64 (N,)."""

    x: NDArray[np.uint8]
    y: NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures in both splits. `repeated` training pictures were left out because they are for testing, too.

    `marks` (sorted, none twice) name the training pictures as they came and as they are kept.
    """

    classes: tuple[str, ...]
    train: Part
    test: Part
    repeated: int
    passed_over: tuple[str, ...]
    marks: NDArray[np.uint64]

    @property
    def content(self) -> str:
        """32 hex digits that name the pictures, their classes and their splits: equal content, equal name."""
        return content(self.classes, self.train, self.test)


def content(classes: Sequence[str], train: Part, test: Part) -> str:
    """The hash of classes, shape, pixels and labels."""
    made = hashlib.blake2b(json.dumps([list(classes), train.x.shape[1:], len(train.y)]).encode(), digest_size=16)
    for part in (train, test):
        made.update(np.ascontiguousarray(part.x).data)
        made.update(np.ascontiguousarray(part.y).data)
    return made.hexdigest()


def read(source: Source, *, side: int = SIDE, tell: Progress | None = None) -> Pictures:
    """The pictures of a folder, or of a zip (its path, or a stream of it), resized to `side` x `side`.

    One folder a class, below `train` and `test`, or else a fifth of each class is for testing: those whose pixels
    have the smallest hashes, so that the same pictures are always split alike. Colour is kept if any picture has
    colour. BadInput in one sentence that names what is wrong; `tell(done, total)` hears how far it is a few
    times a second, and may raise to end it.
    """
    if side not in range(SIDE_LOW, SIDE_HIGH + 1, SIDE_STEP):
        raise BadInput(f"side={side} is not a multiple of {SIDE_STEP} in [{SIDE_LOW}, {SIDE_HIGH}]")
    with _files(source) as files:
        found = labelled(files)
        most = MAX_KEPT // side**2
        if len(found) > most:
            raise BadInput(f"there are {len(found):,} pictures: at {side} x {side} pixels at most {most:,} are kept.")
        colour, marks = _decoded(found, side, tell or _silence)
        passed_over = tuple(file.path for file in files if not file.is_picture and not file.is_noise)
    return _split(found, _grey_if_possible(colour), marks, passed_over)


def _silence(done: int, total: int) -> None:
    pass


@contextmanager
def _files(source: Source) -> Iterator[list[File]]:
    if isinstance(source, Path) and source.is_dir():
        yield _below(source)
    else:
        with zipped.files(source) as found:
            yield found


def _below(root: Path) -> list[File]:
    """Every file below a folder; a link is refused, wherever it leads."""
    found: list[File] = []
    for here, folders, names in os.walk(root, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in LEFT_BEHIND)
        for name in (*folders, *sorted(names)):
            _no_link(Path(here, name))
        found += [_on_disk(Path(here, name), root) for name in sorted(names)]
        not_too_many(len(found))
    return found


def _unreadable(error: OSError) -> None:
    raise BadInput(f"{error.filename} cannot be read ({error.strerror}).")


def _no_link(path: Path) -> None:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise BadInput(f"{path} is a link or no plain file: put the picture itself there.")


def _on_disk(path: Path, root: Path) -> File:
    def read() -> bytes:
        with refusing(f"{path} cannot be read."), path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        within_bounds(str(path), len(content))
        return content

    return File(path.relative_to(root).as_posix(), read)


def _decoded(found: Sequence[Labelled], side: int, tell: Progress) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """(N, 3, side, side) and the mark of each, one picture in memory at a time."""
    x, marks, pixels = np.empty((len(found), 3, side, side), np.uint8), np.empty(len(found), np.uint64), 0
    for i, one in _in_time(found, tell):
        whole = one.file.read()
        pixels += picture.size(whole, one.file.path)
        if pixels > MAX_DECODED:
            raise BadInput(
                f"up to {shown(one.file.path)} there are {pixels:,} pixels: at most {MAX_DECODED:,} are read."
            )
        x[i], marks[i] = picture.read(whole, side, one.file.path)
    return x, marks


def _in_time(found: Sequence[Labelled], tell: Progress) -> Iterator[tuple[int, Labelled]]:
    """Each picture and its number, until the time for all of them is up."""
    begun, told = time.monotonic(), -inf
    for i, one in enumerate(found):
        now = time.monotonic()
        if now - begun > MAX_SECONDS:
            raise BadInput(
                f"{i:,} of {len(found):,} pictures took {MAX_SECONDS} seconds, the most that is spent: "
                "give fewer, or smaller ones."
            )
        if now - told >= TELL_EVERY:
            tell(i, len(found))
            told = now
        yield i, one
    tell(len(found), len(found))


def _grey_if_possible(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = bool((x[:, 0] == x[:, 1]).all() and (x[:, 1] == x[:, 2]).all())
    return np.ascontiguousarray(x[:, :1]) if grey else x


def _split(
    found: Sequence[Labelled], x: NDArray[np.uint8], marks: NDArray[np.uint64], passed_over: tuple[str, ...]
) -> Pictures:
    """Both splits in the order of the pictures' hashes, which mixes classes and does not depend on names.

    What is in both is left out of training: left out of testing, the number of test pictures would tell of training.
    """
    classes = tuple(sorted({one.name for one in found}))
    y = np.array([classes.index(one.name) for one in found], np.int64)
    hashes = [hashlib.blake2b(image, digest_size=16).digest() for image in x]
    given = found[0].split != ""
    test = {i for i, one in enumerate(found) if one.split == "test"} if given else _chosen(hashes, y)
    tested = {hashes[i] for i in test}
    order = sorted(range(len(found)), key=lambda i: (hashes[i], y[i]))
    for_train = [i for i in order if hashes[i] not in tested]
    for_test = [i for i in order if i in test]
    _still_enough(classes, y, for_train, for_test)
    train, test_part = (Part(x[indices], y[indices]) for indices in (for_train, for_test))
    known_by = np.unique([*marks[for_train], *kept_marks(train.x)])
    return Pictures(classes, train, test_part, len(found) - len(test) - len(for_train), passed_over, known_by)


def kept_marks(x: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """What kept pixels (N, C, side, side) are known by, the same for a grey picture kept with or without colours."""
    colours = np.broadcast_to(x, (len(x), 3, *x.shape[2:]))
    return np.array([picture.mark(f"kept {one.shape}".encode() + one.tobytes()) for one in colours], np.uint64)


def _chosen(hashes: Sequence[bytes], y: NDArray[np.int64]) -> set[int]:
    """A fifth of each class, those of the smallest hashes; equal pictures stay together."""
    chosen: set[int] = set()
    for label in range(int(y.max()) + 1):
        alike: dict[bytes, list[int]] = {}
        for i in np.flatnonzero(y == label).tolist():
            alike.setdefault(hashes[i], []).append(i)
        chosen |= set(_fill(round(int((y == label).sum()) / TEST_SHARE), (alike[one] for one in sorted(alike))))
    return chosen


def _fill(room: int, groups: Iterable[list[int]]) -> list[int]:
    """Whole groups, in order, as far as there is room.

    >>> _fill(3, [[7], [1, 2, 5], [3, 4], [6]])
    [7, 3, 4]
    """
    taken: list[int] = []
    for group in groups:
        if len(taken) + len(group) <= room:
            taken += group
    return taken


def _still_enough(classes: Sequence[str], y: NDArray[np.int64], train: Sequence[int], test: Sequence[int]) -> None:
    """Of equal pictures all are on one side: a class may have too few left on the other."""
    counts = Counter({(name, split): 0 for name in classes for split in SPLITS})
    for split, indices in zip(SPLITS, (train, test), strict=True):
        counts.update((classes[label], split) for label in y[indices])
    enough(counts)
