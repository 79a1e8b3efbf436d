"""Labelled pictures become arrays: exactly, always alike, and nothing hostile gets that far."""

import io
import os
import zipfile
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data import files, folder, labels, picture, zipped
from engine.data.folder import Pictures, read
from engine.errors import BadInput
from tests.engine.data.pictures import (
    HOSTILE,
    JPEG,
    KINDS,
    PNG,
    SIDE,
    N,
    drawn,
    encoded,
    many_scans,
    shapes,
    split,
    with_entry,
)
from tests.engine.data.pictures import zipped as packed


def of(content: dict[str, bytes], side: int = SIDE) -> Pictures:
    return read(io.BytesIO(packed(content)), side=side)


def written(content: dict[str, bytes], root: Path) -> Path:
    for name, whole in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(whole)
    return root


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_zips_are_refused_in_one_sentence(what: str) -> None:
    make, sentence = HOSTILE[what]
    with pytest.raises(BadInput, match=sentence) as refused:
        read(io.BytesIO(make()), side=SIDE)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 250


def test_without_the_hostile_part_the_same_zip_is_read() -> None:
    """The control of the test above."""
    for good in (shapes(), split()):
        assert len(of(good).train.y) >= 24
    info = zipfile.ZipInfo("disc/more.png")
    assert len(read(io.BytesIO(with_entry(info, PNG)), side=SIDE).train.y) == 25


