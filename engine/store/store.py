"""The store of one home folder: everything that is remembered, behind plain objects."""

import threading
from functools import lru_cache
from pathlib import Path

from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.measured import Measured
from engine.store.notes import Notes
from engine.store.overview import Overview
from engine.store.queue import Queue


class Store:
    """`queue`: jobs and who may work on them; `measured`: results; `overview`: what pages list; `notes`: what people
    write beside it; `ledger`: what was released of each data set.

    Opening makes the folder; the file is made or migrated at the first use. Errors are StoreErrors.
    """

    def __init__(self, home: Path) -> None:
        self.database = Database.at(home)
        self.queue = Queue(self.database)
        self.measured = Measured(self.database, self.queue)
        self.overview = Overview(self.database)
        self.notes = Notes(self.database)
        self.ledger = Ledger(self.database, self.queue, home)

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()


_opening = threading.Lock()


def opened(home: Path) -> Store:
    """The store of a home folder, opened once in a process."""
    with _opening:
        return _opened(home)


@lru_cache(maxsize=16)
def _opened(home: Path) -> Store:
    return Store(home)
