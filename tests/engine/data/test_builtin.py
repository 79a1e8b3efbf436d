"""Data sets by name: read as they are, refused in one sentence when damaged or missing."""

from pathlib import Path

import numpy as np
import pytest

from engine.data import datasets
from engine.data.images import load, locate, remedy
from engine.errors import BadInput, DataMissing
from tests.engine.data.files import SMALL, declare, idx, write_cifar10, write_idx

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
@pytest.mark.parametrize("below", [".", "{name}"])
def test_idx_files_are_read_byte_by_byte(
    tmp_path: Path, name: str, below: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, name, SMALL["train"], SMALL["t10k"])
    written = write_idx(tmp_path / name)
    for part, train in (("train", True), ("t10k", False)):
        images = load(name, tmp_path / below.format(name=name), train=train)
        assert images.x.shape == (SMALL[part], 1, 28, 28)
        assert np.array_equal(np.rint(images.x[:, 0] * 255), written[f"{part}-images-idx3-ubyte.gz"])
        assert np.array_equal(images.y, written[f"{part}-labels-idx1-ubyte.gz"])


def test_cifar10_is_read_in_channel_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_cifar10(tmp_path / "cifar10", monkeypatch)
    declare(monkeypatch, "cifar10", 20, 4)
    images = load("cifar10", tmp_path, train=True)
    assert np.array_equal(np.rint(images.x * 255), written)
    assert images.x.flags.c_contiguous
    assert images.y.tolist() == [0, 1, 2, 3] * 5
    assert len(load("cifar10", tmp_path, train=False).x) == 4


def test_a_damaged_cifar10_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path / "cifar10", monkeypatch)
    (tmp_path / "cifar10" / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"no")
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
    write_idx(tmp_path / "mnist")
    file = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(DataMissing, match=f"{tmp_path}.* is damaged"):
        load("mnist", tmp_path, train=True)


UNDECLARED: dict[str, tuple[tuple[int, ...], int, str]] = {
    "more images": ((31, 28, 28), 3, r"its training images have the shape \(31, 1, 28, 28\), not \(30, 1, 28, 28\)"),
    "other images": ((30, 8, 8), 3, r"its training images have the shape \(30, 1, 8, 8\)"),
    "another class": ((30, 28, 28), 10, r"its training labels are not 30 numbers in \[0, 9\]"),
}


@pytest.mark.parametrize("what", UNDECLARED)
def test_files_that_are_not_what_the_entry_declares_are_refused(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The noise is computed for the N, the shape and the classes that the entry declares."""
    declare(monkeypatch, "mnist", 30, 20)
    shape, label, sentence = UNDECLARED[what]
    write_idx(tmp_path / "mnist")
    for kind, values in (("images", np.zeros(shape, np.uint8)), ("labels", np.full(shape[0], label, np.uint8))):
        (tmp_path / "mnist" / f"train-{kind}-idx{3 if kind == 'images' else 1}-ubyte.gz").write_bytes(idx(values))
    with pytest.raises(DataMissing, match=f"mnist does not hold MNIST: {sentence}"):
        load("mnist", tmp_path, train=True)


def test_files_of_the_same_names_are_not_taken_for_another_data_set(tmp_path: Path) -> None:
    write_idx(tmp_path / "fashion-mnist")
    assert locate("fashion-mnist", tmp_path / "fashion-mnist") == tmp_path / "fashion-mnist"
    assert locate("mnist", tmp_path / "fashion-mnist") is None


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
    write_idx(tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert locate("mnist", tmp_path) is None


def test_an_unknown_data_set_lists_the_choices() -> None:
    with pytest.raises(BadInput, match="choose from: cifar10, digits, fashion-mnist, mnist"):
        load("imagenet", NOWHERE, train=True)
