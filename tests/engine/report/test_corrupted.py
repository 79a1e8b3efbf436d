"""Corruptions: means by hand, a gap until all of them are measured, and the right number in every cell."""

from dataclasses import replace
from math import inf, nan
from statistics import fmean

from plotly import graph_objects as go

from engine.corruptions import SEVERITIES, corruptions
from engine.report import corrupted
from engine.report.corrupted import Corrupted
from engine.results import Row
from tests.engine.report.rows import CLEAN, OPEN, frame

NAMES = ("gaussian-noise", "jpeg", "fog-like")


def at(row: Row, name: str, severity: int, value: float) -> Row:
    changes = {"metric": f"corrupted_accuracy:{name}", "eps": float(severity), "value": value}
    return replace(row, **changes, low=value - 0.05, high=value + 0.05)  # type: ignore[arg-type]


def value(place: int, severity: int) -> float:
    return 0.9 - 0.02 * severity * (place + 1)


PRIVATE = [at(CLEAN, name, s, value(i, s)) for i, name in enumerate(NAMES) for s in SEVERITIES]
OPENED = [at(OPEN, name, s, value(i, s) + 0.05) for i, name in enumerate(NAMES) for s in SEVERITIES]


def info(*rows: Row) -> Corrupted:
    return corrupted.corrupted(frame(*rows), (3.0, inf))


def test_the_mean_over_corruptions_and_of_their_intervals() -> None:
    line = info(CLEAN, OPEN, *PRIVATE, *OPENED).means[0]
    expected = [90.0, *(100 * fmean(value(i, s) for i in range(3)) for s in SEVERITIES)]
    for spot, y in zip(line.spots, expected, strict=True):
        assert spot is not None
        assert abs(spot.y - y) < 1e-9
    last = line.spots[-1]
    assert last is not None
    assert abs(last.high - last.y - 5) < 1e-9
    assert "mean of 3 corruptions" in last.said


def test_until_all_corruptions_are_measured_the_mean_is_a_gap() -> None:
    line = info(CLEAN, *PRIVATE[:-1]).means[0]
    assert line.spots[5] is None
    assert line.spots[4] is not None


def test_every_cell_holds_its_number_and_names_stand_once_from_the_top_down() -> None:
    known = info(CLEAN, OPEN, *PRIVATE, *OPENED)
    figure = go.Figure(corrupted.draw_table(known))
    order = [name for name in corruptions.names if name in NAMES]
    assert known.titles == tuple(corruptions[name].facts["title"] for name in order)
    assert figure.layout.yaxis.ticktext == known.titles[::-1]
    assert figure.layout.yaxis2.ticktext == ("", "", "")
    top = NAMES.index(order[0])
    assert figure.data[0].text[-1] == [f"{100 * value(top, s):.0f}" for s in SEVERITIES]
    assert figure.data[1].text[-1] == [f"{100 * value(top, s) + 5:.0f}" for s in SEVERITIES]
    assert [one.text.replace("\u00a0", " ") for one in figure.layout.annotations] == ["ε 3", "no privacy"]


def test_lines_start_at_clean_images() -> None:
    figure = go.Figure(corrupted.draw_by_severity(info(CLEAN, OPEN, *PRIVATE, *OPENED)))
    assert figure.layout.xaxis.ticktext[0] == "clean"
    assert [trace.x for trace in figure.data] == [(0, 1, 2, 3, 4, 5)] * 2


def test_the_takeaways_are_said() -> None:
    lines, table = (said.replace("\u00a0", " ") for said in corrupted.in_words(info(CLEAN, OPEN, *PRIVATE, *OPENED)))
    assert "ε 3: 90 % of clean images, 70 % at severity 5." in lines
    assert "ε 3: least with Fog-like (60 %), most with Gaussian noise (80 %)." in table


def test_nothing_yet() -> None:
    nothing = info(CLEAN, replace(CLEAN, metric="robust_accuracy", eps=0.1, value=0.1), replace(OPEN, eps=nan))
    assert nothing.empty
    assert corrupted.in_words(nothing) == ("Images recognised when nature corrupts: no results yet.",) * 2
    assert not go.Figure(corrupted.draw_table(nothing, note="Nothing")).data
