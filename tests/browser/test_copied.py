"""Copied model in Chromium: a finished picture, a run from press to picture, Stop, and a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server, until

pytestmark = pytest.mark.browser

DRAWN = ".frontier-charts[data-drawn]"
POINTS = """() => [...document.querySelectorAll('.frontier-charts .plot')].map((plot) =>
  plot.data.filter((one) => one.uid.startsWith('agree')).reduce((n, one) => n + one.x.length, 0))"""
PAIR = "digits-cnn-no-privacy-seed-0,digits-cnn-epsilon-1-seed-0"


def points(page: Page) -> list[int]:
    found: list[int] = page.evaluate(POINTS)
    return found


def test_it_opens_finished_and_made_up_pictures_copy_less(visit: Open, server: Server) -> None:
    page = visit(server.url)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("link", name="Copied model").click()
    page.wait_for_selector(DRAWN)
    until(page, lambda: points(page) == [12, 12], 20, "all points of two models")
    headline = page.locator(".st-key-headline")
    expect(headline).to_contain_text("After 10,000 questions answered by a label alone")
    before = headline.inner_text()
    page.get_by_role("radio", name="Made-up pictures").click()
    until(page, lambda: headline.inner_text() != before, 20, "another finding")
    expect(page.get_by_text("made-up pictures only")).to_be_visible()
    assert "pictures=made-up" in page.url
    assert errors == []


def test_a_run_from_press_to_picture(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/copied-model?models={PAIR}&questions=300")
    page.wait_for_selector(DRAWN)
    page.get_by_role("button", name=re.compile("Copy them here")).click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    until(page, lambda: sum(points(page)) in range(1, 11), 120, "some points and not all")
    expect(page.get_by_text(re.compile("Copy .* of 12.* left"))).to_be_visible()
    until(page, lambda: points(page) == [6, 6], 300, "all points")
    expect(page.locator(".st-key-headline")).to_contain_text("After 300 questions")
    expect(page.get_by_text("Computed here")).to_be_visible()


def test_stop_ends_it_and_keeps_what_is_there(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/copied-model?models={PAIR}&questions=10000")
    page.wait_for_selector(DRAWN)
    page.get_by_role("button", name=re.compile("Copy them here")).click()
    until(page, lambda: 1 <= sum(points(page)) < 22, 120, "a first point")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("Stopped after"))).to_be_visible()
    there = points(page)
    page.wait_for_timeout(3000)
    assert points(page) == there
    expect(page.get_by_role("button", name=re.compile("Copy them here"))).to_be_enabled()


def test_a_phone_needs_no_sideways_scrolling(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/copied-model", width=390, height=844)
    page.wait_for_selector(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
