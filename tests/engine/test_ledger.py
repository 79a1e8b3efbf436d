"""The privacy ledger as it is kept: what is charged, once; what a cap refuses; what does not add up is named."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import ledgers, planning
from engine.errors import BadInput, Cancelled, StaleAttempt, StoreError
from engine.events import Begins, Event, Redone
from engine.jobs.contract import perform
from engine.mechanism import Mechanism
from engine.privacy import renyi
from engine.privacy.ledger import Cap
from engine.results import LEAKED_AUC, MEMORY, POINTS, SECONDS
from engine.store.chain import FILE as NOTE
from engine.store.database import FILE
from engine.store.store import Store
from engine.study import Job, Study, parse
from tests.engine import bookkeeping as book
from tests.engine.bookkeeping import study


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def home_of(store: Store) -> Path:
    return Path(store.database.name).parent


def kinds(store: Store, name: str = "digits") -> list[str]:
    return [row.kind for row in store.ledger.books().rows.get(name, ())]


def total(store: Store) -> float:
    return renyi.epsilon(store.ledger.books().spent("digits"), 1e-5)


def test_a_study_is_charged_once_before_its_first_step(store: Store) -> None:
    claim = book.begin(store, study())
    assert kinds(store) == []
    for _ in range(2):  # every job of it says so, at every attempt
        store.ledger.release(claim, book.asked(study()))
    assert kinds(store) == ["released"]
    assert 0.5 < total(store) < 2


def test_a_resume_a_retry_and_a_cached_answer_cost_nothing(store: Store) -> None:
    digest = planning.digest(study())
    claim = book.begin(store, study())
    store.ledger.release(claim, book.asked(study()))
    store.queue.give_back(claim)
    again = store.queue.claim()
    assert again is not None
    store.ledger.release(again, book.asked(study()))
    store.queue.fail(again, "Out of memory.")
    assert planning.digest(study()) == book.queue(store, study()) == digest
    third = store.queue.claim()
    assert third is not None
    store.ledger.release(third, book.asked(study()))
    store.queue.finish(third)
    book.queue(store, study())
    assert kinds(store) == ["released"]


@pytest.mark.parametrize(("mode", "charged"), [("reproducible", 1), ("private", 2)])
def test_deleted_and_asked_for_again_it_is_charged_if_its_noise_is_fresh(store: Store, mode: str, charged: int) -> None:
    one = study(mode=mode)
    for _ in range(2):
        book.compute(store, one)
        book.delete(store, planning.digest(one))
    assert kinds(store) == ["released"] * charged


def test_other_noise_under_the_same_digest_is_charged(store: Store) -> None:
    one = study(mode="reproducible")
    claim = book.begin(store, one)
    store.ledger.release(claim, book.asked(one))
    store.ledger.release(claim, replace(book.asked(one), mechanisms=(Mechanism(0.1, 5.9, 100),)))
    assert kinds(store) == ["released"] * 2


def test_stopped_before_its_first_step_it_is_not_charged(store: Store) -> None:
    claim = book.begin(store, study())
    store.queue.cancel(claim.study)
    with pytest.raises(Cancelled):
        store.ledger.release(claim, book.asked(study()))
    assert kinds(store) == []


def test_stopped_afterwards_it_stays_charged(store: Store) -> None:
    claim = book.begin(store, study())
    store.ledger.release(claim, book.asked(study()))
    before = total(store)
    store.queue.cancel(claim.study)
    store.queue.give_back(claim)
    book.delete(store, claim.study)
    assert (kinds(store), total(store)) == (["released"], before)


def test_an_overtaken_attempt_charges_nothing(store: Store) -> None:
    claim = book.begin(store, study())
    store.queue.give_back(claim)
    store.queue.claim()
    with pytest.raises(StaleAttempt):
        store.ledger.release(claim, book.asked(study()))
    assert kinds(store) == []


def test_a_model_without_noise_is_listed_apart(store: Store) -> None:
    book.compute(store, study(epsilons=(1, "inf")))
    assert kinds(store) == ["released", "no guarantee"]
    row = store.ledger.books().rows["digits"][1]
    assert row.said["which"] == ["models without privacy (epsilon inf)"]
    assert total(store) == pytest.approx(book.spent(home_of(store)))


def test_redone_steps_are_charged_every_time(store: Store) -> None:
    one = study(epsilons=(1, 3))
    claim = book.begin(store, one)
    store.ledger.release(claim, book.asked(one))
    before = [total(store)]
    for _ in range(2):
        store.queue.give_back(claim)
        claim = store.queue.claim() or claim
        store.ledger.release(claim, book.asked(one))
        for epsilon in (1.0, 3.0):  # both models of the pass say so
            store.ledger.redo(claim, book.asked(one), Redone(epsilon, 0, 20))
        before.append(total(store))
    assert kinds(store) == ["released", "redone", "redone"]
    assert before[0] < before[1] < before[2]
    one_more = store.ledger.books().rows["digits"][-1].said["mechanisms"]
    assert one_more == [[book.RATE, pytest.approx(book.NOISE / 2**0.5), 20]], "what was shared is shared again"


def test_a_job_that_lost_what_it_trained_is_charged_again(store: Store) -> None:
    one, begins = study(epsilons=(1, 3)), Begins(((1.0, 0), (3.0, 0)), book.STEPS)
    claim = book.begin(store, one)
    store.ledger.release(claim, book.asked(one))
    store.ledger.begin(claim, book.asked(one), begins)
    assert kinds(store) == ["released"], "a first step is what was charged"
    before = total(store)
    store.queue.give_back(claim)
    claim = store.queue.claim() or claim
    store.ledger.release(claim, book.asked(one))
    store.ledger.begin(claim, book.asked(one), begins)
    assert kinds(store) == ["released", "redone"]
    assert total(store) > 1.3 * before, "all steps again, of both models in one pass"
    assert store.ledger.books().rows["digits"][-1].said["mechanisms"][0][2] == book.STEPS
    store.queue.finish(claim)
    book.delete(store, claim.study)
    book.compute(store, one)
    assert kinds(store) == ["released", "redone", "released"]
    with store.database.read() as connection:
        assert not connection.exec_driver_sql("SELECT key FROM meta WHERE key LIKE 'begun:%'").all(), (
            "forgotten with it"
        )


def test_what_a_job_says_of_its_first_step_reaches_the_ledger(store: Store, tmp_path: Path) -> None:
    def execute(job: Job, emit: Callable[[Event], None], **_: object) -> None:
        emit(book.releases(study()))
        emit(Begins(((1.0, 0),), book.STEPS))
        raise BadInput("The disk is full.")

    for expected in (["released"], ["released", "redone"]):
        claim = book.begin(store, study())
        perform(store, claim, execute, places=None, artifacts=tmp_path, cores=2)
        assert kinds(store) == expected


def test_a_job_killed_before_its_first_step_begins_for_the_first_time(store: Store) -> None:
    claim = book.begin(store, study())
    store.ledger.release(claim, book.asked(study()))
    store.queue.give_back(claim)
    claim = store.queue.claim() or claim
    store.ledger.release(claim, book.asked(study()))
    store.ledger.begin(claim, book.asked(study()), Begins(((1.0, 0),), book.STEPS))
    assert kinds(store) == ["released"]


def test_a_job_that_lost_what_it_trained_is_refused_where_the_cap_has_no_room(store: Store) -> None:
    store.ledger.cap("digits", Cap(1.5, 1e-5))
    begins = Begins(((1.0, 0),), book.STEPS)
    claim = book.begin(store, study())
    store.ledger.release(claim, book.asked(study()))
    store.ledger.begin(claim, book.asked(study()), begins)
    with pytest.raises(BadInput, match="past the cap of 1.5"):
        store.ledger.begin(claim, book.asked(study()), begins)


def test_a_cap_refuses_before_anything_is_queued_with_the_figure(store: Store) -> None:
    book.compute(store, study(1))
    store.ledger.cap("digits", Cap(1.5, 1e-5))
    with pytest.raises(BadInput, match=r"from 1\.1\d to 1\.6\d, past the cap of 1\.5 \(at delta 1e-05\)"):
        book.queue(store, study(2))
    assert store.overview.study(planning.digest(study(2))) is None
    assert kinds(store) == ["released", "cap"]


def test_what_waits_holds_its_room_until_it_is_stopped(store: Store) -> None:
    store.ledger.cap("digits", Cap(1.5, 1e-5))
    first = book.queue(store, study(1))
    with pytest.raises(BadInput, match="past the cap"):
        book.queue(store, study(2))
    store.queue.cancel(first)
    book.queue(store, study(2))
    assert kinds(store) == ["cap", "reserved", "reserved"]
    assert total(store) == 0, "nothing was released"
    with pytest.raises(BadInput, match="past the cap"):
        book.queue(store, study(1))  # its room is taken now


def test_what_was_reserved_is_charged_once(store: Store) -> None:
    store.ledger.cap("digits", Cap(1.5, 1e-5))
    book.compute(store, study())
    assert kinds(store) == ["cap", "reserved", "released"]
    assert renyi.epsilon(store.ledger.books().held("digits"), 1e-5) == 0
    book.queue(store, study())  # cached


def test_a_cap_below_what_is_spent_refuses_everything_after(store: Store) -> None:
    book.compute(store, study(1))
    store.ledger.cap("digits", Cap(0.5, 1e-5))
    with pytest.raises(BadInput, match="past the cap of 0.5"):
        book.queue(store, study(2))
    store.ledger.cap("digits", Cap(5, 1e-5))
    book.queue(store, study(2))


def test_a_cap_may_be_lifted(store: Store) -> None:
    store.ledger.cap("digits", Cap(0.5, 1e-5))
    store.ledger.cap("digits", None)
    assert store.ledger.books().caps("digits") == []
    book.queue(store, study(mode="reproducible"))


def test_a_worker_is_refused_when_a_cap_was_set_after_its_study_was_queued(store: Store) -> None:
    claim = book.begin(store, study())
    store.ledger.cap("digits", Cap(0.5, 1e-5))
    with pytest.raises(BadInput, match="past the cap"):
        store.ledger.release(claim, book.asked(study()))
    assert kinds(store) == ["cap"]


def test_under_a_cap_nothing_without_a_guarantee_is_computed(store: Store) -> None:
    store.ledger.cap("digits", Cap(50, 1e-5))
    private = {"epsilons": [1], "mode": "private"}
    clipped, attacked = study(privacy=private | {"clip_only": True}), study(privacy=private, extras=["leakage"])
    for without in (study(epsilons=(1, "inf")), clipped, attacked):
        with pytest.raises(BadInput, match=r"without any guarantee, and digits has a cap of 50: leave that out"):
            book.queue(store, without)
    with pytest.raises(BadInput, match=r"choose mode private"):
        book.queue(store, study(mode="reproducible"))


def test_private_holds_until_public(store: Store) -> None:
    assert [store.ledger.books().private("digits")] == [False]
    store.ledger.mark("digits", private=True)
    assert store.ledger.books().private("digits")
    store.ledger.mark("digits", private=False)
    assert not store.ledger.books().private("digits")


def test_what_training_took_stays_with_the_owner_of_private_images(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are of random size: time and memory follow the images, at no epsilon."""
    monkeypatch.setenv("FRONTIER_HOME", str(home_of(store)))
    asked = study(mode="private", epsilons=(1,))
    rows = pd.DataFrame({"metric": [*POINTS, SECONDS, MEMORY], "mode": "private", "epsilon": 1.0})
    store.ledger.mark("digits", private=False)
    assert len(ledgers.passed_on(asked, rows)) == 4
    store.ledger.mark("digits", private=True)
    assert ledgers.passed_on(asked, rows)["metric"].tolist() == [*POINTS]


