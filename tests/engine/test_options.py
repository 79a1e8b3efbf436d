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
