"""What a job measures of leakage: rows for every budget, killed and gone on with, and counts that tell of leaks."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf, isinf, isnan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from engine import auditing, exposures, guarantees, leaking, planning, recipes, shadowing
from engine.errors import BadInput
from engine.evaluation import Bench
from engine.events import Trained
from engine.extras import FALSE_POSITIVES
from engine.leakage import membership
from engine.leakage.audit import epsilon_lower, epsilon_lower_from_runs
from engine.leakage.membership import Masks
from engine.leakage.shadows import Budget, bank_of
from engine.privacy.roc import roc
from engine.recipes import Recipe
from engine.results import ABOVE, ALLOWED, DEMONSTRABLE, DEMONSTRATED, GUESSED, LEAKED, LEAKED_AUC, Row
from engine.shadowing import Answers, Asked
from engine.study import Study, parse
from tests.engine.test_runs import executed, small

PLAIN = Budget(inf, Recipe(batch=6, steps=9, learning_rate=0.1), 0.2, 0.0)
PRIVATE = Budget(1.0, Recipe(batch=6, steps=9, learning_rate=0.1, max_grad_norm=1.0), 0.2, 3.0)
BOTH = [f"{name}{suffix}" for name in membership.ATTACKS for suffix in ("", "-attacked")]
ONE_RUN = epsilon_lower(80, 32, 32, delta=1e-5, significance=0.0125)
REPEATED = epsilon_lower_from_runs(5, 5, 0, 5, delta=1e-5, significance=0.0125)
DONE: list[tuple[int, int]] = []  # image-steps done, and how many there are, as those who do them say
Few = Callable[..., Study]


@pytest.fixture(scope="module")
def few() -> Study:
    """Little of everything, for the engine's own functions: patched sizes last as long as this module's tests."""
    return study()


def shorter(how: Callable[[float, int], Recipe], epsilon: float, n_train: int) -> Recipe:
    """Longer without privacy than with it, as recipes are."""
    return replace(how(epsilon, n_train), steps=100 if isinf(epsilon) else 8)


def study(**more: object) -> Study:
    asked = {"seeds": 1, "attack": {"eps": [0.0], "images": 20}, "extras": ["leakage"]}
    return small(**{**asked, **more})


@pytest.fixture(scope="module", autouse=True)
def sizes() -> object:
    with pytest.MonkeyPatch.context() as patch:
        for name, size in {"SHADOWS": 8, "TOGETHER": 2, "POOL": 240, "NETWORKS": 3, "FEWER_IMAGES": 150}.items():
            patch.setattr(planning, name, size)
        patch.setattr(leaking, "ATTACKED_IMAGES", 20)
        patch.setattr(leaking, "FIRST", 4)
        patch.setattr(planning, "TAMPERED", 60)
        patch.setattr(auditing, "RUNS", 20)
        patch.setattr(planning, "RUNS", 20)
        for model, how in {"cnn": recipes._network, "scattering-linear": recipes._linear}.items():
            patch.setitem(recipes._RECIPES, model, partial(shorter, how))
        yield


@pytest.fixture(scope="module")
def told(few: Study, sizes: object, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], Path]:
    folder, said = tmp_path_factory.mktemp("leaking"), leaking._stage

    def noted(bench: Bench, done: int, total: int) -> None:
        DONE.append((done, total))
        said(bench, done, total)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaking, "_stage", noted)
        return [event for event in executed(few, folder) if isinstance(event, Row)], folder


def kept(rows: list[Row]) -> dict[tuple[object, ...], tuple[float, int]]:
    """What a store holds in the end: the last word on each point, without how long it took."""
    return {row.key: (row.value, row.n) for row in rows if row.metric.startswith(("member", "demon"))}


def answers(shift: float, models: int = 9, n: int = 400, seed: int = 0) -> tuple[Answers, Masks, NDArray[np.int64]]:
    """Confidences of models that are surer of their own examples by `shift` standard deviations; each a bank."""
    rng = np.random.default_rng(seed)
    masks = rng.random((models, n)) < 0.5
    return (rng.normal(size=masks.shape) + shift * masks).astype(np.float32), masks, np.arange(models)


def test_every_budget_has_every_number(told: tuple[list[Row], Path]) -> None:
    found = kept(told[0])
    for epsilon in (1.0, inf):
        of = {key[2:4]: value for key, value in found.items() if key[0] == epsilon}
        for name in BOTH:
            value, n = of[LEAKED_AUC + name, -1.0]
            assert 0.3 < value < 1
            assert n == 10
            assert not any((LEAKED + name, eps) in of for eps in FALSE_POSITIVES[:3]), "less than one of 120 outsiders"
            curve = [of[LEAKED + name, eps][0] for eps in FALSE_POSITIVES[3:]]
            assert curve == sorted(curve), "a ROC only rises"
        ceilings = dict.fromkeys(("mislabelled", "out-of-distribution", "orthogonal"), (32, ONE_RUN))
        for kind, (guesses, ceiling) in (ceilings | {"repeated": (10, REPEATED)}).items():
            shown, most = of[DEMONSTRATED + kind, -1.0], of[DEMONSTRABLE + kind, -1.0]
            assert 0 <= shown[0] <= most[0] == ceiling
            assert shown[0] < 1 or epsilon == inf, "without noise as much as can be is demonstrated"
            assert shown[1] == most[1] == guesses
        of_both = {"threshold": 480, "threshold-attacked": 40, "lira-offline": 480}
        assert {how: of[GUESSED + how, -1.0][1] for how in of_both} == of_both
    assert not any(isinf(float(str(key[0]))) for key in found if key[2] in (ALLOWED, ABOVE)), (
        "without noise, all is allowed"
    )
    assert found[1.0, 0, ABOVE, -1.0, False] == (0.0, 10 * 3 * len(BOTH))


def test_a_model_without_privacy_gives_away_more_than_a_private_one(told: tuple[list[Row], Path]) -> None:
    of = kept(told[0])
    assert of[inf, 0, LEAKED_AUC + "lira", -1.0, False][0] > of[1.0, 0, LEAKED_AUC + "lira", -1.0, False][0] + 0.05
    assert of[inf, 0, DEMONSTRATED + "orthogonal", -1.0, False][0] > 1


def test_exposures_are_of_the_pool_and_of_two_halves_of_the_models(told: tuple[list[Row], Path]) -> None:
    found = np.load(told[1] / "0" / exposures.FILE)
    assert found["epsilons"].tolist() == [1.0, inf]
    assert len(set(found["images"].tolist())) == 240
    assert found["images"].max() < 1437
    assert found["chosen"].shape == found["measured"].shape == (2, 240)
    of = [np.corrcoef(found["chosen"][i], found["measured"][i])[0, 1] for i in range(2)]
    assert of[1] > max(0.1, of[0]), "without privacy, both halves agree on who is exposed"
    assert not list((told[1] / "0").glob("shadows/*")), "what shadows said is not kept beyond the job"


def killed(asked: Study, folder: Path, share: float) -> None:
    """It dies when so much of the work on leakage is done."""
    said = leaking._stage

    def die(bench: Bench, done: int, total: int) -> None:
        if done >= share * total:
            raise KeyboardInterrupt
        said(bench, done, total)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaking, "_stage", die)
        executed(asked, folder)


@pytest.mark.parametrize("stop", [0.3, 0.7, 0.95])
def test_a_killed_job_ends_with_the_same_numbers(
    few: Study, told: tuple[list[Row], Path], tmp_path: Path, stop: float
) -> None:
    with pytest.raises(KeyboardInterrupt):
        killed(few, tmp_path / "job", stop)
    before = {file.name for file in (tmp_path / "job" / "0" / "shadows").glob("said*")}
    again = executed(few, tmp_path / "job")
    assert kept([event for event in again if isinstance(event, Row)]) == kept(told[0])
    assert before, "some shadows were done"
    a, b = (np.load(folder / "0" / exposures.FILE) for folder in (told[1], tmp_path / "job"))
    assert all((a[name] == b[name]).all() for name in a.files)


def test_measuring_leakage_changes_no_model(few: Study, told: tuple[list[Row], Path], tmp_path: Path) -> None:
    plain = executed(study(extras=[]), tmp_path)
    files = [Path(event.path) for event in plain if isinstance(event, Trained)]
    for file in files:
        mine = (told[1] / "0" / file.name).read_bytes()
        assert mine[-1000:] == file.read_bytes()[-1000:], "weights alike; the study that is kept with them differs"


def test_networks_are_asked_too_with_fewer_shadows_and_canaries(tmp_path: Path) -> None:
    """With secret noise, which is refused where a name of it comes twice."""
    asked = study(model="cnn", privacy={"epsilons": [3, "inf"], "clip_only": True, "mode": "private"})
    found = kept([event for event in executed(asked, tmp_path) if isinstance(event, Row)])
    for epsilon in (3.0, inf):
        assert found[epsilon, 0, LEAKED_AUC + "rmia", -1.0, False][1] == 4
        for kind in ("mislabelled", "out-of-distribution"):
            assert found[epsilon, 0, DEMONSTRATED + kind, -1.0, False][1] == 20
    assert not (tmp_path / "1" / exposures.FILE).exists(), "of so few models, single images differ by luck"
    guessed = {key[0::4] for key in found if key[2] == GUESSED + "threshold"}
    assert guessed == {(3.0, False), (inf, False), (inf, True)}, "clipping alone is guessed about, too"


def test_secret_noise_is_measured_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = study(privacy={"epsilons": [1], "mode": "private"})
    with pytest.raises(KeyboardInterrupt):
        killed(asked, tmp_path, 0.5)
    before = {file.name: file.read_bytes() for file in (tmp_path / "0" / "shadows").glob("*.npy")}
    assert "coins.npy" in before
    assert len(before) > 1
    monkeypatch.setattr("engine.runs.shutil.rmtree", lambda *_, **__: None)
    found = kept([event for event in executed(asked, tmp_path) if isinstance(event, Row)])
    assert found[1.0, 0, LEAKED_AUC + "lira", -1.0, False][1] == 10
    after = {name: (tmp_path / "0" / "shadows" / name).read_bytes() for name in before}
    assert after == before, "answers of an earlier attempt belong to the coins of that attempt"


@pytest.mark.parametrize("n", [100, 1437])
def test_who_knows_nothing_finds_as_many_as_the_rate_says_however_few_there_are(tmp_path: Path, n: int) -> None:
    pairs = [(answers(0.0, 40, n, seed), answers(0.0, 40, n, seed + 5)) for seed in range(5)]
    rows = [leaking.found_out(*pair, PLAIN, tmp_path) for pair in pairs]
    found = [{how.eps: value.value for metric, how, value in each if metric == LEAKED + "threshold"} for each in rows]
    assert min(found[0]) == (0.01 if n == 100 else 0.002), "of few outsiders, less than one alarm says nothing"
    for eps in found[0]:
        each = [one[eps] for one in found]
        spread = (eps * (1 - eps) / (n / 2) * 2 / 200) ** 0.5  # of 200 targets, of members and outsiders
        assert abs(np.mean(each) - eps) < 4 * spread, "(k + 1) / (n + 1), not the rate, if k of n alarms were allowed"


def test_none_is_attacked_with_a_model_of_its_own_batches(few: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    banks: list[list[int]] = []

    def noted(said: tuple[Answers, Masks, NDArray[np.int64]], *_: object) -> list[tuple[str, None, None]]:
        banks.append(said[2].tolist())
        return [("", None, None)]

    monkeypatch.setattr(leaking, "found_out", noted)
    monkeypatch.setattr(leaking, "candidate_of", lambda *_: None)
    monkeypatch.setattr(leaking, "_row", lambda *_: None)
    somebody: Any = SimpleNamespace(job=planning.plan(few)[0], cache=None, emit=lambda event: None)
    leaking._teller(somebody, somebody)(_asked(10, 10, 2))
    assert banks == [[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]]


def _asked(known: int, n_shadows: int, together: int = 1) -> Asked:
    """Some shadows have spoken of four images, the others not yet."""
    said, nobody = np.full((n_shadows, 1, 4), np.nan, np.float32), np.arange(0)
    said[:known] = 0
    masks = np.zeros((n_shadows, 4), bool)
    return Asked(said, masks, bank_of(n_shadows, together), np.arange(4), nobody, nobody, (PLAIN,))


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 6, 7, 12, 24])
def test_what_is_found_is_told_again_and_again_however_many_train_at_once(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    told: list[int] = []
    monkeypatch.setattr(leaking, "FIRST", 8)
    monkeypatch.setattr(leaking, "_tell", lambda bench, ground, asked, *_: told.append(int(asked.known(0).sum())))
    nobody: Any = None
    tell = leaking._teller(nobody, nobody)
    for known in [*range(at_once, 65, at_once), 65]:
        tell(_asked(known, 65))
    assert told[-1] == 65
    assert 3 <= len(told) <= 5
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(told[:-1]))


def test_a_training_that_diverged_is_told_and_ends_no_job(tmp_path: Path) -> None:
    said = shadowing._finite(np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32))
    assert np.isfinite(said).all()
    assert said[0, 3] == 0.5


def test_a_guard_stands_before_no_model_that_is_trained_for_attackers(tmp_path: Path) -> None:
    asked = study(privacy={"epsilons": ["inf"]}, defence={"input": "squeeze"})
    rows = [event for event in executed(asked, tmp_path) if isinstance(event, Row)]
    assert {row.defence for row in rows if row.metric.startswith((LEAKED_AUC, LEAKED, DEMONSTRATED))} == {"none"}
    guesses = {row.metric.removeprefix(GUESSED): row.defence for row in rows if row.metric.startswith(GUESSED)}
    assert guesses == {"threshold": "squeeze", "threshold-attacked": "squeeze", "lira-offline": "none"}


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.0, 0.0), (8.0, 1.0, 216.0)])
def test_points_above_theory_are_counted(tmp_path: Path, shift: float, low: float, high: float) -> None:
    found = leaking.found_out(answers(shift), answers(shift, seed=1), PRIVATE, tmp_path)
    (above,) = (value for metric, _, value in found if metric == ABOVE)
    assert low <= above.value <= high
    assert above.n == 216
    theory = {how.eps: value.value for metric, how, value in found if metric == ALLOWED}
    assert PRIVATE.mechanism
    assert list(theory.values()) == roc(FALSE_POSITIVES, PRIVATE.mechanism, tmp_path).tolist()


@pytest.mark.parametrize(("shift", "area"), [(0.0, 0.5), (1.0, 0.76), (20.0, 1.0)])
def test_areas_are_those_of_two_normals_and_theirs_is_the_interval(tmp_path: Path, shift: float, area: float) -> None:
    found = {
        metric: value for metric, _, value in leaking.found_out(answers(shift), answers(0.0, seed=1), PLAIN, tmp_path)
    }
    one = found[LEAKED_AUC + "threshold"]
    assert one.value == pytest.approx(area, abs=0.02)
    assert one.low <= one.value <= one.high
    assert ALLOWED not in found
    assert ABOVE not in found


@pytest.mark.parametrize(("shift", "right"), [(0.0, 0.5), (2.0, 0.841)])
def test_guesses_are_right_as_often_as_two_normals_allow_and_never_by_luck(shift: float, right: float) -> None:
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(shift, 1, 4000), rng.normal(0, 1, 4000)
    found = leaking.guessed(inside.astype(np.float32), outside.astype(np.float32))
    assert found.n == 8000
    assert found.value == pytest.approx(right, abs=0.015), "Phi(shift / 2)"
    same = [leaking.guessed(*rng.normal(size=(2, 40)).astype(np.float32)).value * 80 for _ in range(200)]
    assert abs(np.mean(same) - 40) < 1, "a threshold chosen on the images it is tried on would be right more often"
    assert binom.sf(np.mean(same) * 200, 200 * 80, 0.5) > 1e-4


def test_a_budget_is_told_of_whoever_has_trained() -> None:
    said = np.full((3, 2, 4), np.nan, np.float32)
    said[:2, 0] = 1
    some, nobody = np.arange(4), np.arange(0)
    asked = Asked(said, np.zeros((3, 4), bool), np.arange(3), some, nobody, nobody, (PLAIN, PRIVATE))
    assert asked.of(0)[0].shape == (2, 4)
    assert len(asked.of(1)[0]) == 0


def test_few_images_are_refused_and_leakage_counts_as_unprotected(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "LEAST_POOL", 2_000)
        with pytest.raises(BadInput, match="digits has 1437: 2000 are the least"):
            study()
    private = study(privacy={"epsilons": [1]})
    assert guarantees.guarantees(private, tmp_path).unprotected
    assert not guarantees.guarantees(study(privacy={"epsilons": [1]}, extras=[]), tmp_path).unprotected
    assert planning.digest(private) != planning.digest(study(privacy={"epsilons": [1]}, extras=[]))


def test_what_it_takes_is_planned_and_progress_ends_where_it_was_said_to(told: tuple[list[Row], Path]) -> None:
    (job,) = planning.plan(study())
    attacked = 10 * (60 * 8 + 20 * 100 + 2 * 60 * 600)  # batch times steps of both budgets, and pictures
    audited = 120 * 8 + 40 * 100 + 2 * (160 * 8 + 53 * 100)  # canaries among 240 images, and two kinds on top of them
    total = attacked + audited + 20 * 70 * (8 + 100)  # and repeated runs
    assert planning.work(job)["leakage"] == total
    assert DONE[-2] == (total, total), "the last word of those who did the work"
    assert planning.work(planning.plan(study(extras=[]))[0])["leakage"] == 0


def test_a_row_without_a_rate_has_none(told: tuple[list[Row], Path]) -> None:
    assert all(isnan(row.eps) for row in told[0] if row.metric.startswith((LEAKED_AUC, DEMONSTRATED, GUESSED)))


def test_unknown_extra_is_still_refused() -> None:
    with pytest.raises(BadInput, match="leakage"):
        planning.resolve(parse({"extras": ["leakeage"]}))
