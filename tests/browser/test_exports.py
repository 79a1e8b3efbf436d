"""Files behind the Export button, as Chromium gets them."""

import pytest
from playwright.sync_api import expect

from engine import exports, services
from tests.browser.conftest import Open, Server, downloaded, until

pytestmark = pytest.mark.browser


def shipped(server: Server) -> str:
    """The digest of the starter study of digits."""
    services.welcome(settings=server.settings)
    return services.openings()[-1]


def test_the_browser_gets_the_bytes_of_the_command_line_with_the_mark_as_it_is(visit: Open, server: Server) -> None:
    """Of a study that comes with Frontier, before and after its mark was moved; the rest of the page is not redrawn."""
    digest = shipped(server)
    page = visit(f"{server.url}/?study={digest}")
    mark = page.get_by_role("slider", name="Attack strength")
    expect(mark).to_have_attribute("aria-valuenow", "0.05", timeout=20_000)
    before = exports.export(digest, "caption", settings=server.settings)
    assert downloaded(page, "Caption") == before["caption.txt"]
    page.keyboard.press("Escape")
    mark.focus()
    page.keyboard.press("End")
    until(page, lambda: "mark=0.15" in page.url, 20, "the mark in the address")
    after = exports.export(digest, "svg", width=90, strength=0.15, settings=server.settings)
    assert downloaded(page, "SVG") == after["figure-90mm.svg"]


def test_the_button_stays_clear_of_the_tables_own(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/?study={shipped(server)}")
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.hover()
    own = page.get_by_test_id("stElementToolbar").first
    expect(own).to_be_visible()
    button, tools = page.get_by_role("button", name="Export").bounding_box(), own.bounding_box()
    assert button is not None
    assert tools is not None
    assert button["x"] + button["width"] < tools["x"]
