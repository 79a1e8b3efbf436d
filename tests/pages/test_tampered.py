"""Tampered images: what the page hands to the browser, what a link brings back, and who is answered."""

import asyncio
import base64
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from streamlit.testing.v1 import AppTest

from engine import ledgers
from engine.errors import BadInput
from engine.lab import catalogue, client
from engine.lab.asked import MOST_BODY
from pages.parts import lab, lab_link, lab_route, lab_words
from tests.pages.conftest import small, words

Page = Callable[..., AppTest]
TAMPERED = "threats/tampered.py"
PAIR = "digits-cnn-no-privacy-seed-0,digits-cnn-epsilon-1-seed-0"


def told(app: AppTest) -> dict[str, Any]:
    """What the browser was told to draw."""
    components: Any = app.get("bidi_component")
    found = [json.loads(one.proto.json) for one in components]
    return next(one for one in found if "attacks" in one)


def visited(page: Page, **link: str) -> AppTest:
    app = page(TAMPERED)
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_a_fresh_server_has_a_pair_to_look_into(page: Page) -> None:
    data = told(visited(page))
    first, second = data["start"]["models"]
    names = {model["name"]: model for model in data["models"]}
    assert names[first]["said"] == "no privacy"
    assert names[second]["said"].startswith("ε")
    assert names[first]["dataset"] == names[second]["dataset"]
    assert {attack["name"] for attack in data["attacks"]} >= {"fgsm", "pgd"}
    assert names[second]["priced"].startswith("/?dataset=")


def test_a_link_brings_everything_back(page: Page) -> None:
    app = visited(page, models=PAIR, index="17", attack="fgsm", norm="l2", eps="0.75", steps="7", seed="5")
    start = told(app)["start"]
    assert start == {
        "models": PAIR.split(","), "attack": "fgsm", "norm": "l2", "eps": 0.75, "steps": 7, "seed": 5,
        "picture": {"index": 17},
    }  # fmt: skip
    assert not app.warning


def test_a_link_may_hold_an_own_picture(page: Page) -> None:
    raw = bytes(range(64))
    app = visited(page, models=PAIR, pixels=base64.urlsafe_b64encode(raw).decode(), label="3")
    picture = told(app)["start"]["picture"]
    assert base64.b64decode(picture["pixels"]) == raw
    assert picture["label"] == 3


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("models", "digits-cnn-no-privacy-seed-0,../../etc/passwd", "models that are not here"),
        ("index", "360", "an image that there is not"),
        ("index", "-1", "a number"),
        ("attack", "__import__", "an attack"),
        ("norm", "l7", "the norm"),
        ("eps", "1e9", "a strength"),
        ("eps", "nan", "a strength"),
        ("steps", "9" * 40, "a number"),
        ("pixels", "gASVDQAAAAAAAACMBXBvc2l4", "a picture of another size"),
        ("pixels", "<script>", "a picture of another size"),
    ],
)
def test_what_a_link_may_not_say_is_left_out_and_told(page: Page, name: str, value: str, reason: str) -> None:
    app = visited(page, **({"models": PAIR} | {name: value}))
    assert reason in app.warning[0].value.replace("\\", "")
    start, usual = told(app)["start"], told(visited(page, models=PAIR))["start"]
    if name != "models":
        assert start == usual


def test_runs_of_the_store_are_offered_unless_they_stay_with_their_owner(
    page: Page, computed: Callable[..., str]
) -> None:
    digest = computed(small())
    runs = [one for one in catalogue.offered() if one.digest == digest]
    assert {one.said.replace("\u00a0", " ") for one in runs} == {"ε 1", "no privacy"}
    assert f"study={digest}" in lab.priced(runs[0])
    assert catalogue.find(runs[0].name).path == runs[0].path
    ledgers.mark("digits", private=True)
    assert not [one for one in catalogue.offered() if one.study.dataset == "digits"]
    data = told(visited(page))
    assert "digits" not in data["datasets"]


def test_where_nothing_can_be_looked_into_it_says_how(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "offered", lambda **_: [])
    assert lab_words.EMPTY in words(visited(page))


def test_both_pictures_and_words_are_named_for_those_who_do_not_see_them() -> None:
    for key in ("original_alt", "change_alt", "result_alt"):
        assert lab_words.WORDS[key]


# --- the address


def answered(request: Request) -> Response:
    """In a thread, as browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(lab_route.ask(request))).result()


def asked(body: bytes | list[bytes], monkeypatch: pytest.MonkeyPatch, **headers: str) -> tuple[int, dict[str, Any]]:
    """The status and the answer to a request; the lab itself says what it was asked."""
    parts = body if isinstance(body, list) else [body]

    def ask(values: Any, *, visitor: str) -> "Future[dict[str, Any]]":
        if values.get("what") == "bad":
            raise BadInput("what='bad' is no question")
        future: Future[dict[str, Any]] = Future()
        future.set_result({"answer": [visitor, values]})
        return future

    monkeypatch.setattr(client, "ask", ask)
    given = {"content-type": "application/json", "host": "localhost:8501"} | headers
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    scope = {"type": "http", "method": "POST", "path": lab_route.PATH, "query_string": b"", "headers": named}
    messages = iter(
        [{"type": "http.request", "body": part, "more_body": i + 1 < len(parts)} for i, part in enumerate(parts)]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    response = answered(Request(scope, receive))
    answer: dict[str, Any] = json.loads(bytes(response.body))
    return response.status_code, answer


GOOD = b'{"what": "tamper", "visitor": "v1"}'


def test_our_own_page_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(GOOD, monkeypatch) == (200, {"answer": ["v1", {"what": "tamper"}]})
    same = {"origin": "http://localhost:8501", "sec_fetch_site": "same-origin"}
    assert asked(GOOD, monkeypatch, **same)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_other_sites_are_not(monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], status: int) -> None:
    if "content_type" in headers:
        headers = {"content-type": headers["content_type"]}
    found, answer = asked(GOOD, monkeypatch, **headers)
    assert found == status
    assert answer["problem"].endswith(".")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"what": "tamper", "visitor": "<b>"}',
        b'{"what": "bad", "visitor": "v"}',
    ],
)
def test_what_is_no_question_is_one_sentence(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    status, answer = asked(body, monkeypatch)
    assert status == 400
    assert "\n" not in answer["problem"]


def test_a_body_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    status, _ = asked([b"x" * (MOST_BODY // 4)] * 6, monkeypatch)
    assert status == 413


def test_a_hanging_process_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up: list[int] = []
    monkeypatch.setattr(client, "LONGEST", 0.05)
    monkeypatch.setattr(client, "give_up", lambda: given_up.append(1))
    never: Future[dict[str, Any]] = Future()
    monkeypatch.setattr(lab_route, "foreign", lambda _: None)

    def ask(values: Any, *, visitor: str) -> "Future[dict[str, Any]]":
        return never

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": GOOD, "more_body": False}

    monkeypatch.setattr(client, "ask", ask)
    response = answered(Request(scope, receive))
    assert response.status_code == 503
    assert given_up == [1]


def test_the_usual_pair_is_one_without_privacy_and_the_least_private_one(home: Any) -> None:
    digits = [model for model in catalogue.offered() if model.study.dataset == "digits"]
    assert [model.epsilon for model in catalogue.usual(digits)] == [float("inf"), 8]
    assert lab_link.MOST_LINKED >= 3 * 32 * 32
