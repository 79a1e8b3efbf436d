"""Rows that follow one another: the hash of each covers the row and the hash before it, so that no change goes unseen.

It shows that rows were changed, removed or moved. It does not stop whoever may write the store, its heads and the file
beside it all together: that person can make a new chain.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from engine.store.said import said

BEGINNING = "0" * 64  # what the first row follows
FILE = "ledger.json"  # beside the store: the newest row of each data set
ACCEPTED = "accepted"  # the kind of a row by which an owner goes on from rows that do not add up


@dataclass(frozen=True)
class Row:
    """One row of a data set's ledger: its number there (from 1), when it was written (seconds since 1970), and what."""

    dataset: str
    number: int
    written: float
    kind: str
    body: str
    previous: str
    hash: str

    @property
    def head(self) -> "Head":
        return Head(self.number, self.hash)

    @cached_property
    def said(self) -> dict[str, Any]:
        """What stands in it; {} when that is not readable any more."""
        return said(self.body)


@dataclass(frozen=True)
class Head:
    """The newest row, as it is remembered in another place; number 0: which one it was is forgotten there."""

    number: int
    hash: str


def row(dataset: str, after: Head | None, written: float, kind: str, said: Mapping[str, Any]) -> Row:
    """The row that follows `after`, sealed."""
    number, previous = (after.number + 1, after.hash) if after else (1, BEGINNING)
    body = json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return Row(dataset, number, written, kind, body, previous, sealed(dataset, number, written, kind, body, previous))


def read(values: Iterable[Any]) -> Row:
    """A row as the store gives it; of another kind of value than was written a stand-in, which no hash fits."""
    dataset, number, written, *rest = values
    texts = [value if isinstance(value, str) else repr(value) for value in (dataset, *rest)]
    when = float(written) if isinstance(written, int | float) and isfinite(written) else -1.0
    return Row(texts[0], number if isinstance(number, int) else 0, when, *texts[1:])


def sealed(*content: str | float) -> str:
    """The hash of a row: of everything in it and, by `previous`, of all rows before it."""
    return hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()


def standing(rows: Iterable[Row]) -> str:
    """Names rows as they stand, whether they add up or not."""
    return sealed(*(value for one in rows for value in _content(one)))


def _content(one: Row) -> tuple[str | float, ...]:
    return one.dataset, one.number, one.written, one.kind, one.body, one.previous, one.hash


def problems(rows: Sequence[Row], last: Head | None, noted: Head | None) -> list[str]:
    """What does not add up, a phrase each; [] when all does.

    `last` is the newest row as the store remembers it, `noted` one that the file beside it has seen: that may lag.
    """
    return _broken(rows) + _cut(rows, last, noted)


def _broken(rows: Sequence[Row]) -> list[str]:
    found: list[str] = []
    before = Head(0, BEGINNING)
    for position, one in enumerate(rows):
        if one.kind == ACCEPTED and one.said.get("standing") == standing(rows[:position]):
            found = []
        elif one.number != before.number + 1:
            found.append(_missing(before.number + 1, one.number - 1))
        elif one.previous != before.hash:
            found.append(f"row {one.number} does not follow the row before it")
        if one.hash != sealed(*_content(one)[:-1]):
            found.append(f"row {one.number} was changed after it was written")
        before = one.head
    return found


def _cut(rows: Sequence[Row], last: Head | None, noted: Head | None) -> list[str]:
    heads, newest = [one.head for one in rows], rows[-1].number if rows else 0
    cut = max(head.number for head in (last, noted, Head(0, "")) if head)
    if cut > newest:
        return [f"{_missing(newest + 1, cut)} at the end"]
    if noted is not None and noted.number == 0:
        return [f"{FILE}, which remembers its newest row, was missing or unreadable"]
    if last != (heads[-1] if heads else None):
        return [f"row {newest} is not the one that the store remembers as the last"]
    return [] if noted is None or noted in heads else [f"row {noted.number} is not the one that {FILE} remembers"]


def _missing(first: int, last: int) -> str:
    return f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"
