"""Files to take home: seconds to make each of the study that comes with Frontier, and their size."""

import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.timing import seconds
from engine import exports, services
from engine.report.export import FORMATS
from engine.settings import Settings

ROUNDS = 7


def run() -> dict[str, Any]:
    """Median seconds of each format, once what it needs is imported, and the first picture's with its imports."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        services.welcome(settings=settings)
        found = services.statuses(settings=settings)
        digest = next(one.digest for one in found if one.study.dataset == "digits")
        first = seconds(partial(exports.export, digest, "png", settings=settings))
        return {"first_picture": first, **{name: _format(digest, name, settings) for name in FORMATS}}


def _format(digest: str, name: str, settings: Settings) -> dict[str, float]:
    make = partial(exports.export, digest, name, settings=settings)
    (content,) = make().values()
    return {"seconds": median(seconds(make) for _ in range(ROUNDS)), "kilobytes": len(content) / 1000}
