"""Information as that of figures.py on paper: the light template in millimetres, as PNG, SVG or PDF, without a browser.

The same information gives the same bytes: only the typeface that comes with matplotlib is used, outlined or embedded,
no settings of the person who calls, and no date. Every text is measured before it is placed, so that none is cut.
"""

import io
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, nan
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from engine.report import words
from engine.report.canvas import RANGE, apart
from engine.report.drawing import LEAKAGE, MOST_LABELS, title_by_budget
from engine.report.figures import Line, TradeOff, places
from engine.report.palette import LIGHT, styles

MM = 1 / 25.4  # inches
DPI = 300
PANEL = 90.0  # mm, the width of a chart: two side by side, or one above the other
LEFT, TOP, AXES, BOTTOM = 12.0, 9.0, 46.0, 11.0  # mm: room left of, above, of and below the axes
EDGE, GAP, ROW = 2.0, 2.0, 4.0  # mm: what stays white all around, between two things, a row of text
TEXT, TITLE = 7.0, 8.0  # points
SAMPLE, STROKE = 8.0, 2.5  # mm of a line in the legend, and between the axes and a label
DASHED: Mapping[str, Any] = {
    "solid": "solid",
    "dot": (0, (1, 1.2)),
    "dash": (0, (3, 1.5)),
    "dashdot": (0, (3, 1.2, 1, 1.2)),
    "longdash": (0, (6, 1.5)),
    "longdashdot": (0, (5, 1.2, 1, 1.2, 1, 1.2)),
}
MARKED = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "triangle-down": "v",
    "pentagon": "p",
    "diamond": "D",
    "x": "X",
    "none": "none",
}
QUARTERS = {y: words.percent(y / 100) for y in (0.0, 25.0, 50.0, 75.0, 100.0)}
FORM = {"svg.hashsalt": "frontier", "svg.fonttype": "path", "pdf.fonttype": 42, "path.simplify": False}

_drawing = threading.Lock()  # matplotlib's settings are global


@dataclass(frozen=True)
class Style:
    """How a line looks: never by its colour alone."""

    colour: str
    dash: str
    marker: str

    @property
    def options(self) -> dict[str, Any]:
        look = {"color": self.colour, "linestyle": DASHED[self.dash], "marker": MARKED[self.marker]}
        return look | {"linewidth": 1.3, "markersize": 4, "markeredgewidth": 0}


@dataclass(frozen=True)
class Chart:
    """One chart before it is drawn: ticks by place, and all `lines` with a label named at their ends or in a legend.

    `heights` and `reach` are ticks and ends of the upright axis.
    """

    title: str
    axis: str
    ticks: Mapping[float, str]
    lines: Sequence[tuple[Line, Style]]
    mark: float | None = None
    heights: Mapping[float, str] = field(default_factory=lambda: QUARTERS)
    reach: tuple[float, float] = RANGE

    @property
    def legend(self) -> bool:
        return len(self.lines) > MOST_LABELS

    @property
    def room(self) -> float:
        """Millimetres right of the axes that labels take, those of the lines or that of the last tick."""
        tick = _width(self.ticks[max(self.ticks)]) / 2 if self.ticks else 0.0
        named = () if self.legend else [line for line, _ in self.lines if line.known and line.label]
        ends = [STROKE + _width(_broken(line.label)) for line in named]
        return max(tick, *ends, 0.0)


def printed(info: TradeOff, kind: str, *, width: int, note: str = "", about: Mapping[str, str] | None = None) -> bytes:
    """Both charts as a picture of `kind` png (300 dpi), svg or pdf, `width` 90 or 180 mm wide.

    `note` is what has to be known first, such as that results are missing; `about` holds a "Title" and a "Description"
    that the file carries unseen.
    """
    return picture((_by_budget(info), _by_strength(info)), kind, width=width, note=note, about=about)


def picture(
    charts: tuple[Chart, Chart], kind: str, *, width: int, note: str = "", about: Mapping[str, str] | None = None
) -> bytes:
    """Two charts as `printed` writes them."""
    with _drawing, style.context(["default", FORM]):
        return _written(_sheet(charts, width, note), kind, dict(about or {}))


def _figure(info: TradeOff, width: int, note: str) -> Figure:
    return _sheet((_by_budget(info), _by_strength(info)), width, note)


def _sheet(charts: tuple[Chart, Chart], width: int, note: str) -> Figure:
    legend = _legend_rows(charts[1]) * ROW
    rows = 1 if width >= 2 * PANEL else 2
    panel = TOP + AXES + BOTTOM
    foot = legend + (ROW if note else 0.0) + (EDGE if legend or note else 0.0)
    height = rows * panel + foot
    figure = Figure(figsize=(width * MM, height * MM), dpi=DPI, facecolor=LIGHT.background)
    FigureCanvasAgg(figure)
    for index, chart in enumerate(charts):
        left, bottom = (index * PANEL, foot) if rows == 1 else (0.0, foot + (1 - index) * panel)
        _draw(figure, chart, left, bottom)
    if charts[1].legend:
        _legend(figure, charts[1], (width - PANEL) + LEFT, foot)
    if note:
        _text(figure, EDGE, EDGE, note, va="bottom")
    return figure


