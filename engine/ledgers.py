"""What people may ask of the privacy ledgers, and what their owners may decide: plain values, no torch, no SQL.

Like engine.services: what goes wrong is a FrontierError whose message may be shown as it stands.
"""

from dataclasses import dataclass
from math import inf
from typing import Any

import pandas as pd

from engine.checks import within
from engine.data import datasets, entry, own
from engine.errors import BadInput
from engine.jobs import charging
from engine.planning import usual_delta
from engine.privacy import ledger as rules
from engine.privacy import renyi
from engine.privacy.ledger import Cap
from engine.results import POINTS
from engine.settings import Settings
from engine.store import books as kinds
from engine.store.books import Books, cost, running
from engine.store.store import Store, opened
from engine.study import EPSILON_LOW, OWN, Study
from engine.wanted import Wanted

MOST = 100_000  # studies that are looked through
MOST_CAP = 1000.0  # epsilon of a cap: beyond, nothing is promised that anybody could tell from nothing


@dataclass(frozen=True)
class Entry:
    """One row as a person reads it. `alone` and `total` are epsilons: of this release, and of all up to it.

    `alone` is None for what releases nothing; `said` holds what else stands in the row.
    """

    dataset: str
    number: int
    written: float
    kind: str
    alone: float | None
    total: float
    said: dict[str, Any]

    @property
    def study(self) -> str:
        return str(self.said.get("study", ""))


@dataclass(frozen=True)
class Statement:
    """The ledger of one data set and of those that share its images.

    `total` is what was released, `held` that and what is reserved besides: epsilons at `delta`, which stays the same.
    `counted` are both as they count against `cap`, the one of several with the least left. `problems`: what does not
    add up, by data set. `demonstration`: the images are public anyway.
    """

    dataset: str
    shares_with: tuple[str, ...]
    delta: float
    cap: Cap | None
    private: bool
    total: float
    held: float
    counted: tuple[float, float]
    entries: tuple[Entry, ...]
    problems: dict[str, list[str]]
    demonstration: bool

    def of_kind(self, *of: str) -> list[Entry]:
        return [one for one in self.entries if one.kind in of]

    @property
    def releases(self) -> list[Entry]:
        """What was spent, oldest first."""
        return self.of_kind(*kinds.SPENT)

    @property
    def unprotected(self) -> list[Entry]:
        """What has no finite epsilon."""
        return self.of_kind(kinds.UNPROTECTED)


def names(*, settings: Settings | None = None) -> list[str]:
    """Data sets that have a ledger or may get one: those with rows first, then all that are known."""
    settings = settings or Settings()
    written = _books(settings).names
    known = [*datasets.names, *(about.name for about in own.kept(settings.data_root))]
    return [*written, *(name for name in known if name not in written)]


def statement(name: str, *, settings: Settings | None = None) -> Statement:
    """How the ledger of a data set stands; BadInput when there is none of that name."""
    settings = settings or Settings()
    _known(name, settings)
    books = _books(settings)
    spent, delta = books.spent(name), _noted_delta(books, name) or _delta(name, settings)
    held = renyi.added([spent, books.held(name)])
    cap = min(books.caps(name), key=lambda one: one.epsilon - rules.counted(held, one), default=None)
    return Statement(
        dataset=name,
        shares_with=tuple(books.members(name)[1:]),
        delta=delta,
        cap=cap,
        private=books.private(name),
        total=renyi.epsilon(spent, delta),
        held=renyi.epsilon(held, delta),
        counted=(rules.counted(spent, cap), rules.counted(held, cap)) if cap else (0.0, 0.0),
        entries=tuple(_entries(books, name, delta)),
        problems=books.problems(name),
        demonstration=not name.startswith(OWN),
    )


def _entries(books: Books, name: str, delta: float) -> list[Entry]:
    rows, found, total = books.rows_of(name), [], 0.0
    totals = running((row for row in rows if row.kind in kinds.SPENT), books.cache)
    for row in rows:
        costs = row.kind in (*kinds.SPENT, kinds.RESERVED)
        alone = renyi.epsilon(cost(row.said, books.cache), delta) if costs else None
        total = renyi.epsilon(next(totals), delta) if row.kind in kinds.SPENT else total
        found.append(Entry(row.dataset, row.number, row.written, row.kind, alone, total, row.said))
    return found


def _noted_delta(books: Books, name: str) -> float | None:
    """The delta that was noted of own images when they came: it stays when they are deleted."""
    noted = (row.said.get("delta") for row in books.rows.get(name, ()) if row.kind == kinds.IMAGES)
    return next((delta for delta in noted if delta), None)


