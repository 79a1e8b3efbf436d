"""The same images share one privacy budget: uploaded twice, at another size, in part, or by way of a third set."""

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from engine import holdings, ledgers, services
from engine.data import images, own, picture
from engine.errors import BadInput, StoreError
from engine.jobs import charging
from engine.jobs.contract import perform
from engine.results import NOT_APPLICABLE
from engine.settings import Settings
from engine.store.measured import Batch
from engine.store.store import Store, opened
from engine.study import OWN, Study, parse
from tests.engine import bookkeeping as book
from tests.engine.data.pictures import Files, drawn, encoded, shapes, zipped
from tests.engine.jobs.fakes import row

pytestmark = pytest.mark.usefixtures("home")


def kept(files: Files, side: int = 16) -> str:
    made = holdings.check(io.BytesIO(zipped(files)), called="Shapes", file="shapes.zip", side=side)
    return holdings.keep(made.name)


def shared(first: str, second: str) -> bool:
    """Whether two sets share a ledger, asked from both sides."""
    here, there = (ledgers.statement(one).shares_with for one in (first, second))
    assert (second in here) == (first in there)
    return second in here


def photographs(n: int = 12, first: int = 0, **how: object) -> Files:
    """JPEG files, larger than they are kept."""
    kinds = ("disc", "square")
    numbered = [(kind, i) for kind in kinds for i in range(first, first + n)]
    return {f"{kind}/{i}.jpg": encoded(drawn(kind, i, 300, colour=True), "JPEG", **how) for kind, i in numbered}


def test_another_side_is_recognised() -> None:
    assert shared(kept(shapes(), side=16), kept(shapes(), side=8))


def test_photographs_at_another_side_are_recognised() -> None:
    assert shared(kept(photographs(), side=48), kept(photographs(), side=8))


def test_a_part_is_recognised_under_other_names_and_classes() -> None:
    part = {f"all/{name.replace('/', '-')}": content for name, content in shapes(10).items()}
    part |= {f"other/{i}.png": encoded(drawn("disc", 500 + i)) for i in range(10)}
    assert shared(kept(shapes()), kept(part))


def test_other_words_in_a_file_make_no_other_picture() -> None:
    again = {name: content + b"and a comment" for name, content in shapes().items()}
    first = kept(shapes())
    assert kept(again) == first


def test_disjoint_sets_have_ledgers_of_their_own() -> None:
    assert not shared(kept(shapes()), kept(shapes(first=200)))


def test_an_edited_picture_is_another_one() -> None:
    """A limit, and said on the page."""
    assert not shared(kept(photographs(quality=90)), kept(photographs(quality=60)))


def test_two_sets_are_joined_by_a_third_and_nothing_is_forgotten() -> None:
    first, second = kept(shapes(12)), kept(shapes(12, first=200))
    assert not shared(first, second)
    ledgers.set_cap(first, 3)
    third = kept(shapes(12) | shapes(12, first=200))
    assert shared(first, second)
    assert set(ledgers.statement(third).shares_with) == {first, second}
    cap = ledgers.statement(second).cap
    assert cap is not None
    assert cap.epsilon == 3, "the strictest cap of all that share"


def test_what_one_spends_counts_for_the_other_also_when_it_was_deleted(home: Path) -> None:
    first = kept(shapes(), side=16)
    store = opened(home)
    book.compute(store, study(first, home))
    spent = ledgers.statement(first).total
    assert spent > 0
    holdings.delete(first)
    again = kept(shapes(), side=8)
    assert ledgers.statement(again).total == spent
    ledgers.set_cap(again, spent)
    with pytest.raises(BadInput, match="past the cap"):
        book.queue(store, study(again, home))


def study(name: str, home: Path) -> Study:
    asked = {"dataset": name, "privacy": {"epsilons": [1], "mode": "private"}}
    return services.resolve(parse(asked), settings=Settings(home=home))


