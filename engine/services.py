"""What pages and the command line may ask: plain values and data frames, no torch, no SQL.

Every function takes `settings` (default: Settings()), which says in which home folder to look. What goes wrong is
a FrontierError whose message may be shown as it stands.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from engine import exposures, planning, starter
from engine.data import cache, datasets, entry, images, own
from engine.defences import defences
from engine.errors import BadInput, DataMissing
from engine.events import Stands
from engine.exposures import Exposure
from engine.jobs import charging, deletion, supervisor, timing
from engine.jobs.deletion import Belongings
from engine.jobs.progress import Status, summarize
from engine.models import models, weights
from engine.promise import Guarantees
from engine.registry import Entry
from engine.robustness import attacks
from engine.settings import Settings
from engine.store.overview import Names
from engine.store.queue import Planned
from engine.store.store import Store, opened
from engine.study import OWN, Job, Study
from engine.wanted import ALL, Wanted

PAGE, COMMAND_LINE = "page", "command line"  # how the names of those who wait begin
LOG_TAIL = 20_000  # characters


@dataclass(frozen=True)
class Estimate:
    """Seconds a study may take alone on this machine; `measured`: from what it did before, not from a rough table."""

    seconds: float
    measured: bool


@dataclass(frozen=True)
class Choice:
    """One entry of a registry as a form shows it; `remedy` says how to get what is not available."""

    name: str
    title: str
    facts: dict[str, Any]
    doc: str
    available: bool = True
    remedy: str = ""


@dataclass(frozen=True)
class Choices:
    """What can be chosen."""

    datasets: tuple[Choice, ...]
    models: tuple[Choice, ...]
    attacks: tuple[Choice, ...]
    defences: tuple[Choice, ...]


@dataclass(frozen=True)
class Others:
    """Who else waits for a study: so many pages, and command lines by their process numbers."""

    pages: int
    processes: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.pages or self.processes)


@dataclass(frozen=True)
class RunPath:
    """A trained model: its weights (safetensors) and what it was trained for."""

    path: Path
    digest: str
    epsilon: float
    seed: int


def submit(study: Study, *, who: str = PAGE, settings: Settings | None = None) -> str:
    """Queue a study and return its digest; one that is known is not queued twice, only what failed or was stopped.

    `who` is noted as waiting for it: "page" for good, anyone else while `touch` is called. BadInput or DataMissing
    come before anything is stored; so does a cap that this study would pass.
    """
    settings = settings or Settings()
    resolved = resolve(study, settings=settings)
    if images.locate(resolved.dataset, settings.data_root) is None:
        raise DataMissing(images.remedy(resolved.dataset, settings.data_root))
    if weights.locate(resolved.model, settings.data_root) is None:
        raise DataMissing(weights.remedy(resolved.model, settings.data_root))
    digest, store = planning.digest(resolved), opened(settings.home)
    plan, reserve = _planned(resolved, settings), charging.reservation(store, digest, resolved, settings)
    store.queue.submit(digest, resolved, plan, who=who, lasting=who == PAGE, reserve=reserve)
    if reserve is not None:
        store.ledger.settle()
    return digest


def resolve(study: Study, *, settings: Settings | None = None) -> Study:
    """The study with every default filled in, and with the facts of its data set where that is somebody's own.

    BadInput in one sentence if it cannot be run as asked, or says of own data what is not so; DataMissing if own data
    are not kept here.
    """
    settings = settings or Settings()
    resolved = planning.resolve(_with_own_facts(study, settings.data_root))
    if resolved.attack.source is not None and resolved.attack.source not in lenders(
        resolved.dataset, settings=settings
    ):
        asked = repr(resolved.attack.source)[:60]
        raise BadInput(f"attack.source={asked} is no study of {resolved.dataset} with a trained model in this store")
    return resolved


def _with_own_facts(study: Study, root: Path) -> Study:
    if not study.dataset.startswith(OWN):
        return study
    about = own.find(study.dataset, root)
    if about is None:
        raise DataMissing(images.remedy(study.dataset, root))
    for name, here in about.own:
        if study.own is not None and (said := getattr(study.own, name)) != here:
            raise BadInput(f"own.{name}={repr(said)[:60]} is not what {study.dataset} holds: {repr(here)[:60]}")
    return study.model_copy(update={"own": about.own})


def _planned(resolved: Study, settings: Settings) -> list[Planned]:
    machine, jobs = _machine(settings), planning.plan(resolved)
    threads = machine.threads(len(jobs))

    def one(job: Job) -> Planned:
        units = _units(job, settings)
        seconds, _ = timing.stages(resolved, units, machine.speeds, threads)
        return Planned(job, units, seconds, threads)

    return [one(job) for job in jobs]


def _units(job: Job, settings: Settings) -> dict[str, float]:
    """Units of work by stage; features that were made before cost nothing."""
    units = planning.work(job)
    if cache.has(settings.cache, job.study.dataset, models[job.study.model].facts["features"]):
        units["features"] = 0.0
    return units


def ensure_data(name: str, *, settings: Settings | None = None) -> None:
    """Make sure that a data set is here, downloading it if need be; DataMissing with the remedy otherwise."""
    root = (settings or Settings()).data_root
    if images.locate(name, root) is None and (name.startswith(OWN) or not _fetched(name, root, images.locate)):
        raise DataMissing(images.remedy(name, root))


def ensure_weights(model: str, *, settings: Settings | None = None) -> None:
    """Make sure that weights which a model has from elsewhere are here, as ensure_data does."""
    root = (settings or Settings()).data_root
    if weights.locate(model, root) is None and not _fetched(model, root, weights.locate):
        raise DataMissing(weights.remedy(model, root))


def _fetched(name: str, root: Path, locate: Callable[[str, Path], Path | None]) -> bool:
    """Whether files are in their place after a try to download them, in a process of its own: it needs torch."""
    command = [sys.executable, "-m", "engine", "fetch", name]
    env = supervisor.environment() | {"FRONTIER_DATA": str(root)}
    fetched = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return fetched.returncode == 0 and locate(name, root) is not None


def cancel(digest: str, *, settings: Settings | None = None) -> None:
    """Stop a study: what waits is stopped at once, what runs in under 2 s."""
    _of(settings).queue.cancel(digest)


def cancel_unless_wanted(digest: str, who: str, *, settings: Settings | None = None) -> bool:
    """`who` waits no longer; stops the study and returns True if nobody else waits for it."""
    return _of(settings).queue.leave(digest, who)


def touch(digest: str, who: str, *, settings: Settings | None = None) -> None:
    """`who` still waits; to be called every few seconds, or after 10 s they are taken to have gone."""
    _of(settings).queue.touch(digest, who)


def watch(digest: str, who: str, *, settings: Settings | None = None) -> None:
    """`who` ("page" and a word of its own) looks at this study and waits for it; to be called every few seconds."""
    _of(settings).queue.watch(digest, who)


def others(digest: str, who: str = "", *, settings: Settings | None = None) -> Others:
    """Who waits for a study besides `who`, and has said so in the last 10 s."""
    names = [name for name in _of(settings).queue.waiting(digest) if name not in (who, PAGE)]
    numbers = (name.removeprefix(COMMAND_LINE).strip().partition("-")[0] for name in names)
    return Others(sum(name.startswith(PAGE) for name in names), tuple(int(n) for n in numbers if n.isdigit()))


def retry(digest: str, *, settings: Settings | None = None) -> None:
    """Queue what failed or was stopped again; it goes on from its last checkpoint."""
    settings = settings or Settings()
    found = study(digest, settings=settings)
    if found is None:
        raise BadInput(f"study '{digest}' is unknown")
    if planning.digest(found) != digest:
        raise BadInput(f"study '{digest}' was made by another version, whose numbers differ: launch it anew")
    submit(found, settings=settings)


def status(digest: str, *, settings: Settings | None = None) -> Status | None:
    """How a study stands, or None if there is none of that digest."""
    settings = settings or Settings()
    view = opened(settings.home).overview.study(digest)
    return None if view is None else _summaries([view], settings)[0]


def statuses(
    limit: int = 200, offset: int = 0, wanted: Wanted = ALL, *, settings: Settings | None = None
) -> list[Status]:
    """How studies stand, newest first; of those that are wanted."""
    settings = settings or Settings()
    return _summaries(opened(settings.home).overview.studies(limit, offset, wanted), settings)


def live(limit: int, wanted: Wanted = ALL, *, settings: Settings | None = None) -> list[Status]:
    """Studies that run or wait, in the order of their turn."""
    settings = settings or Settings()
    return _summaries(opened(settings.home).overview.live(limit, wanted), settings)


def counts(wanted: Wanted = ALL, *, settings: Settings | None = None) -> dict[str, int]:
    """How many studies there are in each state; a state without one is left out."""
    return _of(settings).overview.counts(wanted)


def newest(*, settings: Settings | None = None) -> str | None:
    """The study that was asked for last."""
    return _of(settings).overview.newest()


def names(*, settings: Settings | None = None) -> Names:
    """Data sets, models and tags that studies of this store have."""
    return _of(settings).overview.names()


def annotate(
    digest: str, *, note: str | None = None, tags: Iterable[str] | None = None, settings: Settings | None = None
) -> None:
    """Replace the note or the tags of a study; BadInput if it is unknown, or they are too long or too many."""
    if not _of(settings).notes.write(digest, note=note, tags=tags):
        raise BadInput(f"study '{digest}' is not in this store (any more)")


def belongings(digest: str, *, settings: Settings | None = None) -> Belongings:
    """What goes when a study is deleted."""
    settings = settings or Settings()
    return deletion.belongings(opened(settings.home), digest, settings)


def delete(digest: str, *, settings: Settings | None = None) -> bool:
    """Stop a study, forget it, free its files; False if it was not there. Asked for again, it is computed anew.

    FrontierError if it does not stop in 10 s, StoreError if it cannot be removed.
    """
    settings = settings or Settings()
    return deletion.delete(opened(settings.home), digest, settings)


def _summaries(views: list[Any], settings: Settings) -> list[Status]:
    overview = opened(settings.home).overview
    live = any(job.state in ("queued", "running", "stopping") for view in views for job in view.jobs)
    line = overview.line() if live else []
    running = overview.running() if live else []
    return summarize(views, line, running, _machine(settings))


def study(digest: str, *, settings: Settings | None = None) -> Study | None:
    """The resolved study of a digest."""
    view = _of(settings).overview.study(digest)
    return None if view is None else view.study


def frame(digest: str, *, settings: Settings | None = None) -> pd.DataFrame:
    """The result table (engine.results.COLUMNS), by metric, seed, epsilon, eps; empty if there is nothing yet."""
    return _of(settings).measured.frame(digest)


def provisional(digest: str, *, settings: Settings | None = None) -> pd.DataFrame:
    """Models in training: epsilon, seed, step, steps, accuracy, epsilon_spent, loss; the latest word on each."""
    return _of(settings).measured.provisional(digest)


def standing(digest: str, *, settings: Settings | None = None) -> list[Stands]:
    """How each attacked image stands against the models of a study, so far or in the end."""
    return _of(settings).measured.standing(digest)


def runs(digest: str, *, settings: Settings | None = None) -> pd.DataFrame:
    """Trained models: run, epsilon, seed, path."""
    settings = settings or Settings()
    found = opened(settings.home).measured.runs(digest)
    return found.assign(path=[str(settings.artifacts / path) for path in found["path"]])


def run_path(run: int | str, *, settings: Settings | None = None) -> RunPath:
    """Where a trained model's weights lie; BadInput if there is no such run."""
    settings = settings or Settings()
    found = opened(settings.home).measured.run(int(run)) if str(run).isdigit() else None
    if found is None:
        raise BadInput(f"run '{run}' is unknown; `python -m engine show STUDY` lists the runs of a study")
    return RunPath(settings.artifacts / found.path, found.study, found.epsilon, found.seed)


