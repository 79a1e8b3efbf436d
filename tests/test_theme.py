"""The theme of the pages and that of the charts are one, and can be read by everybody (WCAG 2.2, AA)."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine.report.palette import DARK, LIGHT, Palette
from tests.contrast import contrast

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
BOTH = pytest.mark.parametrize(("palette", "theme"), [(LIGHT, CONFIG["light"]), (DARK, CONFIG["dark"])])


@BOTH
def test_charts_and_pages_have_the_same_colours(palette: Palette, theme: dict[str, Any]) -> None:
    assert palette.text == theme["textColor"]
    assert palette.background == theme["backgroundColor"]
    assert palette.accent == theme["primaryColor"]
    assert list(palette.meanings) == theme["chartCategoricalColors"]
    assert list(palette.ordered) == theme["chartSequentialColors"]


@BOTH
def test_text_can_be_read(palette: Palette, theme: dict[str, Any]) -> None:
    backgrounds = (theme["backgroundColor"], theme["secondaryBackgroundColor"], theme["sidebar"]["backgroundColor"])
    assert all(contrast(theme["textColor"], background) >= 4.5 for background in backgrounds)
    assert contrast(theme["linkColor"], theme["backgroundColor"]) >= 4.5
    assert contrast("#FFFFFF", theme["primaryColor"]) >= 4.5  # the text of the main button


@BOTH
def test_lines_can_be_told_from_the_background(palette: Palette, theme: dict[str, Any]) -> None:
    drawn = (*palette.meanings, *palette.budgets(5))
    assert all(contrast(colour, palette.background) >= 3 for colour in drawn)
