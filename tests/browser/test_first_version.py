"""What a person meets in Chromium, from the first request to a study that was stopped and goes on."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from engine import exports, services
from engine.study import parse
from tests.browser.conftest import Open, Server, downloaded, serving, until

pytestmark = pytest.mark.browser


def chart(page: Page, number: int = 0) -> Locator:
    return page.locator(".frontier-charts .plot").nth(number)


def takeaway(page: Page, number: int = 0) -> str:
    return chart(page, number).get_attribute("aria-label") or ""


def state(server: Server, digest: str) -> str:
    status = services.status(digest, settings=server.settings)
    return status.state if status else "unknown"


def digest_of(page: Page) -> str:
    return page.url.partition("study=")[2].partition("&")[0]


def test_a_deep_link_as_the_first_request_shows_the_frame(visit: Open, tmp_path: Path) -> None:
    with serving(tmp_path / "home") as fresh:
        page = visit(f"{fresh.url}/runs")
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()
        expect(page.get_by_test_id("stSidebarNav").get_by_text("Trade-off")).to_be_visible()
        expect(page).to_have_title("Runs - Frontier")
        page.close()


def test_a_fresh_server_shows_the_starter_picture_and_offers_a_quick_try(visit: Open, server: Server) -> None:
    page = visit(server.url)
    expect(page.get_by_text("Fashion-MNIST, 60,000 training images")).to_be_visible()
    expect(page.get_by_text("New here?")).to_be_visible()
    button = page.get_by_role("button", name="Quick try: Digits (about")
    expect(button).to_be_enabled()
    until(page, lambda: "Clean images" in takeaway(page), 10, "the curves")
    box = button.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 768, "the button is below the first screen"


def test_a_bad_link_shows_one_sentence(visit: Open, server: Server) -> None:
    page = visit(f"{server.url}/?study=<img src=x onerror=alert(1)>")
    expect(page.get_by_text("of this link is not on this server")).to_have_count(1)
    expect(page.get_by_role("button", name="Compute these curves")).to_be_enabled()
    assert page.get_by_test_id("stException").count() == 0


@pytest.mark.timeout(300)
def test_run_on_digits_stop_resume_and_come_back(visit: Open, server: Server) -> None:
    """The first point within 15 s; Stop within 2; Resume goes on; a tab that was closed finds its study."""
    page = visit(server.url)
    until(page, lambda: "Clean images" in takeaway(page), 10, "the starter curves")
    starter = digest_of(page)
    page.get_by_role("button", name="Quick try").click()
    until(page, lambda: digest_of(page) not in ("", starter), 5, "another study")
    digest = digest_of(page)
    page.locator(f".frontier-charts[data-drawn='{digest}']").wait_for()
    # training may be over between two looks: then the first points are whole
    until(page, lambda: "provisional" in takeaway(page) or "Clean images" in takeaway(page), 15, "the first point")

    stop = page.get_by_role("button", name="Stop")
    stop.click()
    until(page, lambda: state(server, digest) == "stopped", 2.5, "stopped")
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_be_visible(timeout=5000)
    expect(page.get_by_text("This study was stopped")).to_be_visible()
    page.close()

    again = visit(server.url)
    expect(again.get_by_text("This study was stopped")).to_be_visible()
    until(again, lambda: digest_of(again) == digest, 5, "its address")
    again.get_by_role("button", name="Resume").click()
    expect(again.get_by_role("button", name="Stop")).to_be_visible(timeout=5000)
    again.close()

    last = visit(f"{server.url}/?study={digest}")
    expect(last.get_by_text("points").first).to_be_visible(timeout=110_000)
    assert state(server, digest) == "done"
    assert "Attacked by 5" in takeaway(last)
    expect(last.get_by_test_id("stDataFrame").first).to_be_visible()
    assert downloaded(last, "CSV") == exports.export(digest, "csv", settings=server.settings)["curves.csv"]


def test_zoom_and_hover_survive_ten_updates(visit: Open, steady_server: Server) -> None:
    digest = services.submit(parse({"dataset": "digits"}), settings=steady_server.settings)
    page = visit(f"{steady_server.url}/?study={digest}")
    until(page, lambda: "training" in takeaway(page), 20, "the first hollow points")
    page.evaluate("document.querySelectorAll('.frontier-charts .plot').forEach((plot, i) => plot.mine = i)")
    zoom(page)
    zoomed = axes(page)
    assert zoomed != [-4, 104]
    hover(page)
    said = step_said(page)
    updates = int(chart(page).get_attribute("data-updates") or 0)
    until(page, lambda: int(chart(page).get_attribute("data-updates") or 0) >= updates + 10, 40, "ten updates")
    assert axes(page) == zoomed
    assert chart(page).evaluate("plot => plot.mine") == 0, "the drawing was replaced"
    until(page, lambda: step_said(page) >= said + 10, 3, "the label of the point hovered over, ten steps later")
    expect(page.get_by_text("computed by the server at http://127.0.0.1:1")).to_be_visible()


def test_a_line_hidden_in_the_legend_stays_hidden(visit: Open, steady_server: Server) -> None:
    asked = {"dataset": "digits", "privacy": {"epsilons": [0.5, 1, 2, 3, 4, 6, 8, "inf"]}}
    digest = services.submit(parse(asked), settings=steady_server.settings)
    page = visit(f"{steady_server.url}/?study={digest}")
    by_strength = chart(page, 1)
    by_strength.locator(".legendtoggle").first.click()
    shown = "plot => plot._fullData.map(line => line.visible)"
    until(page, lambda: by_strength.evaluate(shown)[0] == "legendonly", 5, "the first line is hidden")
    points = "plot => plot.data[1].y.filter(y => y !== null).length"
    until(page, lambda: by_strength.evaluate(points) >= 2, 60, "two attacked points")
    assert by_strength.evaluate(shown) == ["legendonly"] + 7 * [True]


def test_a_budget_that_goes_leaves_the_charts_in_place(visit: Open, steady_server: Server) -> None:
    """Plotly makes the names of lines CSS classes: one with a dot could be drawn, but not removed."""
    asked = [{"dataset": "digits", "seeds": 2, "privacy": {"epsilons": list(budgets)}} for budgets in ((0.5, 8), (8,))]
    first, second = (services.submit(parse(one), settings=steady_server.settings) for one in asked)
    page = visit(f"{steady_server.url}/?study={first}")
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    chart(page, 1).locator(".main-svg").first.wait_for()
    page.locator(".st-key-form").get_by_role("button", name="0.5", exact=True).click()
    page.get_by_role("button", name="Watch these curves grow").click()
    until(page, lambda: digest_of(page) == second, 5, "the other study")
    until(page, lambda: chart(page, 1).evaluate("plot => plot.data.length") == 1, 5, "one line")
    page.get_by_test_id("stSidebarNav").get_by_text("Runs").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert errors == []


def zoom(page: Page) -> None:
    """Draw a box around the upper half of the first chart."""
    area = chart(page).locator(".nsewdrag").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 5, area["y"] + 5)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] - 5, area["y"] + area["height"] - 30, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)


def axes(page: Page) -> list[float]:
    span: list[float] = chart(page).evaluate("plot => plot._fullLayout.yaxis.range.map(y => Math.round(y * 10) / 10)")
    return span


def hover(page: Page) -> None:
    """Rest on the second hollow point, which then rises away from the pointer."""
    place = chart(page).evaluate(
        """plot => {
            const { xaxis, yaxis } = plot._fullLayout, trace = plot.data.find((one) => one.uid === "training");
            const box = plot.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.d2p(trace.x[1]), box.top + yaxis._offset + yaxis.d2p(trace.y[1])];
        }"""
    )
    page.mouse.move(place[0], place[1])
    expect(chart(page).locator(".hovertext")).to_have_count(1)


def step_said(page: Page) -> int:
    """The step of training that the label of the point hovered over names; 0 without a label."""
    found = re.search(r"step (\d+) of", " ".join(chart(page).locator(".hovertext").all_text_contents()))
    return int(found[1]) if found else 0


def test_the_mark_moves_the_other_chart(visit: Open, server: Server) -> None:
    digest = services.submit(parse({"dataset": "digits"}), settings=server.settings)
    page = visit(f"{server.url}/?study={digest}")
    until(page, lambda: state(server, digest) == "done", 90, "done")
    mark = page.get_by_role("slider", name="Attack strength")
    mark.focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    until(page, lambda: "Attacked by 10" in takeaway(page), 3, "the other chart at the next strength")
    expect(mark).to_have_attribute("aria-valuenow", "0.1")
    expect(page.get_by_text("tampers with them by 10")).to_be_visible()


def test_a_phone_shows_the_first_chart_and_scrolls_only_down(visit: Open, server: Server) -> None:
    page = visit(server.url, width=390, height=844)
    chart(page).locator(".main-svg").first.wait_for()
    box = chart(page).bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@pytest.mark.parametrize(("theme", "text"), [("light_theme", "rgb(22, 32, 46)"), ("dark_theme", "rgb(230, 236, 243)")])
def test_charts_take_the_colours_of_the_theme(visit: Open, server: Server, theme: str, text: str) -> None:
    page = visit(f"{server.url}/?embed_options={theme}")
    title = chart(page).locator(".gtitle").first
    title.wait_for()
    assert title.evaluate("one => getComputedStyle(one).fill") == text


def test_the_server_starts_a_supervisor_anew_that_was_killed(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as fresh:
        pids: list[int] = []
        for _ in range(2):
            until_owned(fresh, pids)
            pids.append(owner_of(fresh) or 0)
            os.kill(pids[-1], signal.SIGKILL)
        until_owned(fresh, pids)
    assert owner_of(fresh) is None


def owner_of(server: Server) -> int | None:
    owner = services.owner(settings=server.settings)
    return owner.pid if owner else None


def until_owned(server: Server, not_by: list[int]) -> None:
    """Wait until a process that is not one of `not_by` runs the store's jobs."""
    until = time.monotonic() + 20
    while owner_of(server) in (None, *not_by):
        assert time.monotonic() < until
        time.sleep(0.05)
