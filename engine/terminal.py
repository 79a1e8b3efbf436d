"""What the command line draws: a progress bar on stderr, tables on stdout."""

import sys
import time
from collections.abc import Iterable
from math import inf, isinf
from pathlib import Path
from types import TracebackType

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine import ledgers
from engine.data import datasets, own
from engine.data.images import locate, remedy
from engine.data.own import About
from engine.jobs.progress import Status
from engine.ledgers import Statement
from engine.machine import PACKAGES, installed, machine
from engine.models import models, weights
from engine.planning import n_points
from engine.report import reproduction, words
from engine.report.document import caveats
from engine.report.tables import summary
from engine.report.words import NBSP
from engine.settings import Settings
from engine.stories import Story
from engine.version import VERSION

STAGES = {
    "data": "reading images",
    "features": "preparing images, once",
    "noise": "calibrating noise",
    "train": "training all budgets",
    "attack": "attacking",
    "leakage": "measuring what models give away",
}


class StudyBar:
    """A progress bar for one study; leaves nothing on stdout."""

    def __init__(self) -> None:
        text = TextColumn("{task.description}")
        left = TextColumn("{task.fields[left]}")
        console = Console(stderr=True)
        self._bar = Progress(text, BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), left, console=console)
        self._task = self._bar.add_task("starting", total=1.0, left="")

    def __enter__(self) -> "StudyBar":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, status: Status) -> None:
        left = "" if status.seconds_left is None else f"about {duration(status.seconds_left)} left"
        self._bar.update(self._task, description=_doing(status), completed=status.fraction, left=left)


def _doing(status: Status) -> str:
    if status.state == "queued":
        return f"waiting, place {status.place}" if status.place else "waiting"
    if status.state == "running":
        return STAGES.get(status.stage, "starting")
    return status.state


