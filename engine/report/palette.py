"""Colours of figures, explicit in every figure: one meaning each, the same everywhere (ui.md's theme)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf

from engine.report import lines

FONT = "Source Sans, Arial, sans-serif"
TEXT_SIZE, TITLE_SIZE = 13, 15
DASHES = ("dot", "dash", "dashdot", "longdash", "longdashdot")
MARKERS = ("circle", "square", "triangle-up", "triangle-down", "pentagon")


@dataclass(frozen=True)
class Palette:
    """`accent`: one's own choice. `meanings`: clean, attacked, leakage, defended, cost. `ordered`: faint to strong."""

    text: str
    background: str
    grid: str
    accent: str
    meanings: tuple[str, ...]
    ordered: tuple[str, ...]

    def budgets(self, n_private: int) -> tuple[str, ...]:
        """Colours of `n_private` budgets from the most private on, then that of no privacy."""
        low, high = len(self.ordered) - 6, len(self.ordered) - 2
        steps = [low + round((high - low) * i / max(1, n_private - 1)) for i in range(n_private)]
        return (*(self.ordered[step] for step in steps), self.ordered[-1])


def styles(palette: Palette, budgets: Sequence[float]) -> list[tuple[str, str, str]]:
    """Colour, dash and marker of each budget's line, from faint to strong, clipping alone and no privacy last."""
    noisy = sum(not isinf(budget) for budget in budgets)
    colours = palette.budgets(noisy)
    found = [(colours[i], DASHES[i % 5], MARKERS[i % 5]) for i in range(noisy)]
    if lines.CLIPPING in budgets:
        found[-1] = (colours[noisy - 1], "dash", "x")
    return found + [(colours[-1], "solid", "diamond")] * (len(budgets) - noisy)


LIGHT = Palette(
    text="#16202E",
    background="#FFFFFF",
    grid="#D5DDE5",
    accent="#0B6B75",
    meanings=("#0A4D8C", "#E4570F", "#A928A8", "#0E9C84", "#544010"),
    ordered=(
        "#C6DDF0", "#A5CBE6", "#82B6DB", "#5E9FCE", "#3F88BF", "#2A71AB", "#1A5B94", "#0F477B", "#083662", "#04264A",
    ),
)  # fmt: skip

DARK = Palette(
    text="#E6ECF3",
    background="#0F151D",
    grid="#2F3D4E",
    accent="#11818D",
    meanings=("#9AD2FF", "#D9722E", "#D36BF0", "#23977A", "#FFDC94"),
    ordered=(
        "#14304A", "#1D4466", "#275882", "#356FA0", "#4382B8", "#5B98CC", "#79AFDD", "#9AC6EB", "#BCDBF5", "#DCEFFC",
    ),
)  # fmt: skip

# What a page shows: the browser puts in the colours of the theme that the reader has chosen.
LIVE = Palette(
    text="var(--st-text-color)",
    background="var(--st-background-color)",
    grid="var(--st-border-color)",
    accent="var(--st-primary-color)",
    meanings=tuple(f"var(--st-chart-categorical-colors,{i})" for i in range(5)),
    ordered=tuple(f"var(--st-chart-sequential-colors,{i})" for i in range(10)),
)
