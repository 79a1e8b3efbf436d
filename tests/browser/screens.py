"""Photographs every page and state of a fresh server whose engine really computes: `make screenshots`.

    python -m tests.browser.screens docs/screens

Each is taken wide, on a laptop, on a phone, and dark; docs/screens.md shows them. Takes about five minutes.
"""

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from engine import ledgers, planning, services, stories
from engine.study import Study, parse
from pages.parts import labels
from tests.browser.conftest import ARGS, CONNECTED, Server, serving

VARIANTS = {  # width, height, colour scheme
    "wide": (1440, 900, "light"),
    "laptop": (1366, 768, "light"),
    "phone": (390, 844, "light"),
    "dark": (1440, 900, "dark"),
}
DRAWN = ".frontier-charts[data-drawn]"
KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = new Proxy(WebSocket, {
  construct(made, args) { const socket = new made(...args); window.sockets.push(socket); return socket; }
});
"""
COLOURS = 128  # of a kept picture: they are flat, and shipped with the source
# pages without the charts of Trade-off
OTHERS = ("/runs", "/data", "/privacy-budget", "/how-an-attack-works", "/tampered", "/who-was", "/rebuilt", "/copied")
LOOKS = {
    "first-visit": ("The first visit: starter results, and a hint that can be dismissed.", "/"),
    "curves": ("Trade-off: curves by privacy budget and by attack strength.", "/"),
    "map": ("The same results as a map.", "/?study={starter}&view=map"),
    "cost": ("The same results as points lost to privacy.", "/?study={starter}&view=cost"),
    "targets": (
        "Targets: what is acceptable is shaded, and the most private budget that is gets named.",
        "/?study={starter}&clean=88&attacked=50",
    ),
    "present": ("Present mode.", "/?study={starter}&present=1"),
    "stories": ("Stories: what was published beside what is measured here.", "/stories"),
    "stories-fewer-images": (
        "A story without a paper: two data sets side by side.",
        "/stories?story=fewer-images",
    ),
    "stories-not-here": ("A story whose images are not on this machine.", "/stories?story=photographs"),
    "stories-network": ("The story of a small network.", "/stories?story=small-network"),
    "stories-less-leaks": (
        "A story of leakage: up to which budget attackers are left to chance.",
        "/stories?story=less-leaks",
    ),
    "promise": (
        "Promise vs measured: what was promised beside what attacks demonstrate.",
        "/?study={leaky}&view=promise",
    ),
    "leakage": ("Trade-off with leakage as a third line.", "/?study={leaky}"),
    "members": ("Who was in the data?", "/who-was-in-the-data"),
    "rebuilt": ("Rebuilt images.", "/rebuilt-images"),
    "copied": ("Copied model.", "/copied-model"),
    "state-1-other-settings": (
        "State 1: the form asks for something else than the charts show.",
        "/?study={starter}&dataset=fashion-mnist&epsilon=0.5,3",
    ),
    "state-3-not-here": (
        "State 3: a link to a study that is not on this server.",
        "/?study=0123456789abcdef&dataset=digits&epsilon=1,3&seeds=2",
    ),
    "state-9-data-missing": ("State 9: images that are not on this machine.", "/?study={starter}&dataset=mnist"),
}
ENDED: dict[str, tuple[str, dict[str, object]]] = {
    "state-6-one-repeat": ("State 6: one repeat; the spread is unknown.", {"dataset": "digits"}),
    "state-5-too-strong": (
        "State 5: every strength breaks every model.",
        {"dataset": "digits", "privacy": {"epsilons": [1, "inf"]}, "attack": {"eps": [0, 0.4, 0.6]}},
    ),
    "clipping-alone": (
        "Clipping alone: one more baseline, between the budgets and no privacy.",
        {"dataset": "digits", "seeds": 3, "privacy": {"epsilons": [1, 3, 8, "inf"], "clip_only": True}},
    ),
    "state-8-many-lines": (
        "State 8: more than six lines.",
        {"dataset": "digits", "privacy": {"epsilons": [0.25, 0.5, 1, 2, 4, 8, "inf"]}, "attack": {"eps": [0, 0.05]}},
    ),
}
FEW = {"eps": [0, 0.05, 0.1], "steps": 40, "images": 100}
PLAIN: dict[str, object] = {
    "dataset": "digits",
    "model": "cnn",
    "privacy": {"epsilons": [8, "inf"]},
    "attack": FEW,
    "extras": ["corruptions", "certificates"],
}
DEFENDED: dict[str, object] = {**PLAIN, "defence": {"training": "n-fgsm"}, "extras": []}
WEAK: dict[str, object] = {
    "dataset": "digits",
    "privacy": {"epsilons": [3, "inf"]},
    "attack": {"names": ["noise"], "images": 100},
}
THOROUGH: dict[str, object] = {"dataset": "digits", "attack": {"steps": 100}}
SLOW = {"dataset": "digits", "model": "cnn", "seeds": 4}
DECK = ".frontier-deck"


def asked(page: Page) -> None:
    """A count that was asked for twenty times."""
    act(page, 0)
    page.get_by_role("button", name="Ask 20 times").click()
    page.get_by_text("20 answers").wait_for()
    page.wait_for_timeout(500)


def act(page: Page, number: int) -> None:
    """When all acts are worked out, the one that is numbered so."""
    page.wait_for_function(f"document.querySelectorAll('{DECK}[data-drawn]').length === 3", timeout=120_000)
    page.locator(DECK).nth(number).scroll_into_view_if_needed()
    page.evaluate("number => document.querySelectorAll('h3')[number].scrollIntoView()", number)
    page.wait_for_timeout(500)


LEARN: dict[str, tuple[str, Callable[[Page], None]]] = {
    "learn-count": ("What is a privacy budget? A count, asked twenty times.", asked),
    "learn-step": ("What is a privacy budget? Inside one step of training.", partial(act, number=1)),
    "learn-attack": ("What is a privacy budget? What is left to an attacker.", partial(act, number=2)),
}


ATTACK: dict[str, tuple[str, str]] = {
    "attack": ("How an attack works: the first look, at the end of an attack.", ""),
    "attack-climbing": (
        "How an attack works: halfway, on the adversarially trained model.",
        "?model=adversarial&image=28&norm=linf&strength=14&step=4",
    ),
    "attack-private": (
        "How an attack works: the private model, and the same training with other noise.",
        "?model=private&image=11&norm=l2&strength=14&step=0",
    ),
}
LAB = ".frontier-lab"
DIGITS = "models=digits-cnn-no-privacy-seed-0,digits-cnn-epsilon-8-seed-0"


def tampered(page: Page, part: str = LAB) -> None:
    """The image lab when nothing is looked for any more, from one of its parts on."""
    page.wait_for_selector(f"{LAB}[data-complete]", timeout=120_000)
    if part != LAB:
        page.locator(part).scroll_into_view_if_needed()
    page.wait_for_timeout(500)


LABS: dict[str, tuple[str, str, Callable[[Page], None]]] = {
    "lab": ("Tampered images: one picture, two models, and how little flips them.", "", tampered),
    "lab-digits": ("Tampered images: digits, by a distance.", f"?{DIGITS}&index=3&norm=l2&eps=0.6", tampered),
    "lab-strip": (
        "Tampered images: across strengths, and other images.",
        f"?{DIGITS}&index=3&eps=0.1",
        partial(tampered, part=f"{LAB} .ending"),
    ),
}


def exhibited(page: Page) -> None:
    """When the models are trained and attacked."""
    page.wait_for_selector(".frontier-exhibit[data-drawn]", timeout=240_000)
    page.wait_for_timeout(800)


def questioned(page: Page) -> None:
    exhibited(page)
    page.locator(".frontier-exhibit .questions").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.frontier-exhibit .questions').scrollIntoView()")
    page.wait_for_timeout(500)


@dataclass(frozen=True)
class Screen:
    """A picture: its name, where it is, what it shows, and what to do before it is taken."""

    name: str
    path: str
    told: str
    before: Callable[[Page], None] = lambda page: None


def main(folder: Path) -> None:
    """Take all pictures anew."""
    home = Path(tempfile.mkdtemp())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with serving(home) as server, browser() as chromium:
            taken = [photographed(chromium, server, screen, folder) for screen in screens(server)]
        folder.with_suffix(".md").write_text(page_of(taken, folder.name), encoding="utf-8")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def photographed(chromium: Browser, server: Server, screen: Screen, folder: Path) -> Screen:
    for variant in VARIANTS:
        take(chromium, server, screen, variant, folder)
    return screen


def page_of(taken: list[Screen], folder: str) -> str:
    """The document that shows all pictures."""
    parts = ["# Pages and states", "Photographed by `make screenshots` on a server that computes for real."]
    for screen in taken:
        others = ", ".join(f"[{name}]({folder}/{screen.name}-{name}.png)" for name in VARIANTS if name != "wide")
        parts += [f"## {screen.told}", f"![{screen.told}]({folder}/{screen.name}-wide.png)", f"The same: {others}."]
    return "\n\n".join(parts) + "\n"


@contextmanager
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=ARGS)


def take(chromium: Browser, server: Server, screen: Screen, variant: str, folder: Path) -> None:
    """One picture, with few colours so that it stays small."""
    width, height, scheme = VARIANTS[variant]
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page.add_init_script(KEEP_SOCKETS)
    page.add_init_script("localStorage.setItem('frontier-hint-read', '1')" if screen.name != "first-visit" else "")
    page.goto(server.url + screen.path)
    page.wait_for_selector(CONNECTED)
    if not any(other in screen.path for other in OTHERS):
        page.wait_for_selector(DRAWN)
    page.wait_for_timeout(1200 if not screen.path.startswith(OTHERS[5:]) else 4000)  # components that draw on their own
    screen.before(page)
    shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").quantize(COLOURS).save(folder / f"{screen.name}-{variant}.png", optimize=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{screen.name}: scrolls sideways"
    page.close()


def screens(server: Server) -> Iterator[Screen]:
    """Pages and states in the order in which a fresh server can show them."""
    services.welcome(settings=server.settings)
    starter, leaky = services.openings()[0], stories.everything()["less-leaks"].parts[0].digest
    for name, (told, path) in LOOKS.items():
        yield Screen(name, path.format(starter=starter, leaky=leaky), told)
    yield Screen("state-7-reconnecting", "/", "State 7: the connection is lost.", disconnected)
    for name, (told, before) in LEARN.items():
        yield Screen(name, "/privacy-budget", told, before)
    for name, (told, link) in ATTACK.items():
        yield Screen(name, f"/how-an-attack-works{link}", told, exhibited)
    about = "How an attack works: five questions, each with a place that shows the answer."
    yield Screen("attack-questions", "/how-an-attack-works", about, questioned)
    for name, (told, link, before) in LABS.items():
        yield Screen(name, f"/tampered-images{link}", told, before)
    yield Screen("data", "/data", "Data: what each data set is, and your own images.")
    running, queued = submitted(server, SLOW), submitted(server, {**SLOW, "seeds": 5})
    waiting(server, running, "running")
    yield Screen("running", f"/?study={running}", "A study trains.")
    yield Screen("state-4-queued", f"/?study={queued}", "State 4: a study waits.")
    yield Screen("runs-busy", "/runs", "Runs, while something is computed.")
    waiting(server, running, "running", points=1)
    services.cancel(queued, settings=server.settings)
    services.cancel(running, settings=server.settings)
    waiting(server, running, "stopped")
    yield Screen("state-2-stopped", f"/?study={running}", "State 2: stopped partway; gaps are never bridged.")
    for name, (told, asked) in ENDED.items():
        digest = submitted(server, asked)
        waiting(server, digest, "done")
        yield Screen(name, f"/?study={digest}", told)
        if name == "clipping-alone":
            prices = f"/?study={digest}&view=cost"
            yield Screen("both-prices", prices, "Cost: points lost, and time and memory of training.", to_prices)
            yield Screen("whole-study", f"/?study={digest}", "What the whole study costs in privacy.", to_whole)
    yield from defences(server)
    yield Screen("runs", "/runs", "Runs: everything that was computed.")
    yield Screen("runs-details", f"/runs?compare={running}", "Runs: one study in full, with a note and tags.")
    over = f"/runs?images=digits&compare={compared(server)}"
    yield Screen("runs-compared", over, "Runs: studies over one another, with only what differs.")
    yield Screen("ledger", "/ledger?dataset=digits", "Privacy ledger: what was released, as it adds up.")
    ledgers.set_cap("digits", 40, settings=server.settings)
    yield Screen("ledger-capped", "/ledger?dataset=digits", "Privacy ledger: under a cap that the owner has set.")


def defences(server: Server) -> Iterator[Screen]:
    """What is known of a defence beside none, and of an attack that is too weak."""
    forming = submitted(server, THOROUGH)
    waiting(server, forming, "running", points=1)
    yield Screen("forming", f"/?study={forming}", "While attacks go on, hollow marks fall.")
    services.cancel(forming, settings=server.settings)
    plain, defended, weak = (submitted(server, values) for values in (PLAIN, DEFENDED, WEAK))
    for digest in (plain, defended, weak):
        waiting(server, digest, "done")
    yield Screen("defences", f"/?study={plain}&view=map", "Map: two defences, and which models are worth having.")
    yield Screen("defences-cost", f"/?study={plain}&view=cost", "Cost: the training time of a defence.", to_the_end)
    yield Screen("floor", f"/?study={plain}", "Curves of a network, with a floor that no attack passes.")
    yield Screen("damage", f"/?study={plain}&view=besides", "Everyday damage: fifteen corruptions, no enemy needed.")
    told = "The verdict: an attack that is too weak is found out."
    yield Screen("verdict", f"/?study={weak}", told)
    yield Screen("verdict-numbers", f"/?study={weak}", "The verdict: what was checked, with its numbers.", to_numbers)


def to_the_end(page: Page) -> None:
    """The last chart of a view."""
    page.locator(".frontier-charts").last.scroll_into_view_if_needed()
    page.wait_for_timeout(500)


def to_numbers(page: Page) -> None:
    page.get_by_role("button", name=labels.WHAT_WAS_CHECKED).click()
    page.wait_for_timeout(500)


def to_prices(page: Page) -> None:
    """Time and memory lie below the points lost."""
    page.locator(".frontier-charts").nth(1).scroll_into_view_if_needed()
    page.wait_for_timeout(500)


def to_whole(page: Page) -> None:
    """Open what adds up all models; the first time that takes seconds."""
    page.get_by_text(labels.SWEEP, exact=True).click()
    page.get_by_text("Each budget holds for one model alone.").wait_for(timeout=60_000)
    page.get_by_text("Accountant: ").last.scroll_into_view_if_needed()
    page.wait_for_timeout(500)


def compared(server: Server) -> str:
    """Three studies of digits that differ in their strengths and budgets."""
    found = services.statuses(settings=server.settings)
    return ",".join([s.digest for s in found if s.study.dataset == "digits" and s.state == "done"][:3])


def disconnected(page: Page) -> None:
    """The connection is gone; the server is not."""
    page.route("**/_stcore/**", lambda route: route.abort())
    page.evaluate("window.sockets.forEach((socket) => socket.close())")
    page.wait_for_timeout(2000)


def submitted(server: Server, values: Mapping[str, object]) -> str:
    study: Study = parse(dict(values))
    services.submit(study, settings=server.settings)
    return planning.digest(planning.resolve(study))


def waiting(server: Server, digest: str, state: str, points: int = 0) -> None:
    """Until the study is in that state and has so many results."""
    until = time.monotonic() + 900
    while True:
        status = services.status(digest, settings=server.settings)
        if status is not None and status.state == state and status.n_points >= points:
            return
        assert time.monotonic() < until, f"{digest} is not {state}: {status}"
        time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
