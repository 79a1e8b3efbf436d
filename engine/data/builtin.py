"""Data sets that Frontier knows by name."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.images import Images
from engine.errors import DataMissing
from engine.registry import register


@register(
    "digits",
    title="Handwritten digits",
    n_train=1437,
    n_test=360,
    shape=(1, 8, 8),
    classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
    linf=(0.0, 0.02, 0.05, 0.1, 0.15),
    l2=(0.0, 0.1, 0.25, 0.5, 1.0),
    trained_eps=0.15,
    mirror=False,
    source="UCI optical recognition of handwritten digits, as shipped with scikit-learn",
    licence="CC BY 4.0",
)
def digits(root: Path, *, train: bool) -> Images:
    """1,797 scans of handwritten digits, 8 x 8; fixed stratified 80/20 split."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    raw = load_digits()
    x = (raw.images[:, None] / 16).astype(np.float32)
    y = raw.target.astype(np.int64)
    split = train_test_split(np.arange(len(y)), test_size=360, stratify=y, random_state=0)
    keep = np.sort(split[0 if train else 1])
    return Images(x[keep], y[keep])


@register(
    "fashion-mnist",
    title="Fashion-MNIST",
    n_train=60_000,
    n_test=10_000,
    shape=(1, 28, 28),
    classes=("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    linf=(0.0, 0.005, 0.01, 0.02, 0.03, 0.05),
    l2=(0.0, 0.1, 0.25, 0.5, 1.0),
    trained_eps=0.1,
    mirror=True,
    files=(
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ),
    folders=("/usr/share/datasets/fashion-mnist",),
    torchvision="FashionMNIST",
    source="Zalando Research, arXiv:1708.07747",
    licence="MIT",
)
def fashion_mnist(root: Path, *, train: bool) -> Images:
    """70,000 pictures of clothes in ten classes, 28 x 28 (Xiao et al., 2017)."""
    return _idx_split(root, train=train)


@register(
    "mnist",
    title="MNIST",
    n_train=60_000,
    n_test=10_000,
    shape=(1, 28, 28),
    classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
    linf=(0.0, 0.02, 0.05, 0.1, 0.2, 0.3),
    l2=(0.0, 0.25, 0.5, 1.0, 2.0),
    trained_eps=0.1,
    mirror=False,
    files=(
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ),
    torchvision="MNIST",
    source="LeCun, Cortes and Burges",
    licence="CC BY-SA 3.0",
)
def mnist(root: Path, *, train: bool) -> Images:
    """70,000 handwritten digits, 28 x 28."""
    return _idx_split(root, train=train)


@register(
    "cifar10",
    title="CIFAR-10",
    n_train=50_000,
    n_test=10_000,
    shape=(3, 32, 32),
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    linf=(0.0, 0.002, 0.004, 0.008, 0.016, 0.031),
    l2=(0.0, 0.1, 0.25, 0.5, 1.0),
    trained_eps=0.031,
    mirror=True,
    files=("cifar-10-batches-py/data_batch_1", "cifar-10-batches-py/test_batch"),
    torchvision="CIFAR10",
    source="Krizhevsky, 2009",
    licence="not stated by its authors; for research",
)
def cifar10(root: Path, *, train: bool) -> Images:
    """60,000 colour photographs in ten classes, 32 x 32, read by torchvision (which checks their MD5)."""
    from torchvision.datasets import CIFAR10

    try:
        raw = CIFAR10(str(root), train=train)
    except RuntimeError as error:
        raise DataMissing(f"CIFAR-10 in {root} is incomplete or damaged: {error}") from None
    x = np.ascontiguousarray(raw.data.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
    return Images(x, np.asarray(raw.targets, dtype=np.int64))


def _idx_split(root: Path, *, train: bool) -> Images:
    part = "train" if train else "t10k"
    x = _read_idx(root / f"{part}-images-idx3-ubyte.gz")
    y = _read_idx(root / f"{part}-labels-idx1-ubyte.gz")
    if len(x) != len(y):
        raise DataMissing(f"{root} is damaged: {len(x)} images but {len(y)} labels in the {part} files.")
    return Images(x[:, None].astype(np.float32) / np.float32(255), y.astype(np.int64))


def _read_idx(file: Path) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes: 2 zero bytes, type 8, number of dimensions, big-endian sizes, data."""
    try:
        raw = gzip.decompress(file.read_bytes())
        sizes = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes)
    except (OSError, EOFError, IndexError, ValueError) as error:
        raise DataMissing(f"{file} is damaged ({error}); delete it and fetch the data set again.") from None