def exposure(digest: str, *, settings: Settings | None = None) -> Exposure | None:
    """How much each image is given away by the models of a study, as far as that was measured here."""
    folders = {Path(path).parent for path in runs(digest, settings=settings)["path"]}
    return exposures.read(folder / exposures.FILE for folder in sorted(folders))


def estimate(study: Study, *, settings: Settings | None = None) -> Estimate:
    """How long a study may take, before it is launched; BadInput if it cannot be run as asked."""
    settings = settings or Settings()
    machine = _machine(settings)
    resolved = resolve(study, settings=settings)
    jobs = planning.plan(resolved)
    threads = machine.threads(len(jobs))
    parts = [timing.stages(resolved, _units(job, settings), machine.speeds, threads) for job in jobs]
    seconds = timing.makespan((sum(stages.values()) for stages, _ in parts), machine.workers)
    return Estimate(seconds, all(measured for _, measured in parts))


def guarantees(study: Study, *, settings: Settings | None = None) -> Guarantees:
    """What a study promises: each budget alone, all its models together, the best of several tries (engine.promise).

    Seconds the first time, milliseconds later; BadInput if it cannot be run as asked.
    """
    from engine.guarantees import guarantees as computed  # the accountant takes a second to import

    settings = settings or Settings()
    resolved = planning.resolve(study) if study.own else resolve(study, settings=settings)  # its images may be gone
    return computed(resolved, settings.cache)


