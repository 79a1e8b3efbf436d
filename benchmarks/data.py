"""Own images: a zip of 10,000 JPEG files is checked, split, written and kept."""

import io
import multiprocessing as mp
import resource
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine import holdings
from engine.settings import Settings

IMAGES, CLASSES = 10_000, 10
SIDES = {"small": 100, "photographs": 256}  # pixels a side of what is uploaded
MB = 1e6


def run() -> dict[str, Any]:
    """Seconds from the open zip to the kept set, and the peak memory of the process, which does nothing else."""
    return {name: _kept(side) for name, side in SIDES.items()} | {"target": {"seconds": 20, "peak_mb": 500}}


def _kept(side: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.zip"
        maker = mp.get_context("spawn").Process(target=make, args=(file, side))  # its memory is not ours
        maker.start()
        maker.join()
        settings, told = Settings(home=Path(folder) / "home"), 0

        def tell(done: int, total: int) -> None:
            nonlocal told
            told += 1

        began = time.perf_counter()
        with file.open("rb") as stream:
            draft = holdings.check(stream, called="ten", file=file.name, tell=tell, settings=settings)
        holdings.keep(draft.name, settings=settings)
        took = time.perf_counter() - began
        size = file.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"images": IMAGES, "zip_mb": size / MB, "seconds": took, "peak_mb": peak / MB, "told": told}


def make(file: Path, side: int) -> None:
    """Blurred noise of one tint a class: as hard to compress as photographs are."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for i in range(IMAGES):
            rough = random.integers(0, 256, (side // 4, side // 4, 3), dtype=np.uint8) // 2
            rough[..., i % 3] += np.uint8(10 * (i % CLASSES))
            out = io.BytesIO()
            Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
            archive.writestr(f"{i % CLASSES}/{i}.jpg", out.getvalue())
