"""The lab as a server has it: a real process that answers, is started anew, and leaves nothing behind."""

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from engine import ledgers, runs
from engine.errors import FrontierError
from engine.jobs import supervisor
from engine.lab import catalogue, client
from engine.lab.client import Lab
from engine.robustness.gradient import pgd
from engine.settings import Settings
from tests.engine.data.pictures import drawn, encoded

PLAIN, PRIVATE = "digits-cnn-no-privacy-seed-0", "digits-cnn-epsilon-8-seed-0"
TAMPER: dict[str, Any] = {
    "what": "tamper",
    "models": [PLAIN, PRIVATE],
    "picture": {"index": 3},
    "eps": 0.1,
    "refine": True,
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with client.kept(Settings(home=tmp_path_factory.mktemp("lab")), warm=0) as running:
        yield running


def said(values: dict[str, Any], visitor: str = "a") -> dict[str, Any]:
    return client.ask(values, visitor=visitor).result(60)


def answered(values: dict[str, Any], visitor: str = "a") -> dict[str, Any]:
    answer: dict[str, Any] = said(values, visitor)["answer"]
    return answer


def test_numbers_are_those_of_the_attack_itself_on_the_loaded_model(lab: Lab) -> None:
    x, y = (part[3:4] for part in runs.tensors("digits", lab.settings.data_root, train=False))
    answer = answered(TAMPER)
    assert answer["label"] == int(y)
    for side, name in zip(answer["models"], (PLAIN, PRIVATE), strict=True):
        found = catalogue.find(name, settings=lab.settings)
        model = runs.load_model(found.study, found.path)
        moved = pgd(model, x, y, norm="linf", eps=0.1, steps=10, seed=0)
        expected = [torch.softmax(model(one), 1)[0].tolist() for one in (x, moved)]
        assert side["before"] == pytest.approx(expected[0], abs=2e-5)
        assert side["after"] == pytest.approx(expected[1], abs=2e-5)
        assert side["distance"] == pytest.approx(0.1, abs=1e-6)
        assert side["magnified"] == pytest.approx(10, rel=1e-4)
    assert answer["models"][0]["after"] != answer["models"][0]["before"]


def test_own_pixels_are_attacked_as_the_test_image_they_are(lab: Lab) -> None:
    x, y = (part[3] for part in runs.tensors("digits", lab.settings.data_root, train=False))
    raw = np.rint(x.numpy() * 255).astype(np.uint8)
    own = {"pixels": base64.b64encode(raw.tobytes()).decode(), "label": int(y)}
    by_index, by_pixels = answered(TAMPER), answered(TAMPER | {"picture": own})
    assert by_pixels["models"][0]["before"] == pytest.approx(by_index["models"][0]["before"], abs=0.01)
    unlabelled = answered(TAMPER | {"picture": own | {"label": None}})
    assert unlabelled["label"] is None


def test_the_smallest_strength_flips_and_a_little_less_does_not(lab: Lab) -> None:
    question = {name: value for name, value in TAMPER.items() if name not in ("eps", "refine")}
    found = answered(question | {"what": "smallest"})["smallest"]
    for place, least in enumerate(found):
        at = [answered(TAMPER | {"eps": round(least * by, 6)})["models"][place] for by in (0.9, 1.02)]
        flipped = [np.argmax(side["after"]) != np.argmax(side["before"]) for side in at]
        assert flipped == [False, True]
    strip = answered(question | {"what": "strip"})
    assert strip["eps"][0] == 0
    assert all(len(row) == len(strip["eps"]) for row in strip["rows"])
    for place, (row, least) in enumerate(zip(strip["rows"], found, strict=True)):
        flipped = [tile["says"][place] != row[0]["says"][place] for tile in row]
        assert strip["eps"][flipped.index(True)] >= 0.9 * least


def test_a_file_says_what_made_it_and_agrees_with_the_page(lab: Lab) -> None:
    question = {name: value for name, value in TAMPER.items() if name != "refine"}
    files, shown = answered(question | {"what": "numbers"}), answered(TAMPER)
    about = json.loads(files["json"])
    assert about["models"][0]["study"] == catalogue.find(PLAIN, settings=lab.settings).digest
    assert about["models"][0]["epsilon"] == "inf"
    assert about["attack"] == {"name": "pgd", "norm": "linf", "eps": 0.1, "steps": 10, "seed": 0}
    assert about["models"][1]["after"] == shown["models"][1]["after"]
    rows = files["csv"].splitlines()
    assert len(rows) == 1 + 2 * 10
    assert rows[0].startswith("study,model,epsilon,seed,attack,norm,eps")


def test_a_hard_image_is_right_for_both_and_flipped_at_the_strength_that_is_said(lab: Lab) -> None:
    found = answered({"what": "hard", "models": [PLAIN, PRIVATE], "seed": 1})
    answer = answered(TAMPER | {"picture": {"index": found["index"]}, "eps": found["eps"] + 1e-6})
    for side in answer["models"]:
        assert np.argmax(side["before"]) == answer["label"] != np.argmax(side["after"])


def test_an_upload_becomes_pixels_of_the_models_shape(lab: Lab) -> None:
    content = encoded(drawn("disc", 1, 64, colour=True))
    upload = {"what": "upload", "models": [PLAIN], "name": "disc.png", "content": base64.b64encode(content).decode()}
    raw = base64.b64decode(answered(upload)["pixels"])
    pixels = np.frombuffer(raw, np.uint8).reshape(8, 8)
    assert pixels[3:5, 3:5].mean() > 100 + pixels[[0, 0, -1, -1], [0, -1, 0, -1]].mean(), "a bright disc on dark ground"


HOSTILE = {
    "huge.png": encoded(np.zeros((6000, 6000), np.uint8)),
    "cut.png": encoded(drawn("disc", 1, 64))[:-40],
    "page.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
}


@pytest.mark.parametrize(("name", "reason"), [("huge.png", "pixels"), ("cut.png", "damaged"), ("page.png", "neither")])
def test_a_hostile_file_is_one_sentence(lab: Lab, name: str, reason: str) -> None:
    content = base64.b64encode(HOSTILE[name]).decode()
    problem = said({"what": "upload", "models": [PLAIN], "name": name, "content": content})["problem"]
    assert reason in problem
    assert name in problem


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"picture": {"index": 360}}, "index=360 is not in [0, 359]"),
        ({"picture": {"pixels": "AAAA"}}, "3 values"),
        ({"picture": {"pixels": base64.b64encode(bytes(64)).decode(), "label": 10}}, "label=10"),
        ({"picture": {"pixels": "####"}}, "not base64"),
    ],
)
def test_what_the_process_refuses_is_one_sentence(lab: Lab, changed: dict[str, Any], sentence: str) -> None:
    assert sentence in said(TAMPER | changed)["problem"]


