"""Studies that stand beside one another, and one whose model lends its pictures: from the store to the curve."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import planning, recipes, runs, services
from engine.errors import BadInput, FrontierError
from engine.events import Trained
from engine.jobs.contract import lender, perform
from engine.jobs.worker import Places
from engine.results import NOT_APPLICABLE
from engine.settings import Settings
from engine.store.measured import Batch
from engine.store.store import Store
from engine.study import Study, parse
from tests.engine.jobs.fakes import row

pytestmark = pytest.mark.usefixtures("home")

SMALL: dict[str, Any] = {
    "dataset": "digits",
    "model": "cnn",
    "privacy": {"epsilons": ["inf"]},
    "attack": {"name": "fgsm", "eps": [0.1, 0.3], "images": 40},
}


def asked(**changes: Any) -> Study:
    values = {**SMALL, **changes}
    return parse(values | {"attack": {**SMALL["attack"], **changes.get("attack", {})}})


def finished(store: Store, study: Study, *trained: tuple[float, int]) -> str:
    """A study that is done, with one result and weights that somebody said were kept."""
    digest = services.submit(study)
    claim = store.queue.claim()
    assert claim is not None
    words = [Trained(epsilon, seed, f"{digest}/{epsilon}-{seed}.safetensors") for epsilon, seed in trained]
    point = row(claim.job, float("inf"), 0, "accuracy", NOT_APPLICABLE, 0.5)
    store.measured.record(claim, Batch(rows=[point], trained=words))
    store.queue.finish(claim)
    return digest


def test_studies_that_stand_beside_one_another(store: Store) -> None:
    this = finished(store, asked())
    other_model = finished(store, asked(model="scattering-linear"))
    guarded = finished(store, asked(defence={"input": "jpeg"}))
    assert list(services.alike(this)) == [this, guarded, other_model], "this one, then the newest"
    assert services.alike(this)[guarded] == planning.resolve(asked(defence={"input": "jpeg"}))


def test_of_one_model_and_defence_there_is_one_and_it_is_the_newest(store: Store) -> None:
    older = finished(store, asked(model="scattering-linear"))
    newer = finished(store, asked(model="scattering-linear", seeds=2))
    this = finished(store, asked())
    assert list(services.alike(this)) == [this, newer]
    assert list(services.alike(older)) == [older, this], "its own kind is not beside it"


@pytest.mark.parametrize(
    "changes",
    [
        {"attack": {"name": "pgd"}},
        {"attack": {"norm": "l2"}},
        {"attack": {"images": 39}},
        {"attack": {"eps": [0.05, 0.2]}},
        {"privacy": {"epsilons": ["inf"], "delta": 1e-6}},
    ],
)
def test_what_was_measured_otherwise_is_not_beside_it(changes: dict[str, Any], store: Store) -> None:
    this = finished(store, asked())
    finished(store, asked(model="scattering-linear", **changes))
    assert list(services.alike(this)) == [this]


def test_what_has_no_result_yet_and_what_is_too_much_is_left_out(store: Store) -> None:
    this = finished(store, asked())
    services.submit(asked(model="lstm"))
    assert list(services.alike(this)) == [this]
    store.queue.claim()
    for model in ("scattering-linear", "fast-cnn", "resnet"):
        finished(store, asked(model=model))
    assert len(services.alike(this)) == 4
    assert len(services.alike(this, most=3)) == 3
    assert services.alike("0123456789abcdef") == {}


def test_whoever_has_a_trained_model_of_the_data_set_can_lend(store: Store) -> None:
    assert services.lenders("digits") == {}
    first = finished(store, asked(), (float("inf"), 0))
    finished(store, asked(seeds=2))
    second = finished(store, asked(model="scattering-linear"), (1.0, 0))
    found = services.lenders("digits")
    assert list(found) == [second, first], "newest first"
    assert first[:6] in found[first]
    assert services.lenders("mnist") == {}


def test_a_study_that_cannot_lend_is_refused_before_anything_is_queued(store: Store) -> None:
    without = finished(store, asked())
    for source in (without, "0123456789abcdef", "x" * 99):
        with pytest.raises(BadInput, match=r"attack\.source='.{1,59}'? is no study of digits with a trained model"):
            services.submit(asked(attack={"name": "transfer", "source": source}))
    assert len(services.statuses()) == 1


def test_the_least_private_model_lends(store: Store) -> None:
    digest = finished(store, asked(privacy={"epsilons": [1, "inf"]}), (1.0, 0), (float("inf"), 1), (float("inf"), 0))
    study = asked(attack={"name": "transfer", "source": digest})
    assert lender(store, study, Path("models")) == Path("models") / digest / "inf-0.safetensors"
    assert lender(store, asked(), Path("models")) is None
    services.delete(digest)
    with pytest.raises(FrontierError, match=f"Study '{digest}' has no trained model here"):
        lender(store, study, Path("models"))


@pytest.fixture
def compute(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[Study], str]:
    """Submit a study and do its job here as a worker does it, with a network that is trained for a moment."""
    settings = Settings()
    short = lambda epsilon, n: recipes.Recipe(batch=100, steps=80, learning_rate=1.0, max_grad_norm=0.1)  # noqa: E731
    for model in ("cnn", "fast-cnn"):
        monkeypatch.setitem(recipes._RECIPES, model, short)

    def done(study: Study) -> str:
        digest = services.submit(study)
        claim = store.queue.claim()
        assert claim is not None
        places = Places(settings.data_root, settings.cache, settings.artifacts / digest / "0", settings.cache_gb)
        perform(store, claim, runs.execute, places=places, artifacts=settings.artifacts, cores=1)
        status = services.status(digest)
        assert status is not None
        assert (status.state, status.error) == ("done", None)
        return digest

    return done


def shares(digest: str) -> list[float]:
    frame = services.frame(digest)
    robust: list[float] = frame[frame["metric"] == "robust_accuracy"].sort_values("eps")["value"].tolist()
    return robust


def test_pictures_of_one_study_are_shown_to_the_model_of_another(
    compute: Callable[[Study], str],
) -> None:
    source = compute(asked())
    lent = compute(asked(model="fast-cnn", attack={"name": "transfer", "steps": 10, "source": source}))
    clean, weak, strong = shares(lent)
    assert clean > 0.5
    assert clean >= weak > strong
    stood = services.standing(lent)
    assert [(one.attacks, one.done) for one in stood] == [(("transfer",), True)]
    attacked = services.frame(lent)
    assert set(attacked[attacked["metric"] == "robust_accuracy"]["attack"]) == {"transfer"}
    white = compute(asked(model="fast-cnn", attack={"name": "pgd", "steps": 10}))
    assert shares(white)[1] <= weak, "who sees the gradients breaks no less"


def test_a_lender_that_is_gone_when_its_turn_comes_is_told_at_once(store: Store, tmp_path: Path) -> None:
    """And not after three deaths of a process, without a reason."""
    source = finished(store, asked(), (float("inf"), 0))
    digest = services.submit(asked(attack={"name": "transfer", "source": source}))
    services.delete(source)
    claim = store.queue.claim()
    assert claim is not None
    perform(store, claim, runs.execute, places=Places(tmp_path, tmp_path, tmp_path, 1.0), artifacts=tmp_path, cores=1)
    status = services.status(digest)
    assert status is not None
    assert (status.state, status.error) == (
        "failed",
        f"Study '{source}' has no trained model here (any more) to lend its pictures.",
    )
