"""Models that come with Frontier: small, as their JSON says, and as good as it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from engine import ledgers, planning, runs, starter
from engine.errors import BadInput
from engine.lab import catalogue
from engine.settings import Settings
from engine.study import parse

MODELS = sorted(starter.MODELS.glob("*.safetensors"))
ABOUTS = sorted(starter.MODELS.glob("*.json"))


def test_together_they_stay_below_a_megabyte() -> None:
    assert MODELS
    assert sum(file.stat().st_size for file in MODELS) < 1_000_000


def test_every_file_is_named_by_a_study_of_the_toml_and_carries_it(home: Path) -> None:
    wanted = {name: planning.resolve(study) for name, study in starter.models_wanted().items()}
    assert set(wanted) == {about.stem for about in ABOUTS}
    named = []
    for about in ABOUTS:
        said = json.loads(about.read_text(encoding="utf-8"))
        assert said["digest"] == planning.digest(wanted[about.stem]), "another version's numbers: compute them anew"
        for one in said["models"]:
            named.append(one["file"])
            with safe_open(starter.MODELS / one["file"], framework="np") as held:
                kept = held.metadata()
            assert parse(json.loads(kept["study"])) == wanted[about.stem]
            assert (float(kept["epsilon"]), int(kept["seed"])) == (float(one["epsilon"]), one["seed"])
    assert sorted(named) == [file.name for file in MODELS]


def test_they_recognise_as_many_digits_as_is_said(home: Path) -> None:
    x, y = runs.tensors("digits", Settings().data_root, train=False)
    said = json.loads((starter.MODELS / "digits-cnn.json").read_text(encoding="utf-8"))
    for one in said["models"]:
        model = catalogue.find(Path(one["file"]).stem)
        predicted = runs.load_model(model.study, model.path)(x).argmax(1)
        assert np.mean((predicted == y).numpy()) == pytest.approx(one["accuracy"], abs=0.003)


def test_of_images_marked_private_none_is_offered_that_guarantees_nothing(home: Path) -> None:
    assert {model.study.dataset for model in catalogue.offered()} >= {"digits"}
    ledgers.mark("digits", private=True)
    assert "digits" not in {model.study.dataset for model in catalogue.offered()}
    with pytest.raises(BadInput, match="marked private"):
        catalogue.find("digits-cnn-no-privacy-seed-0")
    assert "marked private" in catalogue.closed("digits")
    ledgers.mark("digits", private=False)
    assert catalogue.closed("digits") == ""
