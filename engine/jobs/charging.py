"""What a study owes the privacy ledger: said when it is queued under a cap, and before its first step."""

from collections.abc import Callable
from math import isinf
from pathlib import Path
from typing import Any

from engine import planning
from engine.data import entry, own
from engine.events import Releases
from engine.models import models
from engine.settings import Settings
from engine.store.books import Asked
from engine.store.store import Store
from engine.study import OWN, Study

WITHOUT_NOISE, CLIPPED = "models without privacy (epsilon inf)", "models that clip without noise"
ATTACKED = "models whose leakage is measured, and what attacks on them find"


def enrol(store: Store, dataset: str, root: Path) -> None:
    """Note which pictures an own data set has, before anything is charged to it: others may hold the same ones."""
    about = own.find(dataset, root) if dataset.startswith(OWN) else None
    if about is None:
        return
    if not store.ledger.enrolled(dataset, own.noted_marks(dataset, root)):
        store.ledger.enrol(dataset, own.marks(dataset, root), planning.usual_delta(about.own.n_train))


def reservation(store: Store, digest: str, study: Study, settings: Settings) -> Callable[[Any], None] | None:
    """What holds room under a cap for a resolved study, in the transaction that queues it; None without a cap."""
    enrol(store, study.dataset, settings.data_root)
    if not store.ledger.books().caps(study.dataset):
        return None
    from engine.guarantees import releases  # two seconds, which only a cap should cost

    wanted = asked(digest, study, releases(study, settings.cache))
    store.ledger.ready(study.dataset, wanted.said)
    return lambda connection: store.ledger.reserve(connection, wanted)


def asked(digest: str, study: Study, says: Releases) -> Asked:
    """What a resolved study asks of the ledger."""
    from engine.privacy.accounting import NAMED

    privacy = study.privacy
    without = [WITHOUT_NOISE] * (float("inf") in privacy.epsilons) + [CLIPPED] * privacy.clip_only
    without += [ATTACKED] * ("leakage" in study.extras)
    return Asked(
        dataset=study.dataset,
        study=digest,
        mode=privacy.mode,
        model=study.model,
        epsilons=tuple(epsilon for epsilon in privacy.epsilons if not isinf(epsilon)),
        repeats=study.seeds,
        shared=says.shared,
        delta=study.privacy.delta or 0.0,
        versions=(planning.NUMBERS_VERSION, entry.of(study).version, models[study.model].version, *NAMED),
        mechanisms=says.mechanisms,
        unprotected=tuple(without) if says.unprotected else (),
    )
