"""The command line, `python -m engine --help`. Exit codes: 0; 2 bad input; 1 a failed study; 130 interrupted."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from engine.data import datasets
from engine.errors import BadInput, DataMissing, FrontierError, StoreError
from engine.extras import EXTRAS
from engine.ledger_commands import ledger, say
from engine.models import models
from engine.planning import of_kind
from engine.registry import Registry
from engine.robustness import attacks
from engine.study import WORST

if TYPE_CHECKING:
    from engine.jobs.progress import Status
    from engine.study import Study

POLL = 0.25  # seconds between two looks at a running study
ENDED = ("done", "failed", "stopped")
PAGES = {  # what makes what they open with
    "members": "engine.threats.members",
    "rebuilt": "engine.threats.rebuilding",
    "copied": "engine.threats.copied",
}

app = typer.Typer(
    help="What privacy and robustness cost: train privately, attack, measure.",
    add_completion=False,
    rich_markup_mode=None,
)
data = typer.Typer(help="Your own images: list, add, delete.")
app.add_typer(data, name="data")
app.add_typer(ledger, name="ledger")


def _any_of(registry: Registry) -> str:
    """The choices of a registry, for a help text."""
    return ", ".join(registry.names)


def _defences(kind: str) -> str:
    return ", ".join(of_kind(kind))


Out = Annotated[str | None, typer.Option(help="Folder for curves.csv and study.json.")]
PLAIN = ("csv", "study")  # what `run` writes, and `export` unless it is told otherwise


@app.command()
def run(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A study: TOML, or the study.json of an export.")] = None,
    dataset: Annotated[str | None, typer.Option(help=f"Needed without FILE: {_any_of(datasets)}, folder:PATH.")] = None,
    model: Annotated[str | None, typer.Option(help=f"{_any_of(models)} [scattering-linear].")] = None,
    epsilon: Annotated[list[str] | None, typer.Option(help="Privacy budgets [0.5,1,3,8,inf].")] = None,
    delta: Annotated[str | None, typer.Option(help="Delta [the smaller of 1e-5 and 1/(10 N)].")] = None,
    mode: Annotated[str | None, typer.Option(help="reproducible or private noise [reproducible].")] = None,
    independent_batches: Annotated[str | None, typer.Option(help="true: no two models share batches [false].")] = None,
    clip_only: Annotated[str | None, typer.Option(help="true: a baseline that clips, without noise [false].")] = None,
    seeds: Annotated[str | None, typer.Option(help="Models trained at each budget [1].")] = None,
    defence: Annotated[str | None, typer.Option(help=f"How it is trained: {_defences('training')} [none].")] = None,
    guard: Annotated[str | None, typer.Option(help=f"What stands before it: {_defences('input')} [none].")] = None,
    trained_eps: Annotated[str | None, typer.Option(help="Radius it trains at [the data set's own].")] = None,
    extras: Annotated[list[str] | None, typer.Option(help=f"Measured besides: {', '.join(EXTRAS)}.")] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help=f"One or several, joined by commas: {_any_of(attacks)} [{','.join(WORST)}]."),
    ] = None,
    norm: Annotated[str | None, typer.Option(help="linf, l2 or spatial [linf].")] = None,
    eps: Annotated[
        list[str] | None, typer.Option(help="Attack radii in pixel units of [0, 1] [the data set's own].")
    ] = None,
    steps: Annotated[str | None, typer.Option(help="Attack steps [20].")] = None,
    images: Annotated[str | None, typer.Option(help="Test images attacked, the first ones [500].")] = None,
    attack_seeds: Annotated[str | None, typer.Option(help="Models attacked at each budget [1].")] = None,
    source: Annotated[str | None, typer.Option(help="Study whose model lends its pictures to 'transfer'.")] = None,
    out: Out = None,
) -> None:
    """Run a study and print its curves.

    A study that this store knows is answered at once. Options win over what FILE says.
    """
    from engine.options import asked
    from engine.report.export import writable
    from engine.services import resolve
    from engine.study import parse, read

    values = asked(context.params, read(file) if file else {})
    if "dataset" not in values:
        raise BadInput("no data set was named: add --dataset digits, or a study file that names one")
    study = resolve(parse(values | {"dataset": _kept(values["dataset"])}))
    folder = None if out is None else writable(_folder(out))
    _finish(_compute(study), folder)


def _kept(dataset: Any) -> Any:
    """The name of a data set; pictures that are named by their place, `folder:PATH`, are kept first."""
    from engine import holdings
    from engine.study import OWN

    if not isinstance(dataset, str) or not dataset.startswith(OWN) or holdings.title(dataset) is not None:
        return dataset
    path = Path(dataset.removeprefix(OWN)).expanduser()
    return _add(path) if path.exists() else dataset


def _add(path: Path, **how: Any) -> str:
    from engine import holdings

    name = holdings.add(path, **how)
    say(f"Kept as {name}.")
    return name


def _compute(study: "Study") -> "Status":
    """Submit a study and wait for its end, drawing its progress; KeyboardInterrupt after it was withdrawn."""
    from engine import planning, services
    from engine.jobs.keeper import kept
    from engine.settings import Settings

    who = f"command line {os.getpid()}-{time.time_ns()}"
    services.ensure_data(study.dataset)
    services.ensure_weights(study.model)
    seconds = services.estimate(study).seconds
    digest = services.submit(study, who=who)
    if (status := _status(digest)).state in ENDED:
        return status
    with _withdrawn_on_ctrl_c(digest, who), kept(Settings(), address=None):  # or someone runs this store's jobs already
        points, about = planning.n_points(study), max(1, round(seconds))
        say(f"Study {digest}: {points} points, about {about} s alone on this machine.")
        return _wait(digest, who)


@contextmanager
def _withdrawn_on_ctrl_c(digest: str, who: str) -> Iterator[None]:
    """The first Ctrl-C withdraws the study, which stops unless someone else waits for it; a second one is ignored."""
    from engine import services

    def once(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, once)
    try:
        yield
    except KeyboardInterrupt:
        stopped = services.cancel_unless_wanted(digest, who)
        say("Stopped." if stopped else f"Study {digest} goes on: someone else waits for it.")
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def _wait(digest: str, who: str) -> "Status":
    from engine import services
    from engine.terminal import StudyBar

    with StudyBar() as progress:
        while (status := _status(digest)).state not in ENDED:
            progress.show(status)
            services.touch(digest, who)
            time.sleep(POLL)
        progress.show(status)
    return status


def _finish(status: "Status", out: Path | None) -> None:
    from engine import services
    from engine.terminal import print_results

    if status.state != "done":
        raise FrontierError(status.error or f"study {status.digest} was stopped: run it again to go on")
    print_results(services.frame(status.digest))
    if out:
        _write(status.digest, out)
    else:
        say(f"Files: python -m engine export {status.digest} --out DIR")


def _write(digest: str, out: Path, formats: Sequence[str] = PLAIN, **how: Any) -> None:
    """Files of a study into a folder."""
    from engine import exports
    from engine.report.export import write

    files = exports.export(digest, *formats, **how)
    write(out, files)
    say(f"Written: {', '.join(str(out / name) for name in files)}")


def _folder(out: str) -> Path:
    if not out.strip():
        raise BadInput("--out is empty: name a folder, for example --out results")
    return Path(out)


@app.command("list")
def list_studies(limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20) -> None:
    """List the studies of this store."""
    from engine import services
    from engine.terminal import print_studies

    print_studies(services.statuses(limit=limit))


@app.command()
def show(study: Annotated[str, typer.Argument(help="Digest of a study, or how it begins.")]) -> None:
    """Show a study, its results and its models."""
    from engine import services
    from engine.terminal import print_results, print_runs, print_study

    status = _find(study)
    print_study(status)
    print_results(services.frame(status.digest))
    print_runs(services.runs(status.digest))


@app.command()
def export(
    study: Annotated[str, typer.Argument(help="Digest of a study, or how it begins.")],
    out: Annotated[str, typer.Option(help="Folder to write into.")],
    format: Annotated[  # noqa: A002
        str,
        typer.Option(
            help="zip (everything), csv, parquet, json, study, png, svg, pdf, caption; where leakage was measured "
            "promise-csv, promise-png, promise-svg, promise-pdf; several by comma."
        ),
    ] = ",".join(PLAIN),
    width: Annotated[int, typer.Option(help="Width of pictures in mm: 90 or 180.")] = 180,
    strength: Annotated[float | None, typer.Option(help="Attack radius marked on the charts [a middle one].")] = None,
) -> None:
    """Write a study's curves, charts and what made them.

    The page gives the same files.
    """
    from engine.checks import known
    from engine.report.export import FORMATS

    formats, folder = [known("format", name.strip(), FORMATS) for name in format.split(",")], _folder(out)
    _write(_find(study).digest, folder, formats, width=width, strength=strength)


@app.command("export-model")
def export_model(
    run: Annotated[str, typer.Argument(help="A trained model, as `show` lists them.")],
    out: Annotated[Path, typer.Option(help="File to write, for example model.pt2.")],
) -> None:
    """Write a trained model for PyTorch.

    A torch.export program: pixels in [0, 1] to logits, loadable without Frontier.
    """
    from engine import ledgers, services
    from engine.report.export import writable

    found = services.run_path(run)
    study = services.study(found.digest)
    assert study is not None
    if ledgers.private(study.dataset) and (study.privacy.mode != "private" or found.epsilon == inf):
        raise BadInput(f"run {run} has no guarantee, and {study.dataset} is marked private: it is not exported.")
    if out.is_dir():
        raise BadInput(f"--out {out} is a folder: name a file, for example {out / 'model.pt2'}")
    writable(out.parent)
    from engine.report.portable import write_program  # imports torch: after what may be refused

    write_program(study, found.path, out)
    say(f"Written: {out} (epsilon {found.epsilon:g}, seed {found.seed}, study {found.digest})")


@app.command()
def starter(
    names: Annotated[list[str] | None, typer.Argument(help="Only these, of starters and stories [all].")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to [assets/starter, assets/models].")] = None,
    models: Annotated[bool, typer.Option("--models", help="The models of the image lab instead.")] = False,
    pages: Annotated[str | None, typer.Option(help=f"What a page opens with instead: {', '.join(PAGES)}.")] = None,
) -> None:
    """Compute the results that come with Frontier, the models, or what a page opens with.

    Takes an hour and more; what FRONTIER_HOME holds already is not computed again.
    """
    from engine import services
    from engine import starter as shipped
    from engine.planning import resolve
    from engine.store.queue import Span

    if pages:
        _ship_page(pages, out)
        return
    if models:
        _ship_models(names or (), out or shipped.MODELS)
        return
    for name, study in shipped.wanted(names or ()).items():
        _may_be_shipped(name, study)
        status = _compute(resolve(study))
        if status.state != "done" or status.started is None or status.finished is None:
            raise FrontierError(status.error or f"the study {name} was stopped: run this again to go on")
        _may_be_shipped(name, study)  # a mark may have come while it was computed
        took = Span(status.created, status.started, status.finished)
        found = services.frame(status.digest), took, out or shipped.SHIPPED, services.standing(status.digest)
        shipped.ship(name, study, *found)
        say(f"Written: {name}.parquet and {name}.json, {len(services.frame(status.digest))} results")


def _ship_models(names: Sequence[str], out: Path) -> None:
    from engine import services
    from engine import starter as shipped
    from engine.events import Trained
    from engine.planning import resolve

    for name, study in shipped.models_wanted(names).items():
        _may_be_shipped(name, study)
        status = _compute(resolve(study))
        if status.state != "done":
            raise FrontierError(status.error or f"the study {name} was stopped: run this again to go on")
        _may_be_shipped(name, study)  # a mark may have come while it was computed
        runs: list[Any] = services.runs(status.digest).to_dict("records")
        trained = [Trained(run["epsilon"], run["seed"], run["path"]) for run in runs]
        written = shipped.ship_models(name, study, services.frame(status.digest), trained, out)
        say(f"Written: {', '.join(written)}")
    if not names or shipped.DENOISER in names:
        say(f"Written: {shipped.ship_denoiser(out)}")


def _ship_page(name: str, out: Path | None) -> None:
    """What a page under Threats opens with."""
    from importlib import import_module

    from engine.checks import known
    from engine.report.export import write

    module = PAGES[known("pages", name, PAGES)]
    if name == "members":
        _measure_members()
    for file, content in import_module(module).make().items():
        write(out or file.parent, {file.name: content})
        say(f"Written: {(out or file.parent) / file.name}")


def _measure_members() -> None:
    """The study that the page about membership opens with."""
    from engine.planning import resolve
    from engine.study import parse
    from engine.threats.members import SHIPPED

    study = parse(SHIPPED)
    _may_be_shipped("members", study)
    status = _compute(resolve(study))
    if status.state != "done":
        raise FrontierError(status.error or "the study was stopped: run this again to go on")
    _may_be_shipped("members", study)  # a mark may have come while it was computed


def _may_be_shipped(name: str, study: "Study") -> None:
    from engine import ledgers

    if reason := ledgers.owner_only(study):
        raise BadInput(f"the study {name} is not shipped: {reason}")


@app.command()
def stories() -> None:
    """Say what published results are reproduced here: a table in Markdown."""
    from engine import ledgers, services
    from engine import stories as told
    from engine.terminal import print_stories

    services.welcome()
    stated = told.everything().values()
    print_stories(
        (one, [ledgers.passed_on(part.study, services.frame(part.digest)) for part in one.parts]) for one in stated
    )


@app.command()
def doctor() -> None:
    """Say what is installed, and what is missing."""
    from engine.terminal import print_doctor

    print_doctor()


@app.command()
def fetch(name: Annotated[str, typer.Argument(help="A data set, or a model that comes with weights.")]) -> None:
    """Download a data set, or the weights of a model, into the data folder."""
    from engine.data.fetch import fetch as data
    from engine.models import weights
    from engine.settings import Settings

    say((weights.fetch if name in models.names else data)(name, Settings().data_root))


@data.command("list")
def list_data() -> None:
    """List your own data sets."""
    from engine import holdings
    from engine.terminal import print_own

    print_own(holdings.kept())


@data.command("add")
def add_data(
    path: Annotated[Path, typer.Argument(help="A folder or a zip with one folder of pictures for each class.")],
    side: Annotated[int, typer.Option(help="Pixels a side, a multiple of 4 in [8, 48].")] = 28,
    title: Annotated[str, typer.Option(help="What people read [the name of PATH].")] = "",
) -> None:
    """Keep labelled PNG or JPEG pictures, resized, as a data set."""
    typer.echo(_add(path, side=side, called=title))


@data.command("delete")
def delete_data(name: Annotated[str, typer.Argument(help="A data set of your own, as `data list` shows it.")]) -> None:
    """Delete a data set of your own; its curves and models stay."""
    from engine import holdings

    holdings.delete(name)
    say(f"Deleted: {name}")


def _find(start: str) -> "Status":
    """The one study whose digest begins so; BadInput when there is none, or several."""
    from engine import services

    if status := services.status(start):
        return status
    found = [status for status in services.statuses(limit=100_000) if status.digest.startswith(start)]
    if len(found) == 1:
        return found[0]
    several = ", ".join(status.digest for status in found[:5])
    raise BadInput(f"study '{start}' is {'one of ' + several if found else 'not in this store'}: see `list`")


def _status(digest: str) -> "Status":
    from engine import services

    if (status := services.status(digest)) is None:
        raise FrontierError(f"study {digest} is no longer in the store")
    return status


def main() -> int:
    """Run the command line; the exit code. Errors are one sentence on stderr."""
    try:
        return app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except TyperException as error:
        say(f"Error: {error.format_message()}")
        return 2
    except (BadInput, DataMissing, StoreError) as error:
        say(f"Error: {error}")
        return 2
    except FrontierError as error:
        say(f"Error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
