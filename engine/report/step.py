"""One private training step from inside: how gradients are shortened, and what the noise leaves of their sum."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.privacy.inside import Inside
from engine.report import canvas, words
from engine.report.canvas import Figure
from engine.report.palette import LIGHT, TEXT_SIZE, Palette

BINS = 36
ORANGE, WHITE, BLUE = np.array([[228, 87, 15], [255, 255, 255], [10, 77, 140]], np.float64)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """A step at one bound and one noise multiplier; `signal` and `noise` are lengths in units of the bound.

    `agreement` is the cosine between the noisy sum and the sum of the gradients as they were.
    """

    bound: float
    noise_multiplier: float
    shortened: float
    signal: float
    noise: float
    agreement: float
    most: float
    noisy: Floats


def step(seen: Inside, place: int, noise_multiplier: float, normal: Floats) -> Step:
    """The step at the bound numbered `place`; `normal` is the noise at multiplier and bound one, as `seen.plain`."""
    bound, clipped = float(seen.bounds[place]), seen.clipped[place]
    noisy = clipped + noise_multiplier * bound * normal
    signals = np.linalg.norm(seen.clipped.reshape(len(seen.bounds), -1), axis=1) / seen.bounds
    return Step(
        bound=bound,
        noise_multiplier=noise_multiplier,
        shortened=float((seen.lengths > bound).mean()),
        signal=float(np.linalg.norm(clipped)) / bound,
        noise=noise_multiplier * float(np.linalg.norm(normal)),
        agreement=cosine(noisy, seen.plain),
        most=float(signals.max()),
        noisy=noisy,
    )


def cosine(a: Floats, b: Floats) -> float:
    """
    >>> cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])).__round__(4)
    0.7071
    """
    return float((a * b).sum() / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-30))


def draw_lengths(seen: Inside, bound: float, palette: Palette = LIGHT) -> Figure:
    """How long the gradients of the batch are, and what shortening makes of them."""
    figure = canvas.blank(palette, "Length of each image's gradient, in this batch")
    edges = np.linspace(0, 1.08 * float(np.maximum(seen.bounds[-1], seen.lengths.max())), BINS + 1)
    before = np.histogram(seen.lengths, edges)[0]
    after = np.histogram(np.minimum(seen.lengths, bound), edges)[0]
    middle, top = ((edges[1:] + edges[:-1]) / 2).round(4).tolist(), 1.3 * float(before.max())
    _bars(figure, "before", middle, before, palette.meanings[1], 0.45)
    _bars(figure, "after", middle, after, palette.meanings[0], 1.0)
    figure["layout"] |= {"barmode": "overlay", "bargap": 0.06, "showlegend": True}
    figure["layout"]["margin"] |= {"r": 16, "b": 76}
    figure["layout"]["xaxis"] |= {"range": [0, float(edges[-1])], "nticks": 8}
    figure["layout"]["xaxis"]["title"]["text"] = "length"
    figure["layout"]["yaxis"] |= {
        "range": [0, top],
        "nticks": 5,
        "title": {"text": "images", "standoff": 4, "font": {"size": TEXT_SIZE}},
    }
    line = {"color": palette.text, "width": 2, "dash": "dash"}
    figure["layout"]["shapes"].append(
        {"type": "line", "x0": bound, "x1": bound, "yref": "paper", "y0": 0, "y1": 1, "line": line}
    )
    share = float((seen.lengths > bound).mean())
    left = bound < float(edges[-1]) / 2
    figure["layout"]["annotations"].append(
        {"x": bound, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left" if left else "right",
         "xshift": 6 if left else -6, "showarrow": False, "bgcolor": palette.background,
         "text": f"bound {bound:g}: {words.percent(share)} are shortened to it"}
    )  # fmt: skip
    return figure


def _bars(figure: Figure, name: str, x: list[float], y: NDArray[np.int64], colour: str, opacity: float) -> None:
    said = {"before": "as they are", "after": "after shortening"}[name]
    figure["data"].append(
        {"type": "bar", "uid": name, "name": said, "x": x, "y": y.tolist(), "opacity": opacity,
         "marker": {"color": colour}, "hovertemplate": f"%{{y}} images, {said}<extra></extra>"}
    )  # fmt: skip


def draw_pull(info: Step, largest: float, palette: Palette = LIGHT) -> Figure:
    """What pulls at the weights, in units of the bound; the axis ends at `largest`."""
    figure = canvas.blank(palette, "What pulls at the weights")
    names = ["one image, at most", "noise", "all images together"]
    lengths, colours = [1.0, info.noise, info.signal], [palette.text, palette.meanings[1], palette.meanings[0]]
    figure["data"].append(
        {"type": "bar", "uid": "pull", "orientation": "h", "x": [round(one, 2) for one in lengths], "y": [0, 1, 2],
         "width": 0.6, "marker": {"color": colours}, "text": [f"{one:,.0f}" for one in lengths],
         "textposition": "outside", "cliponaxis": False, "hovertemplate": "%{x:.1f} times the bound<extra></extra>"}
    )  # fmt: skip
    figure["layout"]["margin"] |= {"l": 132, "r": 40}
    figure["layout"]["yaxis"] |= {"tickvals": [0, 1, 2], "ticktext": names, "range": [-0.6, 2.6], "showgrid": False}
    figure["layout"]["xaxis"] |= {"range": [0, 1.08 * largest], "nticks": 6}
    figure["layout"]["xaxis"]["title"]["text"] = "length of the sum, in units of the bound"
    return figure


def finding(info: Step) -> str:
    """What is left of the step: one sentence."""
    told = f"The bound shortens **{words.percent(info.shortened)}** of the gradients"
    agrees = f"agrees with the true one by **{info.agreement:.2f}**"
    if not info.noise_multiplier:
        return f"{told}; without noise the step {agrees}, and promises nothing."
    return (
        f"{told}. Beside what any one may pull, all images together pull **{info.signal:,.0f}** times as hard and the "
        f"noise **{info.noise:,.0f}** times, **{info.noise_multiplier:g}** times along any one image; the step still "
        f"{agrees}."
    )


def lengths_in_words(info: Step) -> str:
    """The takeaway of the first chart, for those who do not see it."""
    share = words.percent(info.shortened)
    return f"Lengths of gradients in one batch: {share} are longer than the bound {info.bound:g} and shortened to it."


def pull_in_words(info: Step) -> str:
    """The takeaway of the second chart, for those who do not see it."""
    return (
        f"In units of the bound: one image pulls by at most 1, the noise by {info.noise:,.0f}, "
        f"all images together by {info.signal:,.0f}."
    )


def picture(weights: Floats, shape: tuple[int, int, int]) -> str:
    """One class's part of a gradient, (pixels + 1,), as an image: blue raises a weight, orange lowers it.

    A data URI of a PNG, each picture in its own scale.
    """
    plane = -weights[:-1].reshape(shape).mean(axis=0)
    share = plane / max(float(np.abs(plane).max()), 1e-30)
    towards = np.where((share > 0)[..., None], BLUE, ORANGE)
    pixels = WHITE + np.abs(share)[..., None] * (towards - WHITE)
    out = io.BytesIO()
    Image.fromarray(pixels.round().astype(np.uint8)).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
