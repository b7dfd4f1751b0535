"""Write docs/original-recipe.md from the results of all datasets that were replayed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import findings
import variants
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from variants import METRICS, Plan

from loss_study.heads import HEADS
from loss_study.metrics import find
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.runtime.files import whole_text

RESULTS = variants.HERE / "results"
DOCS = Path("../docs")
FIGURES = variants.HERE / "figures"
PAGE = DOCS / "original-recipe.md"


def main() -> None:
    """Read the results, write the page."""
    plan = variants.load()
    sections = [_section(plan, folder) for folder in sorted(RESULTS.iterdir(), reverse=True) if folder.is_dir()]
    if not sections:
        raise StudyError(f"{RESULTS}: no results; run 'dvc repro original/dvc.yaml'")
    templates = Environment(
        loader=FileSystemLoader(variants.HERE),
        undefined=StrictUndefined,
        autoescape=select_autoescape(),
        keep_trailing_newline=True,
    )
    text = templates.get_template("page.md.j2").render(plan=plan, sections=sections, seeds=len(plan.seeds))
    whole_text(PAGE, text)
    print(f"{PAGE}: {', '.join(section['dataset'] for section in sections)}", flush=True)


def _section(plan: Plan, folder: Path) -> dict[str, Any]:
    rows = [row for name in plan.variants for row in _rows(folder / f"{name}.csv")]
    found = findings.Findings(plan, findings.scores(rows), findings.scores(rows, "augmented"))
    answers = [findings.answer(found, *of) for of in findings.COMPLAINTS]
    tables = [
        _table(plan, head, words, table)
        for head in HEADS
        for words, table in (("", found.plain), (", on the augmented test split", found.augmented))
    ]
    figures = [(name, f"{folder.name}-{name}.png") for name in plan.variants]
    return {
        "dataset": folder.name,
        "answers": [answer for answer in answers if answer],
        "collapses": findings.collapses(found),
        "tables": [table for table in tables if table["rows"]],
        "images": [(name, f"../case_studies/{FIGURES / file}") for name, file in figures if (FIGURES / file).is_file()],
    }


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _table(plan: Plan, head: str, words: str, table: findings.Table) -> dict[str, Any]:
    losses = list(dict.fromkeys(loss for _, one, loss in table if one == head))
    rows = [
        (variant, [str(table.get((variant, head, loss), "")) for loss in losses])
        for variant in plan.variants
        if any((variant, head, loss) in table for loss in losses)
    ]
    return {"title": f"{find(METRICS[head]).label} of the {head}{words}", "losses": losses, "rows": rows}


if __name__ == "__main__":
    run_stage(main)
