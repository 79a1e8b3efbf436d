"""Results that come with Frontier: computed by this engine (`make starter`), then studies like any other.

Each is three files in assets/starter: NAME.toml what to compute, NAME.parquet the result table, NAME.json what made it.
What a story computes has no NAME.toml: its file in assets/stories says it. Models that come with it, for the image lab,
lie in assets/models: models.toml names their studies, NAME.json says what made them; the denoiser, which no study made,
lies with them.
"""

import io
import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import inf, isinf
from pathlib import Path
from typing import Any

import pandas as pd

from engine import planning, stories
from engine.checks import known
from engine.events import Stands, Trained
from engine.report.document import study_json
from engine.report.export import write
from engine.results import COLUMNS, Row
from engine.store.queue import Planned, Span
from engine.store.store import Store
from engine.study import Study, parse, read

SHIPPED = Path(__file__).parents[1] / "assets" / "starter"
MODELS = Path(__file__).parents[1] / "assets" / "models"
DENOISER = "denoiser"  # goes among the models to make, though it is one before a model


@dataclass(frozen=True)
class Origin:
    """What made a shipped study: the day, the commit of the engine, the machine; all its study.json says of that."""

    created: float
    commit: str
    processor: str
    cores: int
    made: Mapping[str, Any]


def wanted(names: Sequence[str] = ()) -> dict[str, Study]:
    """The studies to compute, by name, in the order in which a store lists them: the last one is shown first.

    All that are shipped, or those with these names, any story's among them; BadInput for others.
    """
    own = {file.stem: parse(read(file)) for file in sorted(SHIPPED.glob("*.toml"))}
    told = _told(own)
    if names:
        return {name: (told | own)[known("starter", name, told | own)] for name in names}
    return {name: study for name, study in told.items() if (SHIPPED / f"{name}.json").is_file()} | own


def _told(own: Mapping[str, Study]) -> dict[str, Study]:
    """The studies of stories that are not among these: NAME, NAME-2 and so on."""
    others = {planning.digest(planning.resolve(study)) for study in own.values()}
    parts = [(name, _apart(story.parts)) for name, story in stories.everything().items()]
    return {
        name if number == 1 else f"{name}-{number}": part.study
        for name, several in parts
        for number, part in enumerate(several, 1)
        if part.digest not in others
    }


def _apart(parts: Sequence[stories.Part]) -> list[stories.Part]:
    """Each study once: several parts may look at the same one."""
    return list({part.digest: part for part in parts}.values())


def ship(
    name: str, study: Study, frame: pd.DataFrame, took: Span, folder: Path, standing: Sequence[Stands] = ()
) -> None:
    """Write the table of a computed study, how its attacked images stand, and what made it into `folder`."""
    resolved = planning.resolve(study)
    about = json.loads(
        study_json(resolved, planning.digest(resolved), frame, seconds=round(took.finished - took.started, 3))
    )
    table = io.BytesIO()
    frame.to_parquet(table, index=False)
    about |= {"commit": commit(), "span": vars(took), "standing": [_plain(word) for word in standing]}
    text = json.dumps(about, indent=2) + "\n"
    write(folder, {f"{name}.parquet": table.getvalue(), f"{name}.json": text.encode()})


def models_wanted(names: Sequence[str] = ()) -> dict[str, Study]:
    """The studies whose models come with Frontier, by name: those of models.toml, or those with these names.

    DENOISER is a name without a study. BadInput for others.
    """
    listed = {name: parse(values) for name, values in read(MODELS / "models.toml").items()}
    asked = [known("models", name, [*listed, DENOISER]) for name in names or listed]
    return {name: listed[name] for name in asked if name != DENOISER}


def ship_denoiser(folder: Path) -> str:
    """Train the denoiser, a few minutes, and write its weights into `folder`; the name of the file."""
    from safetensors.torch import save

    from engine.defences.denoiser import make

    name = f"{DENOISER}.safetensors"
    write(folder, {name: save(make().state_dict())})
    return name


