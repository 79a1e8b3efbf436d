"""What trained models are measured by: a curve that sharpens, its self-check, and what was asked for besides."""

from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine import planning, recipes
from engine.checkpoint import Checkpoint
from engine.corruptions import SEVERITIES, corruptions
from engine.evaluation import NOBODY, Bench, evaluate
from engine.events import Event, Stage, Stands
from engine.extras import DISTANCES, SIGMA, TIGHT
from engine.registry import Entry
from engine.report import paired
from engine.results import CERTIFIED, CHECK, CORRUPTED, POINTS, SMOOTHED_ABSTAINED, SMOOTHED_RIGHT, Row
from engine.robustness.curve import Tool
from engine.study import Study
from engine.training import Candidate
from tests.engine.robustness.test_selfcheck import EVERY
from tests.engine.test_runs import executed, small

Told = tuple[Study, list[Event]]


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The fast model at two budgets, with clipping alone, attacked by three attacks."""
    study = small(
        seeds=2,
        privacy={"epsilons": [1, "inf"], "clip_only": True},
        attack={"eps": [0.02, 0.1], "steps": 5, "images": 40, "seeds": 1},
    )
    return study, executed(study, tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A network without privacy, hardly trained, with all that can be measured besides."""
    with pytest.MonkeyPatch.context() as patch:
        short = lambda epsilon, n: replace(recipes._network(epsilon, n), batch=100, steps=80)  # noqa: E731
        patch.setitem(recipes._RECIPES, "cnn", short)
        study = small(
            model="cnn",
            seeds=1,
            privacy={"epsilons": ["inf"]},
            attack={"eps": [0.001, 0.01, 0.05], "steps": 5, "images": 60},
            extras=["corruptions", "certificates", "smoothing"],
        )
        return study, executed(study, tmp_path_factory.mktemp("network"))


def rows(told: Told, metric: str) -> list[Row]:
    return [event for event in told[1] if isinstance(event, Row) and event.metric == metric]


def stands(told: Told) -> dict[tuple[float, int, bool], list[Stands]]:
    """What was said of each model, in its order."""
    found: dict[tuple[float, int, bool], list[Stands]] = {}
    for event in told[1]:
        if isinstance(event, Stands):
            found.setdefault((event.epsilon, event.seed, event.clip_only), []).append(event)
    return found


def test_the_curve_of_each_model_only_falls_and_the_last_word_says_that_it_is_done(linear: Told) -> None:
    told = stands(linear)
    assert set(told) == {(1.0, 0, False), (inf, 0, False), (inf, 0, True)}, "the first of two repeats"
    for words in told.values():
        curves = [paired.shares(word) for word in words]
        for before, after in pairwise(curves):
            assert all(now <= then for then, now in zip(before, after, strict=True))
        assert [word.done for word in words] == [False] * (len(words) - 1) + [True]
        assert curves[0][1:] == (curves[0][0],) * 2, "before an attack nothing is broken but by itself"
        assert curves[-1][2] < curves[0][2]


def test_the_rows_are_what_stands_in_the_end(linear: Told) -> None:
    study, _ = linear
    robust = {(row.epsilon, row.seed, row.clip_only, row.eps): row for row in rows(linear, "robust_accuracy")}
    last = {key: words[-1] for key, words in stands(linear).items()}
    assert {(*key, eps) for key in last for eps in study.attack.eps or ()} == set(robust)
    for key, word in last.items():
        assert [robust[*key, eps].value for eps in word.radii] == pytest.approx(list(paired.shares(word)))
        assert (word.attacks, word.radii) == (study.attack.names, study.attack.eps)


def test_every_image_says_which_attack_broke_it(linear: Told) -> None:
    by = set()
    for word, *_ in (words[::-1] for words in stands(linear).values()):
        for broken, attack in zip(word.broken, word.by, strict=True):
            assert (attack == NOBODY) == (broken in (0, len(word.radii)))
            by.add(attack)
    assert by <= {0, 1, 2, NOBODY}
    assert {0, NOBODY} <= by


def test_all_models_are_attacked_once_before_any_is_attacked_twice(linear: Told) -> None:
    """So that a chart of all budgets appears coarse, and then sharpens."""
    seen = [event for event in linear[1] if isinstance(event, Stands)]
    second = next(i for i, word in enumerate(seen) if set(word.by) & {1, 2})
    assert {(word.epsilon, word.clip_only) for word in seen[:second] if 0 in word.by} == {
        (1.0, False),
        (inf, False),
        (inf, True),
    }


