"""Which studies a list shows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace


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

    def among(self, digests: Iterable[str]) -> "Wanted":
        """Those of these digests that are wanted."""
        return replace(self, digests=tuple(digests))

    def in_states(self, *states: str) -> "Wanted":
        """Those of the wanted that are in one of these states.

        >>> Wanted(states=("done", "failed")).in_states("failed", "stopped").states
        ('failed',)
        """
        both = tuple(state for state in states if not self.states or state in self.states)
        return replace(self, states=both) if both else replace(self, digests=())


ALL = Wanted()
