"""The Runs page in Chromium: two tabs and one study; ticks in a table that is drawn on a canvas, and their link."""

import time
from math import nan

import pytest
from playwright.sync_api import Page, expect

from engine import planning, services
from engine.results import Row
from engine.store.queue import Planned, Span
from engine.store.store import Store
from engine.study import Job, Study, parse
from tests.browser.conftest import Open, Server, until
from tests.engine.jobs.fakes import row

pytestmark = pytest.mark.browser
ROW = 35  # px


def adopted(server: Server, **asked: object) -> str:
    """A study with results, computed elsewhere."""
    study = planning.resolve(parse({"privacy": {"epsilons": [1, "inf"]}, "attack": {"eps": [0, 0.1]}, **asked}))
    job, now, store = planning.plan(study)[0], time.time(), Store(server.settings.home)
    rows = [found for epsilon in study.privacy.epsilons for found in rows_of(job, study, epsilon)]
    plan = [Planned(job, {}, {}, threads=1)]
    store.measured.adopt(planning.digest(study), study, plan, Span(now, now, now), rows)
    store.close()
    return planning.digest(study)


def rows_of(job: Job, study: Study, epsilon: float) -> list[Row]:
    robust = [row(job, epsilon, 0, "robust_accuracy", eps, 0.5) for eps in study.attack.eps or ()]
    return [row(job, epsilon, 0, "accuracy", nan, 0.8), *robust]


def tick(page: Page, number: int) -> None:
    """Click the box of a row of the first table."""
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + ROW * (number + 1.5))


def ticked(page: Page) -> list[str]:
    said = page.url.partition("compare=")[2].partition("&")[0]
    return said.replace("%2C", ",").split(",") if said else []


def test_a_tab_that_watches_sees_at_once_that_another_stopped_its_study(visit: Open, steady_server: Server) -> None:
    digest = services.submit(parse({"dataset": "digits", "seeds": 4}), settings=steady_server.settings)
    watching = visit(f"{steady_server.url}/?study={digest}")
    expect(watching.get_by_role("button", name="Stop")).to_be_visible(timeout=15_000)
    until(watching, lambda: bool(services.others(digest, settings=steady_server.settings)), 10, "a visitor")
    runs = visit(f"{steady_server.url}/runs?search={digest}")
    expect(runs.get_by_test_id("stDataFrame")).to_be_visible(timeout=15_000)  # the last to come: all is in its place
    runs.get_by_role("button", name="Stop").press("Enter")
    expect(runs.get_by_text("1 other page waits for it, too.")).to_be_visible(timeout=15_000)
    runs.get_by_role("button", name="Stop it for all").click()
    expect(watching.get_by_text("This study was stopped")).to_be_visible(timeout=10_000)
    expect(runs.get_by_role("button", name="Resume")).to_be_visible(timeout=15_000)
    runs.get_by_role("button", name="Delete").click()
    runs.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(runs.get_by_text("passes these filters.")).to_be_visible(timeout=15_000)
    assert services.status(digest, settings=steady_server.settings) is None


def test_ticked_studies_are_laid_over_one_another_and_their_link_brings_them_back(visit: Open, server: Server) -> None:
    note = "<img src=x onerror=\"document.title='hit'\"> **bold**"
    digests = [adopted(server, attack={"steps": steps, "eps": [0, 0.1]}) for steps in (7, 8)]
    for digest in digests:
        services.annotate(digest, note=note, tags=["overlay"], settings=server.settings)
    page = visit(f"{server.url}/runs?tag=overlay")
    expect(page.get_by_text("2 done: 2 of")).to_be_visible(timeout=15_000)
    tick(page, 0)
    expect(page.get_by_label("Note")).to_have_value(note, timeout=15_000)
    tick(page, 1)
    expect(page.get_by_role("heading", name="2 studies over one another")).to_be_visible(timeout=15_000)
    until(page, lambda: sorted(ticked(page)) == sorted(digests), 5, "both in the link")
    page.close()
    again = visit(f"{server.url}/runs?compare={','.join(digests)}")
    expect(again.get_by_role("heading", name="2 studies over one another")).to_be_in_viewport(timeout=15_000)
    legend = again.locator(".frontier-charts .plot").first.locator(".legendtext")
    expect(legend).to_have_text(["7 attack steps", "8 attack steps"], timeout=20_000)
    assert "hit" not in again.title()
