"""From a question to work: properties that hold for any study that can be asked."""

from dataclasses import replace
from math import inf, sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corruptions import corruptions
from engine.data import datasets
from engine.errors import BadInput
from engine.extras import EXTRAS
from engine.models import models
from engine.planning import (
    CHECKED_BY,
    MAX_RADII,
    bounded,
    defendable,
    digest,
    exposes,
    n_points,
    of_kind,
    plan,
    resolve,
    work,
)
from engine.registry import Registry
from engine.robustness import attacks
from engine.study import EPSILON_HIGH, EPSILON_LOW, MAX_POINTS, Study, parse

budgets = st.lists(st.floats(EPSILON_LOW, EPSILON_HIGH) | st.just(inf), min_size=1, max_size=6)


@st.composite
def studies(draw: st.DrawFn) -> Study:
    norm = draw(st.sampled_from(["linf", "l2", "spatial"]))
    able = [name for name in attacks.names if norm in attacks[name].facts["norms"]]
    names = draw(st.lists(st.sampled_from(able), min_size=1, max_size=3))
    seeds, model = draw(st.integers(1, 5)), draw(st.sampled_from(models.names))
    training = draw(st.sampled_from(["none", *(of_kind("training") if defendable(model) else ())]))
    guard = draw(st.sampled_from(["none", *of_kind("input")]))
    extras = [name for name in EXTRAS if name != "certificates" or (bounded(model) and guard == "none")]
    return parse(
        {
            "dataset": draw(st.sampled_from(datasets.names)),
            "model": model,
            "defence": {
                "training": training,
                "input": guard,
                "eps": None if training == "none" else draw(st.none() | st.floats(0.01, 1)),
            },
            "privacy": {
                "epsilons": draw(budgets),
                "delta": draw(st.none() | st.floats(1e-9, 1e-6)),
                "mode": draw(st.sampled_from(["reproducible", "private"])),
                "independent_batches": draw(st.booleans()),
                "clip_only": draw(st.booleans()),
            },
            "attack": {
                "names": names,
                "norm": norm,
                "eps": draw(st.none() | st.lists(st.floats(0, 1), min_size=1, max_size=6)),
                "seeds": draw(st.integers(1, seeds)),
                "source": "0123456789abcdef" if "transfer" in names else None,
            },
            "extras": draw(st.lists(st.sampled_from(extras), max_size=4)),
            "seeds": seeds,
        }
    )


@given(studies())
def test_resolving_twice_changes_nothing(study: Study) -> None:
    once = resolve(study)
    assert resolve(once) == once
    assert digest(resolve(once)) == digest(once)


@given(studies())
def test_a_resolved_study_leaves_nothing_open(study: Study) -> None:
    resolved = resolve(study)
    n_train = datasets[study.dataset].facts["n_train"]
    assert resolved.privacy.delta is not None
    assert 0 < resolved.privacy.delta < 1 / n_train
    assert resolved.attack.eps is not None
    assert resolved.attack.eps[0] == 0
    assert resolved.attack.images <= datasets[study.dataset].facts["n_test"]


@given(studies())
def test_the_plan_trains_every_model_exactly_once(study: Study) -> None:
    resolved = resolve(study)
    trained = [(epsilon, seed) for job in plan(resolved) for epsilon in job.epsilons for seed in job.seeds]
    assert len(trained) == len(set(trained))
    assert set(trained) == {(e, s) for e in resolved.privacy.epsilons for s in range(resolved.seeds)}
    assert sum(job.clip_only for job in plan(resolved)) == resolved.privacy.clip_only


def test_clipping_alone_needs_a_budget_whose_recipe_it_takes() -> None:
    asked = {"dataset": "digits", "privacy": {"epsilons": ["inf"], "clip_only": True}}
    assert not resolve(parse(asked)).privacy.clip_only


