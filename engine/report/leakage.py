"""What models give away of who was in their training data, from a result table: attackers' finds, in sentences too.

An attacker accuses images of having been trained on. Shares are in [0, 1]: of outsiders accused (false alarms), and of
those who were in, found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd
from scipy.stats import norm

from engine.report import lines, words
from engine.report.membership import strongest
from engine.report.words import NBSP
from engine.results import ABOVE, ALLOWED, ATTACKED, GUESSED, LEAKED, LEAKED_AUC

FEW, FEWER = 0.01, 0.001  # false alarms at which attackers are compared
CHANCE = "no difference from chance that we can measure"
PLAIN, TAMPERED = "threshold", f"threshold{ATTACKED}"  # guesses from pictures as they are, and from attacked ones
SHADOWED = "lira-offline"  # guesses with what models trained on other images say


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval, by one of the attacks `tried`.

    >>> Share(0.5, 0.4, 0.6).overlaps(Share(0.65, 0.6, 0.7)), Share(0.5, 0.4, 0.6).overlaps(Share(0.7, 0.65, 0.8))
    (True, False)
    """

    value: float
    low: float
    high: float
    tried: int = 1

    def overlaps(self, other: "Share") -> bool:
        """No difference can be told: the intervals share a value."""
        return self.low <= other.high and other.low <= self.high

    def beats(self, chance: float) -> bool:
        """It is more than chance by more than an interval is wide that holds for all that were tried at once.

        >>> Share(0.012, 0.0105, 0.0135).beats(0.01), Share(0.012, 0.0105, 0.0135, tried=8).beats(0.01)
        (True, False)
        """
        wider = float(norm.ppf(1 - 0.025 / self.tried) / norm.ppf(0.975))
        return self.value - wider * (self.value - self.low) > chance


@dataclass(frozen=True)
class Leak:
    """What one budget (or lines.CLIPPING) gives away to one attack.

    `found` and `allowed` by false alarms; theory allows anything without a finite budget. `above`: measured points that
    lie above what theory allows with their simultaneous limits, and how many were measured. `guessed`: right guesses
    about the study's own model, by kind. `targets`: models attacked.
    """

    epsilon: float
    found: Mapping[float, Share]
    auc: Share | None
    allowed: Mapping[float, float]
    above: tuple[int, int] | None
    guessed: Mapping[str, Share]
    targets: int


@dataclass(frozen=True)
class Leakage:
    """One attack on models of every budget of a study; `leaks` holds those measured so far, most private first."""

    attack: str
    epsilons: tuple[float, ...]
    leaks: tuple[Leak, ...]

    def of(self, epsilon: float) -> Leak | None:
        return next((leak for leak in self.leaks if leak.epsilon == epsilon), None)


def measured(frame: pd.DataFrame) -> bool:
    """Whether a result table says anything of membership."""
    return bool(_starting(frame, LEAKED_AUC).any())


def attacks(frame: pd.DataFrame) -> tuple[str, ...]:
    """The attacks measured, the strongest at 1 % false alarms first, at the largest budget known so far."""
    rows = frame[_starting(frame, LEAKED) & (frame["eps"] == FEW)]
    last = rows[rows["epsilon"] == rows["epsilon"].max()].sort_values("value").drop_duplicates("metric", keep="last")
    limits = zip(last["low"].tolist(), last["value"].tolist(), last["high"].tolist(), strict=True)
    return tuple(strongest(dict(zip(last["metric"].str.removeprefix(LEAKED), limits, strict=True))))


def leakage(frame: pd.DataFrame, attack: str, epsilons: Sequence[float]) -> Leakage:
    """What `attack` finds at each of the budgets `epsilons` (lines.CLIPPING among them where that was trained)."""
    rows = frame.assign(line=lines.of_rows(frame))
    ordered = tuple(sorted(epsilons))
    leaks = (_leak(rows[rows["line"] == epsilon], epsilon, attack) for epsilon in ordered)
    return Leakage(attack, ordered, tuple(leak for leak in leaks if leak.found))


def _leak(rows: pd.DataFrame, epsilon: float, attack: str) -> Leak:
    found, tried = rows[rows["metric"] == LEAKED + attack].sort_values("eps"), len(attacks(rows))
    allowed = rows[rows["metric"] == ALLOWED].sort_values("eps")
    above = rows[rows["metric"] == ABOVE]
    guessed = rows[_starting(rows, GUESSED)].sort_values("seed").drop_duplicates("metric")  # of the first repeat
    auc = _shares(rows[rows["metric"] == LEAKED_AUC + attack])
    return Leak(
        epsilon=epsilon,
        found=dict(zip(found["eps"].tolist(), _shares(found, max(1, tried)), strict=True)),
        auc=auc[0] if auc else None,
        allowed=dict(zip(allowed["eps"].tolist(), allowed["value"].tolist(), strict=True)),
        above=(int(above["value"].iloc[0]), int(above["n"].iloc[0])) if len(above) else None,
        guessed=dict(zip(guessed["metric"].str.removeprefix(GUESSED), _shares(guessed), strict=True)),
        targets=int(found["n"].max()) if len(found) else 0,
    )


def _starting(frame: pd.DataFrame, prefix: str) -> "pd.Series[bool]":
    return frame["metric"].astype(str).str.startswith(prefix)


def _shares(rows: pd.DataFrame, tried: int = 1) -> list[Share]:
    columns = (rows[name].tolist() for name in ("value", "low", "high"))
    return [Share(value, low, high, tried) for value, low, high in zip(*columns, strict=True)]


