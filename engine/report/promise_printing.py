"""What promise.py knows, on paper."""

from collections.abc import Mapping

from engine.report import words
from engine.report.drawing import LEAKAGE
from engine.report.figures import Line, places
from engine.report.palette import LIGHT
from engine.report.printing import Chart, Style, picture
from engine.report.promise import Promise, ceilings, demonstrated, found, guessing, permitted, promised
from engine.report.promise_drawing import (
    BY_EPSILON,
    BY_MEMBERS,
    MARKS,
    epsilon_reach,
    epsilon_ticks,
    share_reach,
    share_ticks,
)


def printed(info: Promise, kind: str, *, width: int, note: str = "", about: Mapping[str, str] | None = None) -> bytes:
    """Both charts as a picture, like printing.printed."""
    return picture(charts(info), kind, width=width, note=note, about=about)


def charts(info: Promise) -> tuple[Chart, Chart]:
    """Epsilon demonstrated by epsilon promised, and members found beside what theory allows."""
    ticks = {x: words.tick(epsilon) for epsilon, x in places(info.epsilons).items()}
    leaked = LIGHT.meanings[2]
    kinds = [(_in_rows(line), Style(leaked, *MARKS[i % len(MARKS)])) for i, line in enumerate(demonstrated(info))]
    plain = [(promised(info), Style(LIGHT.text, "solid", "none"))]
    plain += [(_in_rows(line), Style(LIGHT.text, "dot", "none")) for line in ceilings(info)]
    return Chart(
        title=BY_EPSILON,
        axis="privacy budget ε promised (smaller is more private)",
        ticks=ticks,
        lines=[*plain, *kinds],
        heights=epsilon_ticks(info),
        reach=epsilon_reach(info),
    ), Chart(
        title=BY_MEMBERS,
        axis="privacy budget ε (smaller is more private)",
        ticks=ticks,
        lines=[
            (guessing(info), Style(LIGHT.text, "dash", "none")),
            (permitted(info), Style(LIGHT.text, "dot", "circle")),
            (found(info), Style(leaked, *LEAKAGE)),
        ],
        heights=share_ticks(info),
        reach=share_reach(info),
    )


def _in_rows(line: Line) -> Line:
    return Line(line.name, line.label.replace(" ", "\n", 1), line.spots)