@pytest.mark.parametrize("name", ["run-99", "run-x", "../../etc/passwd", "fashion-mnist-cnn-epsilon-3-seed-0"])
def test_models_that_are_not_there_or_do_not_go_together_are_refused_by_the_server(lab: Lab, name: str) -> None:
    with pytest.raises(FrontierError):
        client.ask(TAMPER | {"models": [PLAIN, name]}, visitor="a")


def test_images_marked_private_never_leave(lab: Lab) -> None:
    ledgers.mark("digits", private=True, settings=lab.settings)
    try:
        for values in (TAMPER, {"what": "images", "models": [PLAIN]}, {"what": "hard", "models": [PLAIN]}):
            with pytest.raises(FrontierError, match="marked private"):
                client.ask(values, visitor="a")
    finally:
        ledgers.mark("digits", private=False, settings=lab.settings)


def test_a_killed_process_is_replaced_and_the_question_is_answered(lab: Lab) -> None:
    before = answered(TAMPER)
    assert lab.process is not None
    first = lab.process.pid
    lab.process.send_signal(signal.SIGKILL)
    assert answered(TAMPER) == before
    assert lab.process.pid != first


def test_a_question_that_two_processes_died_of_is_given_up_and_the_next_one_answered(lab: Lab) -> None:
    before = answered(TAMPER)
    long = {**TAMPER, "what": "smallest", "steps": 100}
    del long["refine"], long["eps"]
    others = [client.ask(long, visitor=f"v{i}") for i in range(12)]  # so that the last one waits
    last = client.ask(long, visitor="last")
    for _ in range(client.TRIES):
        dead = lab.process
        assert dead is not None
        dead.kill()
        until = time.monotonic() + 30
        while lab.process is dead and not last.done():
            assert time.monotonic() < until, "nobody noticed"
            time.sleep(0.01)
    assert last.result(30) == {"problem": client.DIED, "ours": True}
    assert all(one.result(30) for one in others)
    assert answered(TAMPER) == before


