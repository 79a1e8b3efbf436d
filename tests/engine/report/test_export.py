"""Files carry what made them, and are written whole or not at all."""

import json
import subprocess
import sys
from math import inf
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadInput, FrontierError
from engine.planning import resolve
from engine.report.export import GUARANTEE, machine, promises, study_json, versions, writable, write
from engine.study import Study, parse
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame

STUDY = resolve(parse({"privacy": {"epsilons": [3, "inf"]}}))


def document() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(study_json(STUDY, "0123", frame(CLEAN, ROBUST, OPEN), seconds=12.34))
    return content


def test_configuration_digest_and_duration_are_there() -> None:
    assert (document()["digest"], document()["state"], document()["duration_seconds"]) == ("0123", "done", 12.34)
    assert parse(document()["study"]) == STUDY


def test_every_budget_states_its_promise() -> None:
    private, without = document()["privacy"]
    assert list(private) == GUARANTEE
    assert (private["epsilon"], private["delta"], private["noise_multiplier"]) == (3.0, 1e-5, 5.5)
    assert (without["epsilon"], without["delta"], without["max_grad_norm"]) == ("inf", None, "inf")
    assert private["unit"] == "one image added or removed"
    assert any("no guarantee once the seed is known" in caveat for caveat in document()["caveats"])


def test_versions_and_machine_say_where_it_ran() -> None:
    assert versions()["torch"].startswith("2.")
    assert "missing" not in versions().values()
    assert machine()["cores"] >= 1
    assert document()["machine"]["processor"]


def test_no_results_yet_is_a_document_too() -> None:
    assert promises(frame()) == []
    assert json.loads(study_json(Study(), "0", frame(), state="stopped"))["n_results"] == 0


def test_json_holds_no_infinity() -> None:
    text = study_json(STUDY, "0", frame(OPEN)).decode()
    assert "Infinity" not in text
    assert "NaN" not in text
    assert inf in parse(json.loads(text)["study"]).privacy.epsilons


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
