"""How a story stands on this server: which of its studies are known, which run, and what is missing for the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from engine import services
from engine.jobs.progress import Status
from engine.stories import Part, Story
from pages.parts.progress import is_live

State = Literal["done", "live", "failed", "stopped", "data missing", "new"]


@dataclass(frozen=True)
class Standing:
    """A story, and how each of its studies stands; None: nobody asked for it here."""

    story: Story
    statuses: tuple[Status | None, ...]

    @property
    def state(self) -> State:
        known = [status.state for status in self.statuses if status is not None]
        if self.live:
            return "live"
        if known.count("done") == len(self.statuses):
            return "done"
        if self.remedies:
            return "data missing"
        return "failed" if "failed" in known else "stopped" if "stopped" in known else "new"

    @property
    def live(self) -> tuple[Status, ...]:
        """Those that wait or run."""
        return tuple(status for status in self.statuses if status is not None and is_live(status))

    @property
    def fraction(self) -> float:
        """How much of all studies is done, in [0, 1]."""
        parts = (1.0 if one.state == "done" else one.fraction for one in self.statuses if one is not None)
        return min(1.0, sum(parts) / len(self.statuses))

    @property
    def ended(self) -> Status | None:
        """The first that failed or was stopped."""
        return next((one for one in self.statuses if one is not None and one.state in ("failed", "stopped")), None)

    @property
    def shown(self) -> Status | None:
        """The study to open elsewhere: the first with results."""
        return next((status for status in self.statuses if status is not None and status.n_points), None)

    @property
    def remedies(self) -> tuple[str, ...]:
        """How to get the images of studies that cannot be computed without them."""
        here = {choice.name: choice for choice in services.choices().datasets}
        wanted = dict.fromkeys(part.study.dataset for part in self._unfinished())
        return tuple(here[name].remedy for name in wanted if not here[name].available)

    @property
    def seconds(self) -> float:
        """About so long it takes to compute what is not finished."""
        studies = {part.digest: part.study for part in self._unfinished()}  # several parts may look at one
        return sum(services.estimate(study).seconds for study in studies.values())

    def _unfinished(self) -> Iterator[Part]:
        pairs = zip(self.story.parts, self.statuses, strict=True)
        return (part for part, status in pairs if status is None or status.state != "done")

    def frames(self) -> tuple[pd.DataFrame, ...]:
        """The result table of each study; empty where nothing is known."""
        return tuple(services.frame(part.digest) for part in self.story.parts)

    def provisional(self) -> tuple[pd.DataFrame | None, ...]:
        """The models of each study that train now."""
        return tuple(services.provisional(one.digest) if is_live(one) and one else None for one in self.statuses)


def standing(story: Story) -> Standing:
    return Standing(story, tuple(services.status(part.digest) for part in story.parts))


def run(story: Story) -> None:
    """Ask for everything that is not known; what failed or was stopped goes on."""
    for part in story.parts:
        services.submit(part.study)
