"""What holds for every data set: a new entry of the registry is tested by being there."""

import numpy as np
import pytest

from engine.data import datasets
from engine.data.images import Images, load, locate, remedy
from tests.conftest import unavailable
from tests.engine.data.files import SMALL, declare, write_cifar10, write_idx

WHOLE = ("digits", "fashion-mnist")


@pytest.fixture(params=datasets.names, scope="session")
def splits(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Images, Images]:
    """Name, training and test images; small files in the real format where the whole set cannot be expected."""
    name: str = request.param
    root = tmp_path_factory.mktemp(name)
    with pytest.MonkeyPatch.context() as patch:
        if name == "cifar10":
            write_cifar10(root / name, patch)
            declare(patch, name, 20, 4)
        elif name not in WHOLE:
            write_idx(root / name)
            declare(patch, name, SMALL["train"], SMALL["t10k"])
        elif locate(name, root) is None:
            unavailable(remedy(name, root))
        first, again = ([load(name, root, train=part) for part in (True, False)] for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.x.tobytes() == other.x.tobytes()
        assert one.y.tobytes() == other.y.tobytes()
    return name, first[0], first[1]


def test_pixels_are_float32_in_0_1(splits: tuple[str, Images, Images]) -> None:
    name, *parts = splits
    for images in parts:
        assert images.x.dtype == np.float32
        assert images.x.shape[1:] == datasets[name].facts["shape"]
        assert images.x.min() >= 0
        assert images.x.max() <= 1
        assert images.x.max() > 0.9


def test_labels_are_int64_and_name_a_class(splits: tuple[str, Images, Images]) -> None:
    name, *parts = splits
    for images in parts:
        assert images.y.dtype == np.int64
        assert images.y.shape == images.x.shape[:1]
        assert images.y.min() >= 0
        assert images.y.max() < len(datasets[name].facts["classes"])


def test_sizes_are_as_stated(splits: tuple[str, Images, Images]) -> None:
    name, train, test = splits
    if name in WHOLE:
        facts = datasets[name].facts
        assert (len(train.x), len(test.x)) == (facts["n_train"], facts["n_test"])
        assert set(np.unique(train.y)) == set(range(len(facts["classes"])))


def test_splits_share_no_image(splits: tuple[str, Images, Images]) -> None:
    _, train, test = splits
    seen = {image.tobytes() for image in train.x}
    assert not any(image.tobytes() in seen for image in test.x)


def test_facts_a_form_needs(splits: tuple[str, Images, Images]) -> None:
    facts = datasets[splits[0]].facts
    for norm in ("linf", "l2"):
        assert facts[norm][0] == 0
        assert list(facts[norm]) == sorted(facts[norm])
    assert facts["source"]
    assert facts["licence"]
