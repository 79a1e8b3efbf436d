"""Data sets by name: read as they are, refused in one sentence when damaged or missing."""

from pathlib import Path

import numpy as np
import pytest

from engine.data import datasets
from engine.data.images import load, locate, remedy
from engine.errors import BadInput, DataMissing
from tests.engine.data.files import SMALL, idx, write_cifar10, write_idx

NOWHERE = Path("/nowhere")


def test_digits_split_is_stratified_and_disjoint() -> None:
    train, test = (load("digits", NOWHERE, train=part) for part in (True, False))
    assert (len(train.x), len(test.x)) == (1437, 360)
    shares = np.bincount(train.y) / np.bincount(np.concatenate([train.y, test.y]))
    assert np.all(np.abs(shares - 0.8) < 0.01)
    from sklearn.datasets import load_digits

    together = np.concatenate([train.x, test.x]).reshape(1797, -1)
    everything = (load_digits().images / 16).astype(np.float32).reshape(1797, -1)
    assert np.array_equal(together[np.lexsort(together.T)], everything[np.lexsort(everything.T)])


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("below", ["{name}", "."])
def test_idx_files_are_read_byte_by_byte(tmp_path: Path, name: str, below: str) -> None:
    written = write_idx(tmp_path / below.format(name=name))
    for part, train in (("train", True), ("t10k", False)):
        images = load(name, tmp_path, train=train)
        assert images.x.shape == (SMALL[part], 1, 28, 28)
        assert np.array_equal(np.rint(images.x[:, 0] * 255), written[f"{part}-images-idx3-ubyte.gz"])
        assert np.array_equal(images.y, written[f"{part}-labels-idx1-ubyte.gz"])


def test_cifar10_is_read_in_channel_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_cifar10(tmp_path / "cifar10", monkeypatch)
    images = load("cifar10", tmp_path, train=True)
    assert np.array_equal(np.rint(images.x * 255), written)
    assert images.x.flags.c_contiguous
    assert images.y.tolist() == [0, 1, 2, 3] * 5
    assert len(load("cifar10", tmp_path, train=False).x) == 4


def test_a_damaged_cifar10_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, monkeypatch)
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"no")
    with pytest.raises(DataMissing, match="CIFAR-10 in .* is incomplete or damaged"):
        load("cifar10", tmp_path, train=True)


DAMAGE = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "no gzip": lambda whole: b"<html>not found</html>",
    "too short inside": lambda whole: idx(np.zeros((30, 28, 28), np.uint8))[:40],
    "size does not match": lambda whole: idx(np.zeros((7, 28, 28), np.uint8)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_in_one_sentence(tmp_path: Path, damage: str) -> None:
    write_idx(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(DataMissing, match=f"{tmp_path}.* is damaged"):
        load("mnist", tmp_path, train=True)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_missing_data_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    assert locate(name, tmp_path) is None
    with pytest.raises(DataMissing) as missing:
        load(name, tmp_path, train=True)
    assert str(missing.value) == remedy(name, tmp_path)
    assert f"`python -m engine fetch {name}`" in str(missing.value)
    assert str(tmp_path / name) in str(missing.value)


def test_fashion_mnist_knows_debians_package(fashion_mnist: Path) -> None:
    assert "`apt-get install dataset-fashion-mnist`" in remedy("fashion-mnist", NOWHERE)
    assert len(load("fashion-mnist", fashion_mnist, train=False).x) == datasets["fashion-mnist"].facts["n_test"]


def test_half_a_data_set_counts_as_missing(tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    assert locate("mnist", tmp_path) is None


def test_an_unknown_data_set_lists_the_choices() -> None:
    with pytest.raises(BadInput, match="choose from: cifar10, digits, fashion-mnist, mnist"):
        load("imagenet", NOWHERE, train=True)