def test_what_attacks_find_out_of_private_images_stays_with_their_owner(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTIER_HOME", str(home_of(store)))
    attacked = study(mode="private", epsilons=(1,), extras=["leakage"])
    rows = pd.DataFrame({"metric": [*POINTS, LEAKED_AUC + "lira"], "mode": "private", "epsilon": 1.0})
    assert len(ledgers.passed_on(attacked, rows)) == 3
    store.ledger.mark("digits", private=True)
    assert ledgers.owner_only(attacked).endswith("what attacks find out about single images is protected by no noise.")
    assert ledgers.passed_on(attacked, rows)["metric"].tolist() == [*POINTS]
    assert not ledgers.owner_only(study(mode="private", epsilons=(1,)))


def spent_by(tmp_path: Path, *studies: Study) -> float:
    store = Store(tmp_path / str(len(list(tmp_path.iterdir()))))
    for one in studies:
        book.compute(store, one)
    return total(store)


def test_what_two_seeded_studies_have_in_common_counts_once(tmp_path: Path) -> None:
    """Their models draw the same batches, and those of one budget and repeat are the same bits."""
    low, high, both = (study(mode="reproducible", epsilons=some) for some in ((1, 2), (2, 3), (1, 2, 3)))
    together = spent_by(tmp_path, both)
    assert spent_by(tmp_path, low, high) == spent_by(tmp_path, low, high, both) == together
    assert spent_by(tmp_path, low) < together


def test_two_secret_studies_have_nothing_in_common(tmp_path: Path) -> None:
    low, both = (study(mode="private", epsilons=some) for some in ((1, 2), (1, 2, 3)))
    alone = [spent_by(tmp_path, one) for one in (low, both)]
    assert max(alone) < spent_by(tmp_path, low, both) < sum(alone)


# --- what does not add up


def tampered(store: Store, statement: str, *, head: bool = True) -> None:
    """Somebody with a database tool, who knows of the triggers."""
    with closing(sqlite3.connect(home_of(store) / FILE)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS ledger_keeps_what_it_has_update")
        connection.execute("DROP TRIGGER IF EXISTS ledger_keeps_what_it_has_delete")
        connection.executescript(statement)
        connection.commit()


@pytest.fixture
def four(store: Store) -> Store:
    """Four rows."""
    for number in range(1, 5):
        book.compute(store, study(number))
    assert store.ledger.books().problems("digits") == {}
    return store


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ledger SET body = replace(body, ',100]', ',1]') WHERE number = 2", "row 2 was changed"),
        ("UPDATE ledger SET written = written + 1 WHERE number = 4", "row 4 was changed"),
        ("UPDATE ledger SET kind = 'reserved' WHERE number = 1", "row 1 was changed"),
        ("DELETE FROM ledger WHERE number = 3", "row 3 is missing"),
        ("DELETE FROM ledger WHERE number = 1", "row 1 is missing"),
        ("DELETE FROM ledger WHERE number > 2", "rows 3 to 4 are missing at the end"),
        ("DELETE FROM ledger; DELETE FROM meta WHERE key LIKE 'ledger:%'", "rows 1 to 4 are missing at the end"),
        ("UPDATE ledger SET number = 9 - number WHERE number IN (2, 3); UPDATE ledger SET number = number - 4 "
         "WHERE number > 4", "row 2 was changed"),
        ("DELETE FROM meta WHERE key LIKE 'ledger:%'", "row 4 is not the one that the store remembers"),
    ],
)  # fmt: skip
def test_a_changed_removed_or_moved_row_is_named(four: Store, statement: str, named: str) -> None:
    tampered(four, statement)
    assert any(phrase.startswith(named) for phrase in four.ledger.books().broken("digits"))
    with pytest.raises(
        StoreError, match=r"ledger of digits does not add up \(row.*\): .* `python -m engine ledger accept"
    ):
        book.compute(four, study(5))


