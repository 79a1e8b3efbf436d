"""A registry knows its entries from their source: one file adds one, and nothing heavy is imported to list them."""

import sys
from pathlib import Path

import pytest

import engine.registry
from engine.data import datasets
from engine.errors import BadInput
from engine.models import models
from engine.registry import Registry
from engine.robustness import attacks

SOURCE = '''
from engine.registry import register

@register("{name}", title="A thing", version=3, sizes=(1, 2))
def thing() -> int:
    """What it is."""
    return 7
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine.registry, "__file__", str(tmp_path / "engine" / "registry.py"))
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "things"
    folder.mkdir()
    return folder


def test_one_file_adds_an_entry_which_is_imported_on_use_only(package: Path) -> None:
    (package / "first.py").write_text(SOURCE.format(name="first"))
    entry = Registry("thing", "things")["first"]
    assert (entry.version, entry.facts, entry.doc) == (3, {"title": "A thing", "sizes": (1, 2)}, "What it is.")
    assert "things.first" not in sys.modules
    assert entry.load()() == 7


def test_two_entries_of_one_name_are_refused(package: Path) -> None:
    for file in ("first.py", "second.py"):
        (package / file).write_text(SOURCE.format(name="same"))
    with pytest.raises(ValueError, match="two thing entries are called 'same'"):
        _ = Registry("thing", "things").names


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(BadInput, match="dataset 'digit' is unknown .* choose from: cifar10, digits"):
        datasets["digit"]


@pytest.mark.parametrize("registry", [datasets, models, attacks])
def test_what_is_registered_can_be_loaded(registry: Registry) -> None:
    assert registry.names
    for entry in registry.entries.values():
        assert callable(entry.load())
        assert entry.doc
        assert entry.facts["title"]
