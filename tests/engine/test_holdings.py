"""What is held of data sets: drafts, what is kept, how it looks; and studies about people's own images."""

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from engine import holdings, planning, services
from engine.errors import BadInput, DataMissing
from engine.settings import Settings
from engine.study import Study, parse
from tests.engine.data.pictures import HOSTILE, shapes, zipped

pytestmark = pytest.mark.usefixtures("home")


def draft() -> holdings.Draft:
    return holdings.check(io.BytesIO(zipped(shapes())), called="Shapes", file="shapes.zip", side=16)


def kept() -> str:
    return holdings.keep(draft().name)


def about(name: str, **changes: object) -> Study:
    return parse({"dataset": name, "privacy": {"epsilons": [3, "inf"]}, **changes})


def test_pages_do_not_pay_for_torch() -> None:
    asked = "holdings.samples('digits'); holdings.kept()"
    code = f"import sys; from engine import holdings; {asked}; print({{'torch', 'sklearn'}} & set(sys.modules))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == ["set()"]


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_refused_leaves_nothing_behind(home: Path, what: str) -> None:
    make, sentence = HOSTILE[what]
    with pytest.raises(BadInput, match=sentence):
        holdings.check(io.BytesIO(make()), called="x", file="x.zip", side=16)
    assert not [file for file in home.rglob("*") if file.is_file()]


def test_a_draft_is_looked_at_then_kept_or_dropped(home: Path) -> None:
    first, second = draft(), draft()
    assert Image.open(first.samples).size == (2 * 56 + 6, 56)
    assert first.about.train == (12, 12)
    holdings.discard(second.name)
    assert holdings.draft(second.name) is None
    name = holdings.keep(first.name)
    assert [one.name for one in holdings.kept()] == [name]
    assert holdings.title(name) == "Shapes"
    strip = holdings.samples(name)
    assert strip is not None
    assert strip.is_file()
    room = holdings.room()
    assert room.used == sum(file.stat().st_size for file in (home / "data").rglob("*") if file.is_file())
    assert room.most == 2e9


def test_a_strip_is_drawn_once_and_shows_one_image_of_each_class(home: Path) -> None:
    assert holdings.samples("digits") is None
    until = time.monotonic() + 60
    while holdings.drawing("digits"):
        assert time.monotonic() < until
        time.sleep(0.05)
    strip = holdings.samples("digits")
    assert strip is not None
    assert Image.open(strip).size == (10 * 56 + 9 * 6, 56)
    drawn = strip.stat().st_mtime_ns
    assert holdings.samples("digits") == strip
    assert strip.stat().st_mtime_ns == drawn
    assert holdings.samples("mnist") is None


def test_own_images_are_among_the_choices_as_long_as_they_are_kept() -> None:
    name = kept()
    found = {choice.name: choice for choice in services.choices().datasets}[name]
    assert (found.title, found.available, found.facts["n_train"], found.facts["n_test"]) == ("Shapes", True, 24, 6)
    assert found.facts["linf"][0] == 0
    holdings.delete(name)
    assert name not in {choice.name for choice in services.choices().datasets}


def test_a_study_about_own_images_carries_their_facts() -> None:
    name = kept()
    digest = services.submit(about(name))
    study = services.study(digest)
    assert study is not None
    assert study.own is not None
    assert (study.own.n_train, study.own.classes) == (24, ("disc", "square"))
    assert study.attack.images == 6
    assert digest == planning.digest(services.resolve(about(name)))
    assert services.estimate(about(name)).seconds > 0
    status = services.status(digest)
    assert status is not None
    assert status.seconds_left is not None


def test_a_study_that_lies_about_its_images_is_refused() -> None:
    name = kept()
    honest = services.resolve(about(name)).model_dump(mode="json")
    assert services.submit(parse(honest))
    for field, lie, said in (
        ("n_train", 12_000, "own.n_train=12000 is not what folder:disc-square-"),
        ("n_test", 7, "own.n_test=7 is not what"),
        ("shape", [1, 32, 32], "own.shape=(1, 32, 32) is not what"),
        ("classes", ["disc", "square", "star"], "own.classes=('disc', 'square', 'star') is not what"),
        ("content", honest["own"]["content"][:16] + 16 * "0", "own.content="),
    ):
        study = parse({**honest, "own": {**honest["own"], field: lie}})
        with pytest.raises(BadInput) as refused:
            services.submit(study)
        assert said in str(refused.value)


def test_images_that_a_study_needs_are_not_deleted(home: Path) -> None:
    name = kept()
    digest = services.submit(about(name))
    features = Settings().cache / f"{name}-scattering-linear-train-0.npy"
    features.parent.mkdir(parents=True, exist_ok=True)
    features.touch()
    with pytest.raises(BadInput, match=f"study {digest} uses these images and is not done yet: stop it first"):
        holdings.delete(name)
    second = services.submit(about(name, seeds=2))
    with pytest.raises(BadInput, match=f"studies {digest}, {second} use these images"):
        holdings.delete(name)
    for one in (digest, second):
        services.cancel(one)
    assert features.exists()
    holdings.delete(name)
    assert not features.exists()


def test_a_study_outlives_its_images() -> None:
    name = kept()
    digest = services.submit(about(name))
    services.cancel(digest)
    holdings.delete(name)
    status = services.status(digest)
    assert status is not None
    assert status.state == "stopped"
    assert services.runs(digest).empty
    for ask in (
        lambda: services.retry(digest),
        lambda: services.submit(about(name)),
        lambda: services.ensure_data(name),
    ):
        with pytest.raises(DataMissing, match=f"dataset '{name}' is not kept on this machine"):
            ask()
    assert kept() == name
    services.retry(digest)


def test_no_study_takes_a_path(tmp_path: Path) -> None:
    """Only the command line does: a link or a form must not read the server's folders."""
    for name in (f"folder:{tmp_path}", "folder:../own", "folder:"):
        with pytest.raises(DataMissing, match="is not kept on this machine"):
            services.submit(about(name))


def test_a_folder_or_a_zip_is_added_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "My_shapes.zip").write_bytes(zipped(shapes()))
    name = holdings.add(tmp_path / "My_shapes.zip", side=16)
    assert name == kept()
    assert holdings.title(name) == "My shapes"
    with pytest.raises(BadInput, match="none does not exist: name a folder or a zip"):
        holdings.add(tmp_path / "none")
