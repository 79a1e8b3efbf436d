"""A real Chromium on a real server. Servers are shared: each takes seconds to start."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from engine.jobs import supervisor
from engine.settings import Settings

ROOT = Path(__file__).parents[2]
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CONNECTED = "[data-testid=stApp][data-test-connection-state=CONNECTED]"
Open = Callable[..., Page]
expect.set_options(timeout=15_000)  # ms: a machine that is busy is slow, not wrong


@dataclass(frozen=True)
class Server:
    """A running server: its address, and settings that name its home."""

    url: str
    settings: Settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """`streamlit run app.py` on a store of its own, from when it answers until it has ended."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTIER_")}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment | {"FRONTIER_HOME": str(home)}, stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + 30
        while not answers(f"http://127.0.0.1:{port}/healthz"):
            assert process.poll() is None, (home / "server.log").read_text()
            assert time.monotonic() < until, (home / "server.log").read_text()
            time.sleep(0.05)
        yield Server(f"http://127.0.0.1:{port}", Settings(home=home))
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server with the real engine."""
    with serving(tmp_path_factory.mktemp("real")) as running:
        yield running


@pytest.fixture(scope="session")
def steady_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose studies are computed elsewhere, by a stand-in with news about once a second."""
    home = tmp_path_factory.mktemp("steady")
    elsewhere = supervisor.start(
        Settings(home=home, cores=2), address="http://127.0.0.1:1", execute="tests.browser.fakes.steady"
    )
    try:
        with serving(home) as running:
            yield running
    finally:
        supervisor.stop(elsewhere)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open an address in a tab of its own; all are closed at the end."""
    opened: list[Page] = []

    def visited(url: str, *, width: int = 1366, height: int = 768) -> Page:
        page = browser.new_page(viewport={"width": width, "height": height})
        opened.append(page)
        page.goto(url)
        page.wait_for_selector(CONNECTED)
        return page

    yield visited
    for page in opened:
        page.close()


def until(page: Page, holds: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until something holds; the seconds it took."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < seconds, f"not in {seconds} s: {what}\n{page.locator('body').inner_text()}"
        page.wait_for_timeout(50)
    return time.monotonic() - start


def downloaded(page: Page, name: str) -> bytes:
    """What the browser gets for one of the files behind Export."""
    button = page.get_by_test_id("stDownloadButton").get_by_text(name, exact=True).first
    if not button.is_visible():
        page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        button.click()
    return Path(download.value.path()).read_bytes()