def percent(share: float) -> str:
    """With two decimals below 1 %: what is found at few false alarms is little.

    >>> percent(0.0832).replace(NBSP, " "), percent(0.00113).replace(NBSP, " ")
    ('8.3 %', '0.11 %')
    """
    return words.percent(share, 1 if share == 0 or share >= 0.00995 else 2)


def interval(share: Share) -> str:
    """
    >>> interval(Share(0.0113, 0.009, 0.0136)).replace(NBSP, " "), interval(Share(0.0002, -0.0001, 0.0005))
    ('0.90 to 1.4', '0.00 to 0.05')
    """
    ends = (percent(max(0.0, end)) if end > 0 else f"0.00{NBSP}%" for end in (share.low, share.high))
    return " to ".join(end.removesuffix(f"{NBSP}%") for end in ends)


def told(share: Share) -> str:
    """A share with its interval, in Markdown."""
    return f"**{percent(share.value)}** ({interval(share)})"


def finding(info: Leakage, others: Mapping[str, Leakage] = MappingProxyType({})) -> str | None:
    """One sentence (Markdown): what the least private model gives away, and where nothing can be told from chance.

    Where no budget gets there, what the most private one gives away. `others` by what they are called: attacks that
    find more than chance where this one does not are named. None before anything is measured.
    """
    known = [leak for leak in info.leaks if FEW in leak.found]
    if not known:
        return None
    last = known[-1]
    who = _who(last.epsilon)
    found = f"an attacker who accuses 1{NBSP}% of outsiders wrongly finds {told(last.found[FEW])} of those who were in"
    if not last.found[FEW].beats(FEW):
        return f"{who[:1].upper()}{who[1:]}, {found}: {at_chance(last.epsilon, others)}."
    return f"{who[:1].upper()}{who[1:]}, {found}{_private(known, others)}."


def at_chance(epsilon: float, others: Mapping[str, Leakage]) -> str:
    """What is said of an attack that finds no more than chance, with those that do at the same budget."""
    at = {name: leak.found[FEW] for name, info in others.items() if (leak := info.of(epsilon)) and FEW in leak.found}
    more = [f"{name} {told(share)}" for name, share in at.items() if share.beats(FEW)]
    return f"{CHANCE} by this attack, but {words.listed(more)}" if more else CHANCE


def _who(epsilon: float) -> str:
    if epsilon == lines.CLIPPING:
        return "with clipping alone"
    return f"at {words.budget(epsilon)}" if lines.private(epsilon) else "without privacy"


def _private(known: Sequence[Leak], others: Mapping[str, Leakage]) -> str:
    """How the sentence goes on: about the largest budget that, with all below it, hides who was in; or the smallest."""
    if len(known) < 2:
        return ""
    hiding = next((i for i, leak in enumerate(known) if leak.found[FEW].beats(FEW)), len(known))
    chosen, last = known[max(0, hiding - 1)], known[-1]
    share = f"{_who(chosen.epsilon)} it is {told(chosen.found[FEW])}"
    if hiding:
        return f"; {share}, {at_chance(chosen.epsilon, others)}"
    if chosen.found[FEW].overlaps(last.found[FEW]):
        return f"; {share}, which is no difference we can measure"
    return f"; {share}, still more than chance"


def at_budget(leak: Leak | None, epsilon: float, others: Mapping[str, Leakage] = MappingProxyType({})) -> str:
    """What one budget gives away to an attack, in sentences (Markdown), beside what it does to `others`."""
    said = words.budget(epsilon)
    name = f"**{said if lines.private(epsilon) else said[:1].upper() + said[1:]}:**"
    if leak is None or FEW not in leak.found:
        return f"{name} not measured yet."
    few = leak.found[FEW]
    beside = f", {told(leak.found[FEWER])} at 0.1{NBSP}%" if FEWER in leak.found else ""
    times = f"{few.value / FEW:.1f} times chance" if few.beats(FEW) else at_chance(epsilon, others)
    sentence = f"{name} {told(few)} found at 1{NBSP}% false alarms{beside}; {times}."
    return f"{sentence} {_theory(leak)}"


def _theory(leak: Leak) -> str:
    """What no attack can pass, and whether one did: that would be a fault in the training or in its accounting."""
    if FEW not in leak.allowed:
        return "Without noise no theory limits what an attack may find."
    limit = f"Theory allows at most {percent(leak.allowed[FEW])} at 1{NBSP}%"
    if leak.above is None:
        return f"{limit}."
    over, n = leak.above
    if over:
        return (
            f"{limit}, and **{over} of {n} measured points lie above its line** by more than chance explains: unless "
            "this is the one budget in twenty, the promise is not kept."
        )
    return f"{limit}, and none of {n} measured points lies above its line by more than chance explains."


def guesses(info: Leakage) -> str | None:
    """How well a study's own models can be guessed about, least private first; None: not measured."""
    known = [leak for leak in info.leaks if PLAIN in leak.guessed]
    if not known:
        return None
    ends = [known[-1], *known[: len(known) > 1]]
    said = "; ".join(f"{_who(leak.epsilon)} {_guessed(leak)}" for leak in ends)
    return (
        "Guesses about the study's own models, half of the images training images, are right this often (a coin: "
        f"50{NBSP}%): {said}. Where test images differ in kind from training images, that is seen, too."
    )


def _guessed(leak: Leak) -> str:
    ways = {
        PLAIN: "{} by one threshold on the loss",
        TAMPERED: "{} by one on tampered images",
        SHADOWED: "{} compared with models that never had the image (LiRA, offline)",
    }
    return words.listed([said.format(told(leak.guessed[name])) for name, said in ways.items() if name in leak.guessed])
