"""What a killed job goes on from: one file, replaced by renaming, that loads nothing but tensors and plain values."""

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

    @classmethod
    def open(cls, folder: Path) -> "Checkpoint":
        file = folder / "checkpoint.pt"
        folder.mkdir(parents=True, exist_ok=True)
        values = torch.load(file, weights_only=True) if file.exists() else {}
        return cls(file, values)

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Remember `state`; written at most every SAVE_EVERY seconds."""
        self.values[name] = state
        if time.monotonic() - self.written > SAVE_EVERY:
            part = self.file.with_suffix(".part")
            torch.save(self.values, part)
            part.replace(self.file)
            self.written = time.monotonic()

    def finish(self) -> None:
        self.file.unlink(missing_ok=True)
