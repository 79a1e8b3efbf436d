"""What people may write beside a study: a note and tags. No number depends on it."""

from collections.abc import Iterable

from engine.errors import BadInput

MOST_NOTE, MOST_TAG, MOST_TAGS = 2000, 40, 20  # characters, characters, tags of a study


def note_checked(note: str) -> str:
    """The note as it is kept; BadInput above MOST_NOTE characters.

    >>> note_checked("  seen on Tuesday\\n")
    'seen on Tuesday'
    """
    kept = note.strip()
    if len(kept) > MOST_NOTE:
        raise BadInput(f"the note has {len(kept):,} characters: shorten it to {MOST_NOTE:,}")
    return kept


def tags_checked(given: Iterable[str]) -> list[str]:
    """Tags as they are kept: in one line, each once, sorted; BadInput for too many or too long ones.

    >>> tags_checked(["for  the talk", "", "draft", "draft"])
    ['draft', 'for the talk']
    """
    kept = sorted({" ".join(tag.split()) for tag in given} - {""})
    if len(kept) > MOST_TAGS:
        raise BadInput(f"a study has at most {MOST_TAGS} tags, not {len(kept)}")
    for tag in kept:
        if len(tag) > MOST_TAG:
            raise BadInput(f"the tag '{tag[:MOST_TAG]}...' has {len(tag)} characters: shorten it to {MOST_TAG}")
    return kept