@given(studies())
def test_points_are_clean_and_robust_ones(study: Study) -> None:
    resolved = resolve(study)
    robust = [
        (e, s, r)
        for e in resolved.privacy.epsilons
        for s in range(study.attack.seeds)
        for r in resolved.attack.eps or ()
    ]
    lines = len(resolved.privacy.epsilons) + resolved.privacy.clip_only
    assert n_points(resolved) == lines * (study.seeds + len(robust) // len(resolved.privacy.epsilons))


@given(studies())
def test_work_grows_with_what_is_asked(study: Study) -> None:
    job = plan(resolve(study))[0]
    more = job.model_copy(update={"seeds": (*job.seeds, len(job.seeds))})
    assert all(units >= 0 for units in work(job).values())
    assert work(more)["train"] > work(job)["train"]


@given(studies(), st.randoms())
def test_the_order_of_a_grid_does_not_matter(study: Study, random: Any) -> None:
    values = study.model_dump()
    epsilons = [*study.privacy.epsilons, study.privacy.epsilons[0]]
    random.shuffle(epsilons)
    values["privacy"]["epsilons"] = epsilons
    assert digest(resolve(parse(values))) == digest(resolve(study))


@settings(max_examples=30)
@given(studies(), st.sampled_from(["seeds", "epsilons", "delta", "steps", "images"]))
def test_what_decides_the_numbers_decides_the_digest(study: Study, changed: str) -> None:
    values = resolve(study).model_dump()
    if changed == "seeds":
        values["seeds"] += 1
    elif changed in ("epsilons", "delta"):
        values["privacy"][changed] = {"epsilons": [17.25], "delta": 3e-7}[changed]
    else:
        values["attack"][changed] = 1 if changed == "images" else 77
    other = resolve(parse(values))
    assert (digest(other) == digest(resolve(study))) == (other == resolve(study))


def test_spelling_out_the_defaults_is_the_same_study() -> None:
    spelt = {"privacy": {"delta": 1e-5}, "attack": {"eps": [0.15, 0.1, 0.05, 0.02], "images": 360}}
    assert digest(resolve(parse(spelt))) == digest(resolve(parse({})))


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        (datasets, "digits"),
        (models, "scattering-linear"),
        (attacks, "fmn"),
        (attacks, "apgd-t"),
        *((attacks, name) for name in CHECKED_BY),
    ],
    ids=lambda one: one if isinstance(one, str) else one.kind,
)
def test_a_raised_component_version_changes_the_digest(
    registry: Registry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(resolve(Study()))
    monkeypatch.setitem(registry.entries, name, replace(registry[name], version=registry[name].version + 1))
    assert digest(resolve(Study())) != before


@pytest.mark.parametrize(("dataset", "delta"), [("digits", 1e-5), ("fashion-mnist", 1 / 600_000), ("cifar10", 2e-6)])
def test_default_delta_is_a_tenth_of_one_image_and_at_most_1e_5(dataset: str, delta: float) -> None:
    assert resolve(parse({"dataset": dataset})).privacy.delta == pytest.approx(delta)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"dataset": "digit"}, "dataset 'digit' is unknown (did you mean 'digits'?); choose from: cifar10, digits, "),
    ({"model": "cn"}, "model 'cn' is unknown (did you mean 'cnn'?); choose from: autoencoder, cnn, "),
    ({"attack": {"name": "gdp"}}, "attack 'gdp' is unknown (did you mean 'pgd'?); choose from: apgd, "),
    ({"attack": {"name": "pgd+gdp"}}, "attack 'gdp' is unknown (did you mean 'pgd'?)"),
    ({"attack": {"names": ["fgsm", "bim", "gdp"]}}, "attack 'gdp' is unknown (did you mean 'pgd'?)"),
    ({"attack": {"name": "spatial"}}, "norm of 'spatial' 'linf' is unknown; choose from: spatial"),
    ({"attack": {"name": "pgd+spatial", "norm": "l2"}}, "norm of 'spatial' 'l2' is unknown; choose from: spatial"),
    ({"attack": {"norm": "spatial"}}, "norm of 'fmn' 'spatial' is unknown"),
    ({"attack": {"name": "spatial", "norm": "spatial", "eps": 1.01}}, "eps=1.01 is not in [0, 1]"),
    ({"attack": {"name": "transfer"}}, "attack 'transfer' needs attack.source: the study whose model lends its"),
    ({"attack": {"name": "pgd+transfer"}}, "attack 'transfer' needs attack.source: the study whose model lends its"),
    ({"attack": {"name": "pgd", "source": "0123"}}, "attack.source='0123' is for the attack 'transfer' alone"),
    ({"attack": {"source": "x" * 99}}, f"attack.source='{'x' * 60}' is for the attack 'transfer' alone"),
    ({"extras": ["corruption"]}, "extra 'corruption' is unknown (did you mean 'corruptions'?); choose from: cert"),
    ({"extras": "smoothing,floors"}, "extra 'floors' is unknown; choose from: "),
    ({"extras": ["certificates"]}, "certificates are computed of "),
    (
        {"model": "cnn", "defence": {"input": "jpeg"}, "extras": ["certificates"]},
        "certificates are computed of cnn, fast-cnn without an input defence, not of 'cnn' as asked",
    ),
    ({"privacy": {"delta": 0.5}}, "delta=0.5 is not in [1e-12, 1/N = 0.000696) for the 1,437 images of digits"),
    ({"privacy": {"delta": 1e-13}}, "delta=1e-13 is not in [1e-12, 1/N = 0.000696) for the 1,437 images of digits"),
    ({"attack": {"eps": 1.0000001}}, "eps=1.0000001 is not in [0, 1]"),
    ({"attack": {"eps": 1.1}}, "eps=1.1 is not in [0, 1]"),
    ({"attack": {"eps": -0.1}}, "eps=-0.1 is not in [0, 1]"),
    ({"attack": {"eps": float("nan")}}, "eps=nan is not in [0, 1]"),
    ({"attack": {"eps": 8.1, "norm": "l2"}}, "eps=8.1 is not in [0, 8]"),
    ({"attack": {"seeds": 2}}, "attack.seeds=2 is not in [1, 1], the number of seeds trained"),
    ({"attack": {"eps": [i / 20_000 for i in range(20_000)]}}, "attack.eps has 20,000 strengths; at most 250 are"),
    ({"attack": {"eps": [i / 251 for i in range(251)]}}, "attack.eps has 251 strengths; at most 250 are tried in"),
    (
        {"attack": {"eps": [i / 250 for i in range(250)], "seeds": 10}, "seeds": 10},
        "the grid has 12,550 points; at most 10,000 ",
    ),
    ({"seeds": 1000, "privacy": {"epsilons": list(range(1, 12))}}, "the grid has 11,055 points; at most 10,000 "),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED)
