"""Who was in the data? The training images that models give away most, and the measurement that comes with Frontier.

Images are read by a process of their own (`python -m engine.threats.members DIGEST FILE`): some data sets need
libraries that a server does not want to load. What it finds is kept in the cache, small pictures included.
"""

import io
import json
import subprocess
import sys
from base64 import b64encode
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from engine import ledgers, planning, services, starter
from engine.data import images
from engine.errors import FrontierError
from engine.exposures import Exposure
from engine.jobs import supervisor
from engine.report.document import study_json
from engine.results import ABOVE, ALLOWED, COLUMNS, GUESSED, LEAKED, LEAKED_AUC
from engine.settings import Settings
from engine.study import Study, parse

LEAKAGE = "leakage"  # among a study's extras
FILE = Path(__file__).parents[2] / "assets" / "threats" / "members.json"
VERSION = 1  # raised whenever what a gallery holds changes
MOST, TYPICAL = 16, 8  # images of a gallery
SHIPPED: dict[str, Any] = {
    "dataset": "fashion-mnist",
    "privacy": {"epsilons": ["inf", 8, 3, 1, 0.5]},
    "attack": {"eps": [0]},
    "extras": [LEAKAGE],
}

_makers: dict[Path, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True)
class Picture:
    """A training image: its number in the training split, its class, a PNG in base64, and its exposure at each budget.

    Exposure: how many standard deviations models' confidence in the true class moves when they trained on the image.
    """

    index: int
    label: int
    png: str
    exposure: tuple[float, ...]


@dataclass(frozen=True)
class Gallery:
    """The most exposed of `n` images and some in the middle, chosen by some models, with the exposure to others."""

    epsilons: tuple[float, ...]
    most: tuple[Picture, ...]
    typical: tuple[Picture, ...]
    n: int


@dataclass(frozen=True, eq=False)
class Opening:
    """The measurement that comes with Frontier; `made` says by which commit, when, with which versions."""

    study: Study
    digest: str
    frame: pd.DataFrame
    gallery: Gallery
    made: dict[str, Any]


def asking(study: Study) -> Study:
    """The same study, with leakage measured besides."""
    return study.model_copy(update={"extras": tuple(dict.fromkeys((*study.extras, LEAKAGE)))})


