"""The Data page: what each data set is, and own images from a zip to a study."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit.testing.v1 import AppTest

from engine import holdings, services
from engine.settings import Settings
from engine.study import parse
from pages.parts import uploaded as uploaded_files
from tests.engine.data.pictures import HOSTILE, shapes, zipped
from tests.pages.conftest import TRADEOFF, buttons, unescaped, words

Page = Callable[..., AppTest]
DATA = "workspace/data.py"


@pytest.fixture(autouse=True)
def strips(home: Path) -> None:
    """Strips of what is known by name cost a process each: drawn here already."""
    for name in ("digits", "fashion-mnist"):
        file = Settings().cache / f"samples-{name}-1.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(next(iter(shapes(1).values())))


def uploaded(app: AppTest, content: bytes, name: str = "My shapes.zip", side: int = 16) -> AppTest:
    app.file_uploader[0].upload(name, content, "application/zip")
    app.selectbox[0].select(side)
    return press(app, "Check these images")


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return app.run()


def kept(files: dict[str, bytes] | None = None, called: str = "Shapes") -> str:
    content = zipped(files or shapes())
    (Settings().home / "x.zip").write_bytes(content)
    return holdings.add(Settings().home / "x.zip", side=16, called=called)


def links(app: AppTest) -> list[str]:
    pages: list[Any] = list(app.get("page_link"))
    return [link.proto.query_string for link in pages]


def pictures(app: AppTest) -> list[Any]:
    return list(app.get("imgs"))


def test_each_data_set_says_what_it_is_and_how_to_get_it(page: Page) -> None:
    app = page(DATA)
    assert not app.exception
    said = words(app)
    assert "1,437 training and 360 test images, 8 × 8, grey, 10 classes" in said
    assert "Source: UCI optical recognition" in said
    assert "Licence: MIT" in said
    assert "T\\-shirt, trouser" in said
    assert "MNIST is not on this machine: run" in said
    assert "python -m engine fetch mnist" in [code.value for code in app.code]
    assert "dataset=digits" in links(app)
    assert "dataset=mnist" not in links(app)
    assert "Your own images" not in [heading.value for heading in app.subheader]


def test_a_zip_is_looked_at_then_kept_then_used(page: Page) -> None:
    app = uploaded(page(DATA), zipped(shapes() | {"notes.txt": b"hello"}))
    assert not app.exception
    assert "**My shapes**, not kept yet" in words(app)
    assert "24 training and 6 test images, 16 × 16, grey, 2 classes" in words(app)
    assert "1 file was left out that are no PNG or JPEG, such as notes\\.txt" in words(app)
    assert "the split and whether pictures are kept in colour count as public" in words(app)
    assert app.dataframe[0].value.to_dict("list") == {"Class": ["disc", "square"], "Training": [12, 12], "Test": [3, 3]}
    assert holdings.kept() == []
    press(app, "Keep these images")
    name = holdings.kept()[0].name
    assert "**My shapes**" in words(app)
    assert "not kept yet" not in words(app)
    assert "from My shapes\\.zip" in words(app)
    link = {"dataset": name}
    form = page(TRADEOFF, **link)
    assert not form.exception
    assert form.selectbox(key="form-data").value == name
    press(form, next(label for label in (b.label for b in form.button) if label.startswith("Compute these curves")))
    study = services.statuses(limit=1)[0].study
    assert study.dataset == name
    assert study.own is not None
    assert study.own.n_train == 24


def test_the_same_zip_can_be_dropped(page: Page, home: Path) -> None:
    app = uploaded(page(DATA), zipped(shapes()))
    press(app, "Discard")
    assert not app.exception
    assert "not kept yet" not in words(app)
    assert list((home / "data" / "own").iterdir()) == []
    assert app.file_uploader[0].value is None


@pytest.mark.parametrize("what", ["leaves by ..", "link", "bomb", "huge picture", "no zip", "control character"])
def test_a_hostile_zip_is_refused_in_one_sentence_and_forgotten(page: Page, home: Path, what: str) -> None:
    app = uploaded(page(DATA), HOSTILE[what][0]())
    assert not app.exception
    assert len(app.error) == 1
    assert not [file for file in home.rglob("*") if file.is_file() and "own" in file.parts]
    assert app.file_uploader[0].value is None
    app.run()
    assert not app.error


def test_nothing_chosen_is_said(page: Page) -> None:
    app = press(page(DATA), "Check these images")
    assert "Choose a zip first." in words(app)


def test_names_from_elsewhere_stand_for_themselves(page: Page) -> None:
    """Class names and file names are other people's text: as Markdown they could draw links and pictures."""
    evil = "![x](http:evil) <b>$1$ :red[y]"
    app = uploaded(page(DATA), zipped({name.replace("disc/", f"{evil}/"): whole for name, whole in shapes().items()}))
    press(app, "Keep these images")
    plain = "\\!\\[x\\]\\(http\\:evil\\) \\<b\\>\\$1\\$ \\:red\\[y\\], square"
    assert f"Classes: {plain}" in words(app)
    assert evil not in words(app)
    refused = uploaded(page(DATA), zipped({**shapes(), f"disc/{evil}.png": b"no"}))
    assert "\\!\\[x\\]\\(http\\:evil\\)" in refused.error[0].value
    assert evil not in refused.error[0].value