def test_a_row_whose_hash_was_made_anew_does_not_fit_the_next(four: Store) -> None:
    from engine.store import chain

    two = four.ledger.books().rows["digits"][1]
    forged = replace(two, body=two.body.replace(",100]", ",1]"))
    seal = chain.sealed("digits", 2, forged.written, forged.kind, forged.body, forged.previous)
    tampered(four, f"UPDATE ledger SET body = '{forged.body}', hash = '{seal}' WHERE number = 2")
    assert four.ledger.books().broken("digits") == ["row 3 does not follow the row before it"]


def test_a_tail_that_was_cut_in_the_store_and_in_what_it_remembers_is_seen_by_the_file(four: Store) -> None:
    three = four.ledger.books().rows["digits"][2]
    cut = f"DELETE FROM ledger WHERE number = 4; UPDATE meta SET value = '3 {three.hash}' WHERE key LIKE 'ledger:%'"
    tampered(four, cut)
    assert four.ledger.books().broken("digits") == ["row 4 is missing at the end"]


def restored(four: Store) -> None:
    """An old copy of the store, of three rows, beside a file that remembers four."""
    three = four.ledger.books().rows["digits"][2]
    tampered(four, f"DELETE FROM ledger WHERE number = 4; UPDATE meta SET value = '3 {three.hash}' "
             "WHERE key = 'ledger:digits'")  # fmt: skip