def set_cap(
    name: str,
    epsilon: float,
    delta: float | None = None,
    *,
    uncounted: bool = False,
    settings: Settings | None = None,
) -> list[str]:
    """Let at most (epsilon, delta) be spent on a data set, and on all that share its images: their names.

    BadInput for bounds, and for own images of which studies are here that no row counts, unless their owner says that
    he knows of these `uncounted` ones; StoreError when the ledger does not add up. A cap below what is spent refuses
    all that follows; inf lifts it.
    """
    settings = settings or Settings()
    if within("epsilon", epsilon, EPSILON_LOW, MOST_CAP, allow_inf=True) == inf:
        return _enrolled(name, settings).ledger.cap(name, None)
    chosen = _delta(name, settings) if delta is None else within("delta", delta, 1e-12, _delta(name, settings) * 10)
    store = _enrolled(name, settings)
    if (before := _uncounted(store, name)) and not uncounted:
        raise BadInput(
            f"{len(before)} of the studies of {name} were computed before there was a ledger and are not counted (one "
            f"is {before[0]}): set the cap all the same with --uncounted."
        )
    return store.ledger.cap(name, Cap(epsilon, chosen))


def _uncounted(store: Store, name: str) -> list[str]:
    """Studies of own images with results that no row counts, of all that share them."""
    if not name.startswith(OWN):
        return []
    books = store.ledger.books()
    counted = {row.said.get("study") for row in books.rows_of(name)}
    views = (store.overview.studies(MOST, 0, Wanted(dataset=member)) for member in books.members(name))
    return [one.digest for some in views for one in some if one.n_points and one.digest not in counted]


def mark(name: str, *, private: bool, settings: Settings | None = None) -> list[str]:
    """Mark a data set, and all that share its images, as private or as public: their names."""
    return _enrolled(name, settings or Settings()).ledger.mark(name, private=private)


def accept(name: str, *, settings: Settings | None = None) -> list[str]:
    """Go on from a ledger that does not add up, as it stands; what was wrong."""
    return opened((settings or Settings()).home).ledger.accept(name)


def enrol(name: str, *, settings: Settings | None = None) -> None:
    """Note which pictures an own data set has: others with one of them share its budget from then on."""
    _enrolled(name, settings or Settings())


def _enrolled(name: str, settings: Settings) -> Store:
    _known(name, settings)
    store = opened(settings.home)
    charging.enrol(store, name, settings.data_root)
    return store


def check(*, settings: Settings | None = None) -> dict[str, list[str]]:
    """What does not add up, by data set; {} when all does."""
    books = _books(settings or Settings())
    return {name: broken for name in books.names if (broken := books.broken(name))}


def heads(*, settings: Settings | None = None) -> dict[str, tuple[int, str]]:
    """The number and the hash of the newest row of each data set: written down elsewhere, they show a cut."""
    rows = _books(settings or Settings()).rows
    return {name: (listed[-1].number, listed[-1].hash) for name, listed in rows.items()}


def owner_only(study: Study, *, settings: Settings | None = None) -> str:
    """Why a study's results stay with the owner of its images, as one sentence; "" if all may be passed on."""
    books = _books(settings or Settings())
    if not _withholds(books, study.dataset):
        return ""
    why = "These images are marked private"
    if books.problems(study.dataset):
        why = "The privacy ledger of these images does not add up, so they count as marked private"
    if study.privacy.mode != "private":
        return f"{why}, and noise that follows from a seed guarantees nothing."
    if study.privacy.clip_only or inf in study.privacy.epsilons:
        return f"{why}, and models without noise guarantee nothing."
    if "leakage" in study.extras:
        return f"{why}, and what attacks find out about single images is protected by no noise."
    return ""


def private(name: str, *, settings: Settings | None = None) -> bool:
    """Whether a data set, or one that shares its images, is marked private, or may be: its ledger does not add up."""
    return _withholds(_books(settings or Settings()), name)


def _withholds(books: Books, name: str) -> bool:
    return books.private(name) or bool(books.problems(name))


def guarded(name: str, *, settings: Settings | None = None) -> bool:
    """Whether training images are shown to nobody outside the ledger: own ones, and those with a cap or a mark."""
    books = _books(settings or Settings())
    return name.startswith(OWN) or books.private(name) or bool(books.caps(name) or books.problems(name))


def passed_on(study: Study, frame: pd.DataFrame, *, settings: Settings | None = None) -> pd.DataFrame:
    """The rows of a result table that may leave: of images marked private those that have a guarantee.

    What training took has none: batches are of random size, so time and memory follow the images.
    """
    if private(study.dataset, settings=settings):
        frame = frame[frame["metric"].isin(POINTS)]
    if not owner_only(study, settings=settings):
        return frame
    return frame[(frame["mode"] == "private") & (frame["epsilon"] < inf)]


def _books(settings: Settings) -> Books:
    return opened(settings.home).ledger.books()


def _known(name: str, settings: Settings) -> None:
    if name not in names(settings=settings):
        choices = ", ".join(names(settings=settings))
        raise BadInput(f"dataset '{name[:60]}' has no privacy ledger; choose from: {choices}")


def _delta(name: str, settings: Settings) -> float:
    """The usual delta of a data set; of one that is gone, that of a large one."""
    about = own.find(name, settings.data_root) if name.startswith(OWN) else None
    known = name in datasets.names or about is not None
    return usual_delta(entry.entry(name, about.own if about else None).facts["n_train"]) if known else 1e-5
