"""Weights that a model needs and that are not trained here: where they lie, and how they come. No torch until read."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import BadInput, DataMissing
from engine.models import models

if TYPE_CHECKING:
    from torch import Tensor


def locate(name: str, root: Path) -> Path | None:
    """The folder <root>/<name> if it holds every file of model `name`, else None. A model without files needs none."""
    folder = root / name
    return folder if all((folder / file).is_file() for file in models[name].facts.get("files", ())) else None


def remedy(name: str, root: Path) -> str:
    """One sentence: what is missing and how to get it."""
    facts = models[name].facts
    return (
        f"The weights of the {facts['title']} are not on this machine: run `python -m engine fetch {name}`, "
        f"or put {', '.join(facts['files'])} into {root / name}."
    )


def fetch(name: str, root: Path) -> str:
    """Put a model's weights into <root>/<name> and say where they are; DataMissing in one sentence on failure."""
    facts = models[name].facts
    if not facts.get("files"):
        return f"Model {name} is trained here from the start: nothing to download."
    if locate(name, root) is None:
        _download(facts["weights"], root / name / facts["files"][0])
    return f"The weights of {name} are in {root / name}."


def _download(weights: str, file: Path) -> None:
    import torch.hub
    import torchvision.models

    url = torchvision.models.get_weight(weights).url
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{file.parent} cannot be written ({error.strerror}): set FRONTIER_DATA to another folder."
        ) from None
    try:
        torch.hub.download_url_to_file(url, str(file), hash_prefix=_stated(file), progress=False)
    except (OSError, RuntimeError, EOFError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataMissing(f"{file.name} could not be downloaded ({reason}): check the network and try again.") from None


def read(name: str, root: Path) -> "dict[str, Tensor]":
    """The weights by name; DataMissing when they are not here, or are not those that the entry names.

    A file's name ends in the first digits of its SHA-256, by which studies of equal digest have equal features.
    """
    import torch

    if (folder := locate(name, root)) is None:
        raise DataMissing(remedy(name, root))
    file = folder / models[name].facts["files"][0]
    with file.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if not found.startswith(_stated(file)):
        raise DataMissing(f"{file} is damaged (its SHA-256 begins {found[:8]}): delete it and fetch {name} again.")
    loaded: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return loaded


def _stated(file: Path) -> str:
    return file.stem.rpartition("-")[2]
