"""Files that have to outlast a power cut."""

import os
from pathlib import Path


def settle(place: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(part: Path, file: Path) -> None:
    """Put one file in the place of another: after a power cut there is the old one or the new one, whole."""
    settle(part)
    part.replace(file)
    settle(file.parent)