def alike(digest: str, most: int = 6, *, settings: Settings | None = None) -> dict[str, Study]:
    """Studies that can stand beside this one, which comes first: same images, attacked alike; by digest.

    The newest one with results of each other model and defence.
    """
    settings = settings or Settings()
    this = study(digest, settings=settings)
    if this is None:
        return {}
    found = {(this.model, this.defence): digest}
    for one in statuses(wanted=Wanted(dataset=this.dataset), settings=settings):
        if one.n_points and _attacked_alike(one.study, this) and len(found) < most:
            found.setdefault((one.study.model, one.study.defence), one.digest)
    return {name: known for name in found.values() if (known := study(name, settings=settings)) is not None}


def _attacked_alike(one: Study, other: Study) -> bool:
    """Whether two studies' numbers may be compared: same attacks, images and delta, and a strength in common."""
    same = all(
        getattr(one.attack, name) == getattr(other.attack, name)
        for name in ("names", "norm", "steps", "images", "source")
    )
    shared = {*(one.attack.eps or ())} & {*(other.attack.eps or ())} - {0.0}
    return same and bool(shared) and one.privacy.delta == other.privacy.delta


def lenders(dataset: str, *, settings: Settings | None = None) -> dict[str, str]:
    """Studies of a data set that have a trained model here, by digest: what each is called, newest first."""
    settings = settings or Settings()
    found = statuses(wanted=Wanted(dataset=dataset), settings=settings)
    store = opened(settings.home)
    return {
        one.digest: f"{models[one.study.model].facts['title']} ({one.digest[:6]})"
        for one in found
        if one.state == "done" and not store.measured.runs(one.digest).empty
    }


