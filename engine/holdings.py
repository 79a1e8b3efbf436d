"""What is held of data sets on this machine: how they look, and people's own, from a first look to their deletion.

Like engine.services: plain values; what goes wrong is a FrontierError whose message may be shown as it stands.
"""

import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine import ledgers, services
from engine.data import cache, entry, folder, images, own
from engine.data.folder import Progress, Source
from engine.data.own import About
from engine.errors import BadInput
from engine.jobs import supervisor
from engine.settings import Settings
from engine.study import OWN
from engine.wanted import Wanted

NAMED = 5  # studies that a sentence names

_one_at_a_time = threading.Lock()  # two large zips at once would need the memory of both


@dataclass(frozen=True)
class Draft:
    """Pictures that were read and may now be looked at: kept by `keep`, dropped by `discard`, or by `sweep`."""

    name: str
    about: About
    samples: Path


@dataclass(frozen=True)
class Room:
    """Bytes that own data take, and may take."""

    used: int
    most: int


def check(
    source: Source,
    *,
    called: str,
    file: str,
    side: int = folder.SIDE,
    tell: Progress | None = None,
    settings: Settings | None = None,
) -> Draft:
    """Read labelled pictures from a folder or a zip (a path, or an open stream) into a draft.

    `called`: what people read, `file`: where they came from. BadInput in one sentence that names what is wrong.
    """
    settings = settings or Settings()
    with _one_at_a_time:
        pictures = folder.read(source, side=side, tell=tell)
        name = own.draft(pictures, settings.data_root, called=called, file=file, cap_gb=settings.own_gb)
    found = draft(name, settings=settings)
    assert found is not None
    return found


def draft(name: str, *, settings: Settings | None = None) -> Draft | None:
    """A draft that was made before, or None when it is gone."""
    place = own.draft_folder(name, (settings or Settings()).data_root)
    found = own.described(place) if place else None
    return Draft(name, found, place / "samples.png") if place and found else None


def keep(name: str, *, settings: Settings | None = None) -> str:
    """Keep a draft; the name under which studies use it. From then on it shares the privacy ledger of its images.

    BadInput when it is gone.
    """
    kept_as = own.keep(name, (settings or Settings()).data_root)
    ledgers.enrol(kept_as, settings=settings)
    return kept_as


def discard(name: str, *, settings: Settings | None = None) -> None:
    """Drop a draft."""
    own.discard(name, (settings or Settings()).data_root)


def sweep(*, settings: Settings | None = None) -> None:
    """Drop what nobody decided about for two hours, and what a deletion left.

    Asked for when a server starts, whenever the Data page is drawn, and before a draft is written.
    """
    own.sweep((settings or Settings()).data_root)


def add(path: Path, *, side: int = folder.SIDE, called: str = "", settings: Settings | None = None) -> str:
    """Keep the labelled pictures of a folder or a zip on this machine; the name under which studies use them."""
    if not path.exists():
        raise BadInput(f"{path} does not exist: name a folder or a zip with one folder of pictures for each class.")
    made = check(path, called=called or path.stem, file=path.name, side=side, settings=settings)
    return keep(made.name, settings=settings)


def kept(*, settings: Settings | None = None) -> list[About]:
    """Everything that people added, newest first."""
    return own.kept((settings or Settings()).data_root)


def about(name: str, *, settings: Settings | None = None) -> About | None:
    """What is known of a kept set, or None when there is none of that name."""
    return own.find(name, (settings or Settings()).data_root)


def title(name: str, *, settings: Settings | None = None) -> str | None:
    """The title of a kept set, or None when there is none of that name."""
    found = about(name, settings=settings)
    return found.title if found else None


def room(*, settings: Settings | None = None) -> Room:
    """How much own data take and may take."""
    settings = settings or Settings()
    return Room(own.used(settings.data_root), round(settings.own_gb * 1e9))


def delete(name: str, *, settings: Settings | None = None) -> None:
    """Delete a kept set and what was prepared from it; curves and models stay. BadInput while a study needs it."""
    settings = settings or Settings()
    waiting = [status.digest for status in services.live(NAMED, Wanted(dataset=name), settings=settings)]
    if waiting:
        which = f"study {waiting[0]} uses" if len(waiting) == 1 else f"studies {', '.join(waiting)} use"
        raise BadInput(f"{which} these images and is not done yet: stop it first, or wait.")
    if own.find(name, settings.data_root) is not None:  # first: a deletion may stop half way, and these can be remade
        cache.forget(settings.cache, name)
    own.delete(name, settings.data_root)


def samples(name: str, *, settings: Settings | None = None) -> Path | None:
    """A strip of pictures of a data set, one of each of the first ten classes; None when it is not on this machine.

    Of what is known by name it is drawn once, meanwhile None and `drawing`.
    """
    settings = settings or Settings()
    place = images.locate(name, settings.data_root)
    if place is None:
        return None
    if name.startswith(OWN):
        return place / "samples.png"
    file = _strip(name, settings)
    if not file.is_file():
        _drawer(name, settings.data_root, file)
    return file if file.is_file() else None


def drawing(name: str, *, settings: Settings | None = None) -> bool:
    """Whether the strip of a data set, for which `samples` was asked, is still being drawn."""
    settings = settings or Settings()
    file = _strip(name, settings)
    return not file.is_file() and _drawer(name, settings.data_root, file).poll() is None


def _strip(name: str, settings: Settings) -> Path:
    return settings.cache / f"samples-{name}-{entry.entry(name).version}.png"


@lru_cache(maxsize=64)
def _drawer(name: str, root: Path, file: Path) -> "subprocess.Popen[bytes]":
    """A process that draws the strip: reading some data sets loads torch. What failed is not tried again."""
    command = [sys.executable, "-m", "engine.data.samples", name, str(root), str(file)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=supervisor.environment(), stdin=quiet, stdout=quiet, stderr=quiet)
