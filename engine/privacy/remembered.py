"""Answers that took seconds, kept on disk: a small JSON file each, so that any number of processes may write at once.

One file for all would have to be read and written whole: with 10,000 entries that takes longer than an answer may, and
of two writers at the same time one would be forgotten.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from os import getpid
from pathlib import Path
from typing import Any

FOLDER = "accounting"  # in the cache


def remembered(cache: Path, question: Sequence[Any], answer: Callable[[], Any]) -> Any:
    """What `answer()` gives, plain JSON values; asked once for each `question`, which names all that decides it.

    A damaged file is asked for again; without room on the disk nothing is kept, and nothing is said.
    """
    asked = json.dumps(list(question))
    file = cache / FOLDER / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(file.read_bytes())
        if found["asked"] == asked:
            return found["answer"]
    given = answer()
    with suppress(OSError):
        _keep(file, {"asked": asked, "answer": given})
    return given


def _keep(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{getpid()}-{threading.get_ident()}.part")
    try:
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