def test_more_than_is_ever_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    good, n = packed(shapes()), 2 * N
    for module, name, most, sentence in (
        (zipped, "MAX_ZIP", 1000, r"the zip has [\d,]+ bytes: at most 1,000 are read"),
        (zipped, "DIRECTORY", 500, r"list of entries has 1,\d\d\d bytes: at most 500"),
        (zipped, "MAX_INFLATED", 5000, r"inflates to [\d,]+ bytes: at most 5,000"),
        (files, "MAX_FILES", n - 1, f"there are {n} files or more: at most {n - 1}"),
        (labels, "MAX_PICTURES", n - 1, f"there are {n} pictures: at most {n - 1}"),
        (folder, "MAX_KEPT", 16 * 16 * (n - 1), f"there are {n} pictures: at 16 x 16 pixels at most {n - 1}"),
        (folder, "MAX_DECODED", 16 * 16 * n - 1, f"there are {16 * 16 * n:,} pixels: at most"),
        (picture, "MAX_PIXELS", 255, "has 16 x 16 pixels: at most 255"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, most)
            with pytest.raises(BadInput, match=sentence):
                read(io.BytesIO(good), side=16)
    read(io.BytesIO(good), side=16)


@pytest.mark.parametrize("side", [0, 4, 30, 52, 64, -8])
def test_a_side_that_no_model_wants_is_refused(side: int) -> None:
    with pytest.raises(BadInput, match=rf"side={side} is not a multiple of 4 in \[8, 48\]"):
        of(shapes(), side)


def test_a_png_of_the_right_size_is_kept_to_the_bit() -> None:
    found = of(shapes(colour=True))
    expected = {drawn(kind, i, colour=True).transpose(2, 0, 1).tobytes(): kind for kind in KINDS for i in range(N)}
    for part in (found.train, found.test):
        assert part.x.shape[1:] == (3, SIDE, SIDE)
        assert [expected.pop(image.tobytes()) for image in part.x] == [found.classes[label] for label in part.y]
    assert not expected


def test_colour_is_kept_if_any_picture_has_it() -> None:
    grey = {name: encoded(np.repeat(drawn("disc", i)[..., None], 3, 2)) for i, name in enumerate(shapes())}
    assert of(grey).train.x.shape[1:] == (1, SIDE, SIDE)
    one = next(iter(grey))
    assert of(grey | {one: encoded(drawn("disc", 0, colour=True))}).train.x.shape[1:] == (3, SIDE, SIDE)


def test_a_fifth_of_each_class_is_for_testing() -> None:
    found = of(shapes())
    assert np.bincount(found.train.y).tolist() == [12, 12]
    assert np.bincount(found.test.y).tolist() == [3, 3]
    assert found.classes == KINDS


def test_folders_called_train_and_test_are_the_splits() -> None:
    for above in ("", "birds/", "a/b/"):
        found = of({above + name: whole for name, whole in split().items()})
        assert np.bincount(found.train.y).tolist() == [12, 12]
        assert np.bincount(found.test.y).tolist() == [4, 4]
        assert {image.tobytes() for image in found.test.x[found.test.y == 1]} == {
            drawn("square", 100 + i).tobytes() for i in range(4)
        }


def test_the_same_pictures_are_split_and_named_alike_whatever_they_are_called() -> None:
    first = of(shapes())
    renamed = {f"top/{name.split('/')[0]}/{i}-x.PNG": whole for i, (name, whole) in enumerate(shapes().items())}
    again = of(dict(reversed(renamed.items())))
    assert again.content == first.content
    assert again.train.x.tobytes() == first.train.x.tobytes()
    one_less = dict(list(shapes().items())[1:])
    assert of(one_less).content != first.content
    assert of({f"x{name}": whole for name, whole in shapes().items()}).content != first.content


def test_a_folder_is_read_like_a_zip(tmp_path: Path) -> None:
    content = {**shapes(), "notes.txt": b"hello", ".hidden/x.png": b"", "disc/.DS_Store": b""}
    found = read(written(content, tmp_path / "images"), side=SIDE)
    assert found.content == of(shapes()).content
    assert found.passed_over == ("notes.txt",)
    (tmp_path / "images.zip").write_bytes(packed({**content, "__MACOSX/disc/._0.png": b"x"}))
    assert read(tmp_path / "images.zip", side=SIDE).content == found.content


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    root = written(shapes(), tmp_path / "images")
    outside = written({"secret/x.png": PNG}, tmp_path) / "secret"
    for name, target in (("disc/link.png", outside / "x.png"), ("third", outside), ("disc/gone.png", tmp_path / "no")):
        (root / name).symlink_to(target)
        with pytest.raises(BadInput, match=f"{name} is a link or no plain file"):
            read(root, side=SIDE)
        (root / name).unlink()
    os.mkfifo(root / "disc" / "pipe.png")
    with pytest.raises(BadInput, match=r"pipe\.png is a link or no plain file"):
        read(root, side=SIDE)


def test_equal_pictures_are_never_on_both_sides() -> None:
    many = shapes(60)
    copies = {f"{name[:-4]}-{i}.png": whole for name, whole in list(many.items())[::3] for i in range(3)}
    found = of(many | copies)
    learned = {image.tobytes() for image in found.train.x}
    assert len(learned) < len(found.train.x)
    assert not any(image.tobytes() in learned for image in found.test.x)
    assert len(found.train.x) + len(found.test.x) == len(many | copies)


def test_training_pictures_that_are_for_testing_are_left_out_and_counted() -> None:
    """Whoever knows all pictures but one learns nothing of it from what is counted, tested on or known of training."""
    less = split()
    twins = {f"train/{kind}/copy-{i}.png": encoded(drawn("disc", 100 + i)) for kind in KINDS for i in range(3)}
    assert all(whole in less.values() for whole in twins.values())
    before, after = of(less), of(less | twins)
    assert (before.repeated, after.repeated) == (0, 6)
    assert after.content == before.content
    assert np.bincount(after.test.y).tolist() == [4, 4]
    assert np.array_equal(after.marks, before.marks)


def test_of_equal_pictures_of_two_classes_those_for_training_are_left_out() -> None:
    """Classes are split one by one, so the same picture may be for testing in one and for training in another."""
    many = shapes(60)
    both = {f"square/also-{i}.png": encoded(drawn("disc", i)) for i in range(60)}
    found, alone = of(many | both), of(many)
    assert found.repeated > 0
    assert len(found.train.y) + len(found.test.y) + found.repeated == len(many | both)
    assert found.test.x[found.test.y == 0].tobytes() == alone.test.x[alone.test.y == 0].tobytes()
    assert not {image.tobytes() for image in found.train.x} & {image.tobytes() for image in found.test.x}


def test_the_order_mixes_the_classes() -> None:
    """The first test images are the ones that are attacked."""
    found = of(shapes(100))
    assert 4 < found.test.y[:20].sum() < 16


def decoded(content: bytes, side: int = 8) -> np.ndarray:
    return picture.read(content, side, "x.png")[0].astype(int)


def test_pictures_are_turned_upright() -> None:
    lying = np.zeros((16, 16), np.uint8)
    lying[:, :8] = 255  # the left half is white; turned by 90 degrees clockwise, the upper half is
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, how in (("PNG", {}), ("JPEG", {"quality": 100})):
        upright = decoded(encoded(lying, kind, exif=exif, **how))
        assert upright[:, :3].min() > 240
        assert upright[:, 5:].max() < 15
        assert decoded(encoded(lying, kind, **how))[:, :, :3].min() > 240


def test_what_is_transparent_is_white() -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:4, :, 3] = 255
    half = clear.copy()
    half[4:, :, 3] = 128
    assert decoded(encoded(clear))[:, 4:].min() == 255
    assert decoded(encoded(clear))[:, :4].max() == 0
    assert abs(decoded(encoded(half))[0, 7, 0] - 127) <= 1
    indexed = io.BytesIO()
    Image.fromarray(np.eye(8, dtype=np.uint8)).convert("P").save(indexed, "PNG", transparency=0)
    assert decoded(indexed.getvalue())[0, 0, 1] == 255