def _by_budget(info: TradeOff) -> Chart:
    at = places(info.epsilons)
    looks = (("solid", "circle"), ("dash", "square"), LEAKAGE)
    clean, attacked, leaked = (Style(LIGHT.meanings[i], *look) for i, look in enumerate(looks))
    return Chart(
        title=title_by_budget(info) if info.leaked.known else "Images recognised, by privacy budget",
        axis="privacy budget ε (smaller is more private)",
        ticks={at[epsilon]: words.tick(epsilon) for epsilon in info.epsilons},
        lines=[(info.clean, clean), (info.attacked, attacked), *([(info.leaked, leaked)] if info.leaked.known else [])],
    )


def _by_strength(info: TradeOff) -> Chart:
    said = words.UNITS[info.norm]
    return Chart(
        title="Images recognised, by attack strength",
        axis=f"attack strength, {said}",
        ticks={eps: words.strength(eps, info.norm) for eps in info.radii},
        lines=[(line, Style(*look)) for line, look in zip(info.budgets, styles(LIGHT, info.epsilons), strict=True)],
        mark=info.strength if any(line.known for line in info.budgets) else None,
    )


def _draw(figure: Figure, chart: Chart, left: float, bottom: float) -> None:
    """A chart into its panel, whose lower left corner is given in mm."""
    wide = PANEL - LEFT - chart.room - EDGE
    corner = (left + LEFT, bottom + BOTTOM)
    axes = figure.add_axes(_share(figure, *corner, wide, AXES))
    _text(figure, corner[0], corner[1] + AXES + TOP / 2, chart.title, size=TITLE, va="center")
    _text(figure, corner[0], bottom + EDGE, chart.axis, va="bottom")
    _scales(axes, chart, wide)
    if chart.mark is not None:
        axes.axvline(chart.mark, color=LIGHT.meanings[1], linewidth=1, linestyle=DASHED["dash"], zorder=1.5)
    for line, look in chart.lines:
        _add_line(axes, line, look)
    if not any(line.known for line, _ in chart.lines):
        axes.text(0.5, 0.5, "no results", transform=axes.transAxes, ha="center", **_font(TEXT))
    if not chart.legend:
        _label_ends(axes, chart.lines, wide)


def _share(figure: Figure, *mm: float) -> tuple[float, float, float, float]:
    """Left, bottom, width and height in shares of the figure."""
    width, height = (size / MM for size in figure.get_size_inches())
    return mm[0] / width, mm[1] / height, mm[2] / width, mm[3] / height


def _scales(axes: Axes, chart: Chart, wide: float) -> None:
    """A grid line at each point, its label where there is room for it; half a step of air at both ends."""
    ticks = chart.ticks
    low, high = min(ticks, default=0.0), max(ticks, default=1.0)
    span = (high - low) or 1.0
    axes.set_xlim(low - 0.06 * span, high + 0.04 * span)
    axes.set_ylim(*chart.reach)
    named = _roomy(ticks, wide / (1.1 * span))
    axes.set_xticks(sorted(ticks), [ticks[x] if x in named else "" for x in sorted(ticks)], **_font(TEXT))
    axes.set_yticks(list(chart.heights), list(chart.heights.values()), **_font(TEXT))
    axes.tick_params(length=0, pad=3)
    axes.grid(True, color=LIGHT.grid, linewidth=0.5)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side == "bottom", color=LIGHT.text, linewidth=0.6)


def _roomy(ticks: Mapping[float, str], scale: float) -> set[float]:
    """The ticks whose labels fit, at `scale` mm a unit of the axis: the first one, then from the last one back."""
    named: set[float] = set()
    for x in sorted(ticks, key=lambda x: (x != min(ticks), -x)):
        half = _width(ticks[x]) / 2
        if all(abs(x - other) * scale >= half + _width(ticks[other]) / 2 + GAP for other in named):
            named.add(x)
    return named


def _add_line(axes: Axes, line: Line, look: Style) -> None:
    """The points in their order, a gap where one is missing, and their intervals; named as in the figure's files."""
    spots, known = line.spots, line.known
    x, y = [spot.x if spot else nan for spot in spots], [spot.y if spot else nan for spot in spots]
    axes.plot(x, y, clip_on=False, zorder=3, gid=line.name, **look.options)
    low, high = [spot.low for spot in known], [spot.high for spot in known]
    at = [spot.x for spot in known]
    axes.vlines(at, low, high, color=look.colour, linewidth=0.6, clip_on=False, zorder=2.5)
    axes.plot(at + at, low + high, "_", color=look.colour, markersize=3, markeredgewidth=0.6, clip_on=False, zorder=2.5)


