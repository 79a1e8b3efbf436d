"""Weights from elsewhere: fetched whole, checked, refused before anything is queued; random ones stand in for them."""

from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest
import torch
from torchvision.models import mobilenet_v3_small

from engine import planning, runs, services
from engine.errors import BadInput, DataMissing
from engine.events import Event, Trained
from engine.models import models, weights
from engine.models.pretrained import DEVIATION, MEAN, SIDE, PretrainedLinear
from engine.results import POINTS, Row
from engine.settings import Settings
from engine.study import Study, parse

NAME = "pretrained-linear"
REMEDY = r"weights of the pretrained network are not on this machine: run `python -m engine fetch pretrained-linear`"


def small() -> Study:
    attack = {"eps": [0.02, 0.2], "steps": 2, "images": 40}
    asked = {"dataset": "digits", "model": NAME, "seeds": 1, "privacy": {"epsilons": [8, "inf"]}, "attack": attack}
    return planning.resolve(parse(asked))


def test_features_are_those_of_torchvision_in_evaluation_mode(published: Path) -> None:
    theirs, ours = mobilenet_v3_small().double(), PretrainedLinear(10, weights.read(NAME, published)).double()
    theirs.load_state_dict(weights.read(NAME, published))
    x = torch.rand(4, 1, 12, 20, dtype=torch.float64)
    large = torch.nn.functional.interpolate(x, (SIDE, SIDE), mode="bilinear").repeat(1, 3, 1, 1)
    coloured = (large - ours.mean) / ours.deviation
    assert ours.mean.flatten().tolist() == pytest.approx(MEAN)
    assert ours.deviation.flatten().tolist() == pytest.approx(DEVIATION)
    with torch.no_grad():
        expected = theirs.eval().avgpool(theirs.features(coloured)).flatten(1)
        expected = (expected - expected.mean(1, keepdim=True)) / (
            expected.var(1, correction=0, keepdim=True) + 1e-5
        ).sqrt()
        for mode in (True, False):
            torch.testing.assert_close(ours.train(mode).features(x), expected, rtol=1e-5, atol=1e-7)
        in_training = theirs.train().avgpool(theirs.features(coloured)).flatten(1)
    assert not torch.allclose(torch.nn.functional.layer_norm(in_training, (576,)), expected, atol=0.1)


def test_a_whole_study_with_weights_from_a_file(published: Path, tmp_path: Path) -> None:
    study, said = small(), list[Event]()
    places = runs.Places(published, tmp_path / "cache", tmp_path / "job")
    for job in planning.plan(study):
        runs.execute(job, said.append, places=places, threads=torch.get_num_threads())
    rows = {
        (row.epsilon, row.metric, row.eps): row.value for row in said if isinstance(row, Row) and row.metric in POINTS
    }
    assert len(rows) == planning.n_points(study)
    clean = {epsilon: value for (epsilon, metric, _), value in rows.items() if metric == "accuracy"}
    assert clean[inf] > 0.25  # random features tell some digits apart; chance is 0.1
    assert rows[inf, "robust_accuracy", 0.2] < rows[inf, "robust_accuracy", 0.0]
    for file in (Path(event.path) for event in said if isinstance(event, Trained)):
        assert file.stat().st_size < 40_000  # the layer alone: the backbone is kept once
        assert any(weight.any() for weight in runs.load_model(study, file, published).parameters())
    with pytest.raises(DataMissing, match=REMEDY):
        runs.load_model(study, file, tmp_path)


def test_a_study_without_its_weights_is_refused_before_anything_is_queued(home: Path) -> None:
    with pytest.raises(DataMissing, match=REMEDY):
        services.submit(small())
    assert services.statuses() == []
    with pytest.raises(DataMissing, match=REMEDY):
        weights.read(NAME, Settings().data_root)


def test_choices_offer_it_with_its_remedy_until_the_weights_are_there(
    home: Path, request: pytest.FixtureRequest
) -> None:
    def offered() -> services.Choice:
        return next(choice for choice in services.choices().models if choice.name == NAME)

    assert not offered().available
    assert "python -m engine fetch pretrained-linear" in offered().remedy
    assert all(choice.available for choice in services.choices().models if choice.name != NAME)
    request.getfixturevalue("published")
    assert (offered().available, offered().remedy) == (True, "")
    assert services.submit(small())


def test_other_weights_than_the_entry_names_are_refused(published: Path) -> None:
    file = published / NAME / models[NAME].facts["files"][0]
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(DataMissing, match=r"is damaged \(its SHA-256 begins [0-9a-f]{8}\): delete it and fetch"):
        weights.read(NAME, published)


def downloading(monkeypatch: pytest.MonkeyPatch, into: Callable[[Path], None]) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    def download(url: str, file: str, hash_prefix: str, progress: bool) -> None:
        asked.append((url.rpartition("/")[2], hash_prefix))
        into(Path(file))

    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    return asked


def test_fetch_asks_for_the_file_that_the_entry_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = downloading(monkeypatch, lambda file: file.touch())
    said = f"The weights of pretrained-linear are in {tmp_path / NAME}."
    assert [weights.fetch(NAME, tmp_path), weights.fetch(NAME, tmp_path)] == [said, said]
    assert asked == [(models[NAME].facts["files"][0], "047dcff4")]
    assert weights.fetch("cnn", tmp_path) == "Model cnn is trained here from the start: nothing to download."


def test_a_failed_download_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: Path) -> None:
        raise RuntimeError('invalid hash value (expected "047dcff4",\ngot "1234")')

    downloading(monkeypatch, fail)
    with pytest.raises(
        DataMissing, match=r"^mobilenet_\S+ could not be downloaded \(invalid hash value .* try again\.$"
    ):
        weights.fetch(NAME, tmp_path)
    assert weights.locate(NAME, tmp_path) is None
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        weights.fetch(NAME, tmp_path / "file")


def test_the_command_line_fetches_weights_when_a_study_needs_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, Path]] = []

    def fails(name: str, root: Path, locate: object) -> bool:
        tried.append((name, root))
        return False

    monkeypatch.setattr(services, "_fetched", fails)
    services.ensure_weights("cnn")
    assert tried == []
    with pytest.raises(DataMissing, match=REMEDY):
        services.ensure_weights(NAME)
    assert tried == [(NAME, home / "data")]
