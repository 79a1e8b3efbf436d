"""Who was in the data, in Chromium: a finished picture, sliders that ask no server, one run from press to picture."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from engine import services
from engine.study import parse
from tests.browser.conftest import Open, Server, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PATH = "/who-was-in-the-data"
DECK = ".frontier-deck[data-drawn]"
STEADY = f"{DECK} .plot .main-svg"
PICTURES = f"{DECK} section img"
OPACITIES = "images => images.map((image) => Number(image.style.opacity))"
TOPS = "deck => [...deck.querySelectorAll('.plots, section')].map((one) => Math.round(one.getBoundingClientRect().top))"
STUDY = {"dataset": "digits", "privacy": {"epsilons": [1, "inf"]}, "attack": {"eps": [0]}}


@pytest.fixture
def opened(visit: Open, server: Server) -> Iterator[Page]:
    """By the navigation; nothing may go wrong meanwhile."""
    page, errors = visit(server.url), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("link", name="Who was in the data?").click()
    page.wait_for_selector(STEADY)
    yield page
    assert errors == []


def slide(page: Page, at: int) -> None:
    page.locator(f"{DECK} input").evaluate(
        "(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input', { bubbles: true })); }", at
    )


def opacities(page: Page) -> list[float]:
    found: list[float] = page.locator(PICTURES).evaluate_all(OPACITIES)
    return found


def test_it_opens_finished_and_images_fade_without_a_word_to_the_server(opened: Page) -> None:
    expect(opened.locator(".st-key-members-finding")).to_contain_text("an attacker who accuses 1")
    expect(opened.locator(f"{DECK} .plot .main-svg").first).to_be_visible()
    assert opened.locator(PICTURES).count() == 24
    assert all(opened.locator(PICTURES).evaluate_all("images => images.map((i) => i.naturalWidth > 0 && i.alt)"))
    before, tops = opacities(opened), opened.locator(DECK).evaluate(TOPS)
    sent = list[str]()
    opened.on("websocket", lambda socket: sent.append(socket.url))
    opened.on("request", lambda request: sent.append(request.url))
    sentence = opened.locator(f"{DECK} .sentence").inner_text()
    slide(opened, 0)
    expect(opened.locator(f"{DECK} .sentence")).not_to_have_text(sentence)
    assert sum(opacities(opened)[:16]) < sum(before[:16])
    assert opened.locator(DECK).evaluate(TOPS) == tops, "nothing jumps"
    names = opened.locator(f"{DECK} .plot").first.evaluate("plot => plot.data.map((line) => line.name)")
    assert "theory" in names
    assert sent == []


def test_another_attack_is_drawn_and_kept_in_the_link(opened: Page, visit: Open) -> None:
    opened.get_by_role("radio", name="Loss threshold").click()
    expect(opened).to_have_url(re.compile("attack=threshold"))
    expect(opened.locator(".st-key-provenance")).to_contain_text("by Loss threshold")
    again = visit(opened.url)
    expect(again.locator(".st-key-provenance")).to_contain_text("by Loss threshold")


def test_on_a_phone_everything_fits(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}{PATH}", width=390, height=844)
    page.wait_for_selector(STEADY)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for box in page.locator(f"{DECK} .plot").evaluate_all("all => all.map((one) => one.getBoundingClientRect().right)"):
        assert box <= 390


@pytest.mark.slow
@pytest.mark.timeout(1200)  # some twenty seconds on a quiet machine, minutes where others compute
def test_from_press_to_picture(visit: Open, server: Server) -> None:
    digest = services.submit(parse(STUDY), settings=server.settings)
    page = visit(f"{server.url}{PATH}?study={digest}")
    page.get_by_role("button", name="measure what it gives away").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Resume").click(timeout=60_000)
    names = "plot => (plot.data ?? []).filter((line) => line.mode === 'lines+markers').length"
    plot = page.locator(f"{DECK} .plot").first
    until(page, lambda: bool(plot.count() and plot.evaluate(names) == 2), 900, "a curve for each budget")
    expect(page.locator(".st-key-members-finding")).to_contain_text("Without privacy, an attacker", timeout=900_000)
    expect(page.locator(PICTURES)).to_have_count(24, timeout=60_000)
    expect(page).to_have_url(re.compile("study="))
    page.get_by_role("link", name="What does privacy cost?").click()
    expect(page.get_by_role("heading", name="What do privacy and robustness cost?")).to_be_visible()