def test_refuses_in_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        resolve(parse(values))
    assert str(refused.value).startswith(sentence)


def test_the_bounds_themselves_are_accepted() -> None:
    at_l2 = resolve(parse({"attack": {"eps": sqrt(64), "norm": "l2"}}))
    assert at_l2.attack.eps == (0.0, 8.0)
    assert resolve(parse({"attack": {"eps": 1}})).attack.eps == (0.0, 1.0)
    resolve(parse({"privacy": {"epsilons": [EPSILON_LOW, EPSILON_HIGH]}}))
    assert (
        n_points(resolve(parse({"seeds": 999, "privacy": {"epsilons": list(range(1, 11))}, "attack": {"eps": 0}})))
        == MAX_POINTS
    )


def test_as_many_radii_as_a_byte_can_number() -> None:
    """With 0 added, and one number more for what nothing broke."""
    most = resolve(parse({"attack": {"eps": [(i + 1) / MAX_RADII for i in range(MAX_RADII)]}}))
    assert len(most.attack.eps or ()) + 1 <= 255


def test_one_word_or_a_list_names_several_attacks_in_their_order() -> None:
    asked = [{"name": "pgd+apgd"}, {"name": "pgd,apgd"}, {"names": ["pgd", "apgd"]}, {"name": "pgd + apgd+pgd"}]
    assert len({digest(resolve(parse({"attack": attack}))) for attack in asked}) == 1
    assert digest(resolve(parse({"attack": {"name": "apgd+pgd"}}))) != digest(resolve(parse({"attack": asked[0]})))


def test_extras_are_kept_once_and_in_one_order() -> None:
    one, other = (resolve(parse({"model": "cnn", "extras": e})) for e in (EXTRAS[::-1], [*EXTRAS, EXTRAS[0]]))
    assert one.extras == other.extras == EXTRAS
    assert digest(one) == digest(other) != digest(resolve(parse({"model": "cnn"})))


