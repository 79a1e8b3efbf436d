"""Several charts in one figure: none covers another, each has its title, numbers stand in cells."""

from itertools import combinations, pairwise

import pytest
from plotly import graph_objects as go

from engine.report import canvas, panels
from engine.report.figures import Spot
from engine.report.palette import LIGHT

CELLS: list[list[Spot | None]] = [
    [Spot(0, 12.4, 10, 14, "low"), None],
    [Spot(0, 80.0, 75, 85, "high"), Spot(1, 99.6, 99, 100, "top")],
]


def divided(n: int, columns: int) -> go.Figure:
    figure = canvas.blank(LIGHT, "title")
    names = panels.divide(figure, [f"part {i}" for i in range(n)], columns=columns, height=100, gap=0.1)
    for name in names:
        panels.table(figure, name, CELLS, rows=["a", "b"], columns=["c", "d"], palette=LIGHT, customdata="digest")
    return go.Figure(figure)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (3, 2), (5, 2), (7, 3)])
def test_panels_do_not_overlap_and_are_as_high_as_asked_for(n: int, columns: int) -> None:
    layout = divided(n, columns).layout
    axes = [(layout[f"xaxis{i or ''}"].domain, layout[f"yaxis{i or ''}"].domain) for i in [0, *range(2, n + 1)]]
    for one, other in combinations(axes, 2):
        assert any(a[1] < b[0] or b[1] < a[0] for a, b in zip(one, other, strict=True))
    plot = layout.height - layout.margin.t - layout.margin.b
    for (left, right), (low, high) in axes:
        assert 0 <= left < right <= 1 + 1e-9
        assert 0 <= low < high <= 1
        assert (high - low) * plot == pytest.approx(100, abs=1)
    widths = [right - left for (left, right), _ in axes]
    assert all(a == pytest.approx(b) for a, b in pairwise(widths))
    assert [one.text for one in layout.annotations] == [f"part {i}" for i in range(n)]


def test_a_table_holds_its_numbers_and_a_dash_where_one_is_missing() -> None:
    first = divided(2, 2).data[1]
    assert first.text == (["12", "-"], ["80", "100"])
    assert first.z == ([12.4, None], [80.0, 99.6])
    assert (first.xaxis, first.yaxis) == ("x2", "y2")
    assert first.customdata == (["digest", "digest"], ["digest", "digest"])
    assert panels.extent(CELLS).replace("\u00a0", " ") == "12 % to 100 %"
    assert panels.extent([[None]]) == ""


def test_a_legend_has_room_below() -> None:
    figure = canvas.blank(LIGHT, "title")
    height, bottom = figure["layout"]["height"], figure["layout"]["margin"]["b"]
    panels.legend(figure, ["a", "b"])
    assert figure["layout"]["height"] - height == figure["layout"]["margin"]["b"] - bottom > 30
