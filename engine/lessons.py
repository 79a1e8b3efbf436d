"""What the Learn page shows of a data set: worked out once, by a process of its own, and kept in the cache.

Like engine.services: plain values; what goes wrong is a FrontierError whose message may be shown as it stands. As a
program, `python -m engine.lessons images|attacker|exhibit NAME FILE`: some data sets are read by libraries that a
server does not want to load, and the exhibit of an attack needs torch.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine import exhibit, ledgers, planning
from engine.data import entry, images, own
from engine.errors import BadInput, DataMissing, FrontierError
from engine.exhibit import Exhibit
from engine.jobs import supervisor
from engine.privacy import inside
from engine.privacy.inside import Inside
from engine.privacy.joint import Mechanism
from engine.recipes import recipe
from engine.settings import Settings
from engine.study import OWN, Own, Study, parse

VERSION = 1  # raised whenever what is worked out changes
BUDGETS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 16.0)
FALSE_ALARMS = np.unique(np.append(np.geomspace(1e-3, 1.0, 49), 0.01))
TOY = "a toy problem"
PUBLIC = "digits"  # shown where the images that were chosen are under the ledger: this page charges nothing to it

_makers: dict[Path, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True)
class Counted:
    """Training images by class: how many, and one of each, uint8 (classes, C, H, W)."""

    counts: tuple[int, ...]
    pictures: NDArray[np.uint8]


@dataclass(frozen=True)
class Attacked:
    """One training at a budget, and the largest share of members that an attack finds at each of FALSE_ALARMS."""

    epsilon: float
    delta: float
    sample_rate: float
    noise_multiplier: float
    steps: int
    found: tuple[float, ...]


def delta(name: str, *, settings: Settings | None = None) -> float:
    """The chance that the promise fails, as studies of this data set take it unless they are told otherwise."""
    return float(_study(name, settings or Settings()).privacy.delta or 0.0)


def counted(name: str, *, settings: Settings | None = None) -> Counted | None:
    """The training images of a data set by class; None while they are being counted. DataMissing when it is gone.

    BadInput for images that are not to be `shown`: exact counts and pictures have no protection.
    """
    file = _looked_at(name, settings or Settings())
    return None if file is None else _read_counts(file, file.stat().st_mtime_ns)


def step(name: str, *, settings: Settings | None = None) -> Inside | None:
    """One training step on a data set; None while it is being worked out. BadInput as for `counted`."""
    file = _looked_at(name, settings or Settings())
    return None if file is None else _read_step(file, file.stat().st_mtime_ns)


def shown(name: str, *, settings: Settings | None = None) -> str | None:
    """The data set that is looked at when `name` is chosen; None when that and PUBLIC are both under the ledger."""
    return next((one for one in (name, PUBLIC) if not ledgers.guarded(one, settings=settings)), None)


def _looked_at(name: str, settings: Settings) -> Path | None:
    if ledgers.guarded(name, settings=settings):
        raise BadInput(f"the training images of {name} are under a privacy ledger and not looked at: choose others.")
    return _ready("images", name, settings)


def attacked(name: str, *, settings: Settings | None = None) -> tuple[Attacked, ...] | None:
    """What no attack on the default training at each of BUDGETS can beat; None while it is being worked out."""
    file = _ready("attacker", name, settings or Settings())
    return None if file is None else _read_attacked(file, file.stat().st_mtime_ns)


def exhibited(*, settings: Settings | None = None) -> Exhibit | None:
    """Attacks on three models of a toy problem, step by step; None while they are being worked out."""
    settings = settings or Settings()
    file = _made("exhibit", TOY, settings.cache / exhibit.file_name(), settings)
    return None if file is None else _read_exhibit(file, file.stat().st_mtime_ns)


def _ready(what: str, name: str, settings: Settings) -> Path | None:
    """The file that holds it, or None while a process makes it."""
    if images.locate(name, settings.data_root) is None:
        raise DataMissing(images.remedy(name, settings.data_root))
    return _made(what, name, place(what, name, settings), settings)


def _made(what: str, name: str, file: Path, settings: Settings) -> Path | None:
    """The file, or None while a process makes it; what failed is not tried again."""
    if file.is_file():
        return file
    maker = _makers.get(file)
    if maker is None or (maker.poll() == 0 and not file.is_file()):
        _makers[file] = _start(what, name, file, settings)
    elif maker.poll():
        raise FrontierError(f"What this page shows of {name} could not be worked out: the server's log says why.")
    return file if file.is_file() else None


def place(what: str, name: str, settings: Settings) -> Path:
    """Where it is kept, under a name that says of what it is made."""
    study = _study(name, settings)
    known = entry.of(study)
    recipes = [recipe(study.model, epsilon, known.facts["n_train"]) for epsilon in BUDGETS]
    made_of = repr((VERSION, known.version, study.model, study.privacy.delta, BUDGETS, recipes))
    return settings.cache / f"{name}-{what}-{crc32(made_of.encode()):08x}.npz"


def _start(what: str, name: str, file: Path, settings: Settings) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "engine.lessons", what, name, str(file)]
    env = supervisor.environment() | {"FRONTIER_HOME": str(settings.home), "FRONTIER_DATA": str(settings.data_root)}
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@lru_cache(maxsize=8)
def _read_counts(file: Path, made: int) -> Counted:
    with np.load(file, allow_pickle=False) as held:
        return Counted(tuple(int(n) for n in held["counts"]), held["pictures"])


@lru_cache(maxsize=4)
def _read_step(file: Path, made: int) -> Inside:
    with np.load(file, allow_pickle=False) as held:
        return Inside(float(held["sample_rate"]), held["lengths"], held["bounds"], held["plain"], held["clipped"])


@lru_cache(maxsize=8)
def _read_attacked(file: Path, made: int) -> tuple[Attacked, ...]:
    with np.load(file, allow_pickle=False) as held:
        rows = json.loads(str(held["attacked"]))
    return tuple(Attacked(**facts, found=tuple(found)) for facts, found in rows)


@lru_cache(maxsize=2)
def _read_exhibit(file: Path, made: int) -> Exhibit:
    with np.load(file, allow_pickle=False) as held:
        return exhibit.read(held["exhibit"].tobytes())


def _own(name: str, settings: Settings) -> Own | None:
    about = own.find(name, settings.data_root) if name.startswith(OWN) else None
    return about.own if about else None


def _study(name: str, settings: Settings) -> Study:
    return planning.resolve(parse({"dataset": name, "own": _own(name, settings)}))


def count(name: str, settings: Settings) -> dict[str, Any]:
    """What `counted` and `step` read: how many training images of each class, one of each, and a step from inside."""
    about = entry.entry(name)
    held = images.load(name, settings.data_root, train=True)
    n_classes = len(about.facts["classes"])
    first = [int(np.argmax(held.y == label)) for label in range(n_classes)]
    made = {
        "counts": np.bincount(held.y, minlength=n_classes),
        "pictures": np.rint(held.x[first] * 255).astype(np.uint8),
    }
    rate = recipe(_study(name, settings).model, 1.0, len(held.y)).batch / len(held.y)
    looked = inside.look(held.x, held.y, n_classes, rate, np.random.default_rng(0))  # public images, kept for all
    return made | vars(looked)


def attack(name: str, settings: Settings) -> dict[str, Any]:
    """What `attacked` reads."""
    from engine.privacy import accounting, roc  # the accountant's libraries are not for the server

    study = _study(name, settings)
    n_train = entry.of(study).facts["n_train"]
    delta = study.privacy.delta or 0.0
    rows = []
    for epsilon in BUDGETS:
        how = recipe(study.model, epsilon, n_train)
        rate = how.batch / n_train
        noise = accounting.noise_multiplier(epsilon, delta, rate, how.steps)
        found = roc.roc(FALSE_ALARMS, Mechanism(rate, noise, how.steps), settings.cache)
        facts = {"epsilon": epsilon, "delta": delta, "sample_rate": rate, "noise_multiplier": noise, "steps": how.steps}
        rows.append((facts, found.tolist()))
    return {"attacked": json.dumps(rows)}


def exhibits(name: str, settings: Settings) -> dict[str, Any]:
    """What `exhibited` reads."""
    return {"exhibit": np.frombuffer(exhibit.written(exhibit.make()), np.uint8)}


MAKERS = {"images": count, "attacker": attack, "exhibit": exhibits}


def write(what: str, name: str, file: Path, settings: Settings) -> None:
    """Work it out and keep it, whole or not at all."""
    made = MAKERS[what](name, settings)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("wb") as out:
        np.savez(out, **made)
    part.replace(file)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Settings())
