"""The stories in Chromium: a fresh server tells two at once, on a screen and on a phone."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Server, until

pytestmark = pytest.mark.browser
PLOT = ".frontier-charts .plot"


def test_a_fresh_server_tells_what_was_published_beside_what_is_measured(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/stories")
    table = page.locator(".frontier-beside")
    expect(table).to_contain_text("89.7")
    expect(table).to_contain_text("repeats, spread")
    expect(page.get_by_role("heading", name="How well can a private model tell clothes apart?")).to_be_visible()
    expect(page.locator(".st-key-verdict")).to_contain_text("published 89.7\u00a0%")
    plot = page.locator(PLOT)
    expect(plot.locator(".scatterlayer .trace")).to_have_count(3)  # repeats, means, the star
    assert plot.evaluate("(drawn) => drawn.data.at(-1).y")[0] == pytest.approx(89.7)
    box = plot.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 768  # all of it on one screen
    page.get_by_role("radio", name="Fewer images").click()
    expect(page.get_by_role("heading", name="Why is privacy dear where there are few images?")).to_be_visible()
    lines = "(drawn) => drawn.data.filter((one) => one.mode === 'lines+markers').length"
    until(page, lambda: bool(plot.evaluate(lines) == 2), 10, "both curves")
    expect(page).to_have_url(re.compile("story=fewer-images"))
    page.get_by_role("link", name="Open in Trade-off").click()
    expect(page.get_by_role("heading", name="What do privacy and robustness cost?")).to_be_visible()
    expect(page).to_have_url(re.compile("study="))


def test_on_a_phone_a_story_fits_and_says_what_is_missing(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/stories?story=photographs", width=390, height=844)
    expect(page.get_by_text("Not yet run here", exact=False).first).to_be_visible()
    until(page, lambda: bool(page.locator(f"{PLOT} .main-svg").count()), 10, "the chart")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".frontier-beside").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390


def test_a_story_of_leakage_shows_members_found_beside_chance(visit: Open, server: Server) -> None:
    """Two screens: what comes with Frontier is told at once, and what does not says what it costs."""
    page = visit(f"{server.url}/stories?story=more-data")
    expect(page.get_by_role("heading", name="Does a model give away less of each image")).to_be_visible()
    expect(page.locator(".frontier-beside")).to_contain_text("attacked models")
    plot = page.locator(PLOT)
    until(page, lambda: bool(plot.locator(".main-svg").count()), 10, "the chart")
    assert plot.evaluate("(drawn) => drawn.layout.shapes.map((one) => one.y0)") == [1]
    assert "Members found" in plot.evaluate("(drawn) => drawn.layout.title.text")
    digits = plot.evaluate("(drawn) => drawn.data.filter((one) => one.mode === 'lines+markers')[0]")
    assert len([y for y in digits["y"] if y is not None]) == 5
    expect(page.locator(".st-key-provenance")).to_contain_text("models to attack, each of a random half")
    page.get_by_role("radio", name="Robustness leaks").click()
    expect(page.get_by_role("heading", name="Does training on attacks give away who was in the data?")).to_be_visible()
    until(
        page, lambda: bool(plot.evaluate("(drawn) => drawn.layout.shapes.map((one) => one.y0)") == [50]), 10, "chance"
    )
    expect(page.locator(".frontier-beside")).to_contain_text("64.5")


def test_a_story_of_leakage_fits_a_phone(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/stories?story=attack-training-leaks", width=390, height=844)
    until(page, lambda: bool(page.locator(f"{PLOT} .main-svg").count()), 10, "the chart")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    edges = page.locator(f"{PLOT} .xtick text").evaluate_all(
        "(texts) => texts.map((text) => [text.getBoundingClientRect().left, text.getBoundingClientRect().right])"
    )
    assert len(edges) == 4
    assert all(here[1] <= after[0] for here, after in pairwise(edges))  # no label on another
