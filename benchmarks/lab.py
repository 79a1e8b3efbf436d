"""The image lab in Chromium, while a job trains: from a slider's move to the frame with its picture."""

import json
import os
import shutil
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.jobs import running, until
from benchmarks.page import spread
from engine import services
from engine.study import parse
from tests.browser.conftest import ARGS, Server, serving

MOVES, ASKED = 80, 150
TARGET, FIRST = 0.15, 0.3  # s: a moved slider; the first picture of what takes longer
LAB = ".frontier-lab"
TRAINS = {"dataset": "digits", "model": "cnn", "seeds": 40, "privacy": {"epsilons": [3]}}  # longer than all this takes
FAST = {"dataset": "digits", "model": "scattering-linear", "privacy": {"epsilons": [3, "inf"]}, "attack": {"images": 1}}
# s from the input event of the slider until the frame after its picture was drawn
MOVE = """async ([moves, pause]) => {
    const root = document.querySelector(".frontier-lab"), input = root.querySelector("input[type=range]"), taken = [];
    for (let i = 0; i < moves; i += 1) {
        const before = Number(root.dataset.drawn), to = 5 + (37 * i) % 60;
        input.value = to === Number(input.value) ? to + 1 : to;
        const began = performance.now();
        input.dispatchEvent(new Event("input", { bubbles: true }));
        while (Number(root.dataset.drawn) <= before) await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        taken.push((performance.now() - began) / 1000);
        await new Promise((done) => setTimeout(done, pause));
    }
    return taken;
}"""


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
        fast = _trained(server)
        services.submit(parse(TRAINS), settings=server.settings)
        until(lambda: bool(running(server.settings)))
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        cnn = "models=digits-cnn-no-privacy-seed-0,digits-cnn-epsilon-8-seed-0"
        measured = {
            "fgsm_two_cnn": moved(page, server, f"{cnn}&attack=fgsm"),
            "pgd10_two_cnn": moved(page, server, f"{cnn}&attack=pgd&steps=10"),
            "pgd20_two_cnn": moved(page, server, f"{cnn}&attack=pgd&steps=20"),
            "first_of_pgd100_two_scattering": moved(page, server, f"models={fast}&attack=pgd&steps=100"),
            "pgd10_two_cnn_by_http": spread([asked(server, i) for i in range(ASKED)]),
        }
        assert running(server.settings), "the job ended too early"
        return measured | {"target_p95": TARGET, "target_first_p95": FIRST, "load_average": os.getloadavg()[0]}


def _trained(server: Server) -> str:
    """Two fast models of this store."""
    digest = services.submit(parse(FAST), settings=server.settings)
    until(lambda: getattr(services.status(digest, settings=server.settings), "state", "") == "done")
    return ",".join(f"run-{run}" for run in services.runs(digest, settings=server.settings)["run"])


def moved(page: Page, server: Server, link: str) -> dict[str, float]:
    """Of many moves on the page that a link opens, once its first picture is complete."""
    page.goto(f"{server.url}/tampered-images?{link}&index=3&eps=0.05")
    page.wait_for_selector(f"{LAB}[data-complete]", timeout=120_000)
    page.evaluate(MOVE, [5, 200])
    return spread(page.evaluate(MOVE, [MOVES, 60]))


def asked(server: Server, number: int) -> float:
    """Seconds of one question, without a browser."""
    models = ["digits-cnn-no-privacy-seed-0", "digits-cnn-epsilon-8-seed-0"]
    values = {"what": "tamper", "visitor": "bench", "models": models, "picture": {"index": 3}}
    body = json.dumps(values | {"eps": 0.01 + 0.001 * (number % 50)}).encode()
    request = urllib.request.Request(f"{server.url}/lab/ask", body, {"Content-Type": "application/json"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
    return time.perf_counter() - began
