"""Pictures for paper: their size in millimetres, on white, no text cut or covered, gaps never bridged."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations
from math import inf, isnan
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import get_data_path, rcParams
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from engine.report import printing
from engine.report.figures import TradeOff, trade_off
from engine.report.lines import CLIPPING
from engine.report.palette import LIGHT
from engine.report.printing import printed
from engine.results import Row
from tests.engine.report.leaks import leaks
from tests.engine.report.rows import CLEAN, ROBUST, frame

GRID, RADII = (0.5, 1.0, 3.0, 8.0, inf), (0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
MANY = (0.05, 0.1, 0.125, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.5, 99.99, inf)
MM = 300 / 25.4  # pixels


def rows(epsilons: tuple[float, ...] = GRID, radii: tuple[float, ...] = RADII, norm: str = "linf") -> list[Row]:
    """Lines that all end at 0, where labels collide."""
    made = [replace(CLEAN, epsilon=e, value=0.9, low=0.87, high=0.92) for e in epsilons]
    return made + [
        replace(ROBUST, epsilon=e, eps=r, norm=norm, value=v, low=max(0.0, v - 0.03), high=v + 0.03)
        for i, e in enumerate(epsilons)
        for j, r in enumerate(radii)
        if (v := max(0.0, 0.9 - 0.05 * i - 0.25 * j)) >= 0
    ]


def info(given: list[Row] | None = None, **changes: Any) -> TradeOff:
    asked = {"epsilons": GRID, "radii": RADII, "norm": "linf", "strength": 0.02, **changes}
    made = rows(asked["epsilons"], asked["radii"], asked["norm"]) if given is None else given
    return trade_off(frame(*made), **asked)


NO_NOISE: dict[str, Any] = {"epsilon": inf, "noise_multiplier": 0.0}
ALONE = [replace(row, **NO_NOISE) for row in rows((1.0,))]
CASES: dict[str, TradeOff] = {
    "five budgets": info(),
    "six budgets, all labelled": info(epsilons=MANY[-6:]),
    "fifteen budgets": info(epsilons=MANY),
    "a hundred budgets": info(epsilons=tuple(0.5 + i / 7 for i in range(100))),
    "one budget": info(epsilons=(3.0,)),
    "no privacy alone": info(epsilons=(inf,)),
    "clipping alone": info(epsilons=(0.5, 3.0, CLIPPING, inf), given=[*rows((0.5, 3.0, inf)), *ALONE]),
    "one strength": info(radii=(0.0, 0.02)),
    "no strength": info(radii=(0.0,), strength=None),
    "strengths close together": info(radii=(0.0, 0.0011, 0.0012, 0.0123, 0.99, 1.0), strength=0.0123),
    "L2": info(norm="l2", radii=(0.0, 0.125, 0.5, 1.0, 27.7128), strength=0.125),
    "no attacked result": info([row for row in rows() if row.metric == "accuracy"]),
    "no clean result": info([row for row in rows() if row.metric != "accuracy"]),
    "parts missing": info([row for row in rows() if row.epsilon != 3.0 and (row.eps < 0.03 or isnan(row.eps))]),
    "leakage": info([*rows(), *(row for epsilon in GRID for row in leaks(epsilon))]),
    "ends early": info([row for row in rows() if row.epsilon < 3.0]),
}
NOTE = "Not finished: 13 of 15 budgets, 1,234 of 10,000 results"


@pytest.mark.parametrize(("width", "note"), [(90, NOTE), (180, "")], ids=["unfinished", "whole"])
@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_or_covers_another(case: str, width: int, note: str) -> None:
    texts = boxes(printing._figure(CASES[case], width, note))
    assert len(texts) > 10
    page = texts.pop("page")
    for said, box in texts.items():
        assert box.x0 >= 1 * MM, said
        assert box.y0 >= 1 * MM, said
        assert box.x1 <= page.x1 - 1 * MM, said
        assert box.y1 <= page.y1 - 1 * MM, said
    for (one, first), (other, second) in combinations(texts.items(), 2):
        assert not overlap(first, second), f"{one} covers {other}"


def boxes(figure: Figure) -> dict[str, Bbox]:
    """Where every text lies, in pixels, and the page."""
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    found = {f"{text.get_text()} {i}": Text.get_window_extent(text) for i, text in enumerate(texts)}
    return found | {"page": Bbox(figure.bbox.get_points())}


def overlap(one: Bbox, other: Bbox) -> bool:
    hair = 0.1 * MM
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    return bool(across > hair and min(one.y1, other.y1) - max(one.y0, other.y0) > hair)


def test_text_that_is_cut_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "_width", lambda text: 0.0)
    with pytest.raises(AssertionError):
        test_no_text_is_cut_or_covers_another("five budgets", 90, "")


@pytest.mark.parametrize("width", [90, 180])
@pytest.mark.parametrize("case", ["five budgets", "fifteen budgets"])
def test_a_png_has_300_dpi_and_a_white_border(case: str, width: int) -> None:
    picture = Image.open(io.BytesIO(printed(CASES[case], "png", width=width, note=NOTE)))
    assert picture.width == round(width / 25.4 * 300)
    assert [round(dpi) for dpi in picture.info["dpi"]] == [300, 300]
    pixels = np.asarray(picture.convert("RGBA"))
    assert (pixels[..., 3] == 255).all()
    inside = pixels[round(MM) : -round(MM), round(MM) : -round(MM)]
    assert (pixels == 255).all(axis=2).sum() - (inside == 255).all(axis=2).sum() == pixels[..., 0].size - inside[
        ..., 0
    ].size
    assert (inside != 255).any()


@pytest.mark.parametrize("width", [90, 180])
def test_an_svg_is_as_wide_as_it_says_on_white_with_its_text_as_outlines(width: int) -> None:
    content = printed(info(), "svg", width=width)
    drawing = ElementTree.fromstring(content)
    assert drawing.get("width") == f"{width}mm"
    assert str(drawing.get("height")).endswith("mm")
    box = [float(number) for number in str(drawing.get("viewBox")).split()]
    assert box[2] == pytest.approx(width / 25.4 * 72, abs=1e-3)
    assert box[3] / box[2] == pytest.approx(float(str(drawing.get("height"))[:-2]) / width)
    assert not drawing.findall(".//{http://www.w3.org/2000/svg}text")
    fills = {colour.lower() for colour in re.findall(r"(?:fill|stroke): (#[0-9a-fA-F]{6})", content.decode())}
    known = {LIGHT.text, LIGHT.background, LIGHT.grid, *LIGHT.meanings, *LIGHT.ordered}
    assert fills <= {colour.lower() for colour in known}
    assert re.search(r'id="patch_1">\s*<path[^>]*style="fill: #ffffff', content.decode())


@pytest.mark.parametrize("width", [90, 180])
def test_a_pdf_is_one_page_of_that_width_with_its_font_inside(width: int) -> None:
    content = printed(info(), "pdf", width=width)
    (box,) = re.findall(rb"/MediaBox \[ ([\d. ]+) \]", content)
    assert float(box.split()[2]) == pytest.approx(width / 25.4 * 72, abs=0.01)
    assert b"/FontFile2" in content
    assert b"CreationDate" not in content


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_no_date_and_the_same_bytes_twice(kind: str) -> None:
    assert printed(info(), kind, width=90) == printed(info(), kind, width=90)
    assert printed(info(), kind, width=90) != printed(info(strength=0.03), kind, width=90)


def test_a_missing_point_is_a_gap() -> None:
    given = [row for row in rows() if row.epsilon != 3.0]
    figure = printing._figure(info(given), 180, "")
    drawn = {line.get_gid(): np.asarray(line.get_ydata(), float) for axes in figure.axes for line in axes.lines}
    assert list(np.isnan(drawn["clean"])) == [False, False, True, False, False]
    assert np.isnan(drawn["budget-3-0"]).all()
    assert not np.isnan(drawn["budget-1-0"]).any()


def test_intervals_are_drawn_to_scale_and_points_at_zero_are_whole() -> None:
    figure = printing._figure(info([replace(CLEAN, epsilon=3.0, value=0.5, low=0.4, high=0.7)]), 180, "")
    (bar,) = figure.axes[0].collections[0].get_segments()  # type: ignore[attr-defined]
    assert bar[:, 1] == pytest.approx([40, 70])
    assert figure.axes[0].get_ylim() == (-4, 104)
    assert not any(line.get_clip_on() for line in figure.axes[0].lines[:2])


def test_the_strength_marked_is_the_one_of_the_other_chart() -> None:
    marked = printing._figure(info(strength=0.03), 180, "")
    mark = marked.axes[1].lines[0]
    assert list(np.asarray(mark.get_xdata(), float)) == [0.03, 0.03]
    assert "attacked\nby 3\u00a0%" in [text.get_text() for text in marked.axes[0].texts]


def test_budgets_differ_by_more_than_colour() -> None:
    lines = [
        line for line in printing._figure(info(), 180, "").axes[1].lines if str(line.get_gid()).startswith("budget")
    ]
    looks = {(str(line._unscaled_dash_pattern), line.get_marker()) for line in lines}  # type: ignore[attr-defined]
    assert len(looks) == len(lines) == len(GRID)


def test_the_charts_lie_side_by_side_or_one_above_the_other() -> None:
    left, right = (axes.get_position() for axes in printing._figure(info(), 180, "").axes)
    assert (left.x1 < right.x0, left.y0) == (True, pytest.approx(right.y0))
    above, below = (axes.get_position() for axes in printing._figure(info(), 90, "").axes)
    assert (above.y0 > below.y1, above.x0) == (True, pytest.approx(below.x0))


def test_pictures_that_are_asked_for_at_once_are_the_same() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = set(threads.map(lambda kind: printed(info(), kind, width=90), ["svg"] * 4))
    assert made == {printed(info(), "svg", width=90)}


def test_nobody_elses_settings_are_touched() -> None:
    before = dict(rcParams)
    printed(info(), "svg", width=90)
    assert dict(rcParams) == before
    assert get_data_path() in str(printing._typeface(7).get_file())
