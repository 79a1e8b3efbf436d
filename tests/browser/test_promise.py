"""Promise vs measured in Chromium: pressed, kept by the link, taken home, read on a phone and in the dark."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Open, Server, serving, until
from tests.browser.test_dashboard import CONTRAST
from tests.browser.test_defended import listening
from tests.browser.test_first_version import chart, takeaway
from tests.pages import leaked

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Measured:
    """A server whose store holds a study with leakage, and one without."""

    server: Server
    leaky: str
    plain: str

    def link(self, digest: str, view: str = "") -> str:
        return f"{self.server.url}/?study={digest}" + (f"&view={view}" if view else "")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    home = tmp_path_factory.mktemp("leaked")
    leaky = leaked.put(home, leaked.asked(extras=["leakage"]))
    plain = leaked.put(home, leaked.asked(seeds=2), leak=False)
    with serving(home) as server:
        yield Measured(server, leaky, plain)


def shown(page: Page, digest: str) -> None:
    page.wait_for_selector(f".frontier-charts[data-drawn='promise-{digest}']")


def test_one_press_shows_it_and_the_link_keeps_it(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.leaky))
    errors = listening(page)
    page.get_by_role("radio", name="Promise vs measured").or_(
        page.get_by_role("button", name="Promise vs measured")
    ).first.click()
    shown(page, measured.leaky)
    assert "ε\u00a03: 0.47 demonstrated." in takeaway(page)
    assert "5.2\u00a0% allowed" in str(chart(page, 1).get_attribute("aria-label"))
    expect(page.get_by_text("no measured point lies above what ε allows")).to_be_visible()
    until(page, lambda: "view=promise" in page.url, 10, "the address")
    page.reload()
    shown(page, measured.leaky)
    assert errors == []


def test_the_curves_have_a_third_line(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.leaky))
    page.wait_for_selector(f".frontier-charts[data-drawn='{measured.leaky}']")
    assert "Training images found: 1\u00a0% to 6\u00a0%" in takeaway(page)
    assert page.locator(".frontier-charts").first.get_by_text("leakage", exact=True).count() == 1


def test_its_files_can_be_taken_home(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.leaky, "promise"))
    shown(page, measured.leaky)
    page.get_by_role("button", name="Export").click()
    for name, start in (("promise-csv-180", b"budget,measured,value"), ("promise-png-90", b"\x89PNG")):
        with page.expect_download(timeout=90_000) as download:
            page.locator(f".st-key-export-{name} button").click()
        assert Path(download.value.path()).read_bytes().startswith(start)


def test_the_form_is_filled_with_what_is_missing(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.plain, "promise"))
    errors = listening(page)
    page.get_by_role("button", name="Ask for it in the form").click()
    until(page, lambda: "extras=leakage" in page.url, 15, "the address")
    expect(page.get_by_role("button", name="Compute these curves (about")).to_be_enabled()
    assert measured.plain in page.url
    assert errors == []


@pytest.mark.parametrize("which", ["leaky", "plain"])
def test_nothing_scrolls_sideways_on_a_phone(visit: Open, measured: Measured, which: str) -> None:
    digest = getattr(measured, which)
    page = visit(measured.link(digest, "promise"), width=390, height=844)
    page.get_by_text("leaks." if which == "plain" else "attacks that nobody").or_(
        page.get_by_text("was not measured")
    ).first.wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    for figure in page.locator(".frontier-charts .plot").all():
        box = figure.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: Browser, measured: Measured, scheme: Literal["light", "dark"]) -> None:
    with browser.new_context(viewport={"width": 1366, "height": 900}, color_scheme=scheme) as profile:
        page = profile.new_page()
        for digest, there in ((measured.leaky, "Show table"), (measured.plain, "was not measured")):
            page.goto(measured.link(digest, "promise"))
            page.get_by_text(there).first.wait_for()
            page.wait_for_timeout(1000)
            assert page.evaluate(CONTRAST) == [], digest
