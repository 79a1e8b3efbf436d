"""Files can be opened again and say what they hold; the same study gives the same bytes; all is written whole."""

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image
from pyarrow import parquet

from engine.errors import BadInput, FrontierError
from engine.planning import resolve
from engine.report.caption import Part
from engine.report.export import FORMATS, Subject, download_name, exported, file_name, writable, write
from engine.results import COLUMNS
from engine.study import parse
from tests.engine.report.leaks import leaks
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame

STUDY = resolve(parse({"privacy": {"epsilons": [3, "inf"]}, "attack": {"eps": [0, 0.1]}}))
ROWS = [
    replace(CLEAN, value=1 / 3),
    OPEN,
    *(replace(ROBUST, eps=eps, value=0.4) for eps in (0.0, 0.1)),
    *(replace(ROBUST, epsilon=inf, eps=eps, value=0.6) for eps in (0.0, 0.1)),
]
PARTS = (
    Part("digits", "Handwritten digits", {"n_train": 1437, "source": "UCI"}),
    Part("scattering-linear", "fast model", {}),
    Part("pgd", "Many gradient steps", {"source": "arXiv:1706.06083"}),
)


def subject(*rows: Any, **changes: Any) -> Subject:
    given = {"study": STUDY, "digest": "0123456789abcdef", "state": "done", "seconds": 12.0, "strength": 0.1}
    return Subject(**{**given, "parts": PARTS, "frame": frame(*(rows or ROWS)), **changes})


def read(name: str, content: bytes) -> pd.DataFrame:
    if name == "csv":
        return pd.read_csv(io.BytesIO(content))
    if name == "parquet":
        return pd.read_parquet(io.BytesIO(content))
    return pd.DataFrame(json.loads(content)["results"])


@pytest.mark.parametrize("name", ["csv", "parquet", "json"])
def test_the_numbers_are_read_again_as_they_were(name: str) -> None:
    """Exactly, with infinity and what does not apply."""
    wanted = frame(*ROWS)
    found = read(name, exported(subject(), name))
    assert tuple(found.columns) == COLUMNS
    assert wanted["epsilon"].max() == inf
    assert wanted["delta"].isna().any()
    pd.testing.assert_frame_equal(found.astype(wanted.dtypes.to_dict()), wanted, check_exact=True)


def test_every_table_carries_what_made_it() -> None:
    about = json.loads(exported(subject(), "study"))
    schema = parquet.read_schema(io.BytesIO(exported(subject(), "parquet")))
    assert json.loads(schema.metadata[b"frontier"]) == about
    assert {
        name: value for name, value in json.loads(exported(subject(), "json")).items() if name != "results"
    } == about
    assert (about["digest"], about["duration_seconds"], about["finished"]["budgets"]) == ("0123456789abcdef", 12.0, 2)


def test_a_study_of_another_machine_says_so() -> None:
    made = {"machine": {"processor": "abacus"}, "commit": "cafe"}
    about = json.loads(exported(subject(made=made), "study"))
    assert about["machine"] == {"processor": "abacus"}
    assert about["commit"] == "cafe"
    assert json.loads(exported(subject(), "study"))["machine"] != about["machine"]


def test_the_json_is_a_study_that_can_be_run(tmp_path: Path) -> None:
    from engine.study import read as read_study

    for name in ("json", "study"):
        write(tmp_path, {file_name(name): exported(subject(), name)})
        assert parse(read_study(tmp_path / file_name(name))) == STUDY


@pytest.fixture(scope="module")
def everything() -> bytes:
    return exported(subject(), "zip")


def test_the_zip_holds_every_file_once(everything: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(everything)) as archive:
        assert archive.testzip() is None
        files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    folder = "frontier-digits-0123456789abcdef/"
    names = ("curves.csv", "curves.parquet", "curves.json", "study.json", "caption.txt")
    pictures = (f"figure-{width}mm.{kind}" for width in (90, 180) for kind in ("png", "svg", "pdf"))
    assert sorted(files) == sorted(folder + name for name in (*names, *pictures))
    for name, width in (("csv", 180), ("parquet", 180), ("svg", 90), ("caption", 180)):
        assert files[folder + file_name(name, width)] == exported(subject(), name, width)


def test_pictures_carry_their_caption_unseen() -> None:
    picture = Image.open(io.BytesIO(exported(subject(), "png")))
    assert picture.info["Description"] + "\n" == exported(subject(), "caption").decode()