def duration(seconds: float) -> str:
    """Seconds as a person reads them.

    >>> duration(8.4), duration(200)
    ('8 s', '3 min 20 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def print_results(frame: pd.DataFrame) -> None:
    """Recognised images by budget and attack radius, with what the numbers promise and do not promise."""
    if frame.empty:
        _print("No results yet.")
        return
    points = summary(frame)
    radii = sorted(points.loc[points["metric"] == "robust_accuracy", "eps"].unique())
    table = Table("epsilon", "recognised", *(f"eps {eps:g}" for eps in radii), box=None, pad_edge=False)
    cells = {(p.metric, p.epsilon, p.eps if p.metric != "accuracy" else None): _cell(p) for p in points.itertuples()}
    for epsilon in sorted(points["epsilon"].unique()):
        robust = (cells.get(("robust_accuracy", epsilon, eps), "") for eps in radii)
        table.add_row(
            "inf" if isinf(epsilon) else words.tick(epsilon), cells.get(("accuracy", epsilon, None), ""), *robust
        )
    _print(table)
    for sentence in _promise(frame, list(points["interval"].unique())):
        _print(sentence)


def _cell(point: object) -> str:
    mean, low, high = (100 * float(getattr(point, name)) for name in ("mean", "low", "high"))
    return f"{mean:.1f} % ({low:.1f}-{high:.1f})"


def _promise(frame: pd.DataFrame, intervals: list[str]) -> list[str]:
    """What the numbers mean, one sentence a line."""
    private = frame[frame["epsilon"] < inf]
    of = private if len(private) else frame
    unit, delta = of["unit"].iloc[0], of["delta"].iloc[0]
    robust = frame[frame["metric"] == "robust_accuracy"]
    attack = (
        f"eps: {robust['attack'].iloc[0]}, {robust['norm'].iloc[0]}, {robust['n'].iloc[0]} images; "
        if len(robust)
        else ""
    )
    promise = f"Epsilon: unit {unit}, delta {delta:g}, {of['accountant'].iloc[0]}, mode {of['mode'].iloc[0]}."
    return [f"{attack}in brackets: {' or '.join(intervals)}.", promise, *caveats(str(of["mode"].iloc[0]))]


def print_studies(statuses: list[Status]) -> None:
    """One line a study, newest first."""
    table = Table("study", "state", "made", "data", "model", "epsilon", "attack", "points", box=None, pad_edge=False)
    for status in statuses:
        study = status.study
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.created))
        attack = f"{study.attack.name} {study.attack.norm}"
        row = (
            study.dataset,
            study.model,
            _listed(study.privacy.epsilons),
            attack,
            f"{status.n_points}/{n_points(study)}",
        )
        table.add_row(status.digest, status.state, made, *row)
    _print(table if statuses else "No studies yet.")


def print_study(status: Status) -> None:
    """What was asked and how it stands."""
    study = status.study
    _print(
        f"Study {status.digest}: {status.state}" + (f" ({status.fraction:.0%})" if status.state == "running" else "")
    )
    if status.error:
        _print(status.error)
    _print(f"{study.dataset}, {study.model}, epsilon {_listed(study.privacy.epsilons)}, delta {study.privacy.delta:g}")
    attack = study.attack
    where = f"eps {_listed(attack.eps or ())}, {attack.steps} steps, {attack.images} images"
    _print(f"{attack.name} {attack.norm}, {where}, seeds: {study.seeds}, {attack.seeds} of them attacked")


def print_runs(runs: pd.DataFrame) -> None:
    """The trained models of a study, as `export-model` takes them."""
    if runs.empty:
        return
    table = Table("run", "epsilon", "seed", box=None, pad_edge=False)
    for run in runs.itertuples():
        table.add_row(str(run.run), "clip only" if run.clip_only else f"{run.epsilon:g}", str(run.seed))
    _print(table)


def print_stories(told: Iterable[tuple[Story, list[pd.DataFrame]]]) -> None:
    """Every story beside the result tables of its parts, as a table in Markdown."""
    heads = ("story", "what", "epsilon", "published", "measured (interval)", "repeats, spread", "verdict")
    typer.echo("\n".join(f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads))))
    for story, frames in told:
        for row in reproduction.table(story, frames):
            typer.echo(f"| {' | '.join((story.short, *row))} |".replace(NBSP, " "))


def print_own(sets: list[About]) -> None:
    """One line a data set, newest first."""
    table = Table(
        "data set", "title", "training", "test", "classes", "shape", "size", "added", box=None, pad_edge=False
    )
    for about in sets:
        counts = (f"{about.own.n_train:,}", f"{about.own.n_test:,}", f"{len(about.own.classes)}")
        shape = " x ".join(map(str, about.own.shape))
        added = time.strftime("%Y-%m-%d %H:%M", time.localtime(about.added))
        table.add_row(about.name, about.title, *counts, shape, f"{about.size / 1e6:,.1f} MB", added)
    _print(table if sets else "No data sets of your own yet: `python -m engine data add PATH`.")


def print_ledgers(statements: list[Statement]) -> None:
    """One line a data set: what was spent, what may be, and what stands beside it."""
    table = Table(
        "data set", "spent", "delta", "cap", "releases", "without guarantee", "marked", "ledger", box=None,
        pad_edge=False,
    )  # fmt: skip
    for one in statements:
        cap = f"{one.cap.epsilon:g}" if one.cap else "none"
        counts = f"{len(one.releases)}", f"{len(one.unprotected)}"
        state = "DOES NOT ADD UP" if one.problems else "whole"
        marked = "private" if one.private else "public"
        table.add_row(one.dataset, f"{one.total:.2f}", f"{one.delta:.3g}", cap, *counts, marked, state)
    _print(table)
    _print("Spent: information, an upper bound by Renyi curves, where there is no cap; a cap is what is guaranteed.")


def print_heads(heads: dict[str, tuple[int, str]], problems: dict[str, list[str]]) -> None:
    """The newest row of each data set, and what does not add up."""
    table = Table("data set", "last row", "hash", box=None, pad_edge=False)
    for name, (number, sealed) in heads.items():
        table.add_row(name, str(number), sealed)
    _print(table if heads else "Nothing was charged yet.")
    for name, found in problems.items():
        for phrase in found:
            _print(f"{name}: {phrase}.")


def print_doctor() -> None:
    """What is installed, where things lie, how large they are, and what is missing with its remedy."""
    settings, host = Settings(), machine()
    _print(f"Frontier {VERSION}, Python {sys.version.split()[0]}, {host['system']}")
    _print(
        f"{host['processor']}, {host['cores']} cores, {host['memory_gb']} GB of memory; jobs use {settings.cores} cores"
    )
    packages = Table("package", "version", box=None, pad_edge=False)
    for name in PACKAGES:
        packages.add_row(name, installed(name) or "missing: run `make app`, or pip install -r requirements.txt")
    places = Table("place", "folder", "size", box=None, pad_edge=False)
    for name in ("home", "data_root", "cache", "artifacts", "logs"):
        folder = getattr(settings, name)
        places.add_row(name.removesuffix("_root"), str(folder), size(folder))
    data = Table("data set or weights", "where", box=None, pad_edge=False)
    for name in datasets.names:
        data.add_row(name, _whereabouts(name, settings.data_root))
    for about in own.kept(settings.data_root):
        data.add_row(about.name, str(locate(about.name, settings.data_root)))
    for name in (name for name in models.names if models[name].facts.get("files")):
        data.add_row(name, str(weights.locate(name, settings.data_root) or weights.remedy(name, settings.data_root)))
    for table in (packages, places, data):
        _print("")
        _print(table)
    _print("")
    for name, found in ledgers.check().items():
        _print(f"The privacy ledger of {name} does not add up: {'; '.join(found)}.")


def _whereabouts(name: str, root: Path) -> str:
    if not datasets[name].facts.get("files"):
        return "comes with scikit-learn"
    return str(locate(name, root) or remedy(name, root))


def size(folder: Path) -> str:
    """The size of everything below a folder.

    >>> size(Path("/nowhere"))
    'not there yet'
    """
    if not folder.is_dir():
        return "not there yet"
    used = sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return f"{used / 1e6:,.1f} MB"


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _print(what: Table | str) -> None:
    console = Console(width=None if sys.stdout.isatty() else 300, soft_wrap=True, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(what)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
