"""The Learn page in Chromium: from a slider's move, or a question, to the frame that shows it."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.page import spread
from tests.browser.conftest import ARGS, serving

MOVES, QUESTIONS, TARGET = 40, 20, 0.15
DECK = ".frontier-deck"
# s from the input event of a slider until the frame after all charts that depend on it were drawn anew
MOVE = """async ([deck, slider, moves]) => {
    const root = document.querySelectorAll(".frontier-deck")[deck];
    const input = root.querySelectorAll("input")[slider], taken = [];
    const drawings = () => [...root.querySelectorAll(".plot")].map((plot) => plot.dataset.updates).join();
    const paint = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    for (let i = 0; i < moves; i += 1) {
        const before = drawings();
        input.value = (Number(input.value) + 1) % (Number(input.max) + 1);
        const began = performance.now();
        input.dispatchEvent(new Event("input", { bubbles: true }));
        await paint();
        taken.push((performance.now() - began) / 1000);
        if (drawings() === before) throw new Error("no chart changed");
        await new Promise((done) => setTimeout(done, 20));
    }
    return taken;
}"""
# s from the press of Ask once until the frame after its answer is in the chart
ASK = """async (times) => {
    const button = document.querySelector(".st-key-learn-ask button"), taken = [];
    const plot = document.querySelector(".frontier-deck .plot");
    const marks = () => plot.data.find((one) => one.uid === "answers").x.length;
    for (let i = 0; i < times; i += 1) {
        const before = marks(), began = performance.now();
        button.click();
        while (marks() === before) await new Promise(requestAnimationFrame);
        taken.push((performance.now() - began) / 1000);
        await new Promise((done) => setTimeout(done, 200));
    }
    return taken;
}"""
SLIDERS = {"count": (0, 0), "step_bound": (1, 0), "step_noise": (1, 1), "attacker": (2, 0)}


def run() -> dict[str, Any]:
    """Seconds: median, 95th percentile, most."""
    found = shutil.which("chromium")
    if not found:
        return {"missing": "Chromium: install it, for example `apt-get install chromium`"}
    with (
        tempfile.TemporaryDirectory() as home,
        serving(Path(home)) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=found, args=ARGS) as browser,
    ):
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(f"{server.url}/privacy-budget")
        page.wait_for_function(f"document.querySelectorAll('{DECK}[data-drawn]').length === 3", timeout=120_000)
        page.wait_for_timeout(1000)
        return {**moves(page), "ask_once": spread(page.evaluate(ASK, QUESTIONS)), "target": TARGET}


def moves(page: Page) -> dict[str, dict[str, float]]:
    """Of every slider of the page."""
    return {name: spread(page.evaluate(MOVE, [*where, MOVES])) for name, where in SLIDERS.items()}
