"""The image lab in Chromium: a slider, two models, uploads good and hostile, and a link that restores everything."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Server, until
from tests.engine.data.pictures import drawn, encoded

pytestmark = pytest.mark.browser

LAB = ".frontier-lab"
PAIR = "models=digits-cnn-no-privacy-seed-0,digits-cnn-epsilon-8-seed-0"
LINK = f"{PAIR}&index=3&attack=pgd&norm=linf&eps=0.02&steps=10&seed=0"
RUNS = """() => {
    const app = document.querySelector("[data-testid=stApp]");
    window.runs = 0;
    new MutationObserver(() => { window.runs += app.dataset.testScriptState === "running"; })
        .observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] });
}"""
SIDES = """root => [...root.querySelectorAll(".card[data-place]:not([hidden])")].map((card) => ({
    picture: card.querySelector("img[alt^=The]").src,
    shares: [...card.querySelectorAll(".bar i.after")].map((bar) => bar.style.width),
    before: [...card.querySelectorAll(".bar i.before")].map((bar) => bar.style.width),
    badge: card.querySelector(".badge").dataset.state,
    says: card.querySelector(".bar.says span").textContent,
}))"""


def opened(visit: Open, server: Server, link: str = LINK, **size: int) -> tuple[Page, list[str]]:
    """The lab with its picture, its smallest strengths and its strip; and what the console complains of from now on."""
    page = visit(f"{server.url}/tampered-images?{link}", **size)
    page.wait_for_selector(f"{LAB}[data-complete]", timeout=60_000)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page, errors


def sides(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.locator(LAB).evaluate(SIDES)
    return found


def moved(page: Page, place: int) -> None:
    """Move the slider, and wait until its picture, not a rough one, is drawn."""
    slider = page.get_by_role("slider", name="Attack strength")
    slider.evaluate("""(input, place) => {
        input.value = place;
        input.dispatchEvent(new Event("input", { bubbles: true }));
    }""", place)  # fmt: skip
    eps = round(0.3 * (place / 100) ** 2, 4)
    page.wait_for_selector(f'{LAB}[data-eps="{eps:g}"][data-rough="false"]')


def test_the_slider_changes_pictures_and_probabilities_and_runs_no_script(visit: Open, server: Server) -> None:
    page, errors = opened(visit, server)
    page.evaluate(RUNS)
    before = sides(page)
    assert len(before) == 2, "two models side by side"
    assert before[0]["shares"] != before[1]["shares"]
    least = json.loads(page.locator(LAB).get_attribute("data-smallest") or "[]")
    moved(page, 95)
    after = sides(page)
    for was, now in zip(before, after, strict=True):
        assert was["picture"] != now["picture"]
        assert was["before"] == now["before"], "the picture itself stayed"
        assert now["badge"] == "flipped"
        assert now["says"] != was["says"]
    expect(page.locator(f"{LAB} .sentence")).to_contain_text("flips")
    just_below = int(100 * (min(least) / 0.3) ** 0.5) - 2
    moved(page, just_below)
    assert [one["badge"] for one in sides(page)] == ["stands", "stands"]
    moved(page, 0)
    assert sides(page)[0]["shares"] == sides(page)[0]["before"]
    assert (errors, page.evaluate("window.runs")) == ([], 0)
    page.get_by_role("link", name="Runs").click()
    until(page, lambda: page.evaluate("window.runs") > 0, 10, "a script that runs is noticed")


def test_a_link_restores_everything_and_follows_what_is_chosen(visit: Open, server: Server) -> None:
    page, errors = opened(visit, server)
    page.get_by_label("Attack", exact=True).select_option("fgsm")
    page.get_by_text("Advanced").click()
    page.get_by_label("What may change").select_option("l2")
    page.locator(".thumbs button").nth(5).click()
    until(page, lambda: "index=5" in page.url and "norm=l2" in page.url, 10, "the address")
    page.wait_for_selector(f'{LAB} .thumbs [data-index="5"][aria-pressed="true"]')
    until(page, lambda: "Test image 5" in page.locator(f"{LAB} .original").inner_text(), 10, "the picture")
    page.wait_for_timeout(500)
    again, _ = opened(visit, server, page.url.partition("?")[2])
    assert sides(again) == sides(page)
    assert again.get_by_label("Attack", exact=True).input_value() == "fgsm"
    expect(again.locator(f"{LAB} .original")).to_contain_text("Test image 5")
    expect(again.get_by_role("slider", name="Attack strength")).to_have_attribute(
        "aria-valuetext", re.compile(r"^0\.3")
    )
    assert errors == []


def test_a_picture_of_ones_own_and_three_hostile_files(visit: Open, server: Server) -> None:
    page, errors = opened(visit, server)
    before = sides(page)
    hostile = {
        "huge.png": (encoded(np.zeros((9000, 9000), np.uint8)), "pixels"),
        "cut.png": (encoded(drawn("disc", 1, 64))[:-40], "damaged"),
        "page.png": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "neither a PNG nor"),
    }
    problem = page.locator(f"{LAB} .problem")
    for name, (content, reason) in hostile.items():
        chosen(page, name, content)
        expect(problem).to_contain_text(reason)
        expect(problem).to_contain_text(name)
        assert sides(page) == before, "what was there stays"
    network = [error for error in errors if "400" not in error]  # the browser notes each refusal
    assert network == []
    chosen(page, "mine.png", encoded(drawn("disc", 2, 64, colour=True)))
    expect(page.locator(f"{LAB} .original")).to_contain_text("Your own picture")
    until(page, lambda: sides(page)[0]["before"] != before[0]["before"], 10, "probabilities of the upload")
    expect(problem).to_be_hidden()
    until(page, lambda: "pixels=" in page.url, 10, "the picture in the link")
    kept = [file for file in server.settings.home.rglob("*") if file.suffix in (".png", ".jpg")]
    assert not [file for file in kept if not file.name.startswith("samples-")]  # the Data page's, of data sets


def chosen(page: Page, name: str, content: bytes) -> None:
    page.locator(f"{LAB} input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def test_surprise_hard_and_the_files(visit: Open, server: Server) -> None:
    page, errors = opened(visit, server)
    page.get_by_role("button", name="Find a hard image").click()
    page.wait_for_selector(f"{LAB} button:enabled:text('Find a hard image')", timeout=30_000)
    until(page, lambda: [one["badge"] for one in sides(page)] == ["flipped", "flipped"], 10, "both flipped")
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    about = json.loads(Path(download.value.path()).read_text())
    assert [one["says"] for one in about["models"]] == [one["says"] for one in sides(page)]
    with page.expect_download() as saved:
        page.locator(f"{LAB} .save").first.click()
    picture = Path(saved.value.path()).read_bytes()
    assert base64.b64decode(sides(page)[0]["picture"].partition(",")[2]) == picture
    page.get_by_role("button", name="Surprise me").click()
    page.get_by_label("Second model").select_option("")
    expect(page.locator(f"{LAB} .card[data-place='1']")).to_be_hidden()
    assert errors == []


def test_what_takes_long_is_first_rough_and_then_refined(visit: Open, server: Server) -> None:
    page, errors = opened(visit, server, LINK.replace("steps=10", "steps=100"))
    page.evaluate("""root => {
        window.seen = [];
        new MutationObserver(() => window.seen.push(document.querySelector(root).dataset.rough))
            .observe(document.querySelector(root), { attributes: true, attributeFilter: ["data-drawn", "data-rough"] });
    }""", LAB)  # fmt: skip
    page.get_by_text("Advanced").click()
    steps = page.get_by_label("Attack steps")
    steps.fill("99")  # not measured yet, so it counts as slow
    steps.blur()
    until(page, lambda: page.evaluate("window.seen").count("false") > 0, 20, "refined")
    seen = page.evaluate("window.seen")
    assert seen.index("true") < seen.index("false")
    assert errors == []


def test_a_phone_needs_no_sideways_scrolling(visit: Open, server: Server) -> None:
    page, _ = opened(visit, server, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_coming_by_the_navigation_the_page_is_as_it_was_left(visit: Open, server: Server) -> None:
    page, errors = opened(visit, server)
    page.locator(".thumbs button").nth(7).click()
    until(page, lambda: "index=7" in page.url, 10, "the address")
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert "index" not in page.url
    page.get_by_role("link", name="Tampered images").click()
    expect(page.locator(f"{LAB} .original")).to_contain_text("Test image 7")
    assert errors == []
