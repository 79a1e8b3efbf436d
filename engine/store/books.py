"""What the rows of the ledger add up to: who shares a budget, what was spent, what its owner allows. No SQL."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadInput, StoreError
from engine.mechanism import Mechanism
from engine.privacy import ledger as rules
from engine.privacy import renyi
from engine.privacy.ledger import Cap
from engine.privacy.renyi import Curve
from engine.store import chain
from engine.store.chain import Head, Row
from engine.study import OWN

# kinds of rows
IMAGES, RESERVED, RELEASED, REDONE, UNPROTECTED = "images", "reserved", "released", "redone", "no guarantee"
CAP, PRIVATE, PUBLIC = "cap", "private", "public"
SPENT = (RELEASED, REDONE)

Passes = dict[Any, dict[Any, Mechanism]]  # models that drew the same batches, by what names these


@dataclass(frozen=True)
class Asked:
    """What a study is about to release.

    `mechanisms`: one a private model, budget by budget of `epsilons` (finite ones), repeat by repeat; `unprotected`
    says which models are trained without noise. `delta` and `versions` decide the noise of mode reproducible.
    `computation` names the jobs that do it, once for all their attempts; the ledger fills it in.
    """

    dataset: str
    study: str
    mode: str
    model: str
    epsilons: tuple[float, ...]
    repeats: int
    shared: bool
    delta: float
    versions: tuple[int | str, ...]
    mechanisms: tuple[Mechanism, ...]
    unprotected: tuple[str, ...]
    computation: int = 0

    @property
    def said(self) -> dict[str, Any]:
        """As it stands in a row."""
        names = ("study", "computation", "mode", "model", "repeats", "shared", "delta")
        listed = [[one.sample_rate, one.noise_multiplier, one.steps] for one in self.mechanisms]
        lists = {"epsilons": list(self.epsilons), "versions": list(self.versions), "mechanisms": listed}
        return {name: getattr(self, name) for name in names} | lists


def cost(said: Mapping[str, Any], cache: Path) -> Curve:
    """What a row spends; curves are remembered in `cache`."""
    from engine.privacy.joint import released  # brings the exact accountant, for which a page should not wait

    return renyi.of(released(_mechanisms(said), shared=said.get("shared", False)), cache)


def total(rows: Iterable[Row], cache: Path) -> Curve:
    """What rows that spend spent together: the last of `running`, for the price of one."""
    fresh, passes = renyi.NOTHING, Passes()
    for row in rows:
        fresh, _ = _taken(row, fresh, passes, cache)
    return renyi.added([fresh, *(_pass(models, cache) for models in passes.values())])


def running(rows: Iterable[Row], cache: Path) -> Iterator[Curve]:
    """What all of them spent together, after each row that spends.

    In mode private every row has noise and batches of its own. In mode reproducible these follow from the images, the
    model, budget and repeat: the same model in two studies is one release, and models of two studies share batches
    as they do in one.
    """
    fresh, passes, costs = renyi.NOTHING, Passes(), dict[Any, Curve]()
    for row in rows:
        fresh, grown = _taken(row, fresh, passes, cache)
        costs |= {name: _pass(passes[name], cache) for name in grown}
        yield renyi.added([fresh, *costs.values()])


def _taken(row: Row, fresh: Curve, passes: Passes, cache: Path) -> tuple[Curve, set[Any]]:
    """With one row more: what has noise of its own, and which passes have grown."""
    if row.said.get("mode") == "private" or row.kind == REDONE:
        return renyi.added([fresh, cost(row.said, cache)]), set()
    grown = set()
    for name, which, model in _seeded(row):
        passes.setdefault(name, {})[which, model.noise_multiplier] = model  # of other noise it is another one
        grown.add(name)
    return fresh, grown


def _seeded(row: Row) -> Iterator[tuple[Any, Any, Mechanism]]:
    """Each model of a row in mode reproducible: the pass whose batches it had, its name in it, and itself."""
    said = row.said
    models = itertools.product(said.get("epsilons", ()), range(said.get("repeats", 0)))
    shared, versions = said.get("shared"), tuple(said.get("versions", ()))
    for which, one in zip(models, _mechanisms(said), strict=False):
        common = row.dataset, said.get("model"), said.get("delta"), versions, shared
        yield (*common, one.sample_rate, one.steps, None if shared else which), which, one


def _pass(models: Mapping[Any, Mechanism], cache: Path) -> Curve:
    from engine.privacy.joint import together

    one = next(iter(models.values()))
    noise = together(model.noise_multiplier for model in models.values())
    return renyi.kept(Mechanism(one.sample_rate, noise, one.steps), cache)


def _mechanisms(said: Mapping[str, Any]) -> list[Mechanism]:
    """Those of a row; none of one that was damaged, whose ledger is told not to add up."""
    try:
        return [Mechanism(float(rate), float(noise), int(steps)) for rate, noise, steps in said.get("mechanisms", ())]
    except (TypeError, ValueError):
        return []


@dataclass(frozen=True)
class Books:
    """All ledgers of a store at one moment: rows, and the newest ones as they are remembered elsewhere.

    `live` are computations with jobs that wait or run, by study: what was reserved for others has lapsed. `pictures`
    are hashes of the marks that are kept, by data set. Curves are remembered in `cache`.
    """

    rows: Mapping[str, Sequence[Row]]
    last: Mapping[str, Head]
    noted: Mapping[str, Head]
    live: Mapping[str, int]
    pictures: Mapping[str, str]
    cache: Path

    @property
    def names(self) -> list[str]:
        """Data sets that have a ledger, or had one."""
        return sorted({*self.rows, *self.last, *self.noted})

    def members(self, name: str) -> list[str]:
        """Data sets that share the budget of `name`, itself first: by images in common, also by way of others."""
        if not name.startswith(OWN):
            return [name]
        links: dict[str, set[str]] = {}
        for row in self._of_kind((one for one in self.names if one.startswith(OWN)), IMAGES):
            for other in row.said.get("kin", ()):
                links.setdefault(row.dataset, set()).add(other)
                links.setdefault(other, set()).add(row.dataset)
        found, queue = {name}, [name]
        while queue:
            new = links.get(queue.pop(), set()) - found
            found |= new
            queue += new
        return [name, *sorted(found - {name})]

    def problems(self, name: str) -> dict[str, list[str]]:
        """What does not add up, by data set; own images are looked at together: they may share pictures."""
        looked_at = [other for other in self.names if other.startswith(OWN)] if name.startswith(OWN) else [name]
        return {other: broken for other in looked_at if (broken := self.broken(other))}

    def broken(self, name: str) -> list[str]:
        """What does not add up in the rows of one data set, and in what is kept of its pictures."""
        rows = self.rows.get(name, ())
        return chain.problems(rows, self.last.get(name), self.noted.get(name)) + self._pictures(name)

    def _pictures(self, name: str) -> list[str]:
        """What is wrong with the marks that the newest row about pictures speaks of, unless that was accepted since."""
        for row in reversed(self._of_kind([name], IMAGES, chain.ACCEPTED)):
            if row.kind == chain.ACCEPTED or row.said.get("marks") == self.pictures.get(name):
                return []
            return [f"the marks of its pictures are not those of row {row.number}"]
        return []

    def to_note(self, accepted: str = "") -> dict[str, Head]:
        """What the file has to remember: a newer row only where everything up to it adds up, or was accepted."""
        newer = (name for name in self.names if name == accepted or not self.broken(name))
        return {**self.noted, **{name: self.last[name] for name in newer if name in self.last}}

    def caps(self, name: str) -> list[Cap]:
        """The newest cap of every member, unless it was lifted: all of them hold."""
        newest = {row.dataset: row for row in self._of_kind(self.members(name), CAP)}
        said = [row.said for row in newest.values() if row.said.get("epsilon") and row.said.get("delta")]
        return [Cap(one["epsilon"], one["delta"]) for one in said]

    def private(self, name: str) -> bool:
        """Whether any member is marked private."""
        newest = {row.dataset: row.kind for row in self._of_kind(self.members(name), PRIVATE, PUBLIC)}
        return PRIVATE in newest.values()

    def rows_of(self, name: str) -> list[Row]:
        """The rows of all members as they were written."""
        every = (row for member in self.members(name) for row in self.rows.get(member, ()))
        return sorted(every, key=lambda row: (row.written, row.dataset, row.number))

    def spent(self, name: str) -> Curve:
        """The cost of everything that was released."""
        return total(self._of_kind(self.members(name), *SPENT), self.cache)

    def held(self, name: str, but: int | None = None) -> Curve:
        """The cost of what is reserved and not released yet, except for the computation `but`."""
        waiting = {}
        for row in self._of_kind(self.members(name), RESERVED, RELEASED):
            computation = row.said.get("computation")
            waiting[computation] = row if row.kind == RESERVED else None
        kept = (row for row in waiting.values() if row is not None and self._waits(row) != but and self._waits(row))
        return renyi.added(cost(row.said, self.cache) for row in kept)

    def _waits(self, row: Row) -> int | None:
        computation: int | None = row.said.get("computation")
        return computation if self.live.get(row.said.get("study", "")) == computation else None

    def has(self, asked: Asked, kind: str) -> bool:
        """Whether a row of that kind covers what is asked: in mode private those jobs', else any of the same noise."""
        return any(_covers(row.said, asked) for row in self._of_kind([asked.dataset], kind))

    def release(self, asked: Asked) -> Row | None:
        """The row of what a computation releases."""
        rows = [row for row in self._of_kind([asked.dataset], RELEASED) if _covers(row.said, asked)]
        return rows[-1] if rows else None

    def again(self, name: str, which: Sequence[object]) -> bool:
        """Whether steps that were made again are in the rows already."""
        return any(row.said.get("again") == which for row in self._of_kind([name], REDONE))

    def heads(self, name: str) -> list[Head]:
        """The newest row as it is remembered."""
        return [places[name] for places in (self.last, self.noted) if name in places]

    def sound(self, name: str) -> None:
        """StoreError, in one sentence, when the ledger of a data set does not add up."""
        for other, broken in self.problems(name).items():
            raise StoreError(
                f"the privacy ledger of {other} does not add up ({broken[0]}): bring back a copy of the store, or go "
                f"on from what stands there with `python -m engine ledger accept {other}`."
            )

    def admit(self, asked: Asked) -> None:
        """BadInput, in one sentence with the figure, when a cap does not let this study in; StoreError as `sound`."""
        self.sound(asked.dataset)
        for cap in self.caps(asked.dataset):
            if asked.unprotected:
                raise BadInput(rules.unprotected(asked.dataset, cap, asked.unprotected))
            if asked.mode != "private":
                raise BadInput(rules.seeded(asked.dataset, cap))
        if self.release(asked) is None:
            self.afford(asked.dataset, asked.said, but=asked.computation)

    def afford(self, name: str, said: Mapping[str, Any], but: int | None = None) -> None:
        """BadInput, with the figure, when a cap would be passed by what a row would say."""
        caps = self.caps(name)
        if not caps:
            return
        before, more = renyi.added([self.spent(name), self.held(name, but)]), cost(said, self.cache)
        for cap in caps:
            if not rules.admits(cap, before, more):
                raise BadInput(rules.refusal(name, cap, before, more))

    def _of_kind(self, names: Iterable[str], *kinds: str) -> list[Row]:
        return [row for name in names for row in self.rows.get(name, ()) if row.kind in kinds]