def _label_ends(axes: Axes, lines: Sequence[tuple[Line, Style]], wide: float) -> None:
    """Name each line at its last point, right of the axes if that is where it ends, by a stroke of its colour.

    Labels push one another apart.
    """
    named = [(line, _broken(line.label), look.colour) for line, look in lines if line.known and line.label]
    rows = max((label.count("\n") + 1 for _, label, _ in named), default=1)
    low, high = axes.get_ylim()
    gap = (high - low) * 0.75 * ROW * rows / AXES
    heights = apart([line.known[-1].y for line, _, _ in named], gap, low + gap / 2, high - (high - low) * 0.037)
    for (line, label, colour), y in zip(named, heights, strict=True):
        spot = line.known[-1]
        far = 1.0 if line.spots[-1] else float(axes.transLimits.transform((spot.x, y))[0])
        stroke = {
            "arrowstyle": "-",
            "color": colour,
            "linewidth": 0.7,
            "shrinkA": 0.5,
            "shrinkB": 3.5,
            "relpos": (0, 0.5),
        }
        axes.annotate(label, (spot.x, spot.y), (far + STROKE / wide, y), textcoords=("axes fraction", "data"),
                      va="center", arrowprops=stroke, annotation_clip=False, **_font(TEXT))  # fmt: skip


def _legend_rows(chart: Chart) -> int:
    return ceil(len(chart.lines) / _legend_columns(chart)) if chart.legend else 0


def _legend_columns(chart: Chart) -> int:
    return max(1, int((PANEL - LEFT - EDGE) // _entry(chart)))


def _entry(chart: Chart) -> float:
    """Millimetres of the widest entry of the legend."""
    return SAMPLE + 2 * GAP + max(_width(line.label) for line, _ in chart.lines)


def _legend(figure: Figure, chart: Chart, left: float, top: float) -> None:
    """A sample and a name of every line, row by row, below the axis they share."""
    columns, wide = _legend_columns(chart), _entry(chart)
    for index, (line, look) in enumerate(chart.lines):
        x, y = left + wide * (index % columns), top - ROW * (index // columns + 0.5)
        sample = Line2D([x, x + SAMPLE / 2, x + SAMPLE], 3 * [y], transform=_mm(figure), markevery=[1], **look.options)
        figure.add_artist(sample)
        _text(figure, x + SAMPLE + GAP / 2, y, line.label, va="center")


def _mm(figure: Figure) -> Any:
    """Millimetres from the lower left corner."""
    return Affine2D().scale(MM) + figure.dpi_scale_trans


def _text(figure: Figure, x: float, y: float, text: str, *, size: float = TEXT, va: str) -> None:
    figure.text(x, y, text, transform=_mm(figure), va=va, **_font(size))


def _font(size: float) -> dict[str, Any]:
    return {"fontproperties": _typeface(size), "color": LIGHT.text}


def _typeface(size: float) -> FontProperties:
    return FontProperties(fname=Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size=size)


@lru_cache(maxsize=1024)
def _width(text: str) -> float:
    """Millimetres that the widest line of a text takes."""
    face = _typeface(TEXT)
    return (
        max((TextPath((0, 0), row, prop=face).get_extents().width for row in text.split("\n") if row), default=0.0)
        / 72
        / MM
    )


def _broken(label: str) -> str:
    return label.replace(" by ", "\nby ")


def _written(figure: Figure, kind: str, about: dict[str, str]) -> bytes:
    file = io.BytesIO()
    if kind == "png":  # whole pixels, and a hair more, because matplotlib cuts off what is behind the point
        wide, high = (round(size * DPI) + 0.01 for size in figure.get_size_inches())
        figure.set_size_inches(wide / DPI, high / DPI)
    figure.savefig(file, format=kind, dpi=DPI, metadata=_metadata(kind, about))
    content = file.getvalue()
    return _in_mm(figure, content) if kind == "svg" else content


def _metadata(kind: str, about: dict[str, str]) -> dict[str, str | None]:
    """What each format has a field for; no dates, so that the same study gives the same bytes."""
    title, said = about.get("Title", ""), about.get("Description", "")
    if kind == "pdf":
        return {"Title": title, "Subject": said, "Creator": "Frontier", "CreationDate": None}
    if kind == "svg":
        return {"Title": title, "Description": said, "Creator": "Frontier", "Date": None}
    return {"Title": title, "Description": said, "Software": "Frontier"}


def _in_mm(figure: Figure, svg: bytes) -> bytes:
    """The size of the drawing in millimetres instead of points, as word processors and journals take it."""
    width, height = (size / MM for size in figure.get_size_inches())
    said = f'width="{width:g}mm" height="{height:g}mm"'.encode()
    return re.sub(rb'width="[\d.]+pt" height="[\d.]+pt"', said, svg, count=1)
