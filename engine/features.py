"""Fixed features of a data set: computed once, kept on disk in bf16 under what made them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from engine.data import cache, entry
from engine.events import Event, Stage
from engine.models import models
from engine.models.fixed import OnFeatures
from engine.privacy.bank import Features, as_features
from engine.study import Study

BATCH = 128
Emit = Callable[[Event], None]
Pair = tuple[Tensor, Tensor]


def of_splits(
    study: Study, extractor: OnFeatures, data: tuple[Pair, Pair], emit: Emit, folder: Path, cap_gb: float
) -> tuple[Features, Features]:
    """Training and test features of `data`, from `folder` when they were made before; emits the stage "features"."""
    total, done = sum(len(x) for x, _ in data), 0

    def count(n: int) -> None:
        nonlocal done
        done += n
        emit(Stage("features", done, total))

    emit(Stage("features", 0, total))
    made = []
    for split, (x, y) in zip(("train", "test"), data, strict=True):
        matrix = _matrix(study, split, extractor, x, count, folder, cap_gb)
        made.append(as_features(matrix, y, extractor.basis))
        count(total - done if split == "test" else len(x) - done)
    return made[0], made[1]


def _matrix(
    study: Study,
    split: str,
    extractor: OnFeatures,
    x: Tensor,
    count: Callable[[int], None],
    folder: Path,
    cap_gb: float,
) -> Tensor:
    """Features and a constant 1 in bf16, (N, F + 1)."""

    @torch.no_grad()
    def fill(out: cache.Words) -> None:
        for start in range(0, len(x), BATCH):
            part = extractor.seen(x[start : start + BATCH])
            part = torch.cat([part, torch.ones(len(part), 1)], dim=1).bfloat16()
            out[start : start + BATCH] = part.view(torch.uint16).numpy()
            if start // BATCH % 8 == 7:
                count(8 * BATCH)

    kind = models[study.model].facts["features"]  # several models may see the same
    versions = (entry.of(study).version, models[kind].version, torch.__version__)
    made_by = (repr(versions) + extractor.basis).encode()
    made_from = hashlib.blake2b(x.numpy().tobytes() + made_by, digest_size=8).hexdigest()
    shape = (len(x), extractor.seen(x[:1]).shape[1] + 1)
    name = f"{study.dataset}-{kind}-{split}-{made_from}"
    words = cache.matrix(folder, name, shape, fill, cap_gb)
    return torch.from_numpy(words).view(torch.bfloat16)
