"""What a killed job goes on from: one file, replaced by renaming, that loads nothing but tensors and plain values."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

SAVE_EVERY = 2.0  # seconds


@dataclass
class Checkpoint:
    """The state of whatever is under way, by name."""

    file: Path
    values: dict[str, Any] = field(default_factory=dict)
    written: float = 0.0
    careful: bool = False  # nobody hears of a state before it is on the disk

    @classmethod
    def open(cls, folder: Path, *, careful: bool = False) -> "Checkpoint":
        file = folder / "checkpoint.pt"
        folder.mkdir(parents=True, exist_ok=True)
        values = torch.load(file, weights_only=True) if file.exists() else {}
        return cls(file, values, careful=careful)

    def save(self, name: str, state: dict[str, Any], due: bool = False) -> None:
        """Remember `state`; written at most every SAVE_EVERY seconds, and when it is `due` if that is cared for."""
        self.values[name] = state
        if (due and self.careful) or time.monotonic() - self.written > SAVE_EVERY:
            self._write()

    def _write(self) -> None:
        part = self.file.with_suffix(".part")
        with part.open("wb") as handle:
            torch.save(self.values, handle)
            if self.careful:
                handle.flush()
                os.fsync(handle.fileno())
        part.replace(self.file)
        if self.careful:
            _settle(self.file.parent)
        self.written = time.monotonic()

    def finish(self) -> None:
        self.file.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """The names in a folder are on the disk: without that a renamed file may be the old one after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