def test_the_middle_square_is_kept() -> None:
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = np.arange(64).reshape(8, 8)
    assert np.array_equal(decoded(encoded(wide))[0], np.arange(64).reshape(8, 8))
    assert np.array_equal(decoded(encoded(wide.T.copy()))[2], np.arange(64).reshape(8, 8).T)


def test_all_kinds_of_png_and_jpeg_are_read_as_they_look() -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    deep = Image.fromarray(ramp.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    images = {
        "16 bits": (deep, "PNG"),
        "palette": (Image.fromarray(ramp).convert("P"), "PNG"),
        "grey and alpha": (Image.fromarray(ramp).convert("LA"), "PNG"),
        "CMYK": (Image.fromarray(ramp).convert("RGB").convert("CMYK"), "JPEG"),
        "grey JPEG": (Image.fromarray(ramp), "JPEG"),
    }
    for name, (image, kind) in images.items():
        out = io.BytesIO()
        image.save(out, kind, **({"quality": 100} if kind == "JPEG" else {}))
        assert abs(decoded(out.getvalue()) - ramp).max() <= 4, name


def test_large_jpegs_are_read_as_they_look_though_not_at_full_size() -> None:
    large = encoded(drawn("disc", 1000, 640), "JPEG", quality=95)
    exact = np.asarray(Image.open(io.BytesIO(large)).resize((8, 8), Image.Resampling.BOX)).astype(int)
    assert abs(decoded(large)[0] - exact).max() < 25
    assert abs(decoded(large)[0] - exact).mean() < 6
    assert len(JPEG) > 500


def test_a_progressive_jpeg_of_a_few_scans_is_read() -> None:
    """The control of the one that is refused for its scans."""
    assert [decoded(many_scans(n)).shape for n in (0, 50)] == 2 * [(3, 8, 8)]


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which every picture takes a tenth of a second."""
    clock = count()
    monkeypatch.setattr("engine.data.folder.time.monotonic", lambda: next(clock) / 10)


@pytest.mark.usefixtures("seconds")
def test_progress_is_told_by_time_and_to_the_end() -> None:
    said: list[tuple[int, int]] = []
    read(io.BytesIO(packed(shapes(10))), side=8, tell=lambda done, total: said.append((done, total)))
    assert said == [(n, 20) for n in (0, 3, 6, 9, 12, 15, 18, 20)]


@pytest.mark.usefixtures("seconds")
def test_pictures_that_take_too_long_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_SECONDS", 2)
    of(shapes(10))
    with pytest.raises(BadInput, match="20 of 22 pictures took 2 seconds, the most that is spent: give fewer"):
        of(shapes(11))