def choices(*, settings: Settings | None = None) -> Choices:
    """Data sets, models and attacks by name, with what is not available and how to get it."""
    root = (settings or Settings()).data_root

    def here(known: Entry, kind: Any) -> Choice:
        available = kind.locate(known.name, root) is not None
        return _choice(known, available, "" if available else kind.remedy(known.name, root))

    return Choices(
        datasets=(*(here(known, images) for known in datasets.entries.values()), *map(_own_choice, own.kept(root))),
        models=tuple(here(known, weights) for known in models.entries.values()),
        attacks=tuple(_choice(known) for known in attacks.entries.values()),
        defences=tuple(_choice(known) for known in defences.entries.values()),
    )


def _choice(known: Entry, available: bool = True, remedy: str = "") -> Choice:
    title = str(known.facts.get("title", known.name))
    return Choice(known.name, title, dict(known.facts), known.doc, available, remedy)


def _own_choice(about: own.About) -> Choice:
    known = entry.entry(about.name, about.own)
    return replace(_choice(known), title=about.title, facts={**known.facts, "title": about.title})


def welcome(*, settings: Settings | None = None) -> None:
    """Put the results that come with Frontier into a store that never had them."""
    _welcomed((settings or Settings()).home)


@lru_cache(maxsize=16)
def _welcomed(home: Path) -> None:
    starter.bring(opened(home))


def made_by(digest: str, *, settings: Settings | None = None) -> dict[str, Any]:
    """Versions and machine of who computed a study, as study.json has them; empty where that was not noted."""
    view = _of(settings).overview.study(digest)
    noted = [job.made_by for job in (view.jobs if view else ()) if job.made_by]
    if not noted:
        return {}
    alike = all(one == noted[0] for one in noted)
    return noted[0] | {"versions_and_machine": f"of the computer that {'computed' if alike else 'began'} it"}


def openings() -> list[str]:
    """What a fresh server opens on, the first choice first: what came with Frontier, and not for a story."""
    return starter.openings()


def origin(status: Status) -> starter.Origin | None:
    """What made a study that came with Frontier; None for one that was computed here."""
    return starter.origin(status.digest, status.created)


def owner(*, settings: Settings | None = None) -> supervisor.Owner | None:
    """The process that runs jobs on this store, or None."""
    return supervisor.owner((settings or Settings()).home)


def log(digest: str, *, settings: Settings | None = None) -> str:
    """The end of what the jobs of a study logged."""
    files = [file for file in deletion.logs(digest, (settings or Settings()).logs) if file.suffix == ".log"]
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)[-LOG_TAIL:]


def _of(settings: Settings | None) -> Store:
    return opened((settings or Settings()).home)


def _machine(settings: Settings) -> timing.Machine:
    speeds = opened(settings.home).measured.speeds()
    return timing.Machine(settings.cores, settings.workers, speeds)
