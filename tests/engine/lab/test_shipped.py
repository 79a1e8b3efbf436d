"""Models that come with Frontier: small, as their JSON says, and as good as it says."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from engine import ledgers, planning, runs, starter
from engine.errors import BadInput
from engine.events import Trained
from engine.lab import catalogue
from engine.results import COLUMNS
from engine.settings import Settings
from engine.study import parse

MODELS = sorted(file for file in starter.MODELS.glob("*.safetensors") if file.stem != starter.DENOISER)
ABOUTS = sorted(starter.MODELS.glob("*.json"))


def test_together_they_stay_below_a_megabyte() -> None:
    assert MODELS
    assert sum(file.stat().st_size for file in starter.MODELS.iterdir()) < 1_000_000


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


def test_what_is_shipped_is_the_weights_and_what_made_them(tmp_path: Path) -> None:
    study = starter.models_wanted(["digits-cnn"])["digits-cnn"]
    file = tmp_path / "epsilon-1.0-seed-0.safetensors"
    file.write_bytes(b"weights")
    frame = pd.DataFrame([{"metric": "accuracy", "epsilon": 1.0, "seed": 0, "value": 0.5}])
    frame = pd.concat([pd.DataFrame(columns=list(COLUMNS)), frame])
    written = starter.ship_models("digits-cnn", study, frame, [Trained(1.0, 0, str(file))], tmp_path / "out")
    assert written == ["digits-cnn-epsilon-1-seed-0.safetensors"]
    assert (tmp_path / "out" / written[0]).read_bytes() == b"weights"
    about = json.loads((tmp_path / "out" / "digits-cnn.json").read_text(encoding="utf-8"))
    assert about["models"] == [{"file": written[0], "epsilon": "1.0", "seed": 0, "accuracy": 0.5}]
    assert about["digest"] == planning.digest(planning.resolve(study))
    assert about["commit"]


def test_models_of_another_versions_numbers_are_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.loads((starter.MODELS / "digits-cnn.json").read_text(encoding="utf-8"))
    for digest, n in ((said["digest"], 3), ("0" * 16, 0)):
        folder = tmp_path / digest
        folder.mkdir()
        (folder / "digits-cnn.json").write_text(json.dumps(said | {"digest": digest}))
        assert len(catalogue._described(folder)) == n
