"""A study as options: written and read again it is the same study."""

from hypothesis import given

from engine.options import asked, written
from engine.planning import digest, resolve
from engine.study import Study, parse
from tests.engine.test_planning import studies


@given(studies())
def test_what_is_written_is_read_again_as_the_same_study(study: Study) -> None:
    resolved, usual = resolve(study), resolve(parse({"dataset": study.dataset}))
    assert digest(resolve(parse(asked(written(resolved, usual))))) == digest(resolved)


def test_only_what_differs_from_the_default_is_written() -> None:
    usual = resolve(parse({"dataset": "digits"}))
    assert written(usual, usual) == {"dataset": "digits"}
    assert written(resolve(parse({"seeds": 3})), usual) == {"dataset": "digits", "seeds": "3"}


def test_what_a_study_adds_is_written_in_the_words_of_a_link() -> None:
    usual = resolve(parse({"dataset": "digits", "model": "cnn"}))
    asked_for = {
        "model": "cnn",
        "attack": {"names": ["pgd", "transfer"], "source": "0123456789abcdef"},
        "defence": {"training": "trades", "input": "jpeg", "eps": 0.07},
        "extras": ["smoothing", "corruptions"],
    }
    assert written(resolve(parse(asked_for)), usual) == {
        "dataset": "digits",
        "attack": "pgd+transfer",
        "source": "0123456789abcdef",
        "defence": "trades",
        "guard": "jpeg",
        "trained_eps": "0.07",
        "extras": "corruptions,smoothing",
    }


def test_an_attack_that_is_said_replaces_those_of_the_file() -> None:
    file = {"attack": {"names": ["fmn", "apgd"], "steps": 7}}
    assert parse(asked({"attack": "pgd"}, file)).attack.names == ("pgd",)
    assert parse(asked({"attack": "pgd,fgsm"}, file)).attack.names == ("pgd", "fgsm")
    assert parse(asked({"attack": "pgd"}, {"attack": {"name": "fgsm"}})).attack.names == ("pgd",)
    assert parse(asked({"norm": "l2"}, file)).attack.names == ("fmn", "apgd")
    assert file == {"attack": {"names": ["fmn", "apgd"], "steps": 7}}, "what was read stays as it was"


def test_no_extras_are_none() -> None:
    assert parse(asked({"extras": ""}, {"extras": ["smoothing"]})).extras == ()
    assert parse(asked({"extras": "smoothing,corruptions"})).extras == ("smoothing", "corruptions")
