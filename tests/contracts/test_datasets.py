"""What holds for every data set: a new entry of the registry is tested by being there; and one of a person's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.data import datasets, entry, own
from engine.data.folder import read
from engine.data.images import Images, load, locate, remedy
from engine.study import Own
from tests.conftest import unavailable
from tests.engine.data.files import SMALL, declare, write_cifar10, write_idx
from tests.engine.data.pictures import shapes, zipped

WHOLE = ("digits", "fashion-mnist", "own")
OWN: dict[str, Own] = {}


def keep(root: Path) -> str:
    """Pictures of our own, kept below `root`; the name of the set."""
    (root / "shapes.zip").write_bytes(zipped(shapes(40)))
    pictures = read(root / "shapes.zip")
    name = own.keep(own.draft(pictures, root, called="Shapes", file="shapes.zip", cap_gb=1), root)
    about = own.find(name, root)
    assert about is not None
    OWN["own"] = about.own
    return name


def facts_of(name: str) -> dict[str, Any]:
    return entry.entry(name, OWN.get(name)).facts


@pytest.fixture(params=[*datasets.names, "own"], scope="session")
def splits(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Images, Images]:
    """Name, training and test images; small files in the real format where the whole set cannot be expected."""
    name: str = request.param
    root = tmp_path_factory.mktemp(name)
    with pytest.MonkeyPatch.context() as patch:
        called = keep(root) if name == "own" else name
        if name == "cifar10":
            write_cifar10(root / name, patch)
            declare(patch, name, 20, 4)
        elif name not in WHOLE:
            write_idx(root / name)
            declare(patch, name, SMALL["train"], SMALL["t10k"])
        elif locate(called, root) is None:
            unavailable(remedy(name, root))
        splits = (True, False)
        first, again = ([load(called, root, train=part, own=OWN.get(name)) for part in splits] for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.x.tobytes() == other.x.tobytes()
        assert one.y.tobytes() == other.y.tobytes()
    return name, first[0], first[1]


def test_pixels_are_float32_in_0_1(splits: tuple[str, Images, Images]) -> None:
    name, *parts = splits
    for images in parts:
        assert images.x.dtype == np.float32
        assert images.x.shape[1:] == facts_of(name)["shape"]
        assert images.x.min() >= 0
        assert images.x.max() <= 1
        assert images.x.max() > 0.9


def test_labels_are_int64_and_name_a_class(splits: tuple[str, Images, Images]) -> None:
    name, *parts = splits
    for images in parts:
        assert images.y.dtype == np.int64
        assert images.y.shape == images.x.shape[:1]
        assert images.y.min() >= 0
        assert images.y.max() < len(facts_of(name)["classes"])


def test_sizes_are_as_stated(splits: tuple[str, Images, Images]) -> None:
    name, train, test = splits
    if name in WHOLE:
        facts = facts_of(name)
        assert (len(train.x), len(test.x)) == (facts["n_train"], facts["n_test"])
        assert set(np.unique(train.y)) == set(range(len(facts["classes"])))


def test_splits_share_no_image(splits: tuple[str, Images, Images]) -> None:
    _, train, test = splits
    seen = {image.tobytes() for image in train.x}
    assert not any(image.tobytes() in seen for image in test.x)


def test_facts_a_form_needs(splits: tuple[str, Images, Images]) -> None:
    facts = facts_of(splits[0])
    for norm in ("linf", "l2"):
        assert facts[norm][0] == 0
        assert list(facts[norm]) == sorted(facts[norm])
    assert facts["source"]
    assert facts["licence"]