def ship_models(name: str, study: Study, frame: pd.DataFrame, trained: Sequence[Trained], folder: Path) -> list[str]:
    """Write the weights of a computed study and NAME.json, what made them, into `folder`; the names of the weights."""
    resolved = planning.resolve(study)
    about = json.loads(study_json(resolved, planning.digest(resolved), frame))
    kept = {one: f"{name}-{_budget(one.epsilon)}-seed-{one.seed}.safetensors" for one in trained}
    clean = frame[frame["metric"] == "accuracy"].set_index(["epsilon", "seed"])["value"]
    listed = [
        {"file": file, "epsilon": str(one.epsilon), "seed": one.seed, "accuracy": clean.loc[one.epsilon, one.seed]}
        for one, file in kept.items()
    ]
    text = json.dumps(about | {"commit": commit(), "models": listed}, indent=2) + "\n"
    files = {file: Path(one.path).read_bytes() for one, file in kept.items()}
    write(folder, files | {f"{name}.json": text.encode()})
    return list(files)


def _budget(epsilon: float) -> str:
    return "no-privacy" if epsilon == inf else f"epsilon-{epsilon:g}"


def _plain(word: Stands) -> dict[str, Any]:
    """As JSON: what is counted in bytes is written in base64."""
    coded = {name: b64encode(getattr(word, name)).decode() for name in ("broken", "by")}
    return asdict(word) | coded | {"epsilon": "inf" if isinf(word.epsilon) else word.epsilon}


def _stands(written: Mapping[str, Any]) -> Stands:
    decoded = {name: b64decode(written[name]) for name in ("broken", "by")}
    lists = {name: tuple(written[name]) for name in ("attacks", "radii")}
    return Stands(**{**written, **decoded, **lists, "epsilon": float(written["epsilon"])})


def commit() -> str:
    """The commit of this source, with a plus sign where files of the engine differ from it."""
    changed = _git("status", "--porcelain", "--", "engine", "requirements.txt")
    return _git("rev-parse", "HEAD") + ("+" if changed else "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=SHIPPED, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def bring(store: Store) -> None:
    """Put the shipped studies into a store that never had them; those of another version's numbers are left out."""
    for about in _shipped().values():
        study = parse(about["study"])
        if planning.digest(study) == about["digest"]:
            plan = [Planned(job, {}, {}, 1) for job in planning.plan(study)]
            standing = [_stands(written) for written in about.get("standing", ())]
            store.measured.adopt(about["digest"], study, plan, Span(**about["span"]), _rows(about["name"]), standing)


def openings() -> list[str]:
    """The shipped studies that have a TOML file of their own, not a story's, the last one first."""
    return [about["digest"] for name, about in reversed(_shipped().items()) if (SHIPPED / f"{name}.toml").is_file()]


def origin(digest: str, created: float) -> Origin | None:
    """What made the study of this digest if it came with Frontier; None if it was computed here."""
    about = next((about for about in _shipped().values() if about["digest"] == digest), None)
    if about is None or about["span"]["created"] != created:
        return None
    machine = about["machine"]
    made = {name: about[name] for name in ("commit", "machine", "versions")}
    made |= {"versions_and_machine": "of the computer that computed it"}
    return Origin(created, about["commit"], machine["processor"], machine["cores"], made)


def _shipped() -> dict[str, dict[str, Any]]:
    return {file.stem: _about(file) for file in sorted(SHIPPED.glob("*.json"))}


@lru_cache(maxsize=64)
def _about(file: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return about | {"name": file.stem}


def _rows(name: str) -> list[Row]:
    frame = pd.read_parquet(SHIPPED / f"{name}.parquet", columns=list(COLUMNS))
    records: list[Any] = frame.to_dict("records")
    return [Row(**values) for values in records]
