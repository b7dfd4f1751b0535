"""Run the study of one rung: ``python scale/rung.py images250 --minutes 60``, as often as is needed.

The study runs in data/scale/<dataset>/<rung>/, a copy of the project, where it goes on when it is started again. Or it
has been run elsewhere: ``python scale/rung.py default --study ..``. Writes scale/results/<dataset>/<rung>.csv: the
answer so far, a row for every head and loss.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import plan

from loss_study.orchestration.project_copy import ProjectCopy, check_parameters
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.runtime.files import write_csv

ROOT = Path("..")
COLUMNS = (
    "head", "metric", "loss", "group", "mean", "low", "high", "regret_low", "regret_high", "trials",
    "choice", "margin", "decided", "training_images", "trainings", "seconds",
)  # fmt: skip


def main() -> None:
    """Parse the rung, run its study, keep the answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rung")
    parser.add_argument("--minutes", type=float, default=0, help="start no further round after so many (0: no limit)")
    parser.add_argument("--jobs", type=int, default=0, help="trainings at once; 0 (default): one per core, at most 4")
    parser.add_argument("--study", type=Path, help="the folder where the rung's study has been run")
    arguments = parser.parse_args()
    chosen = plan.load()
    choices = chosen.choices(arguments.rung)
    if arguments.study is None:
        study = ProjectCopy.of(ROOT, Path("data/scale") / chosen.dataset / arguments.rung, choices)
        study.run("loss-study", "run", "--jobs", str(arguments.jobs), "--minutes", str(arguments.minutes))
        folder = study.folder
    else:
        folder = arguments.study
        check_parameters(folder, choices)
    path = chosen.results(arguments.rung)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, rows(folder), COLUMNS)
    print(f"{path} written", flush=True)


def rows(study: Path) -> list[dict[str, Any]]:
    """Return what the study in the folder `study` answers on the metric that its losses are ranked by.

    Raises:
        StudyError: it has no report.
    """
    try:
        summary = json.loads((study / "reports/metrics.json").read_text(encoding="utf-8"))
        answer, trials = (_read(study / "reports" / name) for name in ("answer.csv", "compare.csv"))
    except FileNotFoundError as error:
        raise StudyError(f"{error.filename}: not there; the study of the rung has not been compared") from None
    searches = [row for path in study.glob("tuning/*/*/search.csv") for row in _read(path)]
    seconds = sum(float(row["seconds"] or 0) for row in [*trials, *searches])
    sample = json.loads((study / "data/sample/sample.json").read_text(encoding="utf-8"))
    shared = {
        "training_images": sample["images"]["train"],
        "trainings": len(trials) + len(searches),
        "seconds": round(seconds),
    }
    first = {row["head"]: row["metric"] for row in reversed(answer)}
    return [
        {
            **row,
            **{key: summary[row["head"]][key] for key in ("choice", "margin", "decided")},
            **shared,
        }
        for row in answer
        if row["metric"] == first[row["head"]]
    ]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    run_stage(main)
