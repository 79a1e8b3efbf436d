"""What a killed job goes on from: one file, replaced by renaming, that loads nothing but tensors and plain values."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from engine import disk

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
        put(part, self.file, lasting=self.careful)
        self.written = time.monotonic()

    def finish(self) -> None:
        self.file.unlink(missing_ok=True)


def put(part: Path, file: Path, *, lasting: bool) -> None:
    """Give a file that is whole its name; `lasting`: content and name outlast a power cut."""
    (disk.replace if lasting else Path.replace)(part, file)
