"""What a person takes home: one catalogue of files that carry what made them, written whole or not at all."""

import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from engine.checks import known
from engine.errors import BadInput, FrontierError
from engine.events import Stands
from engine.promise import Guarantees
from engine.report import document, figures, lines, promise
from engine.report.caption import Part, caption
from engine.report.membership import LEAKAGE
from engine.report.tables import curves_csv, curves_parquet
from engine.study import Study

WIDTHS = (90, 180)  # mm: one column of a journal, and two
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the date of everything in a zip: the same study gives the same bytes


@dataclass(frozen=True)
class Subject:
    """What is exported: a study as it stands, the strength marked on its charts, and what its parts are called.

    `frame` holds finished results only; `parts` are data set, model and attack; `seconds` is None until it has ended.
    `made` is what study.json says of another machine that made it, empty for this one; `together` what releasing all
    of its models promises, None where that is not known. `withheld` says what is not in `frame` because it stays with
    the owner of the images.
    """

    study: Study
    digest: str
    state: str
    seconds: float | None
    frame: pd.DataFrame
    strength: float | None
    parts: tuple[Part, Part, Part]
    made: Mapping[str, Any] = field(default_factory=dict)
    together: Guarantees | None = None
    withheld: str = ""
    standing: Sequence[Stands] = ()

    @property
    def described(self) -> dict[str, Any]:
        here = document.described(
            self.study,
            self.digest,
            self.frame,
            state=self.state,
            seconds=self.seconds,
            together=self.together,
        )
        return here | dict(self.made) | ({"withheld": self.withheld} if self.withheld else {})

    @property
    def caption(self) -> str:
        said = caption(self.study, self.digest, self.frame, self.parts, self.strength, self.together, self.standing)
        return f"{said} {self.withheld}".rstrip()

    @property
    def information(self) -> figures.TradeOff:
        return figures.trade_off(
            self.frame,
            epsilons=lines.of_study(self.study),
            radii=self.study.attack.eps or (),
            norm=self.study.attack.norm,
            strength=self.strength,
        )