def test_a_row_of_another_data_set_leaves_the_memory_of_a_cut(four: Store) -> None:
    restored(four)
    four.ledger.cap("mnist", Cap(3, 1e-5))
    assert four.ledger.books().broken("digits") == ["row 4 is missing at the end"]
    assert four.ledger.accept("digits") == ["row 4 is missing at the end"]
    assert json.loads((home_of(four) / NOTE).read_text())["digits"][0] == 5
    assert four.ledger.books().broken("digits") == []


@pytest.mark.parametrize("said", [None, "", "no JSON", "[]", '{"digits": 4}', '{"digits": ["x", 4]}'])
def test_a_file_that_is_lost_or_unreadable_is_told_until_its_owner_accepts_it(four: Store, said: str | None) -> None:
    file, lost = home_of(four) / NOTE, ["ledger.json, which remembers its newest row, was missing or unreadable"]
    four.ledger.cap("emnist", Cap(3, 1e-5))
    if said is None:
        file.unlink()
    else:
        file.write_text(said)
    assert four.ledger.books().broken("digits") == lost
    four.ledger.cap("mnist", Cap(3, 1e-5))  # writes the file again
    assert four.ledger.books().broken("mnist") == []
    assert four.ledger.accept("emnist") == lost
    assert four.ledger.books().broken("digits") == lost, "another's is not accepted with it"
    assert four.ledger.accept("digits") == lost
    book.compute(four, study(5))
    assert four.ledger.books().broken("digits") == []


