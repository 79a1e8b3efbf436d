"""A study says what is wrong with it in one sentence that names value and bound."""

import json
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.study import EPSILON_HIGH, EPSILON_LOW, WORST, Study, number, parse, read

OWN = {"content": 32 * "a", "n_train": 100, "n_test": 20, "shape": (3, 32, 32), "classes": ("x", "y")}
REFUSED: list[tuple[Any, str]] = [
    ({"dataset": "folder:x-1", "own": 3}, "own=3 is not a table of settings"),
    ({"dataset": "folder:x-1", "own": {**OWN, "n_train": 0}}, "own.n_train=0 is not in [1, 1000000]"),
    (
        {"dataset": "folder:x-1", "own": {**OWN, "n_train": True}},
        "own.n_train=True is not a whole number in [1, 1000000]",
    ),
    (
        {"dataset": "folder:x-1", "own": {**OWN, "n": 1}},
        "setting 'own.n' is unknown; choose from: classes, content, n_test, n_train, shape",
    ),
    ({"dataset": "folder:x-1", "own": {**OWN, "content": "zz"}}, "own.content='zz' is not what `export` writes there"),
    ({"dataset": "folder:x-1", "own": {**OWN, "shape": [1, 8]}}, "own.shape=[1, 8] is not what `export` writes there"),
    ({"dataset": "folder:x-1", "own": OWN}, "the facts under 'own' are not those of data set 'folder:x-1'"),
    ({"own": OWN}, "the facts under 'own' are not those of data set 'digits'"),
    ({"privacy": {"epsilons": [0.01]}}, "epsilon=0.01 is not in [0.05, 100] and not inf"),
    ({"privacy": {"epsilons": [101]}}, "epsilon=101 is not in [0.05, 100] and not inf"),
    ({"privacy": {"epsilons": [-inf]}}, "epsilon=-inf is not in [0.05, 100] and not inf"),
    ({"privacy": {"epsilons": [nan]}}, "epsilon=nan is not in [0.05, 100] and not inf"),
    ({"privacy": {"epsilons": ["many"]}}, "epsilon='many' is not a number"),
    ({"privacy": {"epsilons": [True]}}, "epsilon=True is not a number"),
    ({"privacy": {"epsilons": None}}, "epsilon=None is not a number"),
    ({"privacy": {"epsilons": []}}, "epsilon is an empty list: name at least one value"),
    ({"privacy": {"delta": 0}}, "delta=0 is not in (0, 1)"),
    ({"privacy": {"delta": nan}}, "delta=nan is not in (0, 1)"),
    ({"privacy": {"delta": "small"}}, "delta='small' is not a number in (0, 1)"),
    ({"privacy": 3}, "privacy=3 is not a table of settings"),
    (
        {"privacy": {"epsilonn": 3}},
        "setting 'epsilonn' is unknown (did you mean 'epsilons'?); choose from: clip_only, delta, epsilons, "
        "independent_batches, mode",
    ),
    ({"attack": {"eps": []}}, "eps is an empty list: name at least one value"),
    ({"attack": {"eps": ["x"]}}, "eps='x' is not a number"),
    ({"attack": {"norm": "l3"}}, "norm 'l3' is unknown; choose from: l2, linf, spatial"),
    ({"attack": {"norm": 3}}, "norm '3' is unknown; choose from: l2, linf, spatial"),
    ({"attack": {"name": "pgd", "names": ["pgd"]}}, "attack.name and attack.names are both given: name attacks once"),
    ({"attack": {"names": 3}}, "attack=3 is not a list of names"),
    ({"attack": {"names": ["pgd", 3]}}, "attack=['pgd', 3] is not a list of names"),
    ({"extras": {"a": 1}}, "extras={'a': 1} is not a list of names"),
    ({"attack": {"source": 3}}, "attack.source=3 is not a name"),
    ({"attack": {"steps": 0}}, "attack.steps=0 is not in [1, 1000]"),
    ({"attack": {"images": 0}}, "attack.images=0 is not in [1, 1000000]"),
    ({"seeds": 0}, "seeds=0 is not in [1, 1000]"),
    ({"seeds": True}, "seeds=True is not a whole number in [1, 1000]"),
    ({"attack": {"steps": True}}, "attack.steps=True is not a whole number in [1, 1000]"),
    ({"privacy": {"epsilons": [100.0000001]}}, "epsilon=100.0000001 is not in [0.05, 100] and not inf"),
    ({"seeds": 1001}, "seeds=1001 is not in [1, 1000]"),
    ({"seeds": 1.5}, "seeds=1.5 is not a whole number in [1, 1000]"),
    ({"seeds": "x" * 99}, f"seeds='{'x' * 59} is not a whole number in [1, 1000]"),
    ({"dataset": 3}, "dataset=3 is not a name"),
    ([], "study=[] is not a table of settings"),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED)
