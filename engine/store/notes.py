"""Notes and tags of studies, kept."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, update

from engine.notes import note_checked, tags_checked
from engine.store.database import Database
from engine.store.queue import bump
from engine.store.tables import studies
from engine.store.tables import tags as tagged


class Notes:
    """Notes and tags by study."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, digest: str, *, note: str | None = None, tags: Iterable[str] | None = None) -> bool:
        """Replace what is given; False if there is no such study. BadInput, before anything is kept, if too long."""
        with self._database.write() as connection:
            if not bump(connection, digest):
                return False
            if note is not None:
                connection.execute(update(studies).where(studies.c.digest == digest).values(note=note_checked(note)))
            if tags is not None:
                _retag(connection, digest, tags_checked(tags))
        return True


def _retag(connection: Connection, digest: str, kept: list[str]) -> None:
    connection.execute(delete(tagged).where(tagged.c.study == digest))
    if kept:
        connection.execute(insert(tagged), [{"study": digest, "tag": tag} for tag in kept])
