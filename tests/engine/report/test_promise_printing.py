"""Promised beside demonstrated on paper: nothing is cut or covered, the same in both widths."""

import io
from itertools import combinations
from math import inf

import pytest
from PIL import Image

from engine.report import printing, promise, promise_printing
from engine.report.promise import Promise
from tests.engine.report.leaks import leaks
from tests.engine.report.rows import frame
from tests.engine.report.test_printing import MM, boxes, overlap

GRID = (0.5, 1.0, 3.0, 8.0, inf)


def info(*epsilons: float) -> Promise:
    return promise.promise(frame(*(row for epsilon in epsilons for row in leaks(epsilon))), epsilons)


@pytest.mark.parametrize("width", [90, 180])
@pytest.mark.parametrize("epsilons", [GRID, (3.0,), (1.0, inf)])
def test_no_text_is_cut_or_covers_another(width: int, epsilons: tuple[float, ...]) -> None:
    texts = boxes(printing._sheet(promise_printing.charts(info(*epsilons)), width, "Not finished: 1 of 2 budgets"))
    page = texts.pop("page")
    for said, box in texts.items():
        assert box.x0 >= 1 * MM, said
        assert box.y0 >= 1 * MM, said
        assert box.x1 <= page.x1 - 1 * MM, said
        assert box.y1 <= page.y1 - 1 * MM, said
    for (one, first), (other, second) in combinations(texts.items(), 2):
        assert not overlap(first, second), f"{one} covers {other}"


@pytest.mark.parametrize("width", [90, 180])
def test_a_picture_is_as_wide_as_was_asked_for(width: int) -> None:
    picture = Image.open(io.BytesIO(promise_printing.printed(info(*GRID), "png", width=width)))
    assert picture.width == round(width * MM)


def test_the_same_numbers_give_the_same_bytes() -> None:
    first, again = (promise_printing.printed(info(*GRID), "svg", width=90) for _ in range(2))
    assert first == again
    assert promise_printing.printed(info(0.5, 1.0), "svg", width=90) != first
