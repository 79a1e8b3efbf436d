"""Who was in the data: the images chosen, and the file that comes with Frontier."""

import base64
import io
import json
from math import inf
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import ledgers, planning, services
from engine.data import images
from engine.data.images import Images
from engine.errors import FrontierError
from engine.exposures import Exposure
from engine.extras import FALSE_POSITIVES
from engine.leakage.membership import ATTACKS
from engine.results import ABOVE, ALLOWED, LEAKED, LEAKED_AUC
from engine.settings import Settings
from engine.study import parse
from engine.threats import members
from tests.engine.report.membership import everything
from tests.engine.report.rows import CLEAN, frame

N = 60
RNG = np.random.default_rng(0)
HELD = Images(RNG.random((100, 1, 4, 4)).astype(np.float32), RNG.integers(0, 3, 100))


def exposed() -> Exposure:
    """Image 40 + i is exposed by i; other models than those that chose say one less, and a tenth of it at ε 1."""
    chosen = np.stack([np.zeros(N), np.arange(N)]).astype(np.float32)
    return Exposure(np.arange(40, 40 + N), (1.0, inf), chosen, np.stack([(chosen[1] - 1) / 10, chosen[1] - 1]))


def test_most_are_chosen_without_privacy_and_shown_as_other_models_say() -> None:
    shown = members.hung(exposed(), HELD)
    assert [one.index for one in shown.most] == [99 - i for i in range(members.MOST)]
    assert shown.most[0].exposure == (5.8, 58.0), "as measured, not as chosen"
    assert {one.index for one in shown.typical} == set(range(40 + 26, 40 + 34)), "around the median"
    assert all(one.label == HELD.y[one.index] for one in (*shown.most, *shown.typical))
    assert shown.n == N


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_the_training_image_to_the_last_pixel(channels: int) -> None:
    held = Images(RNG.random((100, channels, 5, 4)).astype(np.float32), np.zeros(100, np.int64))
    one = members.hung(exposed(), held).most[0]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(one.png)))).reshape(5, 4, channels)
    assert np.array_equal(pixels.transpose(2, 0, 1), np.rint(held.x[one.index] * 255))


def test_few_images_make_a_small_gallery() -> None:
    most, typical = members.picked(np.array([3.0, 1.0, 2.0]))
    assert most.tolist() == [0, 2, 1]
    assert sorted(typical.tolist()) == [0, 1, 2]