def test_a_file_that_was_not_written_yet_is_no_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.ledger, "settle", lambda **_: None)  # killed in between
    book.compute(store, study())
    assert store.ledger.books().broken("digits") == []


def test_what_is_reserved_is_remembered(tmp_path: Path) -> None:
    from engine import ledgers, services
    from engine.settings import Settings

    mine = Settings(home=tmp_path / "home")
    ledgers.set_cap("digits", 90, settings=mine)
    services.submit(parse({"dataset": "digits", "privacy": {"epsilons": [1], "mode": "private"}}), settings=mine)
    assert json.loads((mine.home / NOTE).read_text())["digits"][0] == 2


@pytest.mark.parametrize(
    "change",
    [
        "body = CAST(body AS BLOB)",
        "written = 9e999",
        "kind = x'00'",
        "hash = 7",
        "number = 'first'",
        'body = \'{"mechanisms": [[2, 1, 5]], "epsilons": 3}\'',
        'body = \'{"kin": 7, "epsilon": "x", "delta": -1}\'',
    ],
)
def test_a_row_of_another_shape_is_named_and_stops_nobody_else(four: Store, change: str) -> None:
    tampered(four, f"UPDATE ledger SET {change} WHERE number = 2")
    books = four.ledger.books()
    assert books.broken("digits")
    assert books.members("folder:a") == ["folder:a"]
    for kind in (Cap(3, 1e-5), None):
        four.ledger.cap("mnist", kind)
    books.spent("digits"), books.held("digits"), books.caps("digits"), books.private("digits")
    assert four.ledger.accept("digits")
    assert four.ledger.books().broken("digits") == []


