"""Small data sets in the formats of the real ones."""

import gzip
import hashlib
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.data import datasets

SMALL = {"train": 30, "t10k": 20}


def declare(patch: pytest.MonkeyPatch, name: str, n_train: int, n_test: int) -> None:
    """Have the entry of a data set declare a small number of images: `load` refuses any other."""
    entry = datasets[name]
    facts = {**entry.facts, "n_train": n_train, "n_test": n_test}
    patch.setitem(datasets.entries, name, replace(entry, facts=facts))


def idx(values: NDArray[np.uint8]) -> bytes:
    """An IDX file of unsigned bytes, compressed."""
    sizes = struct.pack(f">{values.ndim}i", *values.shape)
    return gzip.compress(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes())


def write_idx(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """MNIST's four files with SMALL images; what was written, by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    random, written = np.random.default_rng(0), {}
    for part, n in SMALL.items():
        images = random.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        written[f"{part}-images-idx3-ubyte.gz"] = images
        written[f"{part}-labels-idx1-ubyte.gz"] = (np.arange(n) % 10).astype(np.uint8)
    for name, values in written.items():
        (folder / name).write_bytes(idx(values))
    return written


def write_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    """CIFAR-10's batches of 4 images each, known to torchvision by their MD5; the training images, (N, 3, 32, 32)."""
    from torchvision.datasets import CIFAR10

    inside = folder / CIFAR10.base_folder
    inside.mkdir(parents=True, exist_ok=True)
    random, batches = np.random.default_rng(0), {}
    for name in [name for name, _ in CIFAR10.train_list + CIFAR10.test_list]:
        batches[name] = random.integers(0, 256, (4, 3 * 32 * 32), dtype=np.uint8)
        (inside / name).write_bytes(pickle.dumps({"data": batches[name], "labels": [0, 1, 2, 3]}))
    (inside / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    monkeypatch.setattr(CIFAR10, "train_list", _sums(inside, CIFAR10.train_list))
    monkeypatch.setattr(CIFAR10, "test_list", _sums(inside, CIFAR10.test_list))
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": _md5(inside / "batches.meta")})
    return np.concatenate([batches[name] for name, _ in CIFAR10.train_list]).reshape(-1, 3, 32, 32)


def _sums(folder: Path, files: Any) -> list[list[str]]:
    return [[name, _md5(folder / name)] for name, _ in files]


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()
