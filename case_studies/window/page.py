"""Write docs/ssim-window.md and its charts from the results of the studies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import findings
import plan
from chart import draw
from findings import ALIGNED, CODED, Comparison, Trained
from plan import Plan

from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_text
from loss_study.runtime.progress import duration
from loss_study.runtime.templates import markdown
from loss_study.statistics.results import read_csv

PAGE = Path("../docs/ssim-window.md")
CHARTS = Path("../docs/ssim-window")


@dataclass(frozen=True)
class Section:
    """One dataset, as the page shows it."""

    dataset: str
    studies: list[Trained]
    comparisons: list[Comparison]
    sentences: list[str]


def main() -> None:
    """Read the results, draw the charts, write the page."""
    chosen = plan.load()
    windows = plan.windows(chosen.config(chosen.sizes[0]))
    sections = [section(one, windows) for one in chosen.datasets()]
    for one in sections:
        draw(one.studies, windows, CHARTS / f"{one.dataset}.svg")
    templates = markdown(plan.HERE)
    templates.filters["duration"] = duration
    text = templates.get_template("page.md.j2").render(
        sections=sections, windows=windows, coded=CODED, aligned=ALIGNED, beside=findings.beside_reference
    )
    whole_text(PAGE, text)
    print(f"{PAGE} written", flush=True)


def section(chosen: Plan, windows: dict[str, int]) -> Section:
    """Return what the results of one dataset show; a size without results is left out."""
    tables = {size: read_csv(chosen.results(size)) for size in chosen.sizes}
    studies = [findings.trained(size, rows) for size, rows in tables.items() if rows]
    found = findings.comparisons(studies, list(windows))
    return Section(chosen.dataset, studies, found, findings.sentences(studies, found, windows))


if __name__ == "__main__":
    run_stage(main)
