"""The charts of the case studies, as they are committed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHARTS = [
    path
    for folder in ("docs/scale", "docs/ssim-window", "case_studies/original/figures")
    for path in sorted((ROOT / folder).glob("*.svg"))
]
#: Width of the screen of a phone, and the smallest text that can be read there, in px.
SCREEN, SMALLEST = 400, 9.5


@pytest.mark.parametrize("path", CHARTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_text_of_a_chart_can_be_read_on_a_phone(path):
    """A screen that is narrower than the chart shrinks it to its own width, and the text with it."""
    drawn = path.read_text(encoding="utf-8")
    width = float(re.search(r'viewBox="0 0 ([0-9.]+) ', drawn)[1])
    sizes = [float(size) for size in re.findall(r'font(?:-size)?(?:: |=")([0-9.]+)', drawn)]
    assert min(sizes) * SCREEN / width >= SMALLEST


def test_the_charts_are_found():
    assert len(CHARTS) > 20
