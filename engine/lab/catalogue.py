"""The models that the lab offers: those that come with Frontier, and every run of the store. Plain values, no torch.

What may leave of images that are marked private is asked of engine.ledgers: a model without a guarantee is not offered
then, and no image of theirs is shown.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Any

from engine import ledgers, planning, services
from engine.data import entry, images
from engine.errors import BadInput, FrontierError
from engine.models import models, weights
from engine.report import words
from engine.settings import Settings
from engine.study import Study, parse

SHIPPED = Path(__file__).parents[2] / "assets" / "models"
RUN = "run-"  # begins the names of models of this store
FIRST = "fashion-mnist"  # shown first where it is on this machine
MOST = 60  # studies, the newest, whose runs are listed


@dataclass(frozen=True)
class Model:
    """A trained model: its name in the lab, what it was trained for, and where its weights lie."""

    name: str
    study: Study
    digest: str
    epsilon: float
    seed: int
    path: Path
    clip_only: bool = False

    @property
    def said(self) -> str:
        """In short: its budget, or what stands in its place, and its defence.

        >>> Model("a", Study(), "", float("inf"), 0, Path()).said
        'no privacy'
        """
        budget = "clipping alone" if self.clip_only else words.budget(self.epsilon)
        return budget if (defence := defended(self.study)) == "none" else f"{budget}, {defence}"

    @property
    def shipped(self) -> bool:
        return not self.name.startswith(RUN)

    @property
    def title(self) -> str:
        """In full: what it is, and where it comes from."""
        kind = str(models[self.study.model].facts["title"])
        come = "came with Frontier" if self.shipped else f"run {self.name.removeprefix(RUN)}, repeat {self.seed}"
        return f"{self.said} · {kind} · {come}"


def defended(study: Study) -> str:
    """The name of a study's defence; none unless studies know one."""
    defence = getattr(study, "defence", None)
    return str(getattr(defence, "name", defence) or "none")


def offered(*, settings: Settings | None = None) -> list[Model]:
    """All models that may be looked into here, by data set, FIRST where its images are shown; the newest runs last."""
    settings = settings or Settings()
    found = [one for one in (*_shipped(), *_runs(settings)) if not refused(one, settings)]
    names = {model.study.dataset for model in found}
    order = {name: (bool(closed(name, settings=settings)), name != FIRST, name) for name in names}
    return sorted(found, key=lambda model: order[model.study.dataset])


def usual(models: list[Model]) -> list[Model]:
    """Of the data set that comes first in `models`, undefended where there is one: one without privacy, and the least
    private one of its kind.

    BadInput when there is none; one model where there is no such pair.
    """
    if not models:
        raise BadInput("there is no model to look into: train one first.")
    same = [model for model in models if model.study.dataset == models[0].study.dataset]
    alike = sorted(same, key=lambda model: model.study.defence.name != "none")
    plain = next((model for model in alike if model.epsilon == inf and not model.clip_only), alike[0])
    private = [model for model in alike if model.epsilon < inf and model.study.model == plain.study.model]
    return [plain, *sorted(private, key=lambda model: -model.epsilon)[:1]]


def find(name: str, *, settings: Settings | None = None) -> Model:
    """The model of that name; FrontierError when there is none, it is not usable, or it stays with an owner."""
    settings = settings or Settings()
    model = _run(name.removeprefix(RUN), settings) if name.startswith(RUN) else _of_frontier(name)
    if reason := refused(model, settings):
        raise BadInput(f"model '{name[:60]}' is not shown here: {reason}")
    return model


def refused(model: Model, settings: Settings) -> str:
    """Why a model cannot be looked into here; "" when it can."""
    if reason := ledgers.owner_only(model.study, settings=settings):
        return reason
    if not model.path.is_file():
        return f"its weights are gone ({model.path.name}): compute its study again."
    if weights.locate(model.study.model, settings.data_root) is None:
        return weights.remedy(model.study.model, settings.data_root)
    return ""


def closed(dataset: str, *, settings: Settings | None = None) -> str:
    """Why no image of a data set is shown to a browser, as one sentence; "" when they are."""
    settings = settings or Settings()
    if ledgers.private(dataset, settings=settings):
        return "These images are marked private: none of them is shown here, but pictures of your own can be tried."
    return "" if images.locate(dataset, settings.data_root) else images.remedy(dataset, settings.data_root)


def _shipped() -> list[Model]:
    return list(_described(SHIPPED).values())


def _of_frontier(name: str) -> Model:
    found = _described(SHIPPED).get(name)
    if found is None:
        raise BadInput(f"model '{name[:60]}' did not come with Frontier; choose from: {', '.join(_described(SHIPPED))}")
    return found


@lru_cache(maxsize=4)
def _described(folder: Path) -> dict[str, Model]:
    """What the JSON files of a folder say; models of another version's numbers are left out."""
    abouts = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    made = [model for about in abouts for model in _models(about, folder)]
    return {model.name: model for model in made}


def _models(about: dict[str, Any], folder: Path) -> list[Model]:
    try:
        study = parse(about["study"])
        if planning.digest(study) != about["digest"]:
            return []
    except FrontierError:
        return []
    return [
        Model(Path(one["file"]).stem, study, about["digest"], float(one["epsilon"]), one["seed"], folder / one["file"])
        for one in about["models"]
    ]


def _runs(settings: Settings) -> list[Model]:
    found = []
    for status in services.statuses(MOST, settings=settings):
        if planning.digest(status.study) == status.digest:  # else its numbers are another version's
            listed: list[Any] = services.runs(status.digest, settings=settings).to_dict("records")
            found += [_made(one["run"], status.study, status.digest, one) for one in listed]
    return found


def _run(number: str, settings: Settings) -> Model:
    run = services.run_path(number, settings=settings)
    study = services.study(run.digest, settings=settings)
    if study is None or planning.digest(study) != run.digest:
        raise BadInput(f"run '{number[:20]}' was made by another version, whose numbers differ: compute it anew")
    return _made(int(number), study, run.digest, {"epsilon": run.epsilon, "seed": run.seed, "path": run.path})


def _made(run: int, study: Study, digest: str, facts: dict[str, Any]) -> Model:
    path = Path(facts["path"])
    return Model(
        f"{RUN}{run}", study, digest, float(facts["epsilon"]), int(facts["seed"]), path,
        clip_only=path.name.startswith("clip-only"),
    )  # fmt: skip


def here(model: Model) -> dict[str, Any]:
    """The public facts of a model's data set."""
    return dict(entry.of(model.study).facts)


def together(names: tuple[str, ...], *, settings: Settings | None = None) -> list[Model]:
    """One or two models of the same data set; BadInput when they are of different ones."""
    found = [find(name, settings=settings) for name in names]
    if len({(model.study.dataset, model.study.own) for model in found}) > 1:
        raise BadInput(
            f"the models {words.listed(list(names))} know different images: choose two of the same data set."
        )
    return found