def test_each_attacked_model_is_checked(linear: Told, network: Told) -> None:
    checks = [e for e in linear[1] if isinstance(e, Row) and e.metric.startswith(CHECK)]
    per_model: dict[object, set[str]] = {}
    for row in checks:
        per_model.setdefault((row.epsilon, row.seed, row.clip_only), set()).add(row.metric.removeprefix(CHECK))
    assert set(map(frozenset, per_model.values())) == {frozenset(EVERY | {"transfer"})}
    assert len(per_model) == 3
    steps = {row.metric.removeprefix(CHECK): row.attack_steps for row in checks}
    assert linear[0].attack.steps < 40  # what the study itself takes says nothing of its checks
    assert (steps["many_steps"], steps["twice_the_steps"]) == (40, 80)
    assert {row.eps for row in checks if row.metric == CHECK + "many_steps"} <= {0.02, 0.1}
    alone = {e.metric.removeprefix(CHECK) for e in network[1] if isinstance(e, Row) and e.metric.startswith(CHECK)}
    assert alone == EVERY, "there is no other model whose pictures could be lent"


def test_what_is_measured_besides_is_no_point_of_the_plan(linear: Told, network: Told) -> None:
    for study, events in (linear, network):
        found = [event for event in events if isinstance(event, Row)]
        assert len({row.key for row in found}) == len(found)
        assert sum(row.metric in POINTS for row in found) == planning.n_points(study)


def test_fifteen_corruptions_at_five_severities(network: Told) -> None:
    found = [event for event in network[1] if isinstance(event, Row) and event.metric.startswith(CORRUPTED)]
    assert len(found) == len(corruptions.names) * len(SEVERITIES) == 75
    assert {row.metric.removeprefix(CORRUPTED) for row in found} == set(corruptions.names)
    assert {row.n for row in found} == {60}
    clean = next(row.value for row in rows(network, "robust_accuracy") if row.eps == 0)
    mildest, worst = (min(row.value for row in found if row.eps == SEVERITIES[i]) for i in (0, -1))
    assert worst < mildest <= clean + 0.1


def test_nothing_that_is_certified_is_broken(network: Told) -> None:
    certified = {row.eps: row.value for row in rows(network, CERTIFIED)}
    robust = {row.eps: row.value for row in rows(network, "robust_accuracy")}
    assert set(certified) == {0.0, *TIGHT, *(network[0].attack.eps or ())}
    assert certified[0.0] == robust[0.0] > 0.3
    assert all(certified[eps] <= robust[eps] for eps in robust)
    values = [certified[eps] for eps in sorted(certified)]
    assert values == sorted(values, reverse=True)
    assert 0 < certified[0.001] < certified[0.0], "something is certified, and not everything"


def test_the_smoothed_model_has_a_curve_of_its_own(network: Told) -> None:
    found = rows(network, SMOOTHED_RIGHT)
    assert [row.eps for row in found] == list(DISTANCES)
    values = [row.value for row in found]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.2
    assert {(row.norm, row.attack, row.n) for row in found} == {("l2", f"noise {SIGMA:g}", 60)}
    (silent,) = rows(network, SMOOTHED_ABSTAINED)
    assert 0 <= silent.value <= 1 - values[0]


def test_without_extras_nothing_is_measured_besides(tmp_path: Path) -> None:
    study = small(seeds=1, privacy={"epsilons": ["inf"]}, attack={"name": "fgsm", "eps": [0.1], "images": 20})
    told = study, executed(study, tmp_path)
    besides = (CORRUPTED, CERTIFIED, SMOOTHED_RIGHT, SMOOTHED_ABSTAINED)
    assert not [event for event in told[1] if isinstance(event, Row) and event.metric.startswith(besides)]
    assert [event for event in told[1] if isinstance(event, Stage) and event.name == "extras"] == [
        Stage("extras", 0, 0)
    ]


def test_a_study_that_is_not_attacked_has_no_check(tmp_path: Path) -> None:
    study = small(seeds=1, privacy={"epsilons": ["inf"]}, attack={"eps": [0], "images": 20})
    told = study, executed(study, tmp_path)
    assert [row.eps for row in rows(told, "robust_accuracy")] == [0.0]
    assert not [event for event in told[1] if isinstance(event, Row) and event.metric.startswith(CHECK)]


class Linear(nn.Module):
    """Two classes by the sign of the mean pixel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1).mean(1, keepdim=True) - 0.5
        return torch.cat([-mean, mean], 1)


def test_the_attack_transfer_is_given_the_lender_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small(
        seeds=1,
        privacy={"epsilons": ["inf"]},
        attack={"names": ["fgsm", "transfer"], "source": "0123", "eps": [0.1], "images": 6},
    )
    given: list[tuple[str, object]] = []
    made = Tool.of

    def noted(entry: Entry, **how: Any) -> Tool:
        given.append((entry.name, how.get("source")))
        return made(entry, **how)

    monkeypatch.setattr(Tool, "of", noted)
    model, lender = Linear(), Linear()
    candidate = Candidate(inf, 0, recipes.recipe("scattering-linear", inf, 1437), 0.5, 0.0)
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    bench = Bench(
        planning.plan(study)[0],
        {candidate: model},
        (x, model(x).argmax(1)),
        Checkpoint.open(tmp_path),
        lambda _: None,
        lender,
    )
    evaluate(bench)
    assert given == [("fgsm", None), ("transfer", lender)]
