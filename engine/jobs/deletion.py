"""Deleting a study: it is stopped first, then forgotten, and its files are freed."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from engine.errors import FrontierError, StoreError
from engine.jobs.ownership import owner
from engine.settings import Settings
from engine.store.store import Store

PATIENCE, LOOK = 10.0, 0.05  # seconds a running study has to stop (its workers are killed after 0.5); between looks
LEFT_BEHIND = 3600.0  # seconds after which nobody is still at it
ASIDE = ".deleted-"  # how a folder is called from when its study is forgotten until it is freed


@dataclass(frozen=True)
class Belongings:
    """What goes with a study: result rows, trained models, and the bytes of its files."""

    n_results: int
    n_models: int
    size: int


def belongings(store: Store, digest: str, settings: Settings) -> Belongings:
    """What goes when this study is deleted."""
    view = store.overview.study(digest)
    models = store.measured.runs(digest)
    size = sum(_size(place) for place in [settings.artifacts / digest, *logs(digest, settings.logs)])
    return Belongings(view.n_points if view else 0, len(models), size)


def delete(store: Store, digest: str, settings: Settings) -> bool:
    """Stop a study, forget it, free its files; False if it was not there (any more).

    FrontierError if whoever runs it does not stop it in 10 s, StoreError if it or its files cannot be removed.
    """
    if store.overview.study(digest) is None:
        return False
    try:
        _forget(store, digest, settings)
    except OSError as error:
        raise StoreError(
            f"Study {digest} could not be deleted with its files: {error.filename} ({error.strerror})."
        ) from None
    _free(digest, settings)
    return True


def _forget(store: Store, digest: str, settings: Settings) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        store.queue.cancel(digest)
        nobody = owner(settings.home) is None
        if store.queue.remove(digest, though_held=nobody, meanwhile=partial(_aside, digest, settings)):
            return
        if time.monotonic() > until:
            raise FrontierError(f"Study {digest} did not stop within {PATIENCE:g} s: try again in a moment.")
        time.sleep(LOOK)


@contextmanager
def _aside(digest: str, settings: Settings) -> Iterator[None]:
    """Moved in one step: a study of the same digest begins with an empty folder, however soon. Back on an error."""
    aside = settings.artifacts / f"{ASIDE}{digest}-{uuid4().hex[:8]}"
    places = [place for place in (settings.artifacts / digest, *logs(digest, settings.logs)) if place.exists()]
    aside.mkdir(parents=True)
    try:
        for place in places:
            shutil.move(place, aside)
        yield
    except BaseException:
        for place in places:
            if (aside / place.name).exists():
                shutil.move(aside / place.name, place)
        aside.rmdir()
        raise


def _free(digest: str, settings: Settings) -> None:
    """Remove what was set aside, also by a process that died before it came to this."""
    try:
        for folder in settings.artifacts.glob(f"{ASIDE}{digest}-*"):
            with suppress(FileNotFoundError):  # another one is at it, too
                shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(
            f"Study {digest} was deleted, but {error.filename} could not be removed ({error.strerror}): remove it."
        ) from None
    for folder in settings.artifacts.glob(f"{ASIDE}*"):  # of those that died: a living one may need to put it back
        if _age(folder) > LEFT_BEHIND:
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    """Seconds since a folder was made; 0 when it has gone."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def logs(digest: str, folder: Path) -> list[Path]:
    """The files that the jobs of a study log to."""
    return sorted([*folder.glob(f"{digest}-*.log"), *folder.glob(f"{digest}-*.log.1")]) if digest.isalnum() else []


def _size(place: Path) -> int:
    return sum(size for size in _sizes(place))


def _sizes(place: Path) -> Iterator[int]:
    for file in [place, *place.rglob("*")]:
        if file.is_file() and not file.is_symlink():
            yield file.stat().st_size
