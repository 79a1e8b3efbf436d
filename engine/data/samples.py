"""A strip of small pictures, one of each of the first classes: what a data set looks like, in one PNG.

As a program, `python -m engine.data.samples NAME DATA FILE`: some data sets are read by libraries that a server does
not want to load.
"""

import io
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.data.images import load

MOST = 10  # classes shown
TILE, GAP = 56, 6  # pixels


def strip(x: NDArray[np.uint8], y: NDArray[np.int64]) -> bytes:
    """PNG of the first image of each class in `x` uint8 (N, C, H, W), in the order of the labels `y`."""
    labels, first = np.unique(y, return_index=True)
    n = min(MOST, len(labels))
    canvas = Image.new("RGBA", (n * TILE + (n - 1) * GAP, TILE))
    for place, index in enumerate(first[:n]):
        canvas.paste(_tile(x[index]), (place * (TILE + GAP), 0))
    out = io.BytesIO()
    canvas.save(out, "PNG")
    return out.getvalue()


def _tile(image: NDArray[np.uint8]) -> Image.Image:
    """Enlarged so that every pixel stays one: this is all that a model sees."""
    whole = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(whole)).resize((TILE, TILE), Image.Resampling.NEAREST)


def write(name: str, root: Path, file: Path) -> None:
    """The strip of a data set that Frontier knows by name, from its test images; whole or not at all."""
    images = load(name, root, train=False)
    part = file.with_suffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(strip(np.rint(images.x * 255).astype(np.uint8), images.y))
    part.replace(file)


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
