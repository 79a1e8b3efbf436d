"""A person's own data sets: kept whole, named by their content, and never taken for what they are not."""

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest

from engine.data import own
from engine.data.folder import read
from engine.data.images import load, locate, remedy
from engine.data.own import About
from engine.errors import BadInput, DataMissing
from engine.study import Own
from tests.engine.data.pictures import shapes, zipped


def draft(root: Path, content: dict[str, bytes] | None = None, *, cap_gb: float = 1, **how: str) -> str:
    pictures = read(io.BytesIO(zipped(content or shapes())), side=16)
    return own.draft(pictures, root, **({"called": "Shapes", "file": "shapes.zip"} | how), cap_gb=cap_gb)


def keep(root: Path, content: dict[str, bytes] | None = None) -> About:
    about = own.find(own.keep(draft(root, content), root), root)
    assert about is not None
    return about


def test_the_name_holds_classes_and_content_and_nothing_of_where_it_came_from(tmp_path: Path) -> None:
    first = keep(tmp_path / "a")
    again = own.keep(draft(tmp_path / "b", called="Else", file="/home/me/secret.zip"), tmp_path / "b")
    assert first.name == again
    assert again == f"folder:disc-square-{first.own.content[:16]}"
    assert keep(tmp_path / "a", shapes(16)).name != first.name


def test_what_was_kept_is_what_is_read(tmp_path: Path) -> None:
    about, pictures = keep(tmp_path), read(io.BytesIO(zipped(shapes())), side=16)
    for train, part, n in ((True, pictures.train, 24), (False, pictures.test, 6)):
        images = load(about.name, tmp_path, train=train, own=about.own)
        assert np.array_equal(np.rint(images.x * 255), part.x)
        assert np.array_equal(images.y, part.y)
        assert len(images.y) == n
    assert (about.train, about.test, about.own.n_train, about.own.n_test) == ((12, 12), (3, 3), 24, 6)
    assert about.own.shape == (1, 16, 16)


def test_nothing_but_pixels_is_kept(tmp_path: Path) -> None:
    """A picture that is a zip and a web page as well loses both."""
    tail = b"<script>alert(1)</script>" + zipped({"x": b"hidden"})
    keep(tmp_path, {name: whole + tail for name, whole in shapes().items()})
    assert own.kept(tmp_path)[0].own.content == read(io.BytesIO(zipped(shapes())), side=16).content
    everything = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"script" not in everything
    assert b"PK\3\4" not in everything


def test_the_same_pictures_are_kept_once(tmp_path: Path) -> None:
    first = keep(tmp_path)
    again = keep(tmp_path)
    assert (again.name, again.added) == (first.name, first.added)
    assert len(own.kept(tmp_path)) == 1
    assert [place.name for place in (tmp_path / "own").iterdir()] == [first.name.removeprefix("folder:")]


def test_remains_are_replaced_and_the_second_of_two_keepers_finds_what_the_first_kept(tmp_path: Path) -> None:
    first, second = draft(tmp_path), draft(tmp_path)
    name = own.keep(first, tmp_path)
    note = tmp_path / "own" / name.removeprefix("folder:") / "about.json"
    note.unlink()
    assert own.kept(tmp_path) == []
    assert own.keep(second, tmp_path) == name
    assert [about.name for about in own.kept(tmp_path)] == [name]
    assert len(list((tmp_path / "own").iterdir())) == 1


def test_a_draft_is_no_data_set_and_goes_when_it_is_dropped_or_forgotten(tmp_path: Path) -> None:
    first, second = draft(tmp_path), draft(tmp_path)
    assert own.kept(tmp_path) == []
    own.discard(first, tmp_path)
    assert own.draft_folder(first, tmp_path) is None
    with pytest.raises(BadInput, match="no longer waiting"):
        own.keep(first, tmp_path)
    old = time.time() - own.ABANDONED - 1
    os.utime(tmp_path / "own" / second, (old, old))
    third = draft(tmp_path)
    assert [place.name for place in (tmp_path / "own").iterdir()] == [third]


@pytest.mark.parametrize("name", ["../../etc", ".new-", ".new-0123456789abcdeg", "disc-square-0000000000000000"])
def test_only_drafts_are_kept_or_dropped(tmp_path: Path, name: str) -> None:
    for change in (own.keep, own.discard):
        with pytest.raises(BadInput, match="is no draft"):
            change(name, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "folder:../x-0000000000000000",
        "folder:",
        "folder:/etc",
        "folder:x",
        "digits",
        "folder:.new-0000000000000000",
        "folder:x-00000000",
    ],
)
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    assert own.find(name, tmp_path) is None
    if name.startswith("folder:"):
        assert locate(name, tmp_path) is None
        assert "is not kept on this machine" in remedy(name, tmp_path)
    with pytest.raises(BadInput, match="is not among your own"):
        own.delete(name, tmp_path)


