"""Settings: argument, then variable, then file, then default; wrong ones are refused in one sentence."""

from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.settings import Settings


@pytest.fixture(autouse=True)
def _folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_argument_then_variable_then_file_then_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().workers == 2
    (tmp_path / "frontier.toml").write_text("workers = 3\n")
    assert Settings().workers == 3
    monkeypatch.setenv("FRONTIER_WORKERS", "4")
    assert Settings().workers == 4
    assert Settings(workers=5).workers == 5


def test_everything_lies_in_home_and_data_where_it_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {Settings().data_root, Settings().cache, Settings().logs} == {home / "data", home / "cache", home / "logs"}
    monkeypatch.setenv("FRONTIER_DATA", "/mnt/pictures")
    assert Settings().data_root == Path("/mnt/pictures")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("WORKERS", "0", "FRONTIER_WORKERS='0' should be greater than or equal to 1"),
        ("WORKERS", "two", "FRONTIER_WORKERS='two' should be a valid integer, unable to parse string as an integer"),
        ("CACHE_GB", "-1", "FRONTIER_CACHE_GB='-1' should be greater than 0"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(f"FRONTIER_{name}", value)
    with pytest.raises(BadInput) as refused:
        Settings()
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("workers = ", "frontier.toml is not valid TOML: Invalid value"),
        (
            "worker = 2",
            "frontier.toml: 'worker' is no setting; choose from: cache_gb, cores, data, home, own_gb, workers",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "frontier.toml").write_text(text)
    with pytest.raises(BadInput) as refused:
        Settings()
    assert str(refused.value).startswith(sentence)