@dataclass(frozen=True)
class Format:
    """One kind of file: its name, with `{width}` where there is one a width, and its bytes.

    `fits` says of a result table whether there is anything in it for such a file.
    """

    file: str
    media: str
    made: Callable[[Subject, int], bytes]
    fits: Callable[[pd.DataFrame], bool] = lambda frame: True

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths that change what is in the file."""
        return WIDTHS if "{width}" in self.file else WIDTHS[-1:]


def _picture(kind: str) -> Callable[[Subject, int], bytes]:
    def made(subject: Subject, width: int) -> bytes:
        from engine.report.printing import printed  # half a second, which only pictures should cost

        return printed(subject.information, kind, width=width, note=_note(subject), about=_about(subject))

    return made


def _promise(kind: str) -> Callable[[Subject, int], bytes]:
    def made(subject: Subject, width: int) -> bytes:
        from engine.report.promise_printing import printed

        info = promise.promise(subject.frame, lines.of_study(subject.study))
        return printed(info, kind, width=width, note=_note(subject), about=_about(subject))

    return made


def _note(subject: Subject) -> str:
    return "" if subject.withheld else document.unfinished(subject.study, subject.frame)


def _about(subject: Subject) -> dict[str, str]:
    return {"Title": f"Frontier, study {subject.digest}", "Description": subject.caption}


def _promise_csv(subject: Subject, width: int) -> bytes:
    table = promise.table(promise.promise(subject.frame, lines.of_study(subject.study)))
    return table.to_csv(index=False, lineterminator="\n").encode()


def _everything(subject: Subject, width: int) -> bytes:
    """A zip of one folder with every other file, pictures in both widths."""
    buffer = io.BytesIO()
    folder = stem(subject.study.dataset, subject.digest)
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted(_all_files(subject)):
            entry = zipfile.ZipInfo(f"{folder}/{name}", LONG_AGO)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _all_files(subject: Subject) -> Iterator[tuple[str, bytes]]:
    for name, kind in fitting(subject.frame).items():
        for width in kind.widths if name != "zip" else ():
            yield file_name(name, width), kind.made(subject, width)


FORMATS: Mapping[str, Format] = {
    "zip": Format("everything.zip", "application/zip", _everything),
    "csv": Format("curves.csv", "text/csv", lambda subject, _: curves_csv(subject.frame)),
    "parquet": Format(
        "curves.parquet",
        "application/vnd.apache.parquet",
        lambda subject, _: curves_parquet(subject.frame, document.as_json(subject.described)),
    ),
    "json": Format(
        "curves.json",
        "application/json",
        lambda subject, _: document.curves_json(subject.frame, subject.described),
    ),
    "study": Format("study.json", "application/json", lambda subject, _: document.as_json(subject.described)),
    "png": Format("figure-{width}mm.png", "image/png", _picture("png")),
    "svg": Format("figure-{width}mm.svg", "image/svg+xml", _picture("svg")),
    "pdf": Format("figure-{width}mm.pdf", "application/pdf", _picture("pdf")),
    "caption": Format("caption.txt", "text/plain", lambda subject, _: f"{subject.caption}\n".encode()),
    "promise-csv": Format("promise.csv", "text/csv", _promise_csv, promise.measured),
    "promise-png": Format("promise-{width}mm.png", "image/png", _promise("png"), promise.measured),
    "promise-svg": Format("promise-{width}mm.svg", "image/svg+xml", _promise("svg"), promise.measured),
    "promise-pdf": Format("promise-{width}mm.pdf", "application/pdf", _promise("pdf"), promise.measured),
}


def fitting(frame: pd.DataFrame) -> dict[str, Format]:
    """The formats that there are of a result table."""
    return {name: kind for name, kind in FORMATS.items() if kind.fits(frame)}


def exported(subject: Subject, name: str, width: int = WIDTHS[-1]) -> bytes:
    """The bytes of one format; `width` in mm matters to a picture alone. The same study gives the same bytes.

    BadInput for a format or width that there is not, and for a study without results.
    """
    kind = FORMATS[known("format", name, FORMATS)]
    if width not in WIDTHS:
        raise BadInput(f"width={width} mm is not one of {', '.join(map(str, WIDTHS))}")
    if subject.frame.empty:
        raise BadInput(f"study '{subject.digest}' has no results yet: export it when its first points are there")
    if not kind.fits(subject.frame):
        raise BadInput(
            f"study '{subject.digest}' holds nothing for '{name}': ask for the extra '{LEAKAGE}' to measure it"
        )
    return kind.made(subject, width)


def file_name(name: str, width: int = WIDTHS[-1]) -> str:
    """What a format is called in a folder of its own.

    >>> file_name("csv"), file_name("png", 90)
    ('curves.csv', 'figure-90mm.png')
    """
    return FORMATS[name].file.format(width=width)


def download_name(dataset: str, digest: str, name: str, width: int = WIDTHS[-1]) -> str:
    """What a format is called among the files of others.

    >>> download_name("folder:cats/1", "0123", "svg", 90), download_name("digits", "0123", "zip")
    ('frontier-folder-cats-1-0123-figure-90mm.svg', 'frontier-digits-0123.zip')
    """
    start = stem(dataset, digest)
    return f"{start}.zip" if name == "zip" else f"{start}-{file_name(name, width)}"


def stem(dataset: str, digest: str) -> str:
    """How the names of a study's files begin: nothing in it means anything to a file system.

    >>> stem("../Кот: 1", "0123")
    'frontier-1-0123'
    """
    return "-".join(["frontier", *re.findall(r"[a-z0-9]+", dataset.lower()[:80]), *re.findall(r"\w+", digest)])


def writable(folder: Path) -> Path:
    """The folder, made if need be; BadInput when nothing can be written there. Leaves nothing behind."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise BadInput(f"--out {folder} cannot be written ({error.strerror}): choose another folder.") from None


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by write-then-rename: after an error each name holds its old content or nothing, never half."""
    writable(folder)
    for name, content in files.items():
        part = folder / f".{name}.part"
        try:
            part.write_bytes(content)
            part.replace(folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            reason = error.strerror
            raise FrontierError(
                f"{folder / name} cannot be written ({reason}): free some space and try again."
            ) from None