def test_an_upload_is_forgotten_when_its_visitor_leaves_meanwhile(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def left(*_: object, **__: object) -> None:
        raise StopException

    forgotten: list[UploadedFile] = []
    monkeypatch.setattr(holdings, "check", left)
    monkeypatch.setattr(uploaded_files, "let_go", forgotten.append)
    uploaded(page(DATA), zipped(shapes()))
    assert [file.name for file in forgotten] == ["My shapes.zip"]


def test_uploads_are_forgotten_on_every_page_but_this(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    app = page(DATA)
    monkeypatch.setattr(uploaded_files, "let_go_of_all", lambda: drawn.append("another page"))
    app.run()
    assert not drawn
    for other in (TRADEOFF, "workspace/runs.py"):
        app.switch_page(other).run()
    assert len(drawn) == 2


def test_the_page_sweeps_drafts_that_nobody_decided_about(page: Page, home: Path) -> None:
    place = home / "data" / "own" / ".new-0123456789abcdef"
    place.mkdir(parents=True)
    app = page(DATA)
    assert place.exists()
    os.utime(place, (0, 0))
    app.run()
    assert not place.exists()


def test_own_images_are_deleted_unless_a_study_needs_them(page: Page, home: Path) -> None:
    name = kept()
    digest = services.submit(parse({"dataset": name}))
    app = page(DATA)
    press(app, "Delete these images")
    assert f"study {digest} uses these images" in words(app)
    services.cancel(digest)
    press(app, "Delete these images")
    assert not app.exception
    assert holdings.kept() == []
    assert "Delete these images" not in buttons(app)


def test_a_study_of_deleted_images_is_still_shown(page: Page, computed: Callable[..., str]) -> None:
    name = kept(called="Gone soon")
    digest = computed(parse({"dataset": name, "privacy": {"epsilons": [1, "inf"]}, "attack": {"eps": [0, 0.1]}}))
    form = page(TRADEOFF, study=digest)
    assert form.selectbox(key="form-data").value == name
    assert "Gone soon, 24 training images, " in words(form)
    holdings.delete(name)
    form.run()
    assert not form.exception
    assert f"{name}, 24 training images (these images are no longer here), " in words(form)
    assert form.selectbox(key="form-data").value == "digits"
    runs = page("workspace/runs.py")
    assert not runs.exception
    assert name in runs.dataframe[0].value["Images"].tolist()


def test_a_link_to_images_that_are_not_here_says_so(page: Page) -> None:
    app = page(TRADEOFF, dataset="folder:robins-wrens-0123abcd4567ef01")
    assert not app.exception
    said = "dataset 'folder:robins-wrens-0123abcd4567ef01' is not kept on this machine"
    assert said in unescaped(words(app))
