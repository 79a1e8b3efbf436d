"""Downloading a data set's files by torchvision, whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.data import datasets
from engine.data.images import locate
from engine.errors import BadInput, DataMissing


def fetch(name: str, root: Path) -> str:
    """Put a data set's files into <root>/<name> and say where they are; DataMissing in one sentence on failure."""
    facts = datasets[name].facts
    if not facts.get("files"):
        return f"{facts['title']} comes with Frontier: nothing to download."
    if (folder := locate(name, root)) is None:
        folder = root / name
        with _workshop(root) as part:
            _download(facts["torchvision"], facts["title"], part)
            _move(_holder(part, facts["files"], facts["title"]), folder)
    return f"{facts['title']} is in {folder}."


@contextmanager
def _workshop(root: Path) -> Iterator[Path]:
    """A folder beside the data sets that is gone afterwards; BadInput when `root` cannot be written."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".fetch-", dir=root))
    except OSError as error:
        raise BadInput(f"{root} cannot be written ({error.strerror}): set FRONTIER_DATA to another folder.") from None
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _download(kind: str, title: str, part: Path) -> None:
    import torchvision.datasets

    try:
        getattr(torchvision.datasets, kind)(str(part), download=True)
    except (OSError, RuntimeError, EOFError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataMissing(f"{title} could not be downloaded ({reason}): check the network and try again.") from None


def _holder(part: Path, files: tuple[str, ...], title: str) -> Path:
    """The folder below `part` that holds every file: torchvision puts some data sets two levels down."""
    folders = (part, *(folder for folder in sorted(part.rglob("*")) if folder.is_dir()))
    for folder in folders:
        if all((folder / file).is_file() for file in files):
            return folder
    raise DataMissing(
        f"{title} was downloaded without {', '.join(files)}: update torchvision, or put them there by hand."
    )


def _move(source: Path, folder: Path) -> None:
    """Put `source` in the place of `folder`, which may hold remains of an earlier try."""
    shutil.rmtree(folder, ignore_errors=True)
    source.rename(folder)