@pytest.fixture
def studied(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study of digits with rows about membership and exposures, as if it had been computed."""
    digest = services.submit(parse({"dataset": "digits", "privacy": {"epsilons": [1, "inf"]}}))
    exposure = Exposure(np.arange(N), (1.0, inf), exposed().chosen, exposed().measured)
    monkeypatch.setattr(services, "exposure", lambda digest, **_: exposure)
    monkeypatch.setattr(services, "frame", lambda digest, **_: frame(CLEAN, *everything()))
    return digest


def test_a_gallery_is_made_by_a_process_and_kept(studied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Path] = []

    class Running:
        def poll(self) -> None:
            return None

    def start(digest: str, file: Path, settings: Settings) -> Running:
        started.append(file)
        return Running()

    monkeypatch.setattr(members, "_start", start)
    assert members.gallery(studied) is None
    assert members.gallery(studied) is None
    (file,) = started
    members.write(studied, file, Settings())
    shown = members.gallery(studied)
    assert shown is not None
    assert shown.epsilons == (1.0, inf)
    assert [one.index for one in shown.most[:2]] == [59, 58]
    assert file.name.startswith("digits-"), "goes when the data set goes"


def test_images_under_a_mark_are_not_hung(studied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ledgers.mark("digits", private=True)
    monkeypatch.setattr(members, "_start", lambda *_: pytest.fail("nobody may read them"))
    assert members.gallery(studied) is None


def test_a_process_that_fails_is_one_sentence(studied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        def poll(self) -> int:
            return 1

    monkeypatch.setattr(members, "_start", lambda *_: Failed())
    assert members.gallery(studied) is None
    with pytest.raises(FrontierError, match="could not be read"):
        members.gallery(studied)


def test_what_is_shipped_comes_back_as_it_was(studied: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "members.json"
    file.write_text(json.dumps(members.described(studied)))
    monkeypatch.setattr(members, "FILE", file)
    shown = members.opening()
    assert shown is not None
    assert members.is_current(shown)
    assert shown.digest == studied
    kept, expected = shown.frame, frame(*everything())
    assert list(kept.columns) == list(expected.columns)
    for name in expected.columns:
        if expected[name].dtype.kind == "f":
            assert np.allclose(kept[name], expected[name], rtol=1e-5, equal_nan=True), name
        else:
            assert kept[name].tolist() == expected[name].tolist(), name
    assert shown.gallery.most[0].exposure == (5.8, 58.0)


def test_without_a_file_nothing_comes_with_frontier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(members, "FILE", tmp_path / "none.json")
    assert members.opening() is None


# what comes with Frontier


@pytest.fixture
def shipped() -> members.Opening:
    found = members.opening()
    assert found is not None, "run `python -m engine starter --pages members`"
    return found


def test_the_shipped_file_is_what_this_engine_would_compute(shipped: members.Opening) -> None:
    assert shipped.digest == planning.digest(planning.resolve(parse(members.SHIPPED))), "another version: make it anew"
    assert members.is_current(shipped)
    assert members.FILE.stat().st_size < 400_000
    assert len(shipped.made["commit"]) == 40, "made from committed code"
    assert {"machine", "versions", "finished"} <= set(shipped.made)


def test_every_budget_has_every_row_with_its_interval(shipped: members.Opening) -> None:
    rows, epsilons = shipped.frame, set(shipped.study.privacy.epsilons)
    assert set(rows["study"]) == {shipped.digest}
    for attack in ATTACKS:
        for metric, per_budget in ((LEAKED + attack, len(FALSE_POSITIVES)), (LEAKED_AUC + attack, 1)):
            found = rows[rows["metric"] == metric]
            assert found.groupby("epsilon").size().to_dict() == dict.fromkeys(epsilons, per_budget)
            assert np.isfinite(found[["value", "low", "high"]]).all(axis=None)
            assert (found["low"] <= found["value"]).all()
            assert (found["value"] <= found["high"]).all()
            assert set(found["n"]) == {planning.shadows(shipped.study)}
    allowed = rows[rows["metric"] == ALLOWED]
    assert set(allowed["epsilon"]) == epsilons - {inf}
    assert (allowed["value"] >= allowed["eps"]).all(), "guessing is always allowed"
    assert (rows.loc[rows["metric"] == ABOVE, "value"] == 0).all(), "no point lies above what theory allows"


def test_the_shipped_gallery_shows_training_images_whose_exposure_falls(shipped: members.Opening, home: Path) -> None:
    shown, name = shipped.gallery, shipped.study.dataset
    assert shown.epsilons == tuple(sorted(shipped.study.privacy.epsilons))
    assert (len(shown.most), len(shown.typical)) == (members.MOST, members.TYPICAL)
    assert shown.n == planning.pool(shipped.study)
    means = np.mean([one.exposure for one in shown.most], axis=0)
    assert np.isfinite(means).all()
    assert means[-1] > 4 * max(0.1, means[0]), "without privacy, and at the smallest budget"
    assert means[-1] > 2 * np.mean([one.exposure[-1] for one in shown.typical])
    if images.locate(name, Settings().data_root) is None:
        pytest.skip(f"{name} is not on this machine")
    held = images.load(name, Settings().data_root, train=True)
    for one in (*shown.most, *shown.typical):
        assert one.png == members._png(held.x[one.index])
        assert one.label == held.y[one.index]
