"""The map of each defence: its own numbers in its own panel, and a way to its study in every cell."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest
from plotly import graph_objects as go

from engine.report import surface
from engine.report.palette import DARK, LIGHT, LIVE, Palette
from engine.report.surface import Defended, Surface
from engine.results import Row
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame
from tests.engine.report.test_figures import colours


def study(label: str, digest: str, lift: float) -> Defended:
    """Clean accuracy 0.5 and 0.6, attacked 0.1 and 0.2 less, all raised by `lift`."""
    made: list[Row] = []
    for row, clean in ((CLEAN, 0.5), (OPEN, 0.6)):
        made.append(replace(row, value=clean + lift))
        attack: dict[str, Any] = {name: getattr(ROBUST, name) for name in ("metric", "attack", "norm")}
        made += [replace(row, **attack, eps=eps, value=clean + lift - eps) for eps in (0.1, 0.2)]
    return Defended(label, digest, (3.0, inf), frame(*made))


ENTRIES = [study("plain", "aaaa", 0.0), study("<adversarial>", "bbbb", 0.3), study("transforms", "cccc", 0.1)]


def info() -> Surface:
    return surface.surface(ENTRIES, radii=(0.0, 0.1, 0.2), norm="linf")


def test_each_defence_has_its_map_with_its_digest_in_every_cell() -> None:
    figure = go.Figure(surface.draw(info()))
    assert [one.text for one in figure.layout.annotations] == ["plain", "&lt;adversarial&gt;", "transforms"]
    assert figure.data[0].text == (["50", "40", "30"], ["60", "50", "40"])
    assert figure.data[1].text == (["80", "70", "60"], ["90", "80", "70"])
    assert [{digest for row in trace.customdata for digest in row} for trace in figure.data] == [
        {"aaaa"},
        {"bbbb"},
        {"cccc"},
    ]
    assert figure.layout.xaxis3.ticktext == ("0", "10", "20")
    assert figure.layout.yaxis3.ticktext == ("3", "none")


def test_a_cell_that_is_not_known_is_a_dash() -> None:
    short = replace(ENTRIES[0], frame=ENTRIES[0].frame.iloc[:-1])
    figure = go.Figure(surface.draw(surface.surface([short], radii=(0.0, 0.1, 0.2), norm="linf")))
    assert figure.data[0].text[1][2] == "-"


@pytest.mark.parametrize("palette", [LIGHT, DARK, LIVE])
def test_every_colour_is_one_of_the_palette(palette: Palette) -> None:
    allowed = {palette.text, palette.background, palette.grid, palette.accent, *palette.meanings, *palette.ordered}
    assert set(colours(go.Figure(surface.draw(info(), palette)).to_plotly_json())) <= allowed


def test_the_takeaway_is_said() -> None:
    said = surface.in_words(info()).replace("\u00a0", " ")
    assert "plain: 30 % to 60 %." in said
    empty = surface.surface([Defended("plain", "a", (3.0,), frame())], radii=(0.0, 0.1), norm="linf")
    assert empty.empty
    assert "No results yet" in surface.in_words(empty)
    assert not go.Figure(surface.draw(empty, note="Nothing")).data
