"""Which studies a list shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """Studies for which everything that is given holds.

    `states` as progress.State names them; `text` stands in the note or in a tag, in any case, or begins the digest;
    `digests`: one of these.
    """

    states: tuple[str, ...] = ()
    dataset: str = ""
    model: str = ""
    tag: str = ""
    text: str = ""
    digests: tuple[str, ...] | None = None


ALL = Wanted()
