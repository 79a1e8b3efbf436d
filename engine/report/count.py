"""A count with noise: which answers to expect with and without one image, what they cost, and what they give away."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from engine.privacy import mechanisms
from engine.privacy.mechanisms import LAPLACE
from engine.report import canvas, words
from engine.report.canvas import Figure
from engine.report.palette import LIGHT, Palette

REACH = 20  # images on both sides of the count that the axis shows
STEPS = np.concatenate([-np.geomspace(8, 0.05, 24), [0.0], np.geomspace(0.05, 8, 24)])  # in units of the noise
LINE, PEAK = 1.0, 1.12  # heights: the taller density, and the room above it
ANSWERS = -0.06  # height at which answers are marked


@dataclass(frozen=True)
class Answer:
    """One answer that was given: how, at which budget, with which noise, and what it said."""

    mechanism: str
    epsilon: float
    scale: float
    value: float


@dataclass(frozen=True)
class Count:
    """A count of images, and how it is published."""

    count: int
    mechanism: str
    epsilon: float
    delta: float
    scale: float
    answers: tuple[Answer, ...] = ()


def count(n: int, mechanism: str, epsilon: float, delta: float, answers: Sequence[Answer] = ()) -> Count:
    """How a count of `n` images is published at a budget."""
    return Count(n, mechanism, epsilon, delta, mechanisms.scale(mechanism, epsilon, delta), tuple(answers))


def best_guess(answers: Sequence[Answer]) -> tuple[float, float]:
    """What somebody makes of all answers, and its standard deviation: an average in which exacter ones count more.

    >>> best_guess([Answer("gaussian", 1.0, 2.0, 4.0), Answer("gaussian", 1.0, 2.0, 6.0)])
    (5.0, 1.4142135623730951)
    """
    weights = [1 / mechanisms.variance(answer.mechanism, answer.scale) for answer in answers]
    average = sum(w * answer.value for w, answer in zip(weights, answers, strict=True)) / sum(weights)
    return average, sqrt(1 / sum(weights))


def draw(info: Count, palette: Palette = LIGHT) -> Figure:
    """Both densities over the answers, scaled to one height, and a mark for each answer that was given."""
    figure = canvas.blank(palette, "How likely each answer is")
    figure["layout"]["margin"] |= {"l": 16, "r": 16}
    figure["layout"]["yaxis"] |= {"range": [-0.14, 1.45], "showticklabels": False, "showgrid": False}
    low, high = info.count - REACH, info.count + REACH
    figure["layout"]["xaxis"] |= {"range": [low, high], "zeroline": False, "tickformat": "d"}
    figure["layout"]["xaxis"]["title"]["text"] = "answer, in images"
    with_it, without = palette.meanings[0], palette.meanings[1]
    _density(figure, info, info.count - 1, "without", without, "dash")
    _density(figure, info, info.count, "with", with_it, "solid")
    _name(figure, info.count - 1, f"without the image: {info.count - 1:,}", "right", without)
    _name(figure, info.count, f"with it: {info.count:,}", "left", with_it)
    _mark(figure, info, palette)
    return figure


def _density(figure: Figure, info: Count, centre: int, name: str, colour: str, dash: str) -> None:
    distances = np.concatenate([info.scale * STEPS, np.linspace(-REACH - 1, REACH + 1, 43)])
    distances = np.unique(distances[np.abs(centre + distances - info.count) <= REACH])
    peak = mechanisms.density(info.mechanism, info.scale, np.zeros(1))[0]
    heights = mechanisms.density(info.mechanism, info.scale, distances) / peak
    figure["data"].append(
        {"type": "scatter", "uid": name, "name": name, "mode": "lines", "hoverinfo": "skip",
         "x": (centre + distances).round(3).tolist(), "y": heights.round(4).tolist(),
         "line": {"color": colour, "dash": dash, "width": 2.5}}
    )  # fmt: skip


def _name(figure: Figure, x: int, said: str, side: str, colour: str) -> None:
    figure["layout"]["annotations"].append(
        {"x": x, "y": LINE, "text": said, "xanchor": side, "yanchor": "bottom", "showarrow": True, "arrowhead": 0,
         "arrowwidth": 1.5, "arrowcolor": colour, "ax": -14 if side == "right" else 14, "ay": -14, "standoff": 2}
    )  # fmt: skip


def _mark(figure: Figure, info: Count, palette: Palette) -> None:
    """Answers below the densities, and what they average to; those beyond the axis stand at its ends."""
    low, high = info.count - REACH, info.count + REACH
    x = [min(max(answer.value, low), high) for answer in info.answers]
    said = [f"answered {answer.value:,.1f}, at {words.budget(answer.epsilon)}" for answer in info.answers]
    figure["data"].append(
        {"type": "scatter", "uid": "answers", "name": "answers", "mode": "markers", "cliponaxis": False,
         "x": [round(value, 3) for value in x], "y": [ANSWERS] * len(x), "hovertext": said,
         "hovertemplate": "%{hovertext}<extra></extra>",
         "marker": {"symbol": "line-ns", "size": 13, "line": {"color": palette.text, "width": 1.5}}}
    )  # fmt: skip
    if len(x) > 1:
        average, _ = best_guess(info.answers)
        figure["layout"]["annotations"].append(
            {"x": min(max(average, low), high), "y": 0, "text": f"average {average:,.1f}", "showarrow": True,
             "arrowhead": 2, "arrowsize": 1, "ax": 0, "ay": -22, "arrowcolor": palette.text,
             "bgcolor": palette.background, "font": {"color": palette.text}}
        )  # fmt: skip


def finding(info: Count) -> str:
    """What the budget promises here, and what it costs: one sentence."""
    off = mechanisms.error(info.mechanism, info.scale)
    times = plain(exp(info.epsilon))
    promise = f"no answer gets more than **{times} times** as likely or unlikely when the image joins"
    rest = "" if info.mechanism == LAPLACE else f", but for a chance of {info.delta:.2g}".replace("e-0", "e-")
    return f"At **{words.budget(info.epsilon)}** {promise}{rest}; an answer is off by **{images(off)}** on average."


def images(distance: float) -> str:
    """
    >>> images(0.125), images(1.0), images(19.96)
    ('0.12 images', '1 image', '20 images')
    """
    said = f"{distance:.2g}" if distance < 10 else f"{distance:.0f}"
    return f"{said} {'image' if said in ('1', '1.0') else 'images'}"


def budget_spent(answers: Sequence[Answer], delta: float) -> str:
    """What was asked so far, what it has cost together, and what it gives away: one sentence."""
    if not answers:
        return "Nobody has asked yet: nothing is spent."
    total = mechanisms.spent([(answer.mechanism, answer.epsilon, answer.scale) for answer in answers], delta)
    average, off = best_guess(answers)
    if len(answers) == 1:
        return f"One answer, **{average:,.1f}**: **{words.NBSP.join(('ε', plain(total)))}** is spent."
    return (
        f"{len(answers):,} answers have spent **ε{words.NBSP}{plain(total)}** together. Their average, "
        f"**{average:,.1f}**, give or take {images(off)}, comes closer with each: noise averages out, so answers cost."
    )


def plain(value: float) -> str:
    """
    >>> plain(0.30000000000000004), plain(12.3456), plain(250.0)
    ('0.3', '12.3', '250')
    """
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def in_words(info: Count) -> str:
    """The takeaway of the chart, for those who do not see it."""
    overlap = "nearly the same" if info.epsilon <= 0.5 else "overlapping" if info.epsilon < 3 else "clearly apart"
    asked = f" {len(info.answers)} answers are marked below them." if info.answers else ""
    return (
        f"Two curves of likely answers, around {info.count:,} with the image and {info.count - 1:,} without it: "
        f"{overlap} at {words.budget(info.epsilon)}.{asked}"
    )
