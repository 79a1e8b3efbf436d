"""Own images in Chromium: from a zip to curves, and hostile zips that leave neither files nor memory behind."""

import os
from pathlib import Path
from zipfile import ZIP_STORED

import psutil
import pytest
from playwright.sync_api import Page, expect

from engine import holdings, services
from engine.jobs.progress import Status
from tests.browser.conftest import Open, Server, until
from tests.engine.data.pictures import HOSTILE, shapes, zipped

pytestmark = pytest.mark.browser
PLAIN = "*Disc* <b>"  # a class whose name would mean something in Markdown or HTML
LARGE, BALLAST = 16, 6_000_000  # hostile zips that can be seen in the memory of the server, and their bytes


def choose(page: Page, content: bytes, name: str = "My shapes.zip") -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")  # or the uploader may be replaced
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/zip", "buffer": content})
    expect(page.get_by_test_id("stFileChipName")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Check these images").click()


def test_own_images_from_a_zip_to_curves(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/data")
    page.get_by_text("Add your own images").click()
    choose(page, zipped({name.replace("disc/", f"{PLAIN}/"): whole for name, whole in shapes(40).items()}))
    expect(page.get_by_text("My shapes, not kept yet")).to_be_visible(timeout=15_000)
    expect(page.get_by_text(f"Classes: {PLAIN}, square")).to_be_visible()
    page.get_by_role("button", name="Keep these images").click()
    expect(page.get_by_role("heading", name="Your own images")).to_be_visible()
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
    expect(page.get_by_text("My shapes, 64 training images")).to_be_visible(timeout=10_000)


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
        choose(page, content, f"{i}.zip")
        expect(page.get_by_test_id("stFileChipName")).to_have_count(0, timeout=20_000)
        expect(page.get_by_test_id("stAlert")).to_have_count(1)
        memory.append(_resident(server))
    assert _files(server) == before
    assert memory[-1] - memory[0] < LARGE / 2 * BALLAST, [round(size / 1e6) for size in memory]


def _files(server: Server) -> set[Path]:
    return {file for file in server.settings.data_root.rglob("*") if file.is_file()}


def _resident(server: Server) -> int:
    """Bytes that the process behind this address holds."""
    port = int(server.url.rpartition(":")[2])
    found = [one for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr[1:] == (port,)]
    return int(psutil.Process(found[0].pid).memory_info().rss)
