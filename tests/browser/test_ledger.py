"""The Privacy ledger in Chromium: the staircase, and a cap that refuses the next study with its figure."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from engine import ledgers, services
from engine.store.store import Store
from tests.browser.conftest import Open, Server, serving
from tests.engine import bookkeeping as book

pytestmark = pytest.mark.browser


@pytest.fixture
def capped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, whose digits have three releases and a cap: others compute with them."""
    with serving(tmp_path_factory.mktemp("capped")) as running:
        store = Store(running.settings.home)
        for number in (1, 2, 3):
            book.compute(store, book.study(number))
        store.close()
        ledgers.set_cap("digits", 2.5, settings=running.settings)
        yield running


def test_the_staircase_and_a_study_that_a_cap_refuses(capped: Server, visit: Open) -> None:
    for width, height in ((1366, 768), (390, 844)):
        page = visit(f"{capped.url}/ledger?dataset=digits", width=width, height=height)
        page.wait_for_selector(".frontier-charts[data-drawn]")
        expect(page.get_by_text("Privacy budget spent, release by release")).to_be_visible()
        expect(page.get_by_text("of a cap of 2.5 spent")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    known = services.counts(settings=capped.settings)
    page = visit(f"{capped.url}/?dataset=digits&epsilon=3&mode=private")
    page.get_by_role("button", name="Compute these curves").click()
    expect(page.get_by_text("past the cap of 2.5")).to_be_visible(timeout=60_000)
    assert services.counts(settings=capped.settings) == known
