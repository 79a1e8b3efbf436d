"""Labelled pictures, drawn: discs and squares of any place, size and shade; and zips of them, good and hostile."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Files = dict[str, bytes]
KINDS = ("disc", "square")
N, SIDE = 15, 16  # pictures of a class, pixels a side


def drawn(kind: str, seed: int, side: int = SIDE, *, colour: bool = False) -> NDArray[np.uint8]:
    """(side, side) grey or (side, side, 3): a bright shape on dark ground."""
    random = np.random.default_rng([KINDS.index(kind), seed])
    y, x = np.mgrid[:side, :side] / side - 0.5
    (cx, cy), reach = random.uniform(-0.1, 0.1, 2), random.uniform(0.2, 0.35)
    far = np.hypot(x - cx, y - cy) if kind == "disc" else np.maximum(abs(x - cx), abs(y - cy)) * 1.15
    shade = random.integers(0, 90, (side, side, 3)) + np.where(far < reach, 150, 0)[..., None]
    return (shade if colour else shade[..., 0]).astype(np.uint8)


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **how)
    return out.getvalue()


def shapes(n: int = N, *, above: str = "", colour: bool = False, first: int = 0, side: int = SIDE) -> Files:
    """`n` PNG files of each kind by their path; `first`: where to begin, so that two calls share no picture."""
    return {
        f"{above}{kind}/{i}.png": encoded(drawn(kind, i, side, colour=colour))
        for kind in KINDS
        for i in range(first, first + n)
    }


def split() -> Files:
    return shapes(12, above="train/") | shapes(4, above="test/", first=100)


def zipped(files: Mapping[str, bytes], *, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def with_entry(info: zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    """Good pictures, and one more entry as described."""
    out = io.BytesIO(zipped(shapes()))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(info, content)
    return out.getvalue()


def _link() -> bytes:
    info = zipfile.ZipInfo("disc/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return with_entry(info, b"/etc/passwd")


def _twice() -> bytes:
    out = io.BytesIO(zipped(shapes()))
    with zipfile.ZipFile(out, "a") as archive:
        archive.filelist.pop()
        archive.NameToInfo.clear()  # or zipfile would warn
        archive.writestr("disc/0.png", b"another")
        archive.filelist[:] = [*zipfile.ZipFile(io.BytesIO(zipped(shapes()))).filelist, archive.filelist[-1]]
    return out.getvalue()


def patched(good: bytes, name: str, at: int, form: str, value: int) -> bytes:
    """The zip with one field of the entry `name` in its list of entries changed: `at` bytes from where that begins."""
    start = good.rindex(name.encode()) - 46
    assert good[start : start + 4] == b"PK\1\2"
    return good[: start + at] + struct.pack(form, value) + good[start + at + struct.calcsize(form) :]


def _shared() -> bytes:
    """The last entry shows the bytes of the first."""
    return patched(zipped(shapes()), f"square/{N - 1}.png", 42, "<I", 0)


def _bad_checksum() -> bytes:
    return patched(zipped(shapes()), "disc/3.png", 16, "<I", 0xDEADBEEF)


def _lying(by: int) -> bytes:
    good = zipped(shapes())
    size = zipfile.ZipFile(io.BytesIO(good)).getinfo("disc/3.png").file_size
    return patched(good, "disc/3.png", 24, "<I", size + by)


def _encrypted() -> bytes:
    return patched(zipped(shapes()), "disc/3.png", 8, "<H", 1)


def _beyond() -> bytes:
    """The last entry says that it has more bytes than there are before the list of entries."""
    return patched(zipped(shapes(), how=zipfile.ZIP_STORED), f"square/{N - 1}.png", 20, "<I", 10_000)


def _more(name: str, content: bytes) -> Callable[[], bytes]:
    return lambda: zipped({**shapes(), name: content})


def _huge_png() -> bytes:
    """12,000 x 12,000 pixels in few bytes, though a zip of it is much smaller still."""
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    return out.getvalue()


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def many_scans(n: int) -> bytes:
    """A progressive JPEG whose last scan, of no new bit, comes `n` times more."""
    good = encoded(drawn("disc", 1000, 64), "JPEG", progressive=True)
    last = good.rindex(b"\xff\xda")
    head = good[last : last + 2 + int.from_bytes(good[last + 2 : last + 4], "big")]
    return good.removesuffix(b"\xff\xd9") + n * head + b"\xff\xd9"


PNG = encoded(drawn("disc", 1000))
JPEG = encoded(drawn("disc", 1000, 64), "JPEG")
GIF = encoded(drawn("disc", 1000), "GIF")

# each is the good zip but for one thing; with the sentence that refuses it
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "leaves by ..": (_more("../disc/x.png", PNG), "'../disc/x.png' leads out of its folder"),
    "leaves in the middle": (_more("disc/../../x.png", PNG), "leads out of its folder"),
    "begins at the root": (_more("/etc/x.png", PNG), "'/etc/x.png' begins at the root of a disk"),
    "drive letter": (_more("C:/x.png", PNG), "'C:/x.png' begins at the root of a disk"),
    "backslash": (_more("disc\\x.png", PNG), r"'disc\\x.png' holds a backslash"),
    "control character": (_more("disc/a\nb.png", PNG), r"'disc/a\?b.png' holds characters that cannot be printed"),
    "turned writing": (_more("disc/\u202egnp.png", PNG), "holds characters that cannot be printed"),
    "very long name": (_more("disc/" + 300 * "a" + ".png", PNG), "has 309 characters: at most 240"),
    "link": (_link, "'disc/link.png' is a link"),
    "encrypted": (_encrypted, "'disc/3.png' is encrypted"),
    "unusual packing": (lambda: zipped(shapes(), how=zipfile.ZIP_LZMA), "is packed by method 14"),
    "overlapping entries": (_shared, "'disc/0.png' overlap in the zip"),
    "runs into the list": (_beyond, "'square/14.png' runs into the zip's list of entries"),
    "twice": (_twice, "'disc/0.png' is in the zip twice"),
    "bomb": (_more("disc/x.png", bytes(15_000_000)), r"'disc/x.png' inflates 1,0\d\d times: at most 100"),
    "large file": (_more("disc/x.png", bytes(20_000_001)), "'disc/x.png' has 20,000,001 bytes"),
    "says too little": (lambda: _lying(-1), "'disc/3.png' is damaged in the zip"),
    "says too much": (lambda: _lying(1), "'disc/3.png' is damaged in the zip"),
    "wrong checksum": (_bad_checksum, "'disc/3.png' is damaged in the zip"),
    "cut": (lambda: _cut(zipped(shapes())), "this is not a zip, or it is damaged"),
    "no zip": (lambda: b"<html>not found</html>", "this is not a zip, or it is damaged"),
    "empty": (lambda: b"", "this is not a zip, or it is damaged"),
    "no entries": (lambda: zipped({}), "no picture was found"),
    "a zip inside": (lambda: zipped({"disc/inner.zip": zipped(shapes())}), "no picture was found"),
    "huge picture": (_more("disc/x.png", _huge_png()), "'disc/x.png' has 12,000 x 12,000 pixels: at most 16,777,216"),
    "half a PNG": (_more("disc/x.png", _cut(PNG)), "'disc/x.png' is damaged: it cannot be decoded"),
    "half a JPEG": (_more("disc/x.jpg", _cut(JPEG)), "'disc/x.jpg' is damaged: it cannot be decoded"),
    "many scans": (_more("disc/x.jpg", many_scans(2000)), r"'disc/x.jpg' has 2,0\d\d scans: at most 100 are decoded"),
    "text called PNG": (_more("disc/x.png", b"<svg/>"), "'disc/x.png' is neither a PNG nor a JPEG"),
    "GIF called PNG": (_more("disc/x.png", GIF), "'disc/x.png' is neither a PNG nor a JPEG"),
    "no folder": (_more("x.png", PNG), "'x.png' lies in no folder"),
    "one folder deeper": (_more("more/disc/x.png", PNG), "do not lie side by side"),
    "beside train and test": (lambda: zipped({**split(), "other/disc/x.png": PNG}), "below train or test, or none"),
    "train alone": (lambda: zipped(shapes(above="train/")), "pictures below train but none below test"),
    "one class": (lambda: zipped({n: c for n, c in shapes().items() if n < "e"}), r"classes is 1, not in \[2, 100\]"),
    "too few": (_more("third/x.png", PNG), "class 'third' has 1 pictures: at least 10"),
    "all the same": (
        lambda: zipped({**shapes(), **{f"third/{i}.png": PNG for i in range(20)}}),
        "class 'third' has 0 pictures in test: at least 2",
    ),
    "no plain class": (lambda: zipped({f" disc{name[4:]}": c for name, c in shapes().items()}), "no plain name"),
}
