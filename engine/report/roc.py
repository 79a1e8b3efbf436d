"""What no attack can beat, by false alarms: from the whole privacy curve of a training, and from its budget alone."""

from dataclasses import dataclass

import numpy as np

from engine.privacy.mechanisms import members_found
from engine.report import canvas, words
from engine.report.canvas import Figure
from engine.report.palette import LIGHT, Palette

FEW = 0.01  # false alarms at which the sentence is told
TICKS = {0.001: "0.1", 0.01: "1", 0.1: "10", 1.0: "100"}


@dataclass(frozen=True)
class Roc:
    """Largest shares of members found at each share of false alarms: by the training, and by (epsilon, delta) alone."""

    epsilon: float
    delta: float
    false_alarms: tuple[float, ...]
    trained: tuple[float, ...]
    promised: tuple[float, ...]

    def at(self, false_alarms: float) -> tuple[float, float]:
        """Both bounds at a share of false alarms of the grid."""
        i = int(np.argmin(np.abs(np.array(self.false_alarms) - false_alarms)))
        return self.trained[i], self.promised[i]


def roc(epsilon: float, delta: float, false_alarms: tuple[float, ...], trained: tuple[float, ...]) -> Roc:
    """The same with what the budget alone allows; the training keeps it, so neither bound is above it."""
    promised = members_found(epsilon, delta, np.array(false_alarms))
    both = np.minimum(promised, np.array(trained))
    return Roc(epsilon, delta, false_alarms, tuple(both.tolist()), tuple(promised.tolist()))


def draw(info: Roc, palette: Palette = LIGHT) -> Figure:
    """Three curves over false alarms: what the training allows, what its budget alone would, and guessing."""
    figure = canvas.blank(palette, "Members found, at most, by false alarms")
    leak, text = palette.meanings[2], palette.text
    _line(figure, "trained", "this training", info, info.trained, leak, "solid")
    _line(figure, "promised", "its budget alone", info, info.promised, leak, "dot")
    _line(figure, "guessing", "guessing", info, info.false_alarms, text, "dash")
    found, _ = info.at(FEW)
    figure["data"].append(
        {"type": "scatter", "uid": "told", "mode": "markers", "x": [FEW], "y": [found],
         "showlegend": False, "marker": {"color": leak, "size": 10}, "cliponaxis": False,
         "hovertemplate": f"{words.percent(found, 1)} found at 1{words.NBSP}% false alarms<extra></extra>"}
    )  # fmt: skip
    layout = figure["layout"]
    layout["margin"] |= {"r": 24, "b": 92}
    layout["height"] += 40
    layout["showlegend"] = True
    named = {"tickvals": list(TICKS), "ticktext": [f"{said}{words.NBSP}%" for said in TICKS.values()]}
    layout["xaxis"] |= {"type": "log", "range": [-3, 0], "showgrid": True, **named}
    layout["yaxis"] |= {"type": "log", "range": [-3.05, 0.05], **named}
    layout["xaxis"]["title"]["text"] = "outsiders accused wrongly"
    return figure


def _line(figure: Figure, uid: str, name: str, info: Roc, y: tuple[float, ...], colour: str, dash: str) -> None:
    figure["data"].append(
        {"type": "scatter", "uid": uid, "name": name, "mode": "lines",
         "x": [float(f"{x:.4g}") for x in info.false_alarms], "y": [float(f"{one:.4g}") for one in y],
         "cliponaxis": False,
         "hovertext": [words.percent(one, 1) for one in y],
         "line": {"color": colour, "dash": dash, "width": 2.5},
         "hovertemplate": f"{name}: %{{hovertext}}<extra></extra>"}
    )  # fmt: skip


def finding(info: Roc) -> str:
    """What an attacker can find at most: one sentence."""
    trained, promised = info.at(FEW)
    return (
        f"At **{words.budget(info.epsilon)}**, an attacker who accuses 1 in 100 outsiders wrongly finds at most "
        f"**{in_hundred(trained)} in 100** members of the training set. From the budget alone one could only say "
        f"{in_hundred(promised)}."
    )


def in_hundred(share: float) -> str:
    """
    >>> in_hundred(0.0197), in_hundred(0.2189), in_hundred(1.0)
    ('2', '21.9', '100')
    """
    return f"{100 * share:.1f}".removesuffix(".0")


def in_words(info: Roc) -> str:
    """The takeaway of the chart, for those who do not see it."""
    few, many = info.at(FEW)[0], info.at(0.1)[0]
    return (
        f"Members found at most, at {words.budget(info.epsilon)}: {words.percent(few, 1)} at 1{words.NBSP}% false "
        f"alarms, {words.percent(many, 1)} at 10{words.NBSP}%; guessing finds as many as it accuses."
    )
