"""The store's file: opened, migrated, refused, and full; never half-written."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from engine.errors import StoreError
from engine.store import database, tables
from engine.store.database import FILE, Database
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
    with pytest.raises(StoreError, match=r"^The store .* has schema 7 and this version knows 1: .*FRONTIER_HOME"):
        Store(tmp_path).queue.peek()
    assert schema(tmp_path) == "7"


def add_colour(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE studies ADD COLUMN colour VARCHAR"))


def break_half_way(connection: Connection) -> None:
    add_colour(connection)
    connection.execute(text("INSERT INTO nowhere VALUES (1)"))


def newer_version(monkeypatch: pytest.MonkeyPatch, step: database.Step) -> None:
    monkeypatch.setattr(tables, "SCHEMA", 2)
    monkeypatch.setattr(database, "MIGRATIONS", {1: step})


def columns(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(studies)")]


def test_an_older_store_is_backed_up_and_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).queue.peek()
    newer_version(monkeypatch, add_colour)
    Store(tmp_path).database.read().__enter__()
    assert schema(tmp_path) == "2"
    assert "colour" in columns(tmp_path / FILE)
    assert "colour" not in columns(tmp_path / f"{FILE}.schema-1")


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).queue.peek()
    newer_version(monkeypatch, break_half_way)
    with pytest.raises(StoreError):
        Store(tmp_path).queue.peek()
    assert schema(tmp_path) == "1"
    assert "colour" not in columns(tmp_path / FILE)


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
        Store(tmp_path).queue.peek()
        release.join()


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