def test_a_newer_question_of_a_visitor_ends_the_older_one_and_others_are_not_disturbed(lab: Lab) -> None:
    answered(TAMPER)
    long = {**TAMPER, "what": "smallest", "steps": 100}
    del long["refine"], long["eps"]
    older, other = client.ask(long, visitor="a"), client.ask(long, visitor="b")
    newer = client.ask(long | {"picture": {"index": 4}}, visitor="a")
    assert older.result(60) == {"superseded": True}
    assert "answer" in newer.result(60)
    assert "answer" in other.result(60)


def test_a_quick_question_does_not_wait_for_a_slow_one_and_does_not_change_it(lab: Lab) -> None:
    long = {**TAMPER, "what": "smallest", "steps": 100}
    del long["refine"], long["eps"]
    alone = answered(long)
    slow = [client.ask(long, visitor=f"v{i}") for i in range(6)]
    began = time.monotonic()
    assert "answer" in said(TAMPER | {"refine": False}, "quick")
    assert not slow[-1].done(), f"it waited for all of them: {time.monotonic() - began:.2f} s"
    assert all(one.result(60)["answer"] == alone for one in slow)


def test_it_takes_so_many_questions_and_no_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(TAMPER)
    monkeypatch.setattr(client, "MOST_WAITING", 3)
    long = {**TAMPER, "what": "smallest", "steps": 100}
    del long["refine"], long["eps"]
    taken = [client.ask(long, visitor=f"v{i}") for i in range(3)]
    with pytest.raises(client.Busy, match="more to do"):
        client.ask(long, visitor="one too many")
    assert all("answer" in one.result(60) for one in taken)


def test_without_a_server_it_says_so() -> None:
    saved, client._labs[:] = list(client._labs), []
    try:
        with pytest.raises(FrontierError, match="not running"):
            client.ask(TAMPER, visitor="a")
    finally:
        client._labs[:] = saved


HOLDER = """
import sys, time
from pathlib import Path
from engine.lab import client
from engine.settings import Settings
with client.kept(Settings(home=Path(sys.argv[1])), warm=0) as lab:
    lab.wake()
    print(lab.process.pid, flush=True)
    {then}
"""


@pytest.mark.parametrize("when", ["while it loads", "while it computes", "asked to end"])
def test_nothing_is_left_when_the_server_dies(when: str, tmp_path: Path) -> None:
    question = {**TAMPER, "what": "smallest", "steps": 100}
    del question["refine"], question["eps"]
    asks = f"futures = [client.ask({question!r}, visitor=str(i)) for i in range(50)]; futures[0].result(60)"
    then = {
        "while it loads": "time.sleep(60)",
        "while it computes": f"{asks}; print('busy', flush=True); time.sleep(60)",
        "asked to end": "pass",
    }[when]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER.replace("{then}", then), str(tmp_path)], stdout=subprocess.PIPE, text=True,
        env=supervisor.environment(),
    )  # fmt: skip
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    if when == "while it computes":
        assert process.stdout.readline() == "busy\n"
    if when != "asked to end":
        process.kill()
    process.wait(30)
    until = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the lab's process lives on"
        time.sleep(0.05)
    process.stdout.close()
