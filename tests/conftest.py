"""What every test shares: a home of its own, and data or browsers that may be missing."""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads slow everybody else down

from engine.data.images import locate, remedy
from engine.exhibit import Exhibit
from engine.store.store import Store


def unavailable(reason: str) -> None:
    """A missing tool is a failure on a build machine (CI=true), and a skip that says how to get it elsewhere."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _cuda():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """Streamlit's AppTest puts a page's script in the place of the main module, which new processes would then run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FRONTIER_HOME, away from any frontier.toml."""
    for name in [name for name in os.environ if name.startswith("FRONTIER_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("FRONTIER_HOME", str(folder))
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """The store of `home`."""
    opened = Store(home)
    yield opened
    opened.close()


@pytest.fixture
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Frontier that comes without results."""
    monkeypatch.setattr("engine.starter.SHIPPED", tmp_path)


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights for MobileNetV3, named by its hash as published ones are."""
    import torch
    from torchvision.models import mobilenet_v3_small

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = mobilenet_v3_small(norm_layer=partial(torch.nn.BatchNorm2d, eps=1e-3, momentum=1.0))
        blots = torch.nn.functional.interpolate(torch.rand(256, 1, 5, 5), (64, 64), mode="bilinear")
        network(4 * blots.expand(-1, 3, -1, -1) - 2)  # in training mode: normalisation fits what looks like images
    file = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(network.state_dict(), file)
    return file.rename(file.with_stem(f"random-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}"))


@pytest.fixture
def published(home: Path, random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data, that of FRONTIER_HOME, with the weights that `pretrained-linear` names."""
    from engine.models import models

    known = models["pretrained-linear"]
    here = replace(known, facts={**known.facts, "files": (random_weights.name,)})
    monkeypatch.setitem(models.entries, "pretrained-linear", here)
    folder = home / "data" / "pretrained-linear"
    folder.mkdir(parents=True)
    shutil.copy(random_weights, folder)
    return folder.parent


@pytest.fixture(scope="session")
def small_exhibit() -> Exhibit:
    """The exhibit of an attack, hardly trained and with few radii: made in a second."""
    from engine import exhibit
    from engine.robustness import toy

    short = {name: replace(way, recipe=replace(way.recipe, steps=60)) for name, way in toy.WAYS.items()}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(toy, "WAYS", short)
        patched.setattr(toy, "N_TEST", 250)
        patched.setattr(exhibit, "RADII", (20, 100, 200))
        patched.setattr(exhibit, "OTHERS", 1)
        return exhibit.make()


@pytest.fixture(scope="session")
def fashion_mnist() -> Path:
    """The folder of Fashion-MNIST's files."""
    folder = locate("fashion-mnist", Path("data"))
    if folder is None:
        unavailable(remedy("fashion-mnist", Path("data")))
    assert folder is not None
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        unavailable("No Chromium was found: install it, for example `apt-get install chromium`.")
    assert found is not None
    return found
