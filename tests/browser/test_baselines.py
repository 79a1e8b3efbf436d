"""Both prices of privacy in Chromium: a second chart that keeps beside the first two, in a narrow window too."""

import pytest
from playwright.sync_api import expect

from engine import services
from tests.browser.conftest import Open, Server
from tests.pages import baselines

pytestmark = pytest.mark.browser


def test_the_cost_view_draws_points_time_and_memory(visit: Open, server: Server) -> None:
    digest = baselines.put(server.settings.home)
    for width in (1366, 390):
        page = visit(f"{server.url}/?study={digest}&view=cost", width=width)
        charts = page.locator(".frontier-charts")
        expect(charts).to_have_count(2)
        for figure in range(2):
            charts.nth(figure).locator(".main-svg").first.wait_for()
        names = charts.nth(1).locator(".plot").evaluate("plot => plot.data.map((line) => line.name)")
        assert names == ["time", "memory"]
        expect(page.get_by_text("times (2.7 to 3.3) the training time")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    services.delete(digest, settings=server.settings)  # others share this server, which opens on the newest study
