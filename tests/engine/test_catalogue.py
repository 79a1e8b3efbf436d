"""Lists of studies: narrowed in SQL to what is wanted, counted, with what people wrote beside them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from engine import services
from engine.errors import BadInput
from engine.jobs.progress import summarize
from engine.jobs.timing import Machine
from engine.store import queue
from engine.store.store import Store
from engine.store.tables import jobs, studies
from engine.wanted import Wanted
from tests.engine.jobs.conftest import small

pytestmark = pytest.mark.usefixtures("home")
STATES = ("queued", "running", "stopping", "done", "failed", "stopped")


def found(**wanted: Any) -> list[str]:
    return [status.digest for status in services.statuses(wanted=replace(Wanted(), **wanted))]


def some_of(values: Sequence[str]) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(values, n) for n in range(1, len(values) + 1)))


def test_sql_and_progress_agree_on_the_state_of_every_mixture_of_jobs(home: Path) -> None:
    """Two tellings of one rule: 63 studies whose jobs are in every set of states."""
    digest, mixtures = services.submit(small()), some_of(STATES)
    store = Store(home)
    with store.database.write() as connection:
        job = dict(connection.execute(jobs.select()).mappings().one())
        study = dict(connection.execute(studies.select()).mappings().one())
        connection.execute(update(studies).values(created=0.0))
        for number, mixture in enumerate(mixtures):
            name = f"{number:016x}"
            connection.execute(insert(studies).values(study | {"digest": name}))
            rows = [job | {"id": None, "study": name, "number": n, "state": one} for n, one in enumerate(mixture)]
            connection.execute(insert(jobs), [{k: v for k, v in row.items() if k != "id"} for row in rows])
    views = store.overview.studies(limit=100)
    told = {s.digest: s.state for s in summarize(views, [], [], Machine(cores=1, workers=1, speeds={}))}
    del told[digest]
    assert set(told.values()) == {"queued", "running", "done", "failed", "stopped"}
    for state in set(told.values()):
        wanted = {d for d in found(states=(state,)) if d != digest}
        assert wanted == {d for d, s in told.items() if s == state}
    assert services.counts() == {
        state: sum(s == state for s in [*told.values(), "queued"]) for state in set(told.values())
    }


def test_a_list_is_narrowed_by_everything_that_is_given() -> None:
    first, second = services.submit(small()), services.submit(small(model="cnn"))
    third = services.submit(small(seeds=3))
    services.cancel(second)
    services.annotate(first, note="Seen on Tuesday, 100% sure", tags=["draft"])
    services.annotate(third, tags=["draft", "Talk"])
    assert found() == [third, second, first]
    assert found(states=("stopped",)) == [second]
    assert found(states=("stopped", "queued")) == [third, second, first]
    assert found(model="cnn") == [second]
    assert found(dataset="mnist") == []
    assert found(tag="draft") == [third, first]
    assert found(tag="dra") == []
    assert found(tag="draft", text="tuesday") == [first]
    assert found(text="TALK") == [third]
    assert found(text=second[:6].upper()) == [second]
    assert found(text=second[3:]) == []
    assert found(digests=(first, second, "unknown")) == [second, first]
    assert found(digests=()) == []
    assert services.counts(Wanted(tag="draft")) == {"queued": 2}
    assert services.counts(Wanted(tag="nothing")) == {}
    assert services.names().tags == ("Talk", "draft")
    assert services.names().models == ("cnn", "scattering-linear")


@pytest.mark.parametrize("text", ["%", "_", "\\", "/", "'; DROP TABLE studies; --", "100%"])
def test_what_is_looked_for_is_text_and_no_pattern(text: str) -> None:
    plain, told = services.submit(small()), services.submit(small(seeds=2))
    services.annotate(plain, note="ordinary")
    services.annotate(told, note=f"with {text} inside")
    assert found(text=text) == [told]


def test_what_runs_and_waits_is_listed_in_the_order_of_its_turn(home: Path) -> None:
    digests = [services.submit(small(seeds=seeds)) for seeds in (1, 2, 3, 4)]
    store = Store(home)
    assert store.queue.claim() is not None
    services.cancel(digests[2])
    assert [status.digest for status in services.live(limit=9)] == [digests[0], digests[1], digests[3]]
    services.retry(digests[2])  # back at its old place
    assert [(status.digest, status.place) for status in services.live(limit=3)] == [
        (digests[0], None),
        (digests[1], 1),
        (digests[2], 2),
    ]
    assert [status.digest for status in services.live(9, Wanted(digests=(digests[3],)))] == [digests[3]]
    assert services.newest() == digests[3]


def test_a_note_and_tags_belong_to_a_study_and_change_no_number() -> None:
    digest = services.submit(small())
    services.annotate(digest, note=" first ", tags=["b", "a", " a "])
    status = services.status(digest)
    assert status is not None
    assert (status.note, status.tags) == ("first", ("a", "b"))
    services.annotate(digest, tags=["c"])
    again = services.status(digest)
    assert again is not None
    assert (again.note, again.tags, again.revision) == ("first", ("c",), status.revision + 1)
    services.annotate(digest, note="", tags=[])
    assert services.submit(small()) == digest
    empty = services.status(digest)
    assert empty is not None
    assert (empty.note, empty.tags) == ("", ())


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"note": "x" * 2001}, "the note has 2,001 characters: shorten it to 2,000"),
        ({"tags": ["y" * 41]}, f"the tag '{'y' * 40}...' has 41 characters: shorten it to 40"),
        ({"tags": [str(n) for n in range(21)]}, "a study has at most 20 tags, not 21"),
    ],
)
def test_what_is_too_long_is_refused_and_nothing_changes(written: dict[str, object], sentence: str) -> None:
    digest = services.submit(small())
    services.annotate(digest, note="kept", tags=["kept"])
    with pytest.raises(BadInput, match=f"^{sentence}$"):
        services.annotate(digest, **{"note": "new", "tags": ["new"], **written})  # type: ignore[arg-type]
    status = services.status(digest)
    assert status is not None
    assert (status.note, status.tags) == ("kept", ("kept",))
    services.annotate(digest, note="x" * 2000, tags=["y" * 40])


def test_a_note_on_a_study_that_is_gone_is_refused() -> None:
    with pytest.raises(BadInput, match=r"study 'f00' is not in this store"):
        services.annotate("f00", note="nobody reads this")


def test_who_else_waits_is_told(home: Path) -> None:
    digest = services.submit(small(), who="command line 4711-17")
    services.submit(small())  # a page, long ago: it is not known whether anybody still looks
    services.watch(digest, "page one")
    services.watch(digest, "page two")
    assert services.others(digest, "page one") == services.Others(1, (4711,))
    assert services.others(digest) == services.Others(2, (4711,))
    assert not services.others("f00")
    services.watch("f00", "page one")


def test_those_who_no_longer_say_so_do_not_wait(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = services.submit(small(), who="command line 1-1")
    services.watch(digest, "page one")
    monkeypatch.setattr(queue, "PATIENCE", -1.0)
    assert not services.others(digest)
    services.watch(digest, "page two")
    monkeypatch.undo()
    monkeypatch.setenv("FRONTIER_HOME", str(home))
    assert services.others(digest) == services.Others(1, ())  # the others' words were forgotten


def test_ctrl_c_spares_a_study_that_a_page_watches() -> None:
    digest = services.submit(small(), who="me")
    services.watch(digest, "page one")
    assert not services.cancel_unless_wanted(digest, "me")
    assert services.cancel_unless_wanted(digest, "page one")
