"""Own images in Chromium: from a zip to curves, and hostile zips that leave neither files nor memory behind."""

import os
import re
import urllib.request
from pathlib import Path
from zipfile import ZIP_STORED

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from engine import holdings, services
from engine.jobs.progress import Status
from pages.parts import labels
from tests.browser.conftest import Open, Server, until
from tests.engine.data.pictures import HOSTILE, shapes, zipped

pytestmark = pytest.mark.browser
PLAIN = "*Disc* <b> www.a.example x@a.example"  # a class whose name would mean something in Markdown or HTML
FILE = "www.b.example y@b.example.zip"
LINKS = "a:not([data-testid])"  # those that Streamlit itself draws are named
LARGE, BALLAST = 16, 6_000_000  # hostile zips that can be seen in the memory of the server, and their bytes


def check(page: Page, content: bytes, name: str = "My shapes.zip") -> None:
    choose(page, content, name)
    page.get_by_role("button", name="Check these images").click()


def choose(page: Page, content: bytes, name: str) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")  # or the uploader may be replaced
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/zip", "buffer": content})
    expect(page.get_by_test_id("stFileChipName")).to_be_visible(timeout=15_000)


def test_own_images_from_a_zip_to_curves(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/data")
    page.get_by_text("Add your own images").click()
    page.get_by_label("Title").fill("My shapes www.c.example")
    check(page, zipped({name.replace("disc/", f"{PLAIN}/"): whole for name, whole in shapes(40).items()}), FILE)
    expect(_read(page, "My shapes www.c.example, not kept yet")).to_be_visible(timeout=15_000)
    expect(_read(page, f"Classes: {PLAIN}, square")).to_be_visible()
    expect(page.locator(LINKS)).to_have_count(0)
    page.get_by_role("button", name="Keep these images").click()
    expect(page.get_by_role("heading", name="Your own images")).to_be_visible()
    expect(_read(page, f"from {FILE}.")).to_be_visible()
    expect(page.locator(LINKS)).to_have_count(0)
    name = holdings.kept(settings=server.settings)[0].name
    page.locator(f"a[href*='{name.replace(':', '%3A')}']").click()
    expect(page.get_by_role("button", name="Compute these curves")).to_be_enabled()
    page.goto(f"{server.url}/?dataset={name}&epsilon=8,inf&eps=0.02&steps=10")  # fewer of them: this test is not alone
    page.get_by_role("button", name="Compute these curves").click()
    until(page, lambda: _state_of(server, name) == "done", 90, "curves of own images")
    study = _study_of(server, name)
    assert study is not None
    frame = services.frame(study.digest, settings=server.settings)
    assert frame[frame["metric"] == "accuracy"].set_index("epsilon")["value"].max() > 0.9
    expect(page.get_by_text("My shapes www.c.example, 64 training images")).to_be_visible(timeout=10_000)


def _read(page: Page, text: str) -> Locator:
    """Where this is read, whatever parts it that has no width."""
    return page.get_by_text(re.compile(f"{labels.JOINER}?".join(map(re.escape, text)))).first


def _study_of(server: Server, name: str) -> Status | None:
    found = [status for status in services.statuses(settings=server.settings) if status.study.dataset == name]
    return found[0] if found else None


def _state_of(server: Server, name: str) -> str:
    status = _study_of(server, name)
    return status.state if status else "none"


def test_hostile_zips_leave_no_file_and_no_memory_behind(visit: Open, server: Server) -> None:
    """Kept, the large ones would add up; what an allocator holds for reuse does not, and varies."""
    noise = {"ballast.txt": os.urandom(BALLAST)}
    large = [zipped({**shapes(), **noise, f"disc/x{i}.png": b"no"}, how=ZIP_STORED) for i in range(LARGE)]
    names = ("link", "leaves by ..", "cut", "huge picture", "overlapping entries", "bomb")
    small = [HOSTILE[name][0]() for name in names]
    before, memory = _files(server), []
    page = visit(f"{server.url}/data")
    page.get_by_text("Add your own images").click()
    for i, content in enumerate([*small, *large]):
        check(page, content, f"{i}.zip")
        expect(page.get_by_test_id("stFileChipName")).to_have_count(0, timeout=20_000)
        expect(page.get_by_test_id("stAlert")).to_have_count(1)
        memory.append(_resident(server))
    assert _files(server) == before
    assert memory[-1] - memory[0] < LARGE / 2 * BALLAST, [round(size / 1e6) for size in memory]


def test_a_file_that_is_chosen_and_never_checked_is_forgotten_on_another_page(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/data")
    page.get_by_text("Add your own images").click()
    before = _uploaded(server)  # of visits that the server has not given up yet
    choose(page, os.urandom(BALLAST), "x.zip")
    until(page, lambda: _uploaded(server) >= before + BALLAST, 15, "the upload held")
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    until(page, lambda: _uploaded(server) <= before, 60, "the upload forgotten")


def _uploaded(server: Server) -> int:
    """Bytes of uploads that Streamlit says it holds."""
    with urllib.request.urlopen(f"{server.url}/_stcore/metrics", timeout=10) as answer:
        said = answer.read().decode()
    return sum(int(line.split()[-1]) for line in said.splitlines() if "UploadedFileManager" in line)


def _files(server: Server) -> set[Path]:
    return {file for file in server.settings.data_root.rglob("*") if file.is_file()}


def _resident(server: Server) -> int:
    """Bytes that the process behind this address holds."""
    port = int(server.url.rpartition(":")[2])
    found = [one for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr[1:] == (port,)]
    return int(psutil.Process(found[0].pid).memory_info().rss)
