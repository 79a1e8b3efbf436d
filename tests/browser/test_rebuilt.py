"""Rebuilt images in Chromium: a finished picture, sliders that ask nobody, a run from press to picture, and Stop."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ROOT = ".frontier-rebuilt"
DRAWN = f"{ROOT}[data-drawn]"


@pytest.fixture
def opened(visit: Open, server: Server) -> Iterator[Page]:
    """By the navigation; nothing may go wrong meanwhile."""
    page, errors = visit(server.url), list[str]()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("link", name="Rebuilt images").click()
    page.wait_for_selector(DRAWN, timeout=60_000)
    yield page
    assert errors == []


def pictures(page: Page) -> list[str]:
    found: list[str] = page.locator(f"{ROOT} .pair-of").evaluate_all(
        "all => all.map((one) => one.querySelectorAll('img')[1].src)"
    )
    return found


def finding(page: Page) -> Locator:
    return page.locator(f"{ROOT} .gradient .finding")


def run(page: Page) -> Locator:
    return page.locator(ROOT).get_by_role("button", name="Rebuild")


def digits(page: Page) -> None:
    """Digits are there on every machine."""
    page.get_by_role("combobox", name="Images", exact=True).select_option("digits")


def test_it_opens_finished_and_noise_destroys_the_picture_at_once(opened: Page) -> None:
    expect(finding(opened)).to_contain_text("redraws it at SSIM")
    expect(opened.locator(f"{ROOT} .chart circle")).to_have_count(6)
    opened.wait_for_timeout(1000)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url) if not request.url.startswith("data:") else None)
    clear, top = pictures(opened), opened.locator(f"{ROOT} .chart").bounding_box()
    noise = opened.get_by_role("slider", name="Noise multiplier")
    noise.press("End")
    expect(finding(opened)).to_contain_text("gets nothing")
    assert pictures(opened) != clear
    assert opened.locator(f"{ROOT} .chart").bounding_box() == top, "nothing jumps"
    noise.press("Home")
    assert pictures(opened) == clear
    opened.get_by_role("slider", name="Clipping (largest norm)").press("Home")
    expect(noise).to_be_disabled()
    expect(finding(opened)).to_contain_text("redraws it")
    assert asked == [], "a slider asks nobody"


def test_three_attacks_and_several_images(opened: Page) -> None:
    for attack in ("dlg", "analytic"):
        opened.get_by_role("combobox", name="Attack").select_option(attack)
        expect(opened.locator(f"{ROOT} .pair-of")).to_have_count(1)
        expect(opened.locator(ROOT)).to_have_attribute("data-known", "true")
    expect(finding(opened)).to_contain_text("SSIM 1.00")
    opened.get_by_role("combobox", name="Images in the gradient").select_option("4")
    expect(opened.locator(f"{ROOT} .pair-of")).to_have_count(4)
    expect(finding(opened)).to_contain_text("the mean gradient of 4 images")
    assert len(set(pictures(opened))) == 4


def test_a_run_goes_from_press_to_picture_with_time_left(opened: Page) -> None:
    digits(opened)
    expect(finding(opened)).to_contain_text("Not computed for these settings")
    run(opened).click()
    opened.wait_for_function(
        "() => /Step .* s left/.test(document.querySelector('.progress').innerText)", timeout=120_000
    )
    expect(opened.locator(ROOT)).to_have_attribute("data-known", "true", timeout=120_000)
    expect(finding(opened)).to_contain_text("SSIM")
    expect(run(opened)).to_be_disabled()
    assert pictures(opened)[0].startswith("data:image/png")
    opened.get_by_text("Choose the images").click()
    thumbs = opened.locator(f"{ROOT} .thumbs button")
    thumbs.nth(5).click(timeout=60_000)
    expect(thumbs.nth(5)).to_have_attribute("aria-pressed", "true")
    expect(run(opened)).to_be_enabled()


def test_stop_keeps_the_nearest_picture(opened: Page) -> None:
    digits(opened)
    opened.get_by_role("combobox", name="Images in the gradient").select_option("8")
    run(opened).click()
    opened.wait_for_function("() => /Step/.test(document.querySelector('.progress').innerText)", timeout=120_000)
    opened.locator(f"{ROOT} .gradient").get_by_role("button", name="Stop").click()
    expect(opened.locator(f"{ROOT} .also")).to_contain_text("Stopped at step", timeout=60_000)
    assert all(one.startswith("data:image/png") for one in pictures(opened))


def test_what_a_model_holds_is_shipped_and_can_be_drawn_anew(opened: Page) -> None:
    held = opened.locator(f"{ROOT} .held")
    expect(held.locator(".holder:not([hidden])")).to_have_count(2)
    expect(held.locator(".finding")).to_contain_text("Of 10 classes another model recognises")
    opened.evaluate("() => { document.querySelector('.frontier-rebuilt').page.held = {}; }")
    held.get_by_role("combobox", name="Second model").select_option("")
    expect(held.locator(".finding")).to_contain_text("Not drawn yet")
    held.get_by_role("button", name="Draw").click()
    expect(held.locator(".holder:not([hidden]) p")).to_contain_text("recognised by another model", timeout=120_000)
    sources: list[Any] = held.locator(".holder:not([hidden]) img").evaluate_all("all => all.map((one) => one.src)")
    assert len(set(sources)) == 10


def test_a_server_that_has_gone_is_said_in_one_sentence(opened: Page) -> None:
    digits(opened)
    opened.route("**/lab/ask", lambda route: route.fulfill(json={"problem": "The lab has more to do."}))
    run(opened).click()
    expect(opened.locator(f"{ROOT} .gradient .problem")).to_have_text("The lab has more to do.")
    expect(run(opened)).to_be_enabled()
