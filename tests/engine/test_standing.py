"""How images stand, in the store: read as it was said, the latest word alone, gone with its study."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from sqlalchemy import text

from engine import planning, services, starter
from engine.errors import StaleAttempt
from engine.events import Stands
from engine.report import figures, lines
from engine.store.measured import Batch
from engine.store.queue import Claim, Planned, Span
from engine.store.store import Store
from tests.engine.jobs.conftest import queue_study, small
from tests.engine.report.rows import CLEAN, frame

__all__ = ["queue_study"]

FIRST = Stands(1.0, 0, ("fmn", "apgd"), (0.0, 0.1, 0.25), bytes([0, 1, 2, 3]), bytes([255, 0, 1, 255]), done=False)


@pytest.fixture
def claim(store: Store, queue_study: Callable[..., str]) -> Claim:
    queue_study()
    claimed = store.queue.claim()
    assert claimed is not None
    return claimed


def record(store: Store, claim: Claim, *words: Stands) -> None:
    store.measured.record(claim, Batch(standing=list(words)))


def test_what_was_said_is_read_again_bit_by_bit(store: Store, claim: Claim) -> None:
    said = [FIRST, replace(FIRST, epsilon=inf, clip_only=True), replace(FIRST, epsilon=inf, broken=bytes(range(4)))]
    record(store, claim, *said)
    assert store.measured.standing(claim.study) == said, "clipping alone before no privacy"
    assert services.standing(claim.study) == said
    assert services.standing("0123456789abcdef") == []


def test_the_latest_word_on_a_model_replaces_the_one_before(store: Store, claim: Claim) -> None:
    later = replace(FIRST, broken=bytes([0, 1, 1, 2]), by=bytes([255, 0, 0, 1]))
    other = replace(FIRST, seed=1)
    record(store, claim, FIRST, other, later)
    assert store.measured.standing(claim.study) == [later, other]
    record(store, claim, last := replace(later, done=True))
    assert store.measured.standing(claim.study) == [last, other]


def test_a_word_of_an_overtaken_attempt_is_refused(store: Store, claim: Claim) -> None:
    record(store, claim, FIRST)
    with pytest.raises(StaleAttempt):
        record(store, replace(claim, attempt=claim.attempt + 1), replace(FIRST, done=True))
    assert store.measured.standing(claim.study) == [FIRST]


def test_a_new_word_is_news_to_a_page(store: Store, claim: Claim) -> None:
    def revision() -> int:
        status = services.status(claim.study)
        assert status is not None
        return status.revision

    before = revision()
    record(store, claim)
    assert revision() == before
    record(store, claim, FIRST)
    assert revision() > before


def test_a_page_draws_it_while_attacks_go_on(store: Store, claim: Claim) -> None:
    record(store, claim, FIRST)
    study = small()
    info = figures.trade_off(
        services.frame(claim.study),
        epsilons=lines.of_study(study),
        radii=FIRST.radii,
        norm="linf",
        strength=None,
        standing=services.standing(claim.study),
    )
    assert [[spot.y for spot in line.known] for line in info.forming] == [[75.0, 50.0, 25.0], []]


def test_a_study_that_is_brought_has_its_standing_and_loses_it_when_deleted(store: Store) -> None:
    study = small()
    digest, plan = planning.digest(study), [Planned(job, {}, {}, 1) for job in planning.plan(study)]
    done = replace(FIRST, done=True)
    store.measured.adopt(digest, study, plan, Span(1.0, 1.0, 2.0), [], [done])
    assert services.standing(digest) == [done]
    store.measured.adopt(digest, study, plan, Span(1.0, 1.0, 2.0), [], [FIRST])
    assert services.standing(digest) == [done], "it is brought once"
    assert services.delete(digest)
    with store.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM standing")).scalar() == 0


def test_what_is_shipped_is_brought_into_another_store_bit_by_bit(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small()
    digest = planning.digest(study)
    said = [replace(FIRST, broken=bytes([0, 254, 255]), done=True), replace(FIRST, epsilon=inf, clip_only=True)]
    starter.ship("one", study, frame(CLEAN), Span(1.0, 1.0, 2.0), tmp_path / "shipped", said)
    monkeypatch.setattr(starter, "SHIPPED", tmp_path / "shipped")
    starter.bring(store)
    assert store.measured.standing(digest) == said
    assert len(store.measured.frame(digest)) == 1


def test_words_survive_their_store_being_closed(home: Path, store: Store, claim: Claim) -> None:
    record(store, claim, FIRST)
    store.close()
    again = Store(home)
    assert again.measured.standing(claim.study) == [FIRST]
    again.close()
