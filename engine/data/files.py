"""Files of labelled images before anyone trusts them: their names, their sizes, and one sentence when refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.errors import BadInput, FrontierError

MAX_FILES = 120_000  # names in one folder or zip
MAX_BYTES = 20_000_000  # of one file, inflated
PICTURES = (".png", ".jpg", ".jpeg")
LEFT_BEHIND = ("__MACOSX", "Thumbs.db", "desktop.ini")  # what systems add unasked; so is what begins with a dot


@dataclass(frozen=True)
class File:
    """One file: its path inside the folder or zip, "/" between parts, and how to read it whole."""

    path: str
    read: Callable[[], bytes]

    @property
    def is_picture(self) -> bool:
        return self.path.lower().endswith(PICTURES)

    @property
    def is_noise(self) -> bool:
        """Left there by a system, not by a person."""
        return any(part.startswith(".") or part in LEFT_BEHIND for part in self.path.split("/"))


def shown(path: str) -> str:
    """A name from elsewhere as it may stand in a sentence.

    >>> shown("a" * 80 + ".png"), shown("x\\n\\u202ey")
    ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaa.png'", "'x??y'")
    """
    plain = "".join(character if character.isprintable() else "?" for character in path)
    return f"'{plain}'" if len(plain) <= 60 else f"'{plain[:28]}...{plain[-28:]}'"


def within_bounds(path: str, size: int) -> None:
    """BadInput when a file is larger than anything that is read."""
    if size > MAX_BYTES:
        raise BadInput(f"{shown(path)} has {size:,} bytes: a picture may have at most {MAX_BYTES:,}.")


def not_too_many(n: int) -> None:
    """BadInput when there are more names than are looked at."""
    if n > MAX_FILES:
        raise BadInput(f"there are {n:,} files or more: at most {MAX_FILES:,} are looked at.")


@contextmanager
def refusing(sentence: str) -> Iterator[None]:
    """Libraries answer hostile bytes with exceptions of every kind: all become this sentence, ours stay as they are."""
    try:
        yield
    except FrontierError:
        raise
    except Exception:
        raise BadInput(sentence) from None