def picked(chosen: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the MOST exposed, largest first, and of the TYPICAL ones around the median, by `chosen` (N,).

    >>> picked(np.arange(100.0))[0][:3].tolist(), picked(np.arange(100.0))[1].tolist()
    ([99, 98, 97], [46, 47, 48, 49, 50, 51, 52, 53])
    """
    order = np.argsort(-chosen, kind="stable")
    middle = max(0, (len(order) - TYPICAL) // 2)
    return order[:MOST], np.sort(order[middle : middle + TYPICAL])


def hung(exposure: Exposure, held: images.Images) -> Gallery:
    """The gallery of a study: chosen at its largest budget, by models other than those whose exposure is shown.

    `held` is the training split that `exposure.images` counts in.
    """
    last = int(np.argmax(exposure.epsilons))
    most, typical = picked(exposure.chosen[last])

    def framed(place: int) -> Picture:
        index = int(exposure.images[place])
        measured = tuple(round(float(one), 3) for one in exposure.measured[:, place])
        return Picture(index, int(held.y[index]), _png(held.x[index]), measured)

    hangs, middle = (tuple(framed(int(place)) for place in places) for places in (most, typical))
    return Gallery(tuple(exposure.epsilons), hangs, middle, len(exposure.images))


def _png(image: NDArray[np.float32]) -> str:
    """(C, H, W) in [0, 1] as PNG, in base64."""
    pixels = np.rint(image * 255).astype(np.uint8).transpose(1, 2, 0)
    out = io.BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(out, "PNG", optimize=True)
    return b64encode(out.getvalue()).decode()


def gallery(digest: str, *, settings: Settings | None = None) -> Gallery | None:
    """The gallery of a study; None while a process makes it, and until exposures are measured at every budget.

    None too for images that are shown to nobody: own ones, and those under a cap or a mark. FrontierError when it could
    not be made.
    """
    settings = settings or Settings()
    study = services.study(digest, settings=settings)
    if study is None or ledgers.guarded(study.dataset, settings=settings):
        return None
    if not is_exposed(digest, study, settings=settings):
        return None
    file = settings.cache / f"{study.dataset}-members-{digest}-{VERSION}.npz"
    if file.is_file():
        return _read(file, file.stat().st_mtime_ns)
    maker = _makers.get(file)
    if maker is None:
        _makers[file] = _start(digest, file, settings)
    elif maker.poll():
        raise FrontierError("The images that give themselves away could not be read: the server's log says why.")
    return None


def is_exposed(digest: str, study: Study, *, settings: Settings | None = None) -> bool:
    """Whether it was measured at every budget of a study how much each image is given away."""
    found = services.exposure(digest, settings=settings)
    return found is not None and set(study.privacy.epsilons) <= set(found.epsilons)


def _start(digest: str, file: Path, settings: Settings) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "engine.threats.members", digest, str(file)]
    env = supervisor.environment() | {"FRONTIER_HOME": str(settings.home), "FRONTIER_DATA": str(settings.data_root)}
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def write(digest: str, file: Path, settings: Settings) -> None:
    """Make the gallery of a study and keep it, whole or not at all."""
    part = file.with_suffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(_of(digest, settings))).encode()
    with part.open("wb") as out:
        np.savez(out, gallery=np.frombuffer(text, np.uint8))
    part.replace(file)


def _of(digest: str, settings: Settings) -> Gallery:
    study, exposure = services.study(digest, settings=settings), services.exposure(digest, settings=settings)
    if study is None or exposure is None:
        raise FrontierError(f"study '{digest}' has no exposures of single images")
    return hung(exposure, images.load(study.dataset, settings.data_root, train=True))


@lru_cache(maxsize=8)
def _read(file: Path, made: int) -> Gallery:
    with np.load(file, allow_pickle=False) as held:
        return _gallery(json.loads(held["gallery"].tobytes()))


def _plain(shown: Gallery) -> dict[str, Any]:
    """As JSON, which has no infinity."""
    return asdict(shown) | {"epsilons": [str(epsilon) for epsilon in shown.epsilons]}


def _gallery(written: dict[str, Any]) -> Gallery:
    walls = {name: tuple(map(_picture, written[name])) for name in ("most", "typical")}
    return Gallery(tuple(map(float, written["epsilons"])), **walls, n=int(written["n"]))


def _picture(written: dict[str, Any]) -> Picture:
    return Picture(**{**written, "exposure": tuple(written["exposure"])})


def make(*, settings: Settings | None = None) -> dict[Path, bytes]:
    """The file that comes with Frontier, of the study SHIPPED, which has to be computed."""
    digest = planning.digest(planning.resolve(parse(SHIPPED)))
    text = json.dumps(described(digest, settings=settings), separators=(",", ":")) + "\n"
    return {FILE: text.encode()}


def described(digest: str, *, settings: Settings | None = None) -> dict[str, Any]:
    """What the shipped file holds of a computed study: rows about membership, its gallery, and what made both."""
    settings = settings or Settings()
    study, frame = services.study(digest, settings=settings), services.frame(digest, settings=settings)
    if study is None or not len(rows := frame[_about_membership(frame)]):
        raise FrontierError(f"study '{digest}' has no measurement of membership to ship")
    about, status = json.loads(study_json(study, digest, frame)), services.status(digest, settings=settings)
    made = {"commit": starter.commit(), "finished": status.finished if status else None}
    return {
        "digest": digest,
        "study": about["study"],
        "made": made | {name: about[name] for name in ("machine", "versions")},
        "rows": _columns(rows),
        "gallery": _plain(_of(digest, settings)),
    }


def _about_membership(frame: pd.DataFrame) -> "pd.Series[bool]":
    return frame["metric"].astype(str).str.startswith((LEAKED_AUC, LEAKED, ALLOWED, ABOVE, GUESSED))


def _columns(rows: pd.DataFrame) -> dict[str, Any]:
    """Columns of a result table as JSON, those of one value once; what is not finite as text."""
    table = {name: [_number(value) for value in rows[name].tolist()] for name in COLUMNS}
    return {name: values if len(set(map(str, values))) > 1 else values[0] for name, values in table.items()}


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if isfinite(value) else str(value)
    return value


def _frame(written: dict[str, Any]) -> pd.DataFrame:
    """What `_columns` wrote: text of numeric columns becomes nan or inf again."""
    table = pd.DataFrame({name: written[name] for name in COLUMNS})
    numeric = ("epsilon", "delta", "noise_multiplier", "sample_rate", "max_grad_norm", "eps", "value", "low", "high")
    return table.astype(dict.fromkeys(numeric, float))


def opening() -> Opening | None:
    """The measurement that comes with Frontier, if its file is there."""
    return _opening(FILE, FILE.stat().st_mtime_ns) if FILE.is_file() else None


@lru_cache(maxsize=2)
def _opening(file: Path, made: int) -> Opening:
    held = json.loads(file.read_text(encoding="utf-8"))
    shown = _frame(held["rows"]), _gallery(held["gallery"]), held["made"]
    return Opening(parse(held["study"]), held["digest"], *shown)


def is_current(shown: Opening) -> bool:
    """Whether this engine would compute the same study."""
    return planning.digest(planning.resolve(shown.study)) == shown.digest


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), Settings())