def test_a_raised_corruption_changes_studies_that_measure_them_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with_them, without = (resolve(parse({"extras": extras})) for extras in (["corruptions"], ["smoothing"]))
    before = digest(with_them), digest(without)
    name = corruptions.names[3]
    monkeypatch.setitem(corruptions.entries, name, replace(corruptions[name], version=corruptions[name].version + 1))
    assert digest(with_them) != before[0]
    assert digest(without) == before[1]


def test_steps_of_attacks_that_take_none_are_one() -> None:
    assert resolve(parse({"attack": {"name": "fgsm", "steps": 30}})).attack.steps == 1
    assert resolve(parse({"attack": {"name": "fgsm+pgd", "steps": 30}})).attack.steps == 30


def test_checks_and_extras_take_work_where_there_is_any() -> None:
    def units(**more: Any) -> dict[str, float]:
        return work(plan(resolve(parse({"model": "cnn", "privacy": {"epsilons": [3]}, **more})))[0])

    plain = units()
    assert plain["check"] > 0 == plain["extras"]
    assert units(attack={"eps": [0]})["check"] == units(attack={"eps": [0]})["attack"] == 0
    each = [units(extras=[name])["extras"] for name in EXTRAS if name != "leakage"]
    assert min(each) > 0 == units(extras=["leakage"])["extras"] < units(extras=["leakage"])["leakage"]
    assert units(extras=EXTRAS)["extras"] == sum(each)
    assert units(attack={"names": ["fmn", "apgd"]})["attack"] < plain["attack"]
    assert units(attack={"images": 50})["check"] < plain["check"] == units(attack={"images": 200})["check"]


def test_single_images_are_told_of_where_many_models_are_trained() -> None:
    known = {name: exposes(resolve(parse({"model": name, "extras": ["leakage"]}))) for name in models.names}
    assert {name for name, told in known.items() if told} == {
        "scattering-linear",
        "log-scattering",
        "pretrained-linear",
    }


def test_delta_just_below_one_image_is_accepted() -> None:
    resolve(parse({"privacy": {"delta": 0.9999 / 1437}}))
    with pytest.raises(BadInput):
        resolve(parse({"privacy": {"delta": 1 / 1437}}))


OWN = {"content": 32 * "a", "n_train": 100, "n_test": 20, "shape": (3, 32, 32), "classes": ("x", "y")}


def test_own_images_have_the_bounds_of_their_own_facts() -> None:
    study = resolve(parse({"dataset": "folder:x-y-aaaaaaaaaaaaaaaa", "own": OWN}))
    assert (study.privacy.delta, study.attack.images) == (1e-5, 20)
    assert study.attack.eps == (0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
    assert work(plan(study)[0])["features"] == 120
    with pytest.raises(
        BadInput, match=r"delta=0\.02 is not in \[1e-12, 1/N = 0\.01\) for the 100 images of folder:x-y"
    ):
        resolve(parse({"dataset": "folder:x-y-aaaaaaaaaaaaaaaa", "own": OWN, "privacy": {"delta": 0.02}}))
    with pytest.raises(BadInput, match=r"dataset 'folder:x-y-aaaaaaaaaaaaaaaa' is not among your own"):
        resolve(parse({"dataset": "folder:x-y-aaaaaaaaaaaaaaaa"}))


@pytest.mark.parametrize("changed", [{"n_train": 101}, {"content": 16 * "a" + 16 * "b"}, {"classes": ("x", "z")}])
def test_the_facts_of_own_images_decide_the_digest(changed: dict[str, Any]) -> None:
    name = "folder:x-y-aaaaaaaaaaaaaaaa"
    first, other = (resolve(parse({"dataset": name, "own": {**OWN, **more}})) for more in ({}, changed))
    assert digest(first) != digest(other)
    assert digest(first) == digest(resolve(parse(first.model_dump(mode="json"))))


def test_a_study_of_what_is_known_by_name_is_written_without_facts() -> None:
    """Digests of studies that were computed before there were own images stay what they were."""
    for study in (parse({}), resolve(parse({}))):
        assert "own" not in study.model_dump()
        assert "own" not in study.model_dump_json()
    assert (
        "own" in plan(resolve(parse({"dataset": "folder:x-y-aaaaaaaaaaaaaaaa", "own": OWN})))[0].model_dump()["study"]
    )
