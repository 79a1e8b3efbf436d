"""A zip of pictures that somebody else made: nothing is extracted, nothing is believed."""

import re
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from engine.data.files import MAX_FILES, File, not_too_many, refusing, shown, within_bounds
from engine.errors import BadInput

MAX_ZIP = 200 << 20  # bytes
MAX_INFLATED = 1_000_000_000  # bytes of all files together
MAX_RATIO = 100  # pictures are compressed already: a zip makes them little smaller
SMALL = 100_000  # bytes; a file that inflates to no more does no harm, whatever its ratio
MAX_PATH = 240  # characters
DIRECTORY = 128 * MAX_FILES  # bytes of the list of entries, which is read at once
LOCAL_HEADER = 30  # bytes before an entry's name and data


class _Sips:
    """A file of which never more is read at once than a list of MAX_FILES entries takes, whatever it says of itself."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        if size > DIRECTORY:
            raise BadInput(f"the zip's list of entries has {size:,} bytes: at most {DIRECTORY:,} are read.")
        return self._stream.read(size if size >= 0 else DIRECTORY)


@contextmanager
def files(source: Path | BinaryIO) -> Iterator[list[File]]:
    """The files of a zip, which are readable inside the block; BadInput in one sentence when anything is odd."""
    with _stream(source) as stream:
        _small_enough(stream)
        with refusing("this is not a zip, or it is damaged: its list of entries cannot be read."):
            archive = ZipFile(_Sips(stream))
        with archive:
            yield _checked(archive)


def _stream(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    if not isinstance(source, Path):
        return nullcontext(source)
    try:
        return source.open("rb")
    except OSError as error:
        raise BadInput(f"{source} cannot be read ({error.strerror}).") from None


def _small_enough(stream: BinaryIO) -> None:
    size = stream.seek(0, 2)
    stream.seek(0)
    if size > MAX_ZIP:
        raise BadInput(f"the zip has {size:,} bytes: at most {MAX_ZIP:,} are read.")


def _checked(archive: ZipFile) -> list[File]:
    entries = archive.infolist()
    not_too_many(len(entries))
    for entry in entries:
        _name(entry)
        _kind(entry)
        _size(entry)
    _once(entries)
    _apart(entries, archive.start_dir)
    _together(entries)
    return [File(entry.filename, _reader(archive, entry)) for entry in entries if not entry.is_dir()]


def _name(entry: ZipInfo) -> None:
    """The name as it was written: `filename` has been cut at a zero byte already."""
    name = entry.orig_filename
    if len(name) > MAX_PATH:
        raise BadInput(f"the name {shown(name)} has {len(name)} characters: at most {MAX_PATH} are read.")
    if not name or not name.isprintable():
        raise BadInput(f"the name {shown(name)} holds characters that cannot be printed.")
    if "\\" in name:
        raise BadInput(f"the name {shown(name)} holds a backslash: use / between folders.")
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        raise BadInput(f"the name {shown(name)} begins at the root of a disk: use names inside the zip.")
    if {"", ".", ".."} & set(name.removesuffix("/").split("/")):
        raise BadInput(f"the name {shown(name)} leads out of its folder: use plain names.")


def _kind(entry: ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a link" if kind == stat.S_IFLNK else "no plain file"
        raise BadInput(f"{shown(entry.filename)} is {what}: put the picture itself into the zip.")
    if entry.flag_bits & 1:
        raise BadInput(f"{shown(entry.filename)} is encrypted: make the zip without a password.")
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise BadInput(f"{shown(entry.filename)} is packed by method {entry.compress_type}: only 0 and 8 are read.")


def _size(entry: ZipInfo) -> None:
    within_bounds(entry.filename, entry.file_size)
    if entry.file_size > max(SMALL, MAX_RATIO * entry.compress_size):
        ratio = entry.file_size / max(1, entry.compress_size)
        raise BadInput(f"{shown(entry.filename)} inflates {ratio:,.0f} times: at most {MAX_RATIO} times is read.")


def _once(entries: list[ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.filename in seen:
            raise BadInput(f"{shown(entry.filename)} is in the zip twice: keep one of them.")
        seen.add(entry.filename)


def _apart(entries: list[ZipInfo], end_of_data: int) -> None:
    """No two entries share bytes: some bombs are one small file under thousands of names."""
    last, end = "", 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise BadInput(f"{shown(entry.filename)} and {shown(last)} overlap in the zip: make it anew.")
        last = entry.filename
        end = entry.header_offset + LOCAL_HEADER + len(entry.orig_filename) + entry.compress_size
    if end > end_of_data:
        raise BadInput(f"{shown(last)} runs into the zip's list of entries: make it anew.")


def _together(entries: list[ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if total > MAX_INFLATED:
        raise BadInput(f"the zip inflates to {total:,} bytes: at most {MAX_INFLATED:,} are read.")


def _reader(archive: ZipFile, entry: ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        damaged = f"{shown(entry.filename)} is damaged in the zip: its size or checksum is not what the zip says."
        with refusing(damaged), archive.open(entry) as stream:
            content = stream.read(entry.file_size + 1)  # never more, and with the end comes the checksum
            if len(content) != entry.file_size:
                raise BadInput(damaged)
            return content

    return read
