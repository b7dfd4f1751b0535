"""Write docs/models.md from the results of the models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plan

from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_text
from loss_study.runtime.templates import markdown

PAGE = Path("../docs/models.md")


def main() -> None:
    """Read the results, write the page, the best model first."""
    chosen = plan.load()
    results = plan.HERE / "results" / chosen.dataset
    rows = pd.concat(pd.read_csv(results / f"{model}.csv") for model in chosen.models)
    table = rows.groupby("model", sort=False).mean(numeric_only=True).sort_values("iou", ascending=False)
    templates = markdown(plan.HERE)
    whole_text(PAGE, templates.get_template("page.md.j2").render(plan=chosen, table=table))
    print(f"{PAGE}: {len(table)} models", flush=True)


if __name__ == "__main__":
    run_stage(main)
