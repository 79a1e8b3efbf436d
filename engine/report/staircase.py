"""What a privacy ledger has spent, release by release, as a staircase under its cap. Pure functions."""

from dataclasses import dataclass

from engine.report import canvas
from engine.report.canvas import Figure
from engine.report.palette import LIGHT, Palette
from engine.report.words import NBSP

TICKS = 8  # at most so many releases are numbered on the axis


@dataclass(frozen=True)
class Staircase:
    """`totals`: epsilon after each release; `said`: what is told of each; `cap`: epsilon, or None."""

    totals: tuple[float, ...]
    said: tuple[str, ...]
    cap: float | None


def draw(info: Staircase, palette: Palette = LIGHT) -> Figure:
    """Epsilon spent after each release, from nothing on."""
    figure = canvas.blank(palette, "Privacy budget spent, release by release")
    steps = len(info.totals)
    figure["data"].append(
        {
            "type": "scatter",
            "uid": "spent",
            "mode": "lines+markers",
            "x": list(range(steps + 1)),
            "y": [0.0, *info.totals],
            "line": {"shape": "hv", "color": palette.meanings[4], "width": 2.5},
            "marker": {"color": palette.meanings[4], "size": [0] + [7] * steps},
            "cliponaxis": False,
            "hovertext": ["Nothing was released yet.", *info.said],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    )
    _axes(figure, info)
    if info.cap is not None:
        _cap(figure, info.cap, palette)
    return figure


def _axes(figure: Figure, info: Staircase) -> None:
    steps = len(info.totals)
    every = max(1, -(-steps // TICKS))
    high = 1.15 * max([*info.totals, info.cap or 0.0, 0.1])
    figure["layout"]["xaxis"] |= {"range": [0, steps + 0.25], "tickvals": list(range(every, steps + 1, every))}
    figure["layout"]["xaxis"]["title"]["text"] = "Releases, oldest first"
    figure["layout"]["yaxis"] |= {"range": [0, high], "nticks": 6, "rangemode": "tozero"}
    figure["layout"]["yaxis"]["title"] = {"text": "ε", "standoff": 8}


def _cap(figure: Figure, cap: float, palette: Palette) -> None:
    line = {"color": palette.accent, "dash": "dash", "width": 2}
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": cap, "y1": cap, "line": line}
    figure["layout"]["shapes"].append(across)
    figure["layout"]["annotations"].append(
        {"xref": "paper", "x": 1, "y": cap, "text": f"cap{NBSP}{cap:g}", "xanchor": "left", "xshift": 6,
         "showarrow": False, "font": {"color": palette.text}}
    )  # fmt: skip


def in_words(info: Staircase) -> str:
    """The takeaway, for whoever does not see the chart.

    >>> in_words(Staircase((1.1, 1.6), ("", ""), 3.0)).replace(NBSP, " ")
    'Privacy budget spent, rising from 0 to 1.60 in 2 releases; the cap is 3.'
    """
    spent = f"rising from 0 to {info.totals[-1]:.2f}" if info.totals else "nothing yet"
    releases = "1 release" if len(info.totals) == 1 else f"{len(info.totals)} releases"
    cap = "there is no cap" if info.cap is None else f"the cap is {info.cap:g}"
    return f"Privacy budget spent, {spent} in {releases}; {cap}."
