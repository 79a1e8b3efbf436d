"""What a person reads promises no more than was measured, and documents name what exists."""

import re
from pathlib import Path

import pytest

from engine.__main__ import app
from engine.data import datasets
from engine.models import models
from pages.parts import labels

ROOT = Path(__file__).parents[1]
READ = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "pages").rglob("*.py"),
    *(ROOT / "engine").rglob("*.py"),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", READ, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_word_that_promises_too_much(file: Path) -> None:
    found = re.findall(r"\b(?:safe|secure|anonymous)\b", file.read_text(encoding="utf-8"), re.IGNORECASE)
    assert not found


def test_the_readme_names_every_data_set_model_and_command() -> None:
    commands = [
        command.name or str(command.callback and command.callback.__name__) for command in app.registered_commands
    ]
    for name in (*datasets.names, *models.names, *commands):
        assert f"`{name}" in README, name


def test_the_glossary_explains_every_word_that_a_page_explains() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").lower()
    assert not [word for word in labels.TERMS if word.lower() not in glossary]


def test_links_between_documents_lead_somewhere() -> None:
    for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / link).exists(), f"{file.name} links to {link}"


def test_documents_name_modules_that_exist() -> None:
    for file in (ROOT / "docs").glob("*.md"):
        for name in re.findall(r"`(?:engine|tests|docs|pages)/[\w/.]+`", file.read_text(encoding="utf-8")):
            assert (ROOT / name.strip("`")).exists(), f"{file.name} names {name}"
