"""Arrays that cost time to make, kept on disk under a name that says what made them; least recently used goes."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import StoreError

Words = NDArray[np.uint16]
LEFT_BEHIND = 24 * 3600  # seconds after which nobody works on a file any more


def matrix(cache: Path, name: str, shape: tuple[int, int], fill: Callable[[Words], None], cap_gb: float) -> Words:
    """The uint16 matrix called `name`, memory-mapped; made by `fill(out)` when it is not there yet."""
    file = cache / f"{name}.npy"
    if not file.exists():
        _make(file, shape, fill)
        trim(cache, cap_gb, keep=file)
    os.utime(file)
    found: Words = np.load(file, mmap_mode="c")
    return found


def _make(file: Path, shape: tuple[int, int], fill: Callable[[Words], None]) -> None:
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _reserve(part, shape)
        out = np.lib.format.open_memmap(part, "r+")
        fill(out)
        out.flush()
        part.replace(file)
    except OSError as error:
        size = shape[0] * shape[1] * 2 / 1e6
        raise StoreError(f"cannot write {size:.0f} MB of features to {file.parent}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            part.unlink()


def _reserve(part: Path, shape: tuple[int, int]) -> None:
    """Claim the space first: a full disk must be an error here, not a bus error in the middle of the work."""
    np.lib.format.open_memmap(part, "w+", np.uint16, shape).flush()
    with part.open("r+b") as handle:
        os.posix_fallocate(handle.fileno(), 0, part.stat().st_size)


def trim(cache: Path, cap_gb: float, keep: Path | None = None) -> None:
    """Delete the least recently used arrays until the rest fits `cap_gb`, and what killed jobs left half-made."""
    for part in cache.glob("*.part"):
        if time.time() - part.stat().st_mtime > LEFT_BEHIND:
            part.unlink(missing_ok=True)
    files = sorted(cache.glob("*.npy"), key=lambda file: file.stat().st_mtime, reverse=True)
    used = 0.0
    for file in files:
        used += file.stat().st_size / 1e9
        if used > cap_gb and file != keep:
            file.unlink(missing_ok=True)


def forget(cache: Path, dataset: str) -> None:
    """Delete everything that was made from a data set."""
    for file in cache.glob(f"{dataset}-*.np[yz]"):
        file.unlink(missing_ok=True)


def has(cache: Path, dataset: str, model: str) -> bool:
    """Whether the training features of a data set under a model are already here."""
    return any(cache.glob(f"{dataset}-{model}-train-*.npy"))
