"""How an attack works, in Chromium: it plays, and no move asks the server."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]  # the first visit trains, maybe on a busy machine

EXHIBIT, PATH = ".frontier-exhibit[data-drawn]", "/how-an-attack-works"
HEIGHTS = """root => [...root.querySelectorAll('.plane, .sentence, .player, .card')]
  .map((one) => one.getBoundingClientRect().top)"""
STATE = "({ ...window.__frontierExhibit })"
SLOW = """() => new Promise((done) => {
  const slider = document.querySelector('.frontier-exhibit .strength input'), taken = [];
  const move = () => {
    if (taken.length === 24) { done(Math.max(...taken)); return; }
    slider.value = (Number(slider.value) + 5) % 12;
    const start = performance.now(), before = document.querySelector('.frame').outerHTML;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (document.querySelector('.frame').outerHTML === before) done(Infinity);
      taken.push(performance.now() - start);
      move();
    }));
  };
  move();
})"""


@pytest.fixture
def opened(visit: Open, server: Server) -> Iterator[Page]:
    """By the navigation; nothing may go wrong meanwhile."""
    page, errors = visit(server.url), list[str]()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("link", name="How an attack works").click()
    page.wait_for_selector(EXHIBIT, timeout=240_000)
    yield page
    assert errors == []


def state(page: Page) -> dict[str, str | int]:
    held: dict[str, str | int] = page.evaluate(STATE)
    return held


def at(page: Page) -> list[int]:
    """Where the chosen image lies: x to the right, y upwards."""
    found: list[int] = page.evaluate(f"document.querySelector('.frontier-exhibit').exhibit.data.points[{STATE}.image]")
    return found


def press(page: Page, name: str) -> None:
    page.locator(".frontier-exhibit").get_by_role("button", name=name, exact=True).click()


def sentence(page: Page) -> Locator:
    return page.locator(".frontier-exhibit .sentence")


def test_it_plays_to_the_end_steps_and_starts_over(opened: Page) -> None:
    end = int(state(opened)["step"])
    assert end > 2
    expect(sentence(opened)).to_contain_text(f"Step {end} of 10: misread.")
    press(opened, "Reset")
    expect(sentence(opened)).to_contain_text("Before the first step the plain model gives the truth")
    place = opened.locator(".frontier-exhibit .now")
    start = place.evaluate("now => now.style.transform")
    press(opened, "Step")
    expect(sentence(opened)).to_contain_text("Step 1 of 10: the attack climbs")
    assert place.evaluate("now => now.style.transform") != start
    press(opened, "Back")
    assert state(opened)["step"] == 0
    before = opened.locator(EXHIBIT).evaluate(HEIGHTS)
    press(opened, "Play")
    expect(opened.locator(".frontier-exhibit button.play")).to_have_text("Pause")
    expect(sentence(opened)).to_contain_text("Step 1 of 10")
    assert opened.locator(EXHIBIT).evaluate(HEIGHTS) == before, "nothing jumps while it plays"
    expect(sentence(opened)).to_contain_text(f"Step {end} of 10: misread.")
    expect(opened.locator(".frontier-exhibit button.play")).to_have_text("Play")
    assert opened.locator(EXHIBIT).evaluate(HEIGHTS) == before


def test_moves_are_answered_at_once_and_by_the_browser_alone(opened: Page) -> None:
    opened.wait_for_timeout(1000)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("websocket", lambda socket: asked.append(socket.url))
    assert opened.evaluate(SLOW) < 150
    for name in ("Reset", "Step", "Next image"):
        press(opened, name)
    opened.locator(".frontier-exhibit .card", has_text="Private").click()
    opened.wait_for_timeout(600)
    assert asked == []


def test_shares_and_smallest_strengths_follow_the_choice(opened: Page) -> None:
    slider = opened.get_by_role("slider", name="Attack strength")
    slider.press("Home")
    finding = opened.locator(".frontier-exhibit .finding")
    expect(finding).to_contain_text("strength 2\u00a0%")
    weak = opened.locator(".card .attacked b").all_inner_texts()
    slider.press("End")
    expect(finding).to_contain_text("strength 24\u00a0%")
    strong = opened.locator(".card .attacked b").all_inner_texts()
    assert all(int(one[:-2]) > int(other[:-2]) for one, other in zip(weak, strong, strict=True))
    assert set(re.findall(r"\d+\u00a0%", finding.inner_text())) >= set(strong)
    assert opened.locator(".large .frame").evaluate("frame => frame.tagName") == "rect"
    opened.get_by_role("radio", name="The whole image, by a distance (L2)").check()
    expect(finding).to_contain_text("strength 0.24")
    assert opened.locator(".large .frame").evaluate("frame => frame.tagName") == "circle"


def test_a_click_or_an_arrow_key_picks_an_image(opened: Page) -> None:
    plane, before = opened.locator(".frontier-exhibit .large"), state(opened)["image"]
    other = opened.locator(".frontier-exhibit .points > *").nth(0 if before != 0 else 1)
    box, inside = other.bounding_box(), plane.bounding_box()
    assert box is not None
    assert inside is not None
    plane.click(
        position={"x": box["x"] + box["width"] / 2 - inside["x"], "y": box["y"] + box["height"] / 2 - inside["y"]}
    )
    assert state(opened)["image"] == (0 if before != 0 else 1)
    plane.focus()
    for key, axis, sign in (("ArrowDown", 1, -1), ("ArrowRight", 0, 1), ("ArrowUp", 1, 1), ("ArrowLeft", 0, -1)):
        here = at(opened)
        opened.keyboard.press(key)
        assert sign * (at(opened)[axis] - here[axis]) > 0, key
    press(opened, "Reset")
    plane.focus()
    opened.keyboard.press(" ")
    opened.wait_for_function(f"{STATE}.step > 0")


def test_a_question_shows_its_answer(opened: Page) -> None:
    article = opened.locator(".questions article", has_text="Why is one step not enough?")
    article.get_by_role("button", name="Show me").click()
    expect(sentence(opened)).to_contain_text("misread")
    assert state(opened)["model"] == "plain"
    expect(opened.locator(".frontier-exhibit .large")).to_be_in_viewport()


def test_a_link_brings_everything_back_and_nonsense_does_not_break_it(visit: Open, server: Server) -> None:
    link = "?model=private&image=7&norm=l2&strength=14&step=0"
    page = visit(f"{server.url}{PATH}{link}")
    page.wait_for_selector(EXHIBIT, timeout=240_000)
    assert state(page) == {"model": "private", "image": 7, "norm": "l2", "strength": 6, "step": 0}
    press(page, "Next image")
    page.wait_for_url(re.compile("image=8&"))
    page.reload()
    page.wait_for_selector(EXHIBIT)
    assert state(page)["image"] == 8
    page.get_by_role("link", name="What is a privacy budget?").click()
    page.wait_for_url(re.compile("privacy-budget"))
    assert "image=" not in page.url
    page.get_by_role("link", name="How an attack works").click()
    page.wait_for_selector(EXHIBIT)
    assert state(page)["image"] == 8, "left as it was"
    other = visit(f"{server.url}{PATH}?model=<b>&image=99999&norm=l7&strength=-3&step=999")
    other.wait_for_selector(EXHIBIT)
    assert (state(other)["model"], state(other)["norm"], state(other)["strength"]) == ("plain", "linf", 4)


def test_a_phone_needs_no_sideways_scrolling_and_calm_readers_no_motion(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}{PATH}", width=390, height=844)
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_selector(EXHIBIT, timeout=240_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".frontier-exhibit .now").evaluate("now => getComputedStyle(now).transitionDuration") == "0s"
    step = state(page)["step"]
    page.wait_for_timeout(1200)
    assert state(page)["step"] == step, "nothing plays by itself"