def _covers(said: Mapping[str, Any], asked: Asked) -> bool:
    if said.get("study") != asked.study or (asked.mode == "private" and said.get("computation") != asked.computation):
        return False
    return "mechanisms" not in said or tuple(_mechanisms(said)) == asked.mechanisms


def redone(said: Mapping[str, Any], epsilon: float, seed: int, steps: int) -> tuple[str, list[list[float]]]:
    """What is released when a model of the release `said` makes `steps` steps again: a name and its mechanisms.

    Models of one pass share their batches again, so the first of them that says so speaks for all: one name.
    """
    from engine.privacy.joint import together

    models = _mechanisms(said)
    mine = models[said["epsilons"].index(epsilon) * said["repeats"] + seed]
    if not said["shared"]:
        return f"{epsilon:g}-{seed}", [[mine.sample_rate, mine.noise_multiplier, steps]]
    peers = [one for one in models if (one.sample_rate, one.steps) == (mine.sample_rate, mine.steps)]
    noise = together(one.noise_multiplier for one in peers)
    return f"pass-{mine.sample_rate:g}-{mine.steps}", [[mine.sample_rate, noise, steps]]


def all_of(values: Collection[Row]) -> dict[str, list[Row]]:
    """Rows by data set, in order."""
    found: dict[str, list[Row]] = {}
    for row in sorted(values, key=lambda one: (one.dataset, one.number)):
        found.setdefault(row.dataset, []).append(row)
    return found
