"""One database behind a URL: opened, migrated, errors told in one sentence. All that is SQLite's own is here."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from engine.errors import StoreError
from engine.store import tables
from engine.store.migrations import MIGRATIONS

FILE = "store.sqlite3"
PATIENCE_S = 30  # how long one waits for another's lock


class Database:
    """Transactions on one store. Readers see one moment; writers queue up instead of failing when they meet.

    Every error is a StoreError: one sentence that names the store and the remedy.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            _speak_sqlite(self.engine)
        self._ready = False
        self._lock = threading.Lock()

    @classmethod
    def at(cls, home: Path) -> "Database":
        """The SQLite store in the folder `home`, which is made; StoreError when it cannot be."""
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(_folder_sentence(home, error)) from None
        return cls(f"sqlite:///{home / FILE}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._explained():
            self._prepare()
            with self.engine.connect() as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: all of it is kept, or nothing."""
        with self._explained():
            self._prepare()
            with self._writer() as connection:
                yield connection

    @contextmanager
    def _writer(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def settle(self) -> None:
        """Make sure that what was written is there after a power cut, too: with WAL a commit alone does not."""
        if self.engine.dialect.name != "sqlite":
            return
        with suppress(FileNotFoundError), Path(f"{self.engine.url.database}-wal").open("rb") as log:
            os.fsync(log.fileno())

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    def _prepare(self) -> None:
        if self._ready:
            return
        with self._lock:
            if not self._ready:
                self._migrate()
                self._ready = True

    def _migrate(self) -> None:
        if self._schema() == tables.SCHEMA:
            return
        with self._writer() as connection:
            number = _schema_of(connection)
            if number is not None and number < tables.SCHEMA:
                self._back_up(number)  # with the lock in hand: nobody else migrates what is copied
            if number is None:
                tables.metadata.create_all(connection)
            for step in range(number if number is not None else tables.SCHEMA, tables.SCHEMA):
                MIGRATIONS[step](connection)
            upsert(connection, tables.meta, [{"key": "schema", "value": str(tables.SCHEMA)}], ["key"])

    def _schema(self) -> int | None:
        with self.engine.connect() as connection:
            number = _schema_of(connection)
        if number is not None and number > tables.SCHEMA:
            raise StoreError(
                f"The store {self.name} has schema {number} and this version knows {tables.SCHEMA}: "
                "use a newer Frontier, or set FRONTIER_HOME to another folder."
            )
        return number

    def _back_up(self, number: int) -> None:
        if self.engine.dialect.name != "sqlite":
            return
        name = str(self.engine.url.database)
        with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(f"{name}.schema-{number}")) as copy:
            source.backup(copy)

    @property
    def name(self) -> str:
        """The file of the store, or its URL without the password."""
        return self.engine.url.database or self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StoreError(self._sentence(error)) from error
        except sqlite3.Error as error:
            raise StoreError(f"The store {self.name} could not be backed up: {error}.") from error

    def _sentence(self, error: DBAPIError) -> str:
        reason = str(error.orig).lower()
        if "locked" in reason or "busy" in reason:
            return f"The store {self.name} is locked by another process: close what holds it and try again."
        if "full" in reason or "i/o" in reason:
            return f"The store {self.name} could not be written ({error.orig}): free space on its disk and try again."
        if "unable to open" in reason or "readonly" in reason:
            return f"The store {self.name} cannot be written: set FRONTIER_HOME to a folder that can."
        if "not a database" in reason or "malformed" in reason:
            return f"The store {self.name} is damaged ({error.orig}): move it away, or bring back a copy."
        return f"The store {self.name} failed: {error.orig}."


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
    """Insert rows; a row whose `key` columns are there already replaces the rest of it."""
    if not rows:
        return
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    rest = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=rest), list(rows))


def _schema_of(connection: Connection) -> int | None:
    if not inspect(connection).has_table("meta"):
        return None
    found = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == "schema")).scalar()
    return None if found is None else int(found)


def _folder_sentence(folder: Path, error: OSError) -> str:
    return f"The folder {folder} cannot be used ({error.strerror}): set FRONTIER_HOME to a folder that can be written."


def _write_ahead(connection: sqlite3.Connection) -> None:
    """The switch to WAL turns a read lock into a write lock: SQLite does not wait there when two meet, so we do."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _speak_sqlite(engine: Engine) -> None:
    """WAL and a patient lock; writers take the write lock at BEGIN, or a read-then-write fails when two meet."""

    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={PATIENCE_S * 1000}")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