def test_a_file_that_lags_behind_is_no_damage(four: Store) -> None:
    file = home_of(four) / NOTE
    two = four.ledger.books().rows["digits"][1]
    file.write_text(json.dumps({"digits": [2, two.hash]}))
    assert four.ledger.books().broken("digits") == []
    file.write_text(json.dumps({"digits": [2, "0" * 64]}))
    assert four.ledger.books().broken("digits") == [f"row 2 is not the one that {NOTE} remembers"]


def test_the_store_itself_refuses_changes(four: Store) -> None:
    with closing(sqlite3.connect(home_of(four) / FILE)) as connection:
        for statement in ("UPDATE ledger SET body = '{}'", "DELETE FROM ledger"):
            with pytest.raises(sqlite3.IntegrityError, match="the ledger only grows"):
                connection.execute(statement)


def test_damage_to_one_data_set_leaves_others_alone(four: Store) -> None:
    tampered(four, "UPDATE ledger SET written = 0 WHERE number = 2")
    assert four.ledger.books().problems("mnist") == {}
    four.ledger.cap("mnist", Cap(3, 1e-5))


@pytest.mark.parametrize("statement", ["UPDATE ledger SET written = 0 WHERE number = 2", "DELETE FROM ledger"])
def test_an_owner_may_go_on_from_what_stands_there(four: Store, statement: str) -> None:
    tampered(four, statement)
    was = four.ledger.accept("digits")
    assert was
    assert four.ledger.books().broken("digits") == []
    book.compute(four, study(5))
    rows = four.ledger.books().rows["digits"]
    accepted = next(row for row in rows if row.kind == "accepted")
    assert accepted.number == 5
    assert accepted.said["problems"] == was, "what was wrong stays written"
    tampered(four, "UPDATE ledger SET written = 1 WHERE number = 6")
    assert four.ledger.books().broken("digits") == ["row 6 was changed after it was written"]


def test_accepting_what_is_sound_changes_nothing(four: Store) -> None:
    assert four.ledger.accept("digits") == []
    assert kinds(four) == ["released"] * 4


# --- whatever happens


STEP = st.one_of(
    st.tuples(st.sampled_from(["reserve", "compute", "stop", "delete", "redo"]), st.integers(1, 3)),
    st.tuples(st.just("cap"), st.sampled_from([1, 2, 4])),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=10), mode=st.sampled_from(["private", "reproducible"]))
def test_the_total_never_falls_and_a_cap_holds(
    steps: list[tuple[str, int]], mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("home"))
    before, cap = 0.0, None
    for what, number in steps:
        one = study(number, mode=mode)
        with suppress(BadInput, Cancelled, StaleAttempt):
            act(store, what, number, one)
        after = total(store)
        assert after >= before
        cap = number if what == "cap" else cap
        if cap and after > before:
            assert mode == "private"
            assert after <= cap
        before = after
        assert store.ledger.books().problems("digits") == {}
    store.close()


def act(store: Store, what: str, number: int, one: Study) -> None:
    if what == "cap":
        store.ledger.cap("digits", Cap(number, 1e-5))
    elif what == "reserve":
        book.queue(store, one)
    elif what == "stop":
        store.queue.cancel(planning.digest(one))
    elif what == "delete":
        book.delete(store, planning.digest(one))
    else:
        book.queue(store, one)
        claim = store.queue.claim()
        if claim is not None:
            mine = study(claim.job.study.seeds, mode=claim.job.study.privacy.mode)
            store.ledger.release(claim, book.asked(mine))
            if what == "redo":
                store.ledger.redo(claim, book.asked(mine), Redone(1.0, 0, 10))
            store.queue.finish(claim)


