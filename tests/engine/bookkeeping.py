"""Studies on paper: what the privacy ledger hears of them, without any computing."""

from pathlib import Path

from engine import guarantees, planning
from engine.events import Releases
from engine.jobs import charging
from engine.mechanism import Mechanism
from engine.store.books import Asked
from engine.store.queue import Claim, Planned
from engine.store.store import Store
from engine.study import Study, parse

NOISE, RATE, STEPS = 4.0, 0.1, 100  # one study of one budget spends about 1.1 at delta 1e-5


def study(number: int = 1, *, mode: str = "private", epsilons: tuple[object, ...] = (1,), **changes: object) -> Study:
    """The study of that number: `number` repeats make it differ from others."""
    privacy = {"epsilons": list(epsilons), "mode": mode}
    return planning.resolve(parse({"dataset": "digits", "seeds": number, "privacy": privacy, **changes}))


def releases(asked: Study) -> Releases:
    """One mechanism for each budget and repeat; a budget costs the same however many repeats share it."""
    private = [epsilon for epsilon in asked.privacy.epsilons if epsilon != float("inf")]
    one = Mechanism(RATE, NOISE * asked.seeds**0.5, STEPS)
    return Releases(tuple(one for _ in private for _ in range(asked.seeds)), True, guarantees.unprotected(asked))


def asked(one: Study) -> Asked:
    return charging.asked(planning.digest(one), one, releases(one))


def queue(store: Store, one: Study) -> str:
    """Submit a study as the services do."""
    digest = planning.digest(one)
    plan = [Planned(job, {}, {"train": 1.0}, threads=1) for job in planning.plan(one)]
    reserve = None
    if store.ledger.books().caps(one.dataset):
        store.ledger.ready(one.dataset, asked(one).said)
        reserve = lambda connection: store.ledger.reserve(connection, asked(one))  # noqa: E731
    store.queue.submit(digest, one, plan, who="page", lasting=True, reserve=reserve)
    return digest


def begin(store: Store, one: Study) -> Claim:
    """Queue a study and claim its job."""
    queue(store, one)
    claim = store.queue.claim()
    assert claim is not None
    return claim


def compute(store: Store, one: Study) -> Claim:
    """Queue a study, charge it, and finish it."""
    claim = begin(store, one)
    store.ledger.release(claim, asked(one))
    store.queue.finish(claim)
    return claim


def delete(store: Store, digest: str) -> None:
    from contextlib import nullcontext

    store.queue.cancel(digest)
    store.queue.remove(digest, though_held=True, meanwhile=nullcontext)


def spent(home: Path, dataset: str = "digits") -> float:
    """The total of a data set at delta 1e-5."""
    from engine.privacy import renyi

    store = Store(home)
    total = renyi.epsilon(store.ledger.books().spent(dataset), 1e-5)
    store.close()
    return total