def test_whoever_works_on_a_study_of_an_older_queue_notes_its_pictures_first(home: Path, tmp_path: Path) -> None:
    name = kept(shapes())
    (home / "store.sqlite3").unlink()
    for file in home.glob("store.sqlite3-*"):
        file.unlink()
    (home / "ledger.json").unlink()
    store = Store(home)
    claim = book.begin(store, study(name, home))

    class Places:
        data = Settings(home=home).data_root

    def execute(job: object, emit: object, **how: object) -> None:
        assert [row.kind for row in store.ledger.books().rows[name]] == ["images"]

    perform(store, claim, execute, places=Places, artifacts=tmp_path, cores=1)
    assert "images" in [row.kind for row in store.ledger.books().rows[name]]


def test_a_set_that_came_without_marks_gets_them_when_it_comes_again(home: Path) -> None:
    """As kept by an earlier version: its photographs at another side would have been strangers."""
    root, files = Settings(home=home).data_root, photographs()
    first = kept(files, side=48)
    forget(home)
    (root / images.OWN_PLACE / first.removeprefix(OWN) / own.MARKS).unlink()
    charging.enrol(opened(home), first, root)
    assert not shared(first, kept(files, side=8)), "only their pixels at their own side are known"
    assert kept(files, side=48) == first
    assert shared(first, kept(files, side=16))
    kinds = [row.kind for row in opened(home).ledger.books().rows[first]]
    assert kinds == ["images", "images"], "once more, with more marks"


def forget(home: Path) -> None:
    """A store without a ledger, as before there was one."""
    with closing(sqlite3.connect(home / "store.sqlite3")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript("DELETE FROM ledger; DELETE FROM pictures; DELETE FROM meta WHERE key LIKE 'ledger:%'")
    (home / "ledger.json").unlink()


def test_marks_are_kept_as_they_were_noted(home: Path) -> None:
    first, store = kept(shapes()), opened(home)
    with closing(sqlite3.connect(home / "store.sqlite3")) as connection:
        for change in ("UPDATE pictures SET marks = x''", "DELETE FROM pictures"):
            with pytest.raises(sqlite3.IntegrityError, match="never taken away"):
                connection.execute(change)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE tbl_name = 'pictures'").fetchall():
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute("DELETE FROM pictures")
        connection.commit()
    assert ledgers.check() == {first: ["the marks of its pictures are not those of row 1"]}
    with pytest.raises(StoreError, match="does not add up"):
        store.ledger.enrol("folder:other-0000", np.array([1, 2], np.uint64))
    ledgers.accept(first)
    ledgers.mark(first, private=True)
    assert ledgers.check() == {}
    assert [row.kind for row in store.ledger.books().rows[first]] == ["images", "accepted", "images", "private"]
    assert shared(first, kept(shapes(), side=8))


@pytest.mark.parametrize("content", [encoded(drawn("disc", 1)), encoded(drawn("disc", 1, 400), "JPEG")])
def test_a_mark_does_not_depend_on_the_side(content: bytes) -> None:
    assert len({picture.read(content, side, "x")[1] for side in (8, 28, 48)}) == 1


def test_a_total_stays_when_the_images_are_deleted_and_when_a_cap_is_lifted(home: Path) -> None:
    name, store = kept(shapes()), opened(home)
    book.compute(store, study(name, home))
    told = [ledgers.statement(name).total]
    ledgers.set_cap(name, 5, 1e-4)
    told.append(ledgers.statement(name).total)
    ledgers.set_cap(name, float("inf"))
    holdings.delete(name)
    told.append(ledgers.statement(name).total)
    assert told[0] > 0
    assert set(told) == {told[0]}


def test_a_cap_names_studies_from_before_there_was_a_ledger(home: Path) -> None:
    name, store = kept(shapes()), opened(home)
    one = study(name, home)
    claim = book.begin(store, one)
    store.measured.record(claim, Batch(rows=[row(claim.job, 1.0, 0, "accuracy", NOT_APPLICABLE, 0.5)]))
    store.queue.finish(claim)
    with pytest.raises(BadInput, match=rf"1 of the studies of {name} .* \(one is {claim.study}\): .* --uncounted"):
        ledgers.set_cap(name, 3)
    assert ledgers.set_cap(name, 3, uncounted=True) == [name]