def test_two_that_ask_at_once_never_both_pass_when_one_fits(store: Store) -> None:
    """Threads with a store of their own each; tests/engine/test_ledger_killed.py does it with processes."""
    store.ledger.cap("digits", Cap(1.5, 1e-5))
    refused: list[str] = []

    def submit(number: int) -> None:
        mine = Store(home_of(store))
        try:
            book.queue(mine, study(number))
        except BadInput as error:
            refused.append(str(error))
        mine.close()

    threads = [threading.Thread(target=submit, args=[number]) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert kinds(store) == ["cap", "reserved"]


# --- curves


@pytest.fixture
def asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each curve that is computed, whether others had to wait for the store meanwhile."""
    computed, writing, plain, write = [], [False], renyi.curve, store.database.write

    @contextmanager
    def writes() -> Iterator[object]:
        with write() as connection:
            writing[0] = True
            yield connection
        writing[0] = False

    def curve(one: Mechanism) -> renyi.Curve:
        computed.append(writing[0])
        return plain(one)

    monkeypatch.setattr(store.database, "write", writes)
    monkeypatch.setattr(renyi, "curve", curve)
    return computed


@pytest.mark.parametrize("cap", [None, Cap(90, 1e-5)])
def test_nobody_waits_for_the_store_while_curves_are_computed(
    store: Store, asked_for: list[bool], cap: Cap | None
) -> None:
    store.ledger.cap("digits", cap)
    for number in (1, 2):
        claim = book.begin(store, study(number))
        store.ledger.release(claim, book.asked(study(number)))
        store.ledger.redo(claim, book.asked(study(number)), Redone(1.0, 0, 10 + number))
        store.queue.finish(claim)
    assert asked_for
    assert not any(asked_for)


def test_a_page_of_another_process_finds_the_curves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import ledgers
    from engine.settings import Settings

    for mode in ("private", "reproducible"):
        book.compute(store, study(1, mode=mode, epsilons=(1, 2)))
        book.compute(store, study(2, mode=mode, epsilons=(2, 3)))
    before = total(store)
    renyi.kept.cache_clear()
    monkeypatch.setattr(renyi, "curve", lambda one: pytest.fail(f"{one} is computed again"))
    info = ledgers.statement("digits", settings=Settings(home=home_of(store)))
    assert len(info.releases) == 4
    assert total(store) == before


def test_a_seeded_model_of_other_noise_is_another_model(store: Store) -> None:
    """A newer accountant may find that a budget needs less noise: what was released with more stays released."""
    one = study(mode="reproducible")
    claim = book.begin(store, one)
    totals = []
    for noise in (4.0, 4.4, 4.0):
        store.ledger.release(claim, replace(book.asked(one), mechanisms=(Mechanism(0.1, noise, 100),)))
        totals.append(total(store))
    assert totals[0] < totals[1] == totals[2]


def test_seeded_noise_is_named_by_any_other_accountant(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from engine import runs
    from engine.privacy import accounting

    nothing = (torch.zeros(1, 1, 8, 8), torch.zeros(1, dtype=torch.int64))
    before, asked = runs.training_identity(study(), nothing), book.asked(study())
    monkeypatch.setattr(accounting, "NAMED", ("PLD", "0.7.0"))
    assert runs.training_identity(study(), nothing) != before
    assert book.asked(study()).versions != asked.versions


# --- what a broken ledger withholds, and what a cap says


def test_images_whose_ledger_does_not_add_up_count_as_private(four: Store) -> None:
    import pandas as pd

    from engine import ledgers
    from engine.settings import Settings

    mine, seeded = Settings(home=home_of(four)), study(mode="reproducible")
    frame = pd.DataFrame({"mode": ["reproducible", "private"], "epsilon": [1.0, 1.0], "metric": ["accuracy"] * 2})
    assert len(ledgers.passed_on(seeded, frame, settings=mine)) == 2
    tampered(four, "UPDATE ledger SET written = 0 WHERE number = 2")
    assert ledgers.private("digits", settings=mine)
    assert ledgers.owner_only(seeded, settings=mine).startswith("The privacy ledger of these images does not add up")
    assert list(ledgers.passed_on(seeded, frame, settings=mine)["mode"]) == ["private"]
    assert ledgers.owner_only(study(), settings=mine) == ""


def test_of_several_caps_the_one_with_the_least_left_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import ledgers
    from engine.settings import Settings
    from engine.store.books import Books

    book.compute(store, study())
    loose, tight = Cap(3, 1e-2), Cap(3.1, 1e-12)
    monkeypatch.setattr(Books, "caps", lambda *_: [loose, tight])
    info = ledgers.statement("digits", settings=Settings(home=home_of(store)))
    assert info.cap == tight
    assert info.counted[0] > info.total
