"""The dashboard in Chromium: links, the mark without the server, present mode, keyboard, a lost connection."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, expect

from engine import services
from tests.browser.conftest import Open, Server, until
from tests.browser.screens import KEEP_SOCKETS, disconnected
from tests.browser.test_first_version import chart, takeaway

pytestmark = pytest.mark.browser
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


def drawn(page: Page) -> None:
    until(page, lambda: "Clean images" in takeaway(page), 20, "the curves")
    chart(page, 1).locator(".main-svg").first.wait_for()


def attacked(page: Page) -> str:
    """What the first chart calls its second line."""
    name: str = chart(page).evaluate("plot => plot.data[1].name")
    return name.replace("\u00a0", " ")


def test_the_mark_moves_the_other_chart_without_the_server(visit: Open, server: Server) -> None:
    """With every connection cut the line still follows."""
    page = visit(server.url)
    drawn(page)
    page.context.set_offline(True)
    page.evaluate("window.WebSocket.prototype.send = () => {}")
    before, mark = attacked(page), page.get_by_role("slider", name="Attack strength")
    mark.focus()
    page.keyboard.press("End")
    until(page, lambda: attacked(page) == "attacked by 5 %", 2, "the line at the last strength")
    assert before == "attacked by 2 %"
    box, to = mark.bounding_box(), chart(page, 1).bounding_box()
    assert box is not None
    assert to is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 2)
    page.mouse.down()
    page.mouse.move(to["x"] + 60, box["y"], steps=8)
    page.mouse.up()
    until(page, lambda: attacked(page) == "attacked by 0.5 %", 2, "the line at the first strength")


def test_a_link_opened_in_another_profile_restores_view_form_and_mark(
    visit: Open, server: Server, browser: Browser
) -> None:
    page = visit(server.url)
    drawn(page)
    page.get_by_role("slider", name="Attack strength").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("tampers with them by 3")).to_be_visible()
    page.get_by_test_id("stButtonGroup").get_by_role("button", name="8", exact=True).click()
    page.get_by_role("radio", name="Cost").or_(page.get_by_role("button", name="Cost")).first.click()
    until(page, lambda: "view=cost" in page.url and "epsilon=" in page.url, 5, "the link")
    n = len(services.statuses(settings=server.settings))
    page.get_by_role("button", name="Share").click()
    link = page.get_by_test_id("stCode").inner_text().strip()
    assert unquote(link) == unquote(page.url)
    with browser.new_context(viewport={"width": 1366, "height": 768}) as profile:
        there = profile.new_page()
        there.goto(link)
        until(there, lambda: "Points lost" in takeaway(there), 20, "the cost")
        expect(there.get_by_text("tampers with them by 3")).to_be_visible()
        expect(there.get_by_text("Showing earlier settings")).to_be_visible()
        expect(there.get_by_role("slider", name="Attack strength")).to_have_attribute("aria-valuenow", "0.03")
        pill = there.get_by_test_id("stButtonGroup").get_by_role("button", name="8", exact=True)
        expect(pill).to_have_attribute("aria-pressed", "false")
        expect(there.get_by_role("button", name=re.compile("^Compute these curves"))).to_be_visible()
    assert len(services.statuses(settings=server.settings)) == n, "opening a link launched something"


def test_present_mode_hides_all_but_the_story(visit: Open, server: Server) -> None:
    page = visit(server.url)
    drawn(page)
    usual = chart(page).bounding_box()
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Present").click()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_role("button", name="Leave presentation")).to_be_visible()
    expect(page.get_by_test_id("stSelectbox")).to_have_count(0)
    until(page, lambda: (chart(page).bounding_box() or {"height": 0})["height"] > 400, 5, "larger charts")
    assert usual is not None
    assert "present=1" in page.url
    page.get_by_role("button", name="Leave presentation").click()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()


def test_a_hint_that_was_dismissed_stays_away(visit: Open, server: Server) -> None:
    page = visit(server.url)
    hint = page.get_by_role("note").filter(has_text="New here?")
    expect(hint).to_be_visible()
    page.get_by_role("button", name="Got it").click()
    expect(hint).to_be_hidden()
    page.reload()
    drawn(page)
    expect(hint).to_be_hidden()


FOCUSED = """(() => {
  const one = document.activeElement;
  return `${one.getAttribute("aria-label") ?? ""}|${one.innerText}`;
})()"""


def test_the_keyboard_alone_reaches_everything(visit: Open, server: Server) -> None:
    """Tab meets views, targets, share, mark, terms, form and button in the order of the page."""
    page = visit(server.url)
    drawn(page)
    names: list[str] = []
    for _ in range(45):
        page.keyboard.press("Tab")
        names.append(page.evaluate(FOCUSED))
    said = "\n".join(name for name in names if len(name) < 400)  # the whole page can be reached, too
    order = ["Curves", "Targets", "Share", "Attack strength shown", "What was checked", "the worst of 3 attacks"]
    order += ["Help for Images", "Help for Privacy budgets", "Help for Attack strengths", "Quick try", "Advanced"]
    places = [said.find(word) for word in order]
    assert -1 not in places, said
    assert places == sorted(places), said


def test_a_lost_connection_is_told_and_the_charts_stay(browser: Browser, server: Server) -> None:
    """State 7."""
    with browser.new_context(viewport={"width": 1366, "height": 768}) as profile:
        page = profile.new_page()
        page.add_init_script(KEEP_SOCKETS)
        page.goto(server.url)
        drawn(page)
        told = "one => getComputedStyle(one, '::before').content"
        app = page.get_by_test_id("stApp")
        assert "Reconnecting" not in app.evaluate(told)
        disconnected(page)
        until(page, lambda: "studies go on" in app.evaluate(told), 10, "the sentence")
        assert float(page.locator(".frontier-charts").evaluate("one => getComputedStyle(one).opacity")) < 1
        page.unroute_all(behavior="ignoreErrors")
        until(page, lambda: "Reconnecting" not in app.evaluate(told), 30, "connected again")


@pytest.mark.parametrize("view", ["curves", "map", "cost"])
def test_no_view_scrolls_sideways_on_a_phone(visit: Open, server: Server, view: str) -> None:
    page = visit(f"{server.url}/?view={view}&clean=80&attacked=40", width=390, height=844)
    chart(page).locator(".main-svg").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: Browser, server: Server, scheme: Literal["light", "dark"]) -> None:
    with browser.new_context(viewport={"width": 1366, "height": 900}, color_scheme=scheme) as profile:
        page = profile.new_page()
        looked = (
            ("/?clean=80", "Got it"),
            ("/runs", "All studies"),
            ("/data", "Use these images"),
            ("/stories", "Present"),
        )
        for path, there in looked:
            page.goto(server.url + path)
            page.get_by_text(there).first.wait_for()
            page.wait_for_timeout(1000)
            assert page.evaluate(CONTRAST) == [], path
