"""The Learn page in Chromium: its sliders are answered by the browser, its answers by the server."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server, until

pytestmark = pytest.mark.browser

DECK = ".frontier-deck[data-drawn]"
DRAWINGS = "deck => [...deck.querySelectorAll('.plot')].map((plot) => JSON.stringify(plot.data))"


def test_a_move_changes_sentence_and_chart_and_asking_spends_the_budget(visit: Open, server: Server) -> None:
    page = visit(server.url)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("link", name="What is a privacy budget?").click()
    until(page, lambda: page.locator(DECK).count() == 3, 90, "three decks")
    count, step, _ = (page.locator(DECK).nth(i) for i in range(3))

    before, slider = count.evaluate(DRAWINGS), count.get_by_role("slider")
    expect(count.locator(".sentence")).to_contain_text("2.72 times")
    slider.press("End")
    expect(count.locator(".sentence")).to_contain_text("2,981 times")
    expect(slider).to_have_attribute("aria-valuetext", "8")
    assert count.evaluate(DRAWINGS) != before

    page.get_by_role("button", name="Ask once").click()
    expect(page.get_by_text(re.compile("One answer"))).to_contain_text("ε\u00a08 is spent")
    expect(slider).to_have_attribute("aria-valuetext", "8")
    assert errors == []

    lengths, pulls = step.evaluate(DRAWINGS)
    step.get_by_role("slider", name="Noise multiplier").press("ArrowRight")
    after = step.evaluate(DRAWINGS)
    assert after[0] == lengths, "what did not change is not drawn anew"
    assert after[1] != pulls
    assert errors == []


def test_a_phone_needs_no_sideways_scrolling(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/privacy-budget", width=390, height=844)
    until(page, lambda: page.locator(DECK).count() == 3, 90, "three decks")
    assert _width(page) <= 390


def _width(page: Page) -> int:
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    return wide
