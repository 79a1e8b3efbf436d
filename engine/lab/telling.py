"""What the lab says of its numbers: one sentence each, from the numbers alone. **Words** between stars stand out."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.lab.asked import REACH
from engine.lab.attacking import How
from engine.report import words
from engine.robustness import attacks


@dataclass(frozen=True)
class Told:
    """What one model says of a picture before and after, by class names and probabilities; `right`: before."""

    name: str
    before: str
    after: str
    share: float
    right: bool

    @property
    def flipped(self) -> bool:
        return self.before != self.after


def finding(told: Sequence[Told], eps: float, norm: str, *, rough: bool) -> str:
    """What tampering by `eps` does to each model's answer.

    >>> fooled = Told("no privacy", "coat", "bag", 0.61, True)
    >>> finding([fooled], 0.02, "linf", rough=False).replace(words.NBSP, " ")
    'Tampering by **2 %** flips **no privacy**: it now says bag (61 %).'
    """
    if eps == 0:
        said = words.listed([f"**{one.name}** says {one.before} ({words.percent(one.share)})" for one in told])
        return f"Nothing is changed yet: {said}. Move the slider."
    by, fair = words.strength(eps, norm), [one for one in told if one.right]
    misread = words.listed([f"**{one.name}** ({one.before})" for one in told if not one.right])
    if not fair:
        return f"Misread even without tampering: {misread}. Take another picture."
    start = "A first, rough look: t" if rough else "T"
    even = f"; misread even without tampering: {misread}" if misread else ""
    return f"{start}ampering by **{by}** {_done([one for one in fair if one.flipped], fair)}{even}."


def _done(flipped: Sequence[Told], fair: Sequence[Told]) -> str:
    """What became of models that read the picture right."""
    stayed = [one for one in fair if not one.flipped]
    if not flipped:
        kept = words.listed([f"**{one.name}** ({one.after}, {words.percent(one.share)})" for one in stayed])
        return f"with this attack does not flip {kept}; another attack may"
    parts = [f"**{one.name}**: it now says {one.after} ({words.percent(one.share)})" for one in flipped]
    still = "".join(f"; **{one.name}** still says {one.after} ({words.percent(one.share)})" for one in stayed)
    return f"flips {words.listed(parts)}{still}"


def smallest(name: str, found: float | None, norm: str, how: How) -> str:
    """The smallest strength that flips one model, in words.

    >>> smallest("ε 3", 0.0184, "linf", How("pgd", "linf")).replace(words.NBSP, " ")
    'Smallest strength found that flips it: **1.8 %**'
    """
    if found is None:
        return f"No attack we tried up to **{words.strength(REACH[norm], norm)}** flips it: {tried(how)}"
    if found == 0:
        return "Misread **without tampering**"
    return f"Smallest strength found that flips it: **{measured(found, norm)}**"


def measured(found: float, norm: str) -> str:
    """A strength that was found, with two digits that count.

    >>> measured(0.01837, "linf").replace(words.NBSP, " "), measured(0.4567, "l2")
    ('1.8 %', '0.46')
    """
    return words.strength(float(f"{found:.2g}"), norm)


def compared(names: Sequence[str], found: Sequence[float | None], norm: str) -> str:
    """Which of two models takes less to be flipped on this one picture; "" when they cannot be compared."""
    if len(found) < 2 or None in found or 0 in found:
        return ""
    (easy, low), (firm, high) = sorted(((name, one or 0.0) for name, one in zip(names, found, strict=True)), key=_size)
    if high < 1.1 * low:
        return "On this picture both take about the same."
    return f"On this picture **{firm}** takes {high / low:.1f} times what flips **{easy}**."


def _size(pair: tuple[str, float]) -> float:
    return pair[1]


def tried(how: How) -> str:
    """An attack as it was run.

    >>> tried(How("pgd", "linf", 10))
    'Many gradient steps, 10 of them'
    """
    facts = attacks[how.attack].facts
    title = str(facts.get("title", how.attack))
    return f"{title}, {how.steps} of them" if facts.get("iterative") else title
