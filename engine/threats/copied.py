"""Copied models that come with Frontier, and what a run of them asks: plain values, no torch.

`assets/threats/copied.json` holds copies of the models of assets/models, by model and by the attacker's pictures. Made
by `python -m engine starter --pages copied`, with the code that the lab runs.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

from engine import ledgers
from engine.errors import DataMissing
from engine.lab import catalogue
from engine.lab.catalogue import Model
from engine.report.copied import ANSWERS, Copies, Point
from engine.settings import Settings
from engine.version import VERSION

SHIPPED = Path(__file__).parents[2] / "assets" / "threats" / "copied.json"
NUMBERS, STEPS, STUDENT = 1, 1000, "fast-cnn"  # as extraction and lab.copying have them, which need torch (tested)
PICTURES = ("alike", "made-up")
COUNTS = (30, 100, 300, 1000, 3000, 10_000)  # questions
BUDGETS = (300, 1000, 3000, 10_000)  # the most questions of a run


@dataclass(frozen=True)
class Made:
    """All copies of one model with one kind of pictures: `held` of them are the attacker's own, `measured` on so many.

    `seconds`: what a copy took.
    """

    original: tuple[float, float, float] | None = None
    points: tuple[Point, ...] = ()
    measured: int = 0
    held: int = 0
    seconds: float = 0.0

    def with_one(self, answer: dict[str, Any], seconds: float) -> "Made":
        """And one more, as the lab answered."""
        point = Point(answer["queries"], answer["answers"], tuple(answer["agreement"]), tuple(answer["accuracy"]))
        mean = (len(self.points) * self.seconds + seconds) / (len(self.points) + 1)
        return Made(tuple(answer["original"]), (*self.points, point), answer["measured"], answer["held"], mean)

    def copies(self, model: Model, most: int = COUNTS[-1]) -> Copies:
        """As a chart draws it, up to so many questions."""
        drawn = tuple(one for one in self.points if one.queries <= most)
        return Copies(model.said, model.epsilon, self.original, drawn, counts(most))


def counts(most: int) -> tuple[int, ...]:
    """Numbers of questions from few to `most`.

    >>> counts(300)
    (30, 100, 300)
    """
    return tuple(n for n in COUNTS if n <= most)


def offered(*, settings: Settings | None = None) -> list[Model]:
    """The models of the lab, but for those of images marked private: copies are measured on them. FIRST comes first.

    Where images are not on this machine `catalogue.closed` says so: what came with Frontier is shown all the same.
    """
    found = [one for one in catalogue.offered(settings=settings) if not ledgers.private(one.study.dataset)]
    return sorted(found, key=lambda one: one.study.dataset != catalogue.FIRST)


def questions(models: list[str], pictures: str, most: int) -> Iterator[dict[str, Any]]:
    """What a run asks of the lab: few questions first, of each model and kind of answers in turn."""
    for queries in counts(most):
        for answers in ANSWERS:
            for model in models:
                yield {"what": "copy", "models": [model], "pictures": pictures, "answers": answers, "queries": queries}


def shipped(model: Model, pictures: str) -> Made | None:
    """What came with Frontier of this very model; None where that holds nothing, or another version's numbers."""
    held = _read(SHIPPED, SHIPPED.stat().st_mtime_ns) if SHIPPED.is_file() else {}
    about = held.get("models", {}).get(model.name)
    if held.get("numbers") != NUMBERS or about is None or about["weights"] != _weights(model.path):
        return None
    return _made(about[pictures])


def origin() -> dict[str, Any]:
    """What made the file: the day, the commit, the machine."""
    return {name: _read(SHIPPED, SHIPPED.stat().st_mtime_ns)[name] for name in ("created", "commit", "machine")}


@lru_cache(maxsize=2)
def _read(file: Path, made: int) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return held


def _made(held: dict[str, Any]) -> Made:
    points = tuple(Point(n, how, tuple(agree), tuple(right)) for n, how, agree, right in held["points"])
    return Made(tuple(held["original"]), points, held["measured"], held["held"], held["seconds"])


@lru_cache(maxsize=64)
def _weights(file: Path) -> str:
    return f"{crc32(file.read_bytes()):08x}" if file.is_file() else ""


def make() -> dict[Path, bytes]:
    """Compute what is shipped: minutes. DataMissing where images of a shipped model are not here."""
    from engine import machine, starter

    found = {}
    for model in [one for one in offered() if one.shipped and one.study.defence.name == "none"]:
        if reason := catalogue.closed(model.study.dataset):
            raise DataMissing(reason)
        made = {pictures: _plain(_computed(model, pictures)) for pictures in PICTURES}
        found[model.name] = {"weights": _weights(model.path), **made}
    about = {"numbers": NUMBERS, "created": time.time(), "commit": starter.commit(), "engine_version": VERSION}
    about |= json.loads(machine.described())
    return {SHIPPED: (json.dumps(about | {"models": found}, separators=(",", ":")) + "\n").encode()}


def _computed(model: Model, pictures: str) -> Made:
    """All copies of one model, by what the lab's process runs."""
    from engine.lab import client, work
    from engine.lab.asked import parse

    made, given = Made(), [work.given(client.plain(model, Settings()))]
    for question in questions([model.name], pictures, COUNTS[-1]):
        began = time.perf_counter()
        answer = work.answer(parse(question), given)
        made = made.with_one(answer, time.perf_counter() - began)
    return made


def _plain(made: Made) -> dict[str, Any]:
    points = [[one.queries, one.answers, one.agreement, one.accuracy] for one in made.points]
    return {**vars(made), "points": points, "seconds": round(made.seconds, 2)}
