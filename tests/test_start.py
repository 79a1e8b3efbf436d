"""`make app`: a virtual environment once, nothing installed twice, a free port, the first page at once."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import start

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project whose .venv holds a stand-in for Python, and a note of every command that was run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(start, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest\n")
    (tmp_path / ".venv").mkdir()
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    noted: list[list[str]] = []
    monkeypatch.setattr(start, "must", noted.append)
    return noted


def install(name: str) -> None:
    start.install(Path(name))


@pytest.mark.usefixtures("project")
def test_the_first_start_makes_an_environment(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "CANDIDATES", ("no-such-python", sys.executable))
    install("requirements.txt")
    assert commands[0][:3] == [sys.executable, "-m", "venv"]
    assert commands[1][-2:] == ["-r", "requirements.txt"]


def test_nothing_is_installed_twice(project: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "runs", lambda python, code: True)
    install("requirements-dev.txt")
    assert len(commands) == 1
    for name in ("requirements.txt", "requirements-dev.txt"):
        install(name)
    assert len(commands) == 1
    (project / "requirements.txt").write_text("numpy\nscipy\n")
    for name in ("requirements.txt", "requirements-dev.txt"):
        install(name)
    assert [command[-1] for command in commands] == ["requirements-dev.txt", "requirements.txt", "requirements-dev.txt"]


def test_a_failed_installation_is_tried_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "runs", lambda python, code: True)
    monkeypatch.setattr(start, "PYTHON", Path(shutil.which("false") or "false"))
    with pytest.raises(SystemExit, match="failed with exit code 1; its message is above"):
        install("requirements.txt")
    assert not list((project / ".venv").glob("*.installed"))


def test_no_python_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "CANDIDATES", ("no-such-python",))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer with venv: install it"):
        start.find_python()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that the server would have been started with."""
    noted: list[str] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: noted.extend(arguments))
    return noted


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_busy_port_gives_the_next_free_one(served: list[str], busy: int, capsys: pytest.CaptureFixture[str]) -> None:
    start.serve("127.0.0.1", busy)
    port = int(served[served.index("--server.port") + 1])
    assert busy < port < busy + 100
    assert f"http://127.0.0.1:{port}" in capsys.readouterr().out
    assert served[served.index("--server.address") + 1] == "127.0.0.1"


def test_host_is_taken_from_the_environment_only(served: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "install", lambda file: None)
    monkeypatch.delenv("HOST", raising=False)
    start.main([])
    assert served[served.index("--server.address") + 1] == "127.0.0.1"
    served.clear()
    monkeypatch.setenv("HOST", "0.0.0.0")
    start.main([])
    assert served[served.index("--server.address") + 1] == "0.0.0.0"


@pytest.mark.usefixtures("served")
def test_a_host_that_is_not_ours_is_named() -> None:
    with pytest.raises(SystemExit, match="HOST=no such host is not an address of this machine"):
        start.serve("no such host", 8501)


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1"])
def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setattr(start, "install", lambda file: None)
    monkeypatch.setenv("PORT", port)
    with pytest.raises(SystemExit, match=rf"PORT={port} is not a whole number in \[1, 65535\]"):
        start.main([])


def test_an_unknown_argument_shows_the_usage() -> None:
    with pytest.raises(SystemExit, match="usage: python3 start.py"):
        start.main(["--fast"])


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """This project as a second start finds it; its Python notes what it was asked."""
    for name in ("app.py", "pages", "engine", "assets", ".streamlit"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("start.py", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / "requirements.installed").write_text(start.fingerprint(ROOT / "requirements.txt"))
    return tmp_path


def test_a_second_start_serves_the_first_page_and_installs_nothing(home: Path, installed: Path, busy: int) -> None:
    server = subprocess.Popen(
        [sys.executable, str(installed / "start.py")],
        env={**os.environ, "PORT": str(busy)},
        stdout=subprocess.PIPE,
        text=True,
        cwd=installed.parent,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[1]
        assert b"<html" in first_page(address, time.monotonic() + 20)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
    assert "pip install" not in (installed / "asked").read_text()


def first_page(address: str, until: float) -> bytes:
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                page: bytes = answer.read()
                return page
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
