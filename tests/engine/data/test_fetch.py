"""Downloads arrive whole or not at all; torchvision is replaced by one that writes small files."""

from pathlib import Path
from typing import Any

import pytest

from engine.data.fetch import fetch
from engine.data.images import load, locate
from engine.errors import BadInput, DataMissing
from tests.engine.data.files import SMALL, declare, write_cifar10, write_idx


def _fake(monkeypatch: pytest.MonkeyPatch, kind: str, download: Any) -> None:
    monkeypatch.setattr(f"torchvision.datasets.{kind}", download)


def test_idx_files_end_where_they_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(monkeypatch, "MNIST", lambda root, download: write_idx(Path(root) / "MNIST" / "raw"))
    assert fetch("mnist", tmp_path / "data") == f"MNIST is in {tmp_path / 'data' / 'mnist'}."
    declare(monkeypatch, "mnist", SMALL["train"], SMALL["t10k"])
    assert len(load("mnist", tmp_path / "data", train=True).x) == SMALL["train"]
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["mnist"]


def test_cifar10_keeps_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        _fake(patch, "CIFAR10", lambda root, download: _batches(Path(root)))
        fetch("cifar10", tmp_path)
    write_cifar10(tmp_path / "cifar10", monkeypatch)
    declare(monkeypatch, "cifar10", 20, 4)
    assert len(load("cifar10", tmp_path, train=True).x) == 20


def _batches(root: Path) -> None:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "test_batch"):
        (folder / name).write_bytes(b"")


def test_a_failed_download_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(root: str, download: bool) -> None:
        (Path(root) / "half.gz").write_bytes(b"1")
        raise RuntimeError("Error downloading\nthe file")

    _fake(monkeypatch, "MNIST", fail)
    with pytest.raises(DataMissing) as failed:
        fetch("mnist", tmp_path)
    reason = "MNIST could not be downloaded (Error downloading the file): check the network and try again."
    assert str(failed.value) == reason
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_download_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(monkeypatch, "MNIST", lambda root, download: None)
    with pytest.raises(DataMissing, match="was downloaded without train-images"):
        fetch("mnist", tmp_path)
    assert locate("mnist", tmp_path) is None


def test_what_is_here_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "mnist")
    _fake(monkeypatch, "MNIST", lambda root, download: pytest.fail("downloaded again"))
    assert fetch("mnist", tmp_path) == f"MNIST is in {tmp_path / 'mnist'}."
    assert fetch("digits", tmp_path) == "Handwritten digits comes with Frontier: nothing to download."


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"file/data cannot be written \(Not a directory\)"):
        fetch("mnist", tmp_path / "file" / "data")
