"""The store's file: opened, migrated, refused, and full; never half-written."""

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from engine.errors import StoreError
from engine.store import database, tables
from engine.store.database import FILE, Database
from engine.store.migrations import Step
from engine.store.store import Store

ROOT = Path(__file__).parents[2]


def schema(home: Path) -> str:
    with sqlite3.connect(home / FILE) as connection:
        return str(connection.execute("SELECT value FROM meta").fetchone()[0])


def test_a_new_store_holds_its_schema_number_and_speaks_wal(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.database.read() as connection:
        modes = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
        assert modes == ["wal", 1]
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30000
    assert schema(tmp_path) == str(tables.SCHEMA)


def test_a_newer_store_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with Database.at(tmp_path).write() as connection:
        connection.execute(text("UPDATE meta SET value = '7'"))
    with pytest.raises(
        StoreError, match=rf"^The store .* has schema 7 and this version knows {tables.SCHEMA}: .*FRONTIER_HOME"
    ):
        Store(tmp_path).queue.peek()
    assert schema(tmp_path) == "7"


def add_colour(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE studies ADD COLUMN colour VARCHAR"))


def break_half_way(connection: Connection) -> None:
    add_colour(connection)
    connection.execute(text("INSERT INTO nowhere VALUES (1)"))


def newer_version(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    monkeypatch.setattr(tables, "SCHEMA", tables.SCHEMA + 1)
    monkeypatch.setattr(database, "MIGRATIONS", {tables.SCHEMA - 1: step})


def columns(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(studies)")]


def test_an_older_store_is_backed_up_and_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).queue.peek()
    before = tables.SCHEMA
    newer_version(monkeypatch, add_colour)
    Store(tmp_path).database.read().__enter__()
    assert schema(tmp_path) == str(before + 1)
    assert "colour" in columns(tmp_path / FILE)
    assert "colour" not in columns(tmp_path / f"{FILE}.schema-{before}")


def test_nobody_else_migrates_while_the_backup_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the backup of the second process could hold what the first one has migrated."""
    Store(tmp_path).queue.peek()
    newer_version(monkeypatch, add_colour)
    made = Database._back_up

    def watched(self: Database, number: int) -> None:
        with (
            closing(sqlite3.connect(tmp_path / FILE, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")
        made(self, number)

    monkeypatch.setattr(Database, "_back_up", watched)
    Store(tmp_path).queue.peek()
    assert schema(tmp_path) == str(tables.SCHEMA)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).queue.peek()
    before = schema(tmp_path)
    newer_version(monkeypatch, break_half_way)
    with pytest.raises(StoreError):
        Store(tmp_path).queue.peek()
    assert schema(tmp_path) == before
    assert "colour" not in columns(tmp_path / FILE)


RELEASES = sorted((ROOT / "tests" / "engine" / "stores").glob("*.sql"))  # a store as each release left it


def of_release(dump: Path, home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))


@pytest.mark.parametrize("dump", RELEASES, ids=lambda dump: dump.stem)
def test_a_store_of_each_release_opens_with_all_it_held(dump: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    of_release(dump, home)
    number = schema(home)
    store = Store(home)
    done, waiting = store.overview.study("12fabcd3e1444021"), store.overview.study("701a6d5641ee3087")
    assert done is not None
    assert waiting is not None
    assert (done.n_points, [job.state for job in done.jobs], done.note, done.tags) == (6, ["done"], "", ())
    assert [job.state for job in waiting.jobs] == ["queued", "queued"]
    assert list(store.measured.frame(done.digest)["value"]) == [0.583, 0.757, 0.707, 0.708, 0.881, 0.882]
    assert list(store.measured.runs(done.digest)["run"]) == [1, 2]
    assert store.measured.speeds() == {("digits", "scattering-linear", "train", 2): 1e-6}
    claim = store.queue.claim()
    assert claim is not None
    assert (claim.id, claim.study, claim.job.epsilons) == (2, waiting.digest, (1.0,))
    store.close()
    assert schema(home) == str(tables.SCHEMA)
    assert schema_of_file(home / f"{FILE}.schema-{number}") == number


def schema_of_file(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0])


@pytest.mark.parametrize("dump", RELEASES, ids=lambda dump: dump.stem)
def test_a_migrated_store_is_built_like_a_new_one(dump: Path, tmp_path: Path) -> None:
    of_release(dump, tmp_path / "old")
    for home in ("old", "new"):
        Store(tmp_path / home).queue.peek()
    assert built(tmp_path / "old") == built(tmp_path / "new")


def built(home: Path) -> dict[str, object]:
    """Columns, foreign keys, indexes, and whether numbers are used once, of every table."""
    with closing(sqlite3.connect(home / FILE)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()

        def about(what: str, name: str) -> list[object]:
            return sorted(row[1:] for row in connection.execute(f"PRAGMA {what}({name})"))

        def indexes(name: str) -> list[object]:
            listed = connection.execute(f"PRAGMA index_list({name})").fetchall()
            own = [(row[1] if row[3] == "c" else row[3], row[2], about("index_info", row[1])) for row in listed]
            return sorted(own, key=str)

        return {
            name: (about("table_info", name), about("foreign_key_list", name), indexes(name), "AUTOINCREMENT" in sql)
            for name, sql in found
        }


def test_a_folder_below_a_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"^The folder .*file/home cannot be used .*FRONTIER_HOME"):
        Store(tmp_path / "file" / "home")


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"is damaged"):
        Store(tmp_path).queue.peek()


def test_many_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def open_it(home: Path) -> None:
        try:
            Store(home).queue.peek()
        except Exception as error:
            errors.append(error)

    for number in range(40):  # without patience at the switch to WAL one in forty fails
        threads = [threading.Thread(target=open_it, args=[tmp_path / str(number)]) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []


def test_the_switch_to_wal_waits_for_another_writer(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None, check_same_thread=False)) as holder:
        holder.execute("CREATE TABLE other (x)")  # not in WAL yet: a write lock keeps the switch out
        holder.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, holder.execute, ["COMMIT"])
        release.start()
        began = time.monotonic()
        assert Store(tmp_path).queue.peek() == (False, [])
        release.join()
    assert time.monotonic() - began > 0.2, "it did not have to wait"


FULL_DISK = """
import resource, sys
from pathlib import Path
from engine.errors import StoreError
from engine.store.store import Store
from sqlalchemy import text
store = Store(Path(sys.argv[1]))
with store.database.write() as connection:
    connection.execute(text("INSERT INTO meta VALUES ('before', 'kept')"))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
try:
    with store.database.write() as connection:
        for i in range(100):
            connection.execute(text("INSERT INTO meta VALUES (:key, :value)"), {"key": f"k{i}", "value": "x" * 10_000})
except StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
with store.database.write() as connection:
    connection.execute(text("INSERT INTO meta VALUES ('after', 'kept')"))
    print([row[0] for row in connection.execute(text("SELECT key FROM meta ORDER BY key"))])
    print(connection.execute(text("PRAGMA integrity_check")).scalar())
"""


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], cwd=ROOT, capture_output=True, text=True)
    sentence, keys, integrity = run.stdout.splitlines()
    assert "could not be written" in sentence
    assert "free space" in sentence
    assert keys == "['after', 'before', 'schema']"
    assert integrity == "ok"