def test_refuses_in_one_sentence(values: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(values)
    assert str(refused.value) == sentence


def test_a_file_nested_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("seeds = " + 5000 * "[" + 5000 * "]")
    with pytest.raises(BadInput, match="is not valid TOML"):
        read(tmp_path / "deep.toml")


def test_defaults_are_a_study_a_person_would_ask() -> None:
    assert parse({}) == Study()
    assert inf in Study().privacy.epsilons


@given(st.lists(st.floats(EPSILON_LOW, EPSILON_HIGH) | st.just(inf), min_size=1, max_size=8))
def test_grids_are_sorted_without_repeats(epsilons: list[float]) -> None:
    assert parse({"privacy": {"epsilons": epsilons}}).privacy.epsilons == tuple(sorted(set(epsilons)))


@given(
    epsilons=st.lists(st.floats(EPSILON_LOW, EPSILON_HIGH) | st.just(inf), min_size=1, max_size=5),
    eps=st.none() | st.lists(st.floats(0, 1), min_size=1, max_size=5),
    delta=st.none() | st.floats(1e-9, 1e-3),
    seeds=st.integers(1, 9),
)
def test_json_and_back_is_the_same_study(
    epsilons: list[float], eps: list[float] | None, delta: float | None, seeds: int
) -> None:
    study = parse({"privacy": {"epsilons": epsilons, "delta": delta}, "attack": {"eps": eps}, "seeds": seeds})
    assert Study.model_validate_json(study.model_dump_json()) == study


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, WORST),
        ({"name": "pgd"}, ("pgd",)),
        ({"name": "pgd+apgd"}, ("pgd", "apgd")),
        ({"name": "pgd,apgd"}, ("pgd", "apgd")),
        ({"name": " pgd , apgd + "}, ("pgd", "apgd")),
        ({"names": ["pgd", "apgd", "pgd"]}, ("pgd", "apgd")),
        ({"names": "apgd+pgd+apgd"}, ("apgd", "pgd")),
    ],
)
def test_attacks_are_named_in_their_order_each_once(asked: dict[str, Any], names: tuple[str, ...]) -> None:
    attack = parse({"attack": asked}).attack
    assert attack.names == names
    assert attack.name == "+".join(names)


def test_one_attack_is_written_as_before_there_were_several() -> None:
    for asked in ({"name": "pgd"}, {"names": ["pgd"]}):
        study = parse({"attack": asked})
        assert study.model_dump()["attack"]["name"] == "pgd"
        assert not {"names", "source"} & set(study.model_dump()["attack"])
        assert not {"extras", "defence", "own"} & set(study.model_dump())
        assert set(json.loads(study.model_dump_json())) == set(study.model_dump()), "JSON, which names it, has no more"
    several = parse({"attack": {"name": "pgd+transfer", "source": "0123"}, "extras": ["smoothing"]})
    assert several.model_dump()["attack"]["names"] == ("pgd", "transfer")
    assert "name" not in several.model_dump()["attack"]
    assert (several.model_dump()["attack"]["source"], several.model_dump()["extras"]) == ("0123", ("smoothing",))
    assert Study.model_validate_json(several.model_dump_json()) == several


@pytest.mark.parametrize("names", ["", " + ", []])
def test_no_attack_at_all_is_refused(names: Any) -> None:
    with pytest.raises(BadInput, match="attack"):
        parse({"attack": {"names": names}})


def test_a_study_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Study().seeds = 3  # type: ignore[misc]


def test_reads_toml(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text('dataset = "digits"\nseeds = 2\n[privacy]\nepsilons = [1, inf]\n[attack]\neps = 0.1\n')
    study = parse(read(file))
    assert (study.seeds, study.privacy.epsilons, study.attack.eps) == (2, (1.0, inf), (0.1,))


def test_reads_the_study_of_an_export(tmp_path: Path) -> None:
    file = tmp_path / "study.json"
    file.write_text('{"digest": "0", "study": {"privacy": {"epsilons": [3, "inf"]}}}')
    assert parse(read(file)).privacy.epsilons == (3.0, inf)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.toml", b"seeds = ", "a.toml is not valid TOML: Invalid value (at end of document)"),
        ("a.json", b"{", "a.json is not valid JSON: "),
        ("a.toml", b"\xff\xfe", "a.toml is not a text file in UTF-8"),
        ("a.json", b"[1]", "a.json holds no study: it has to be a table of settings"),
        ("a.toml", b"study = 3", "a.toml holds no study: it has to be a table of settings"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as refused:
        read(tmp_path / name)
    assert str(refused.value).startswith(str(tmp_path / sentence))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no\.toml cannot be read \(No such file or directory\)"):
        read(tmp_path / "no.toml")


@pytest.mark.parametrize("value", [None, "", "1,2", [], {}, 10**400, True])
def test_not_a_number(value: Any) -> None:
    with pytest.raises(BadInput, match="is not a number"):
        number("eps", value)
