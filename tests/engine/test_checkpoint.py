"""A state that somebody hears of survives a power cut: its bytes and its name are on the disk first."""

import os
import stat
from pathlib import Path

import pytest

from engine.checkpoint import Checkpoint


@pytest.mark.parametrize("careful", [True, False])
def test_a_careful_checkpoint_settles_the_file_and_then_its_name(
    careful: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def renamed(part: Path, file: Path) -> Path:
        done.append("name")
        return replace(part, file)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    Checkpoint.open(tmp_path, careful=careful).save("pass", {"step": 1}, due=True)
    assert done == (["file", "name", "folder"] if careful else ["name"])
    assert Checkpoint.open(tmp_path).values == {"pass": {"step": 1}}
