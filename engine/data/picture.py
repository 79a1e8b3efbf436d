"""One PNG or JPEG as pixels of a stated size. Only decoded pixels leave here: what hides behind them is gone."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.data.files import refusing, shown
from engine.errors import BadInput

MAX_PIXELS = 1 << 24  # of one picture: 4,096 x 4,096
MAX_SCANS = 100  # of one JPEG: each is a pass over the whole picture, and ten are usual
SCAN = b"\xff\xda"  # begins one; within a scan a byte FF is always followed by 00
MARKED = 96  # pixels a side of which a JPEG is decoded at least, to be known again whatever it is resized to
DRAFT = 2  # a JPEG is decoded at no less than so many times the side: several times faster

Pixels = NDArray[np.uint8]


def size(content: bytes, path: str) -> int:
    """How many pixels a picture says it has; BadInput when it is no PNG or JPEG, or more work than is ever done."""
    with _opened(content, path) as image:
        return image.width * image.height


def read(content: bytes, side: int, path: str) -> tuple[Pixels, int]:
    """(3, side, side): upright, on white where it is transparent, its middle square, made smaller or larger; its mark.

    The mark is the same for the same picture at every `side`, under every name and with other words in its
    file; another one after any change to its pixels.
    """
    with _opened(content, path) as image:
        image.draft(image.mode, (DRAFT * side, DRAFT * side))
        size, upright = image.size, _rgb(ImageOps.exif_transpose(image))
        square = ImageOps.fit(upright, (side, side), Image.Resampling.BILINEAR)
    with _opened(content, path) as image:
        image.draft(image.mode, (MARKED, MARKED))
        if image.size != size:
            upright = _rgb(ImageOps.exif_transpose(image))
    return np.asarray(square, dtype=np.uint8).transpose(2, 0, 1), mark(f"{upright.size}".encode() + upright.tobytes())


def mark(seen: bytes) -> int:
    """A number of 64 bits that names pixels: two of a hundred thousand agree by chance once in a billion sets."""
    return int.from_bytes(hashlib.blake2b(seen, digest_size=8).digest(), "little")


@contextmanager
def _opened(content: bytes, path: str) -> Iterator[Image.Image]:
    """Pillow warns of large pictures for the whole process; here the size is asked before a pixel is decoded."""
    name = shown(path)
    with refusing(f"{name} is damaged: it cannot be decoded to its end."):
        try:
            image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
        except UnidentifiedImageError:
            raise BadInput(f"{name} is neither a PNG nor a JPEG picture.") from None
        except Image.DecompressionBombError:
            raise BadInput(f"{name} has more than {MAX_PIXELS:,} pixels.") from None
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise BadInput(f"{name} has {image.width:,} x {image.height:,} pixels: at most {MAX_PIXELS:,} in all.")
            if image.format != "PNG" and (scans := content.count(SCAN)) > MAX_SCANS:
                raise BadInput(
                    f"{name} has {scans:,} scans: at most {MAX_SCANS} are decoded, save it anew as a plain JPEG."
                )
            yield image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
        return Image.fromarray((np.asarray(image) // 256).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