def test_a_title_that_somebody_typed_breaks_no_file() -> None:
    typed = Part("folder:cats", "c\0ats\n<b>&\u202e \U0001f600 (", {"source": "]]>\x1b"})
    for name in ("png", "svg", "pdf", "caption", "study"):
        assert exported(subject(parts=(typed, *PARTS[1:])), name)
    drawing = ElementTree.fromstring(exported(subject(parts=(typed, *PARTS[1:])), "svg"))
    assert "cats<b>& " in "".join(drawing.itertext())


LEAKY = [*ROWS, *leaks(3.0), *leaks(inf)]


def test_a_study_that_measured_leakage_has_files_of_it() -> None:
    with zipfile.ZipFile(io.BytesIO(exported(subject(*LEAKY), "zip"))) as archive:
        files = {entry.filename.rpartition("/")[2]: archive.read(entry) for entry in archive.infolist()}
    pictures = {f"promise-{width}mm.{kind}" for width in (90, 180) for kind in ("png", "svg", "pdf")}
    assert files.keys() >= pictures | {"promise.csv"}
    table = pd.read_csv(io.BytesIO(files["promise.csv"]), dtype={"budget": str})
    found = table[(table["measured"] == "demonstrated_epsilon:orthogonal") & (table["budget"] == "3")]
    assert found["value"].tolist() == [0.47]
    assert len(read("csv", files["curves.csv"])) == len(LEAKY)
    drawn = files["figure-180mm.svg"].decode()
    assert 'id="leakage"' in drawn
    assert 'id="leakage"' not in exported(subject(), "svg").decode()
    assert 'id="demonstrated-orthogonal"' in files["promise-90mm.svg"].decode()


@pytest.mark.parametrize("name", ["promise-csv", "promise-png"])
def test_a_study_that_did_not_has_none_and_says_what_measures_it(name: str) -> None:
    with pytest.raises(BadInput, match=f"holds nothing for '{name}': ask for the extra 'leakage'"):
        exported(subject(), name)


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_study_without_results_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(BadInput, match="study '0123456789abcdef' has no results yet: export it when"):
        exported(subject(frame=frame()), name)


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(BadInput, match=r"format 'pgn' is unknown \(did you mean 'png'\?\); choose from: caption, csv,"):
        exported(subject(), "pgn")
    with pytest.raises(BadInput, match="width=100 mm is not one of 90, 180"):
        exported(subject(), "png", 100)


@pytest.mark.parametrize(
    "dataset", ["folder:cats-1a2b3c4d", "../../etc/passwd", "a\\b\nc", "x" * 500, "\u202e.exe", ""]
)
def test_file_names_hold_nothing_that_a_file_system_minds(dataset: str) -> None:
    for name in FORMATS:
        said = download_name(dataset, "0123456789abcdef", name, 90)
        assert said.startswith("frontier-")
        assert "0123456789abcdef" in said
        assert said.isascii()
        assert not set(said) & set("/\\:\n\0 ")
        assert ".." not in said
        assert len(said) < 140


AGAIN = """
import sys
from engine.report.export import exported
from tests.engine.report.test_export import subject
sys.stdout.buffer.write(exported(subject(), "zip"))
"""


def test_another_process_makes_the_same_bytes(everything: bytes, tmp_path: Path) -> None:
    """Whatever Python's own hash is seeded with, and whatever matplotlib's settings are there."""
    (tmp_path / "matplotlibrc").write_text("figure.facecolor: black\naxes.linewidth: 9\nsvg.hashsalt: mine\n")
    environment = os.environ | {"PYTHONHASHSEED": "7", "MPLCONFIGDIR": str(tmp_path), "TZ": "UTC+7"}
    done = subprocess.run([sys.executable, "-c", AGAIN], env=environment, capture_output=True, check=True)
    assert done.stdout == everything


def test_write_replaces_whole_files(tmp_path: Path) -> None:
    write(tmp_path / "new" / "folder", {"a": b"1", "b": b"2"})
    write(tmp_path / "new" / "folder", {"a": b"3"})
    assert {file.name: file.read_bytes() for file in (tmp_path / "new" / "folder").iterdir()} == {"a": b"3", "b": b"2"}


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(BadInput, match=r"file/out cannot be written \(Not a directory\): choose another folder"):
        writable(tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "kept"


FULL = """
import resource, sys
from pathlib import Path
from engine.report.export import write
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write(Path(sys.argv[1]), {"curves.csv": b"1" * 2000})
"""


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "curves.csv").write_text("old")
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "curves.csv cannot be written (File too large): free some space and try again." in done.stderr
    assert FrontierError.__name__ in done.stderr
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"curves.csv": "old"}
