"""Defences in Chromium: a click in the Map opens the study behind it, and a masked model is warned of."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Open, Server, serving, until
from tests.browser.test_dashboard import CONTRAST
from tests.browser.test_first_version import chart, digest_of, takeaway
from tests.pages import defended

pytestmark = pytest.mark.browser
ADVERSARIAL = {"training": "adversarial"}
EXTRAS = ["corruptions", "smoothing"]
PLACE = """(plot, [panel, x, y]) => {
    const { left, top } = plot.getBoundingClientRect(), layout = plot._fullLayout;
    const across = layout[`xaxis${panel}`], up = layout[`yaxis${panel}`];
    return [left + across._offset + across.d2p(x), top + up._offset + up.d2p(y)];
}"""


@dataclass(frozen=True)
class Measured:
    """A server whose store holds a plain study, the same with a defence, and one whose model masks its gradients."""

    server: Server
    plain: str
    adversarial: str
    masked: str

    def link(self, digest: str, view: str = "") -> str:
        return f"{self.server.url}/?study={digest}" + (f"&view={view}" if view else "")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    home, honest = tmp_path_factory.mktemp("defended"), {1.0: defended.honest(), inf: defended.honest()}
    adversarial = defended.put(home, defended.asked(defence=ADVERSARIAL, extras=EXTRAS), honest)
    plain = defended.put(home, defended.asked(extras=EXTRAS), honest)
    otherwise = {"eps": list(defended.RADII), "steps": 10}
    masked = defended.put(home, defended.asked(attack=otherwise), honest | {inf: defended.masked()})
    with serving(home) as server:
        yield Measured(server, plain, adversarial, masked)


def listening(page: Page) -> list[str]:
    """What the console complains of from now on."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def click(page: Page, number: int, panel: str, x: float, y: float) -> None:
    """Click a place of a chart, in the units of one of its panels."""
    chart(page, number).locator(".main-svg").first.wait_for()
    page.mouse.move(*chart(page, number).evaluate(PLACE, [panel, x, y]))
    page.wait_for_timeout(200)  # plotly clicks what it hovers over
    page.mouse.click(*chart(page, number).evaluate(PLACE, [panel, x, y]))


def curves_of(page: Page, digest: str) -> None:
    """Wait until the curves of a study are shown, and the address says so."""
    page.wait_for_selector(f".frontier-charts[data-drawn='{digest}']")
    until(page, lambda: digest_of(page) == digest and "view=" not in page.url, 10, "the address")
    assert takeaway(page).startswith("Images recognised by privacy budget. Clean images")


def test_a_cell_of_the_map_opens_the_curves_of_its_study(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.plain, "map"))
    errors = listening(page)
    expect(chart(page)).to_have_attribute("aria-label", "Images recognised at each budget and strength. "
        "No defence: 2\u00a0% to 95\u00a0%. Adversarial training: 40\u00a0% to 95\u00a0%.")  # fmt: skip
    click(page, 0, "2", 2, 0)
    curves_of(page, measured.adversarial)
    page.reload()
    curves_of(page, measured.adversarial)
    assert errors == []


def test_a_mark_of_the_frontier_opens_the_curves_of_its_study(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.plain, "map"))
    errors = listening(page)
    mark = 100 * defended.robust(defended.asked(defence=ADVERSARIAL), 1.0, 0.1)
    click(page, 1, "", 0, mark)
    curves_of(page, measured.adversarial)
    assert errors == []


def test_where_nothing_is_a_click_opens_nothing(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.plain, "map"))
    click(page, 1, "", 0, 100)
    page.wait_for_timeout(1500)
    assert digest_of(page) == measured.plain
    assert "view=map" in page.url


def test_the_keyboard_opens_the_other_study_too(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.plain, "map"))
    button = page.get_by_role("button", name="Adversarial training")
    button.focus()
    page.keyboard.press("Enter")
    curves_of(page, measured.adversarial)


def test_a_masked_model_is_warned_of_and_the_numbers_are_a_click_away(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.masked))
    errors = listening(page)
    told = page.get_by_text("The curve may flatter the model without privacy: 100\u00a0% of images have no gradient")
    expect(told).to_be_visible()
    page.get_by_role("button", name="What was checked").click()
    expect(page.get_by_text("Where the gradient is exactly zero, attacks that follow it stand still")).to_be_visible()
    expect(page.get_by_text("of what withstood the gradients, attacks without them break")).to_be_attached()
    expect(page.get_by_role("link", name="arXiv:1902.06705")).to_be_visible()
    assert errors == []


def test_an_honest_model_is_not_warned_of(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.plain))
    expect(page.get_by_text("The attacks passed their own checks: no sign that they flatter")).to_be_visible()
    expect(page.get_by_text("may flatter")).to_have_count(0)


def test_both_charts_the_verdict_and_the_button_fit_a_laptop(visit: Open, measured: Measured) -> None:
    page = visit(measured.link(measured.plain))
    page.get_by_role("button", name="Got it").click()
    page.wait_for_selector(f".frontier-charts[data-drawn='{measured.plain}']")
    page.wait_for_timeout(500)
    for one in (chart(page), chart(page, 1), page.get_by_role("button", name="Quick try")):
        box = one.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 768


@pytest.mark.parametrize("view", ["", "map", "cost", "besides"])
def test_no_view_of_defences_scrolls_sideways_on_a_phone(visit: Open, measured: Measured, view: str) -> None:
    page = visit(measured.link(measured.masked if not view else measured.plain, view), width=390, height=844)
    chart(page).locator(".main-svg").first.wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    for figure in page.locator(".frontier-charts .plot").all():
        box = figure.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_of_defences_can_be_read(
    browser: Browser, measured: Measured, scheme: Literal["light", "dark"]
) -> None:
    with browser.new_context(viewport={"width": 1366, "height": 900}, color_scheme=scheme) as profile:
        page = profile.new_page()
        for view, there in (("map", "Open the curves of"), ("besides", "Certified in noise"), ("", "What was checked")):
            page.goto(measured.link(measured.masked if not view else measured.plain, view))
            page.get_by_text(there).first.wait_for()
            page.wait_for_timeout(1000)
            assert page.evaluate(CONTRAST) == [], view