def test_own_data_have_a_limit(tmp_path: Path) -> None:
    keep(tmp_path)
    with pytest.raises(
        BadInput, match=r"these images take 0\.0 MB and your own data already 0\.0 MB of 0 MB: .*FRONTIER_OWN_GB"
    ):
        draft(tmp_path, shapes(20), cap_gb=2e-5)
    assert len(list((tmp_path / "own").iterdir())) == 1
    draft(tmp_path, shapes(20), cap_gb=1e-4)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"file/own cannot be written \(Not a directory\): set FRONTIER_DATA"):
        draft(tmp_path / "file")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(BadInput, match="No space left on device"):
        draft(tmp_path)
    assert list((tmp_path / "own").iterdir()) == []


def test_deleted_is_gone(tmp_path: Path) -> None:
    about = keep(tmp_path)
    own.delete(about.name, tmp_path)
    assert own.kept(tmp_path) == []
    assert list((tmp_path / "own").iterdir()) == []
    with pytest.raises(DataMissing, match="is not kept on this machine: run `python -m engine data add PATH`"):
        load(about.name, tmp_path, train=True, own=about.own)


CHANGED = {
    "another pixel": ("train-x.npy", lambda x: x + (np.arange(x.size).reshape(x.shape) == 0).astype(np.uint8)),
    "another label": ("train-y.npy", lambda y: y[::-1]),
    "one picture less": ("test-x.npy", lambda x: x[1:]),
    "no array": ("test-y.npy", lambda y: np.array(["a"], dtype=object)),
}


@pytest.mark.parametrize("what", CHANGED)
def test_files_that_are_not_the_ones_that_were_kept_are_refused(tmp_path: Path, what: str) -> None:
    about = keep(tmp_path)
    name, change = CHANGED[what]
    file = tmp_path / "own" / about.name.removeprefix("folder:") / name
    np.save(file, change(np.load(file)), allow_pickle=True)
    with pytest.raises(DataMissing, match="is damaged"):
        load(about.name, tmp_path, train=False, own=about.own)


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        ({"n_train": 12_000}, r"its training images have the shape \(24, 1, 16, 16\), not \(12000, 1, 16, 16\)"),
        ({"shape": (1, 8, 8)}, r"its training images have the shape \(24, 1, 16, 16\), not \(24, 1, 8, 8\)"),
    ],
)
def test_a_study_that_says_what_is_not_so_is_refused_where_the_images_are_read(
    tmp_path: Path, lie: dict[str, object], sentence: str
) -> None:
    """The noise is computed from what the study says."""
    about = keep(tmp_path)
    with pytest.raises(DataMissing, match=sentence):
        load(about.name, tmp_path, train=True, own=Own(**{**about.own.model_dump(), **lie}))


def alias(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[About, About]:
    """Two sets of the same name and other pictures, as if their hashes began alike; the first of them is kept."""
    first = keep(root / "a")
    monkeypatch.setattr(About, "name", first.name)
    return first, keep(root / "b", shapes(16))


def test_other_pictures_of_the_same_name_are_not_taken_for_those_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = alias(tmp_path, monkeypatch)
    assert other.own.content != first.own.content
    second = draft(tmp_path / "a", shapes(16))
    with pytest.raises(BadInput, match=f"other images are kept as {first.name}: delete those"):
        own.keep(second, tmp_path / "a")
    assert own.kept(tmp_path / "a") == [first]
    assert own.draft_folder(second, tmp_path / "a") is None


def test_a_study_is_not_given_other_pictures_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = alias(tmp_path, monkeypatch)
    load(first.name, tmp_path / "a", train=True, own=first.own)
    stated = first.own.model_copy(update={"content": other.own.content})
    with pytest.raises(DataMissing, match="holds other images than the study is about"):
        load(first.name, tmp_path / "a", train=True, own=stated)


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OSError(16, "Device or resource busy")

    about = keep(tmp_path)
    monkeypatch.setattr("engine.data.own.shutil.rmtree", busy)
    with pytest.raises(
        BadInput, match=r"own/\.gone-[0-9a-f]+ is left and cannot be removed \(Device or resource busy\)"
    ):
        own.delete(about.name, tmp_path)
    assert own.kept(tmp_path) == []


def test_a_damaged_note_is_no_data_set(tmp_path: Path) -> None:
    about = keep(tmp_path)
    note = tmp_path / "own" / about.name.removeprefix("folder:") / "about.json"
    note.write_text(note.read_text().replace('"n_train"', '"n"'))
    assert own.kept(tmp_path) == []


def test_names_that_would_mean_something_on_a_page_are_kept_as_they_are_and_titles_are_not(tmp_path: Path) -> None:
    hostile = {name.replace("disc/", "*<b>x/"): whole for name, whole in shapes().items()}
    about = own.find(
        own.keep(draft(tmp_path, hostile, called="![](http://x/y.png)\n# a", file="a\nb"), tmp_path), tmp_path
    )
    assert about is not None
    assert about.own.classes == ("*<b>x", "square")
    assert about.name.startswith("folder:b-x-square-")
    assert about.title == "(http x y.png) a"
    assert about.file == "a?b"
